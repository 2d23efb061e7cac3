// Convolution of quantized tensors as kernels_s8.h defines it, one output value at a time. NHWC, weights [O][KH][KW][I].
#include "kernels/ref/ref_s8.h"

namespace mote {
namespace {

// The stored row or column under position `at` of the upsampled input of `size` stored ones, or -1: outside.
int stored_position(int at, int size, int upsample) { return at < 0 || at >= size * upsample ? -1 : at / upsample; }

// Products and sums modulo 2^32.
template <class X>
uint32_t dot(const X* x, int32_t zero, const int8_t* weights, int n) {
  uint32_t sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<uint32_t>((x[i] - zero) * weights[i]);
  return sum;
}

// acc of input `input`, which begins at channel `first` of the weights.
template <class X>
int32_t accumulate(const Conv2dS8& args, const X* x, int input, int oy, int ox, int o) {
  const int channels = args.channels[input], inputs = args.channels[0] + args.channels[1];
  const int8_t* weights = args.weights + static_cast<ptrdiff_t>(o) * args.kernel_height * args.kernel_width * inputs +
                          (input == 0 ? 0 : args.channels[0]);
  uint32_t sum = 0;
  for (int kh = 0; kh < args.kernel_height; ++kh) {
    const int iy = stored_position(oy * args.stride + kh - args.pad_top, args.in_height, args.upsample);
    if (iy < 0) continue;
    for (int kw = 0; kw < args.kernel_width; ++kw) {
      const int ix = stored_position(ox * args.stride + kw - args.pad_left, args.in_width, args.upsample);
      if (ix < 0) continue;
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(iy) * args.in_width + ix;
      const int8_t* tap = weights + static_cast<ptrdiff_t>(kh * args.kernel_width + kw) * inputs;
      sum += dot(x + pixel * channels, args.zero[input], tap, channels);
    }
  }
  return static_cast<int32_t>(sum);
}

template <class X>
void convolve(const Conv2dS8& args, const X* first, int row_begin, int row_end) {
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < args.out_width; ++ox) {
      const ptrdiff_t pixel = (static_cast<ptrdiff_t>(oy) * args.out_width + ox) * args.out_channels;
      for (int o = 0; o < args.out_channels; ++o) {
        float v = static_cast<float>(accumulate(args, first, 0, oy, ox, o)) * args.m[0][o];
        if (args.channels[1] != 0) {
          v = v + static_cast<float>(accumulate(args, args.x[1], 1, oy, ox, o)) * args.m[1][o];
        }
        v = v + args.b[o];
        if (args.residual != nullptr) {
          v = v + static_cast<float>(args.residual[pixel + o] - args.residual_zero) * args.residual_m;
        }
        if (args.y_f32 != nullptr) {
          args.y_f32[pixel + o] = v;
        } else {
          const int32_t code = round8(v, args.y_zero);
          args.y[pixel + o] = static_cast<int8_t>(code < args.y_min ? args.y_min : code);
        }
      }
    }
  }
}

}  // namespace

void conv2d_s8_ref(const Conv2dS8& args, int row_begin, int row_end, void*) {
  convolve(args, args.x[0], row_begin, row_end);
}

void conv2d_s16_ref(const Conv2dS8& args, int row_begin, int row_end, void*) {
  convolve(args, args.x16, row_begin, row_end);
}

void conv2d_s8_weight_sums(const Conv2dS8& args, int begin, int end, int32_t* sums[2]) {
  const int taps = args.kernel_height * args.kernel_width;
  const int8_t* w = args.weights + static_cast<ptrdiff_t>(begin) * taps * (args.channels[0] + args.channels[1]);
  for (int o = begin; o < end; ++o) {
    int32_t total[2] = {0, 0};
    for (int tap = 0; tap < taps; ++tap) {
      for (int i = 0; i < 2; ++i) {
        int32_t sum = 0;
        for (int c = 0; c < args.channels[i]; ++c) sum += w[c];
        total[i] += sum;
        w += args.channels[i];
      }
    }
    sums[0][o] = total[0];
    if (args.channels[1] != 0) sums[1][o] = total[1];
  }
}

}  // namespace mote
