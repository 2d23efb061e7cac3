// Convolutions and linear operators with everything kernels_s8.h lets them have, cut into bands, with any workspace.
#include "core/math.h"
#include "harness.h"
#include "kernels/cortexm/cortexm.h"
#include "kernels/cortexm/cortexm_s8.h"
#include "kernels/ref/ref_s8.h"

namespace mote::board_test {
namespace {

constexpr int32_t most_macs = 250000;

int32_t ceil_positive(int32_t a, int32_t b) { return (a + b - 1) / b; }

template <bool wide>
struct Convolution {
  Conv2dS8 args;
  Outputs<int8_t> y;
  Outputs<float> y_f32;
  bool sums_same;

  int all() const { return args.channels[0] + args.channels[1]; }
  int taps() const { return args.kernel_height * args.kernel_width; }
  size_t outputs() const {
    return static_cast<size_t>(args.out_height) * static_cast<size_t>(args.out_width) *
           static_cast<size_t>(args.out_channels);
  }

  void choose_channels(Random* random) {
    static constexpr int plain[] = {16, 32, 48, 64},
                         any[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 33, 40, 80, 96},
                         out[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 16, 17, 19, 20, 32, 33, 48, 64};
    const bool simple = random->one_in(2);
    args.channels[0] = simple ? random->one_of(plain) : random->one_of(any);
    args.channels[1] = 0;
    if (!wide && random->one_in(3)) args.channels[1] = simple ? random->one_of(plain) : random->one_of(any);
    args.out_channels = random->one_of(out);
  }
  void choose_window(Random* random) {
    static constexpr int sizes[] = {1, 1, 2, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7};
    args.kernel_height = args.kernel_width = random->one_of(sizes);
    if (random->one_in(8)) args.kernel_width = random->range(1, 7);
    args.stride = random->one_in(4) ? random->range(2, 3) : 1;
    args.upsample = random->one_in(5) ? 2 : 1;
    const bool same_size = random->one_in(2);
    args.pad_top = same_size ? args.kernel_height / 2 : random->below(args.kernel_height);
    args.pad_left = same_size ? args.kernel_width / 2 : random->below(args.kernel_width);
  }
  // False: nothing comes out, or too much work.
  bool choose_shape(Random* random) {
    choose_channels(random);
    choose_window(random);
    static constexpr int usual[] = {7, 8, 14, 16, 28};
    args.in_height = random->range(1, 9);
    args.in_width = random->one_in(2) ? random->one_of(usual) : random->range(1, 19);
    if (random->one_in(10)) {  // linear
      args.kernel_height = args.kernel_width = args.stride = args.upsample = args.in_width = 1;
      args.pad_top = args.pad_left = 0;
    }
    const bool signal = random->one_in(6);  // one row, upsampled along its width only
    if (signal) {
      args.in_height = args.kernel_height = 1;
      args.pad_top = 0;
      args.in_width = random->range(8, 80);
    }
    const int bottom = random->below(args.kernel_height), right = random->below(args.kernel_width);
    const int high = args.in_height * args.upsample + args.pad_top + bottom - args.kernel_height,
              across = args.in_width * args.upsample + args.pad_left + right - args.kernel_width;
    if (high < 0 || across < 0) return false;
    args.out_height = signal ? 1 : high / args.stride + 1;
    args.out_width = across / args.stride + 1;
    return args.out_height * args.out_width <= ceil_positive(most_macs, taps() * all() * args.out_channels);
  }
  size_t bytes_needed() const {
    size_t bytes = static_cast<size_t>(args.out_channels * taps() * all()) + outputs() * 9 + 28 * 64;
    bytes += static_cast<size_t>(args.in_height * args.in_width * all()) * (wide ? 2 : 1);
    return bytes + static_cast<size_t>(args.out_channels) * 28;
  }

  void make_inputs(Random* random) {
    const size_t pixels = static_cast<size_t>(args.in_height) * static_cast<size_t>(args.in_width);
    auto* weights = take<int8_t>(static_cast<size_t>(args.out_channels * taps() * all()), random);
    fill_s8(weights, static_cast<size_t>(args.out_channels * taps() * all()), -127, random);
    args.weights = weights;
    for (int i = 0; i < 2 && args.channels[i] != 0; ++i) {
      const size_t count = pixels * static_cast<size_t>(args.channels[i]);
      if (wide) {
        auto* x = take<int16_t>(count, random);
        for (size_t k = 0; k < count; ++k) x[k] = x[k] == -32768 ? static_cast<int16_t>(32767) : x[k];
        args.x16 = x;
      } else {
        auto* x = take<int8_t>(count, random);
        fill_s8(x, count, -128, random);
        args.x[i] = x;
        args.zero[i] = random->one_in(4) ? 0 : random->range(-128, 127);
      }
    }
  }
  // Not a kernel of the tables: what prepares convolutions on these processors.
  void check_sums(int32_t* const expected[2], Random* random) {
    sums_same = true;
#if defined(MOTE_HAS_MVE)
    const size_t channels = static_cast<size_t>(args.out_channels);
    int32_t* sums[2] = {take<int32_t>(channels, random), take<int32_t>(channels, random)};
    const int middle = random->below(args.out_channels + 1);
    conv2d_s8_weight_sums_mve(args, middle, args.out_channels, sums);
    conv2d_s8_weight_sums_mve(args, 0, middle, sums);
    for (int i = 0; i < (args.channels[1] != 0 ? 2 : 1); ++i) {
      if (memcmp(sums[i], expected[i], channels * sizeof(int32_t)) != 0) sums_same = false;
    }
#else
    (void)expected;
    (void)random;
#endif
  }
  void make_constants(Random* random) {
    const size_t channels = static_cast<size_t>(args.out_channels);
    int32_t* sums[2] = {take<int32_t>(channels, random), take<int32_t>(channels, random)};
    conv2d_s8_weight_sums(args, 0, args.out_channels, sums);
    check_sums(sums, random);
    const float spread =
        sqrt_f32(static_cast<float>(taps() * all())) * (wide ? 73.0f * 19000.0f : 73.0f * 74.0f) / 60.0f;
    for (int i = 0; i < 2; ++i) {
      auto* m = take<float>(channels, random);
      for (size_t o = 0; o < channels; ++o) {
        m[o] = (0.1f + 2.0f * random->unit()) / spread;
        sums[i][o] = static_cast<int32_t>(static_cast<uint32_t>(-args.zero[i]) * static_cast<uint32_t>(sums[i][o]));
      }
      args.m[i] = m;
      args.correction[i] = sums[i];
    }
    auto* b = take<float>(channels, random);
    for (size_t o = 0; o < channels; ++o) {
      b[o] = random->one_in(3) ? static_cast<float>(random->range(-200, 200)) * 0.5f : 80.0f * (random->unit() - 0.5f);
    }
    args.b = b;
    const int64_t largest = int64_t{wide ? 32767 : 255} * 127 * taps() *
                            (args.channels[0] > args.channels[1] ? args.channels[0] : args.channels[1]);
    args.below_2_25 = largest < (int64_t{1} << 25);
    args.below_2_29 = largest < (int64_t{1} << 29);
  }
  void make_outputs(Random* random) {
    if (random->one_in(5)) {
      y_f32 = take_outputs<float>(outputs(), random);
    } else {
      y = take_outputs<int8_t>(outputs(), random);
    }
    args.y_zero = random->range(-128, 127);
    args.y_min = random->one_in(3) ? args.y_zero : -128;
    if (!random->one_in(3)) return;
    auto* residual = take<int8_t>(outputs(), random);
    args.residual = residual;
    args.residual_zero = random->range(-128, 127);
    args.residual_m = random->one_in(3) ? 0.5f : 2.0f * random->unit();
  }

  void make(Random* random) {
    do {
      args = {};
    } while (!choose_shape(random) || bytes_needed() > memory_bytes - 8 * 1024);
    make_inputs(random);
    make_constants(random);
    make_outputs(random);
  }
  void expect() {
    args.y = y.expected;
    args.y_f32 = y_f32.expected;
    wide ? conv2d_s16_ref(args, 0, args.out_height, nullptr) : conv2d_s8_ref(args, 0, args.out_height, nullptr);
  }
  void run(const Conv2dS8Kernel& kernel, Random* random) {
    static constexpr int sizes[] = {0, 16, 64, 512, 2048, 4096, 8192, 24576, 49152};
    const size_t bytes = static_cast<size_t>(random->one_of(sizes) + 16 * random->below(16));
    if (bytes >= 16 && block_fits(bytes)) {
      args.workspace_bytes = bytes;
      args.workspace = take<uint8_t>(bytes, random);
    }
    args.y = y.actual;
    args.y_f32 = y_f32.actual;
    in_bands(args.out_height, row_quantum, random, [&](int begin, int end) { kernel.run(args, begin, end, nullptr); });
  }
  bool same() const { return sums_same && (args.y != nullptr ? board_test::same(y) : board_test::same(y_f32)); }
  int numbers(int* out) const {
    const int all_numbers[] = {
        args.in_height,        args.in_width,  args.channels[0],  args.channels[1],
        args.out_height,       args.out_width, args.out_channels, args.kernel_height,
        args.kernel_width,     args.stride,    args.pad_top,      args.pad_left,
        args.upsample,         args.zero[0],   args.zero[1],      args.residual != nullptr,
        args.y_f32 != nullptr, args.y_zero,    args.y_min,        static_cast<int>(args.workspace_bytes)};
    memcpy(out, all_numbers, sizeof all_numbers);
    return static_cast<int>(sizeof all_numbers / sizeof *all_numbers);
  }
};

}  // namespace

int compare_convolutions(uint32_t seed) {
  return compare_sets<Convolution<false>>("conv2d_s8", conv2d_s8_kernels, 400, seed) +
         compare_sets<Convolution<true>>("conv2d_s16", conv2d_s16_kernels, 150, seed + 1);
}

}  // namespace mote::board_test
