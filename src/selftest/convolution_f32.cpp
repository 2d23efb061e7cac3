// Float convolutions and linear operators: every form of input, the end of vectors and tiles, with rearranged weights
// where those fit.
#include "kernels/ref/ref.h"
#include "selftest/bench.h"

namespace mote {
namespace {

// Sums of n products of size 1 / sqrt(n) and a few numbers more: their rounding, in both kernels.
float tolerance_of(int products) { return 4e-6f * static_cast<float>(whole_sqrt(products) + 4); }
float weight_size(int products) { return 1.0f / static_cast<float>(whole_sqrt(products)); }

struct Problem {
  uint8_t height, width, channels[2];  // of the stored input
  uint8_t out_height, out_width, out_channels;
  uint8_t kernel, stride, pad, upsample;
  Activation activation;
  bool residual;
};

constexpr Problem problems[] = {
    {5, 7, {12, 0}, 5, 7, 20, 1, 1, 0, 1, Activation::none, true},  // 1 x 1
    {3, 5, {9, 7}, 3, 5, 7, 1, 1, 0, 1, Activation::silu, false},   //
    {8, 8, {8, 0}, 8, 8, 8, 3, 1, 1, 1, Activation::none, true},    // whole tiles
    {9, 7, {5, 0}, 9, 7, 11, 3, 1, 1, 1, Activation::relu, false},  // tails
    {6, 5, {6, 3}, 6, 5, 8, 3, 1, 1, 1, Activation::gelu, false},   // two inputs
    {4, 5, {6, 0}, 8, 10, 4, 3, 1, 1, 2, Activation::none, false},  // upsampled
    {9, 9, {6, 0}, 5, 5, 12, 3, 2, 1, 1, Activation::none, false},  // stride 2
    {7, 6, {16, 0}, 7, 6, 1, 3, 1, 1, 1, Activation::none, false},  // the end of a network
    {7, 6, {1, 0}, 7, 6, 16, 3, 1, 1, 1, Activation::none, false},  // its begin
};

Conv2dF32 make_problem(SelfTestBench* bench, const Problem& p) {
  Conv2dF32 args = {};
  args.in_height = p.height;
  args.in_width = p.width;
  args.out_height = p.out_height;
  args.out_width = p.out_width;
  args.out_channels = p.out_channels;
  args.kernel_height = args.kernel_width = p.kernel;
  args.stride = p.stride;
  args.pad_top = args.pad_left = p.pad;
  args.upsample = p.upsample;
  args.activation = p.activation;
  for (int i = 0; i < 2; ++i) {
    args.channels[i] = p.channels[i];
    if (p.channels[i] != 0) args.x[i] = bench->floats(p.height * p.width * p.channels[i], 1.0f);
  }
  const int products = p.kernel * p.kernel * (p.channels[0] + p.channels[1]);
  args.weights = bench->floats(p.out_channels * products, weight_size(products));
  args.bias = bench->floats(p.out_channels, 1.0f);
  args.shift = bench->floats(p.out_channels, 1.0f);
  if (p.residual) args.residual = bench->floats(p.out_height * p.out_width * p.out_channels, 1.0f);
  return args;
}

// The kernel in one piece and in bands.
template <class Kernel, class Args>
void run_and_compare(SelfTestBench* bench, const Kernel& kernel, Args args, int rows, const Twice<float>& y,
                     void* scratch, float tolerance) {
  args.y = y.own;
  bench->erase(y);
  kernel.run(args, 0, rows, scratch);
  bench->compare(y, tolerance);
  bench->erase(y);
  run_in_bands(rows, [&](int begin, int end) { kernel.run(args, begin, end, scratch); });
  bench->compare(y, tolerance);
}

void run_conv2d(const void* table, SelfTestBench* bench) {
  const Conv2dF32Kernel& kernel = bench->kernel<Conv2dF32Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const Problem& p : problems) {
    bench->begin_problem();
    Conv2dF32 args = make_problem(bench, p);
    const float tolerance = tolerance_of(p.kernel * p.kernel * (p.channels[0] + p.channels[1]));
    const Twice<float> y = bench->output<float>(p.out_height * p.out_width * p.out_channels);
    args.y = y.ref;
    conv2d_f32_ref(args, 0, p.out_height, nullptr);
    bench->record(y);
    run_and_compare(bench, kernel, args, p.out_height, y, nullptr, tolerance);
    const size_t packed = kernel.packed_bytes == nullptr ? 0 : kernel.packed_bytes(args);
    if (packed == 0) continue;
    const size_t scratch = kernel.packed_scratch_bytes(args);
    size_t left = 0;
    uint8_t* memory = static_cast<uint8_t*>(bench->rest(&left));
    if (left < packed + scratch) continue;
    args.packed = reinterpret_cast<float*>(memory);
    kernel.pack(args, reinterpret_cast<float*>(memory));
    run_and_compare(bench, kernel, args, p.out_height, y, memory + packed, tolerance);
  }
}

void run_linear(const void* table, SelfTestBench* bench) {
  constexpr struct {
    uint8_t rows, in, out;
    Activation activation;
    bool residual;
  } linears[] = {{1, 64, 24, Activation::silu, false},
                 {7, 19, 33, Activation::none, true},
                 {4, 5, 3, Activation::gelu, false},
                 {9, 24, 16, Activation::relu, false}};
  const LinearF32Kernel& kernel = bench->kernel<LinearF32Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  for (const auto& p : linears) {
    bench->begin_problem();
    LinearF32 args = {};
    args.x = bench->floats(p.rows * p.in, 1.0f);
    args.rows = p.rows;
    args.in_features = p.in;
    args.out_features = p.out;
    args.activation = p.activation;
    args.weights = bench->floats(p.out * p.in, weight_size(p.in));
    args.bias = bench->floats(p.out, 1.0f);
    if (p.residual) args.residual = bench->floats(p.rows * p.out, 1.0f);
    const Twice<float> y = bench->output<float>(p.rows * p.out);
    args.y = y.ref;
    linear_f32_ref(args, 0, p.rows, nullptr);
    bench->record(y);
    run_and_compare(bench, kernel, args, p.rows, y, nullptr, tolerance_of(p.in));
    const size_t packed = kernel.packed_bytes == nullptr ? 0 : kernel.packed_bytes(args);
    size_t left = 0;
    void* memory = bench->rest(&left);
    if (packed == 0 || left < packed) continue;
    args.packed = static_cast<float*>(memory);
    kernel.pack(args, static_cast<float*>(memory));
    run_and_compare(bench, kernel, args, p.rows, y, nullptr, tolerance_of(p.in));
  }
}

}  // namespace
}  // namespace mote

extern "C" {
const mote_self_test_case mote_self_test_conv2d_f32 = {"conv2d_f32", &mote::conv2d_f32_kernels, mote::run_conv2d,
                                                       0xFC7488E3u};
const mote_self_test_case mote_self_test_linear_f32 = {"linear_f32", &mote::linear_f32_kernels, mote::run_linear,
                                                       0xB0CCDD4Du};
}
