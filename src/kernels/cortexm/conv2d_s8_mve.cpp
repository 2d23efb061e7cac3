// Convolution of quantized tensors with Helium, exact. Weights are read where they lie; gathered input and sums of a
// tile are in the workspace if it is large enough, else on the stack.
#include "kernels/cortexm/cortexm_s8.h"

#include "kernels/cortexm/conv_matrix_mve.h"
#include "kernels/cortexm/conv_window_s8_mve.h"

#if defined(MOTE_HAS_MVE)

namespace mote {
namespace {

template <class X>
void convolve(const Conv2dS8& args, void* memory, int bytes, int begin, int end) {
  if constexpr (sizeof(X) == 1) {
    if (workspace_mve::is_window(args)) return WindowMve(args, memory, bytes).run(begin, end);
  }
  MatrixMve<X>(args, memory, bytes).run(begin, end);
}

template <class X>
__attribute__((noinline)) void convolve_on_stack(const Conv2dS8& args, int begin, int end) {
  alignas(16) uint8_t memory[workspace_mve::least_bytes];
  convolve<X>(args, memory, sizeof memory, begin, end);
}

template <class X>
__attribute__((noinline)) void convolve_rows(const Conv2dS8& args, int begin, int end) {
  if (args.workspace_bytes < workspace_mve::least_bytes) return convolve_on_stack<X>(args, begin, end);
  constexpr size_t most = 1 << 20;
  const size_t bytes = args.workspace_bytes < most ? args.workspace_bytes : most;
  convolve<X>(args, args.workspace, static_cast<int>(bytes), begin, end);
}

// A kernel of one pixel sees no rows: one long row has fewer ends of tiles.
bool is_pointwise(const Conv2dS8& args, int end) {
  return args.kernel_height == 1 && args.kernel_width == 1 && args.stride == 1 && args.upsample == 1 &&
         args.pad_top == 0 && args.pad_left == 0 && args.out_width == args.in_width && end <= args.in_height;
}
// The rows [begin, end) as one.
__attribute__((noinline)) Conv2dS8 one_row(const Conv2dS8& args, int begin, int end) {
  Conv2dS8 row = args;
  const ptrdiff_t pixel = static_cast<ptrdiff_t>(begin) * args.out_width;
  row.in_height = row.out_height = 1;
  row.in_width = row.out_width = (end - begin) * args.out_width;
  for (int i = 0; i < 2; ++i) {
    if (row.x[i] != nullptr) row.x[i] += pixel * args.channels[i];
  }
  if (row.x16 != nullptr) row.x16 += pixel * args.channels[0];
  if (row.y != nullptr) row.y += pixel * args.out_channels;
  if (row.y_f32 != nullptr) row.y_f32 += pixel * args.out_channels;
  if (row.residual != nullptr) row.residual += pixel * args.out_channels;
  return row;
}
template <class X>
void convolve_any(const Conv2dS8& args, int begin, int end) {
  if (is_pointwise(args, end)) return convolve_rows<X>(one_row(args, begin, end), 0, 1);
  convolve_rows<X>(args, begin, end);
}

}  // namespace

void conv2d_s8_mve(const Conv2dS8& args, int row_begin, int row_end, void*) {
  convolve_any<int8_t>(args, row_begin, row_end);
}

void conv2d_s16_mve(const Conv2dS8& args, int row_begin, int row_end, void*) {
  convolve_any<int16_t>(args, row_begin, row_end);
}

// See conv2d_s8_weight_sums.
void conv2d_s8_weight_sums_mve(const Conv2dS8& args, int begin, int end, int32_t* sums[2]) {
  const int taps = args.kernel_height * args.kernel_width, all = args.channels[0] + args.channels[1];
  // One input: a channel's weights are one run.
  const int runs = args.channels[1] != 0 ? taps : 1;
  for (int i = 0; i < (args.channels[1] != 0 ? 2 : 1); ++i) {
    const int length = args.channels[1] != 0 ? args.channels[i] : taps * all;
    const int8_t* w = args.weights + static_cast<ptrdiff_t>(begin) * taps * all + (i == 0 ? 0 : args.channels[0]);
    for (int o = begin; o < end; ++o) {
      int32_t sum = 0;
      for (int run = 0; run < runs; ++run, w += all * (taps / runs)) {
        int k = 0;
        for (; k + 16 <= length; k += 16) sum = vaddvaq_s8(sum, vldrbq_s8(w + k));
        if (k < length) sum = vaddvaq_s8(sum, vldrbq_z_s8(w + k, vctp8q(static_cast<uint32_t>(length - k))));
      }
      sums[i][o] = sum;
    }
  }
}

}  // namespace mote
#endif
