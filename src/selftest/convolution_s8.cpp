// Convolutions of codes and of int16: every kernel size, stride, input and output of the operators, shapes with tails,
// with each of the proofs that let exact forms of Winograd filtering run; rows in one piece and in bands; without
// memory, with some, with all that is left, and with rearranged weights where those fit.
#include "kernels/ref/ref_s8.h"
#include "selftest/bench.h"

namespace mote {
namespace {

enum Extra : uint8_t { plain = 0, residual = 1, relu = 2, to_float = 4 };
// Which of the proofs that hold are told.
enum Told : uint8_t { none, below_2_29, both };

struct Problem {
  uint8_t height, width, channels[2];  // of the stored input
  uint8_t out_height, out_width, out_channels;
  uint8_t kernel, stride, pad, upsample;
  Told told;
  uint8_t extra;
};

constexpr Problem s8_problems[] = {
    {5, 7, {24, 0}, 5, 7, 20, 1, 1, 0, 1, none, residual},      // 1 x 1
    {5, 7, {16, 0}, 5, 7, 12, 1, 1, 0, 1, none, relu},          //
    {3, 5, {19, 0}, 3, 5, 7, 1, 1, 0, 1, none, relu},           //
    {4, 4, {16, 12}, 4, 4, 24, 1, 1, 0, 1, none, plain},        //
    {4, 5, {16, 16}, 4, 5, 9, 1, 1, 0, 1, none, residual},      //
    {6, 1, {36, 0}, 6, 1, 10, 1, 1, 0, 1, none, plain},         // linear
    {8, 8, {16, 0}, 8, 8, 16, 3, 1, 1, 1, both, residual},      // whole tiles of 4 x 4 and 2 x 2
    {9, 7, {12, 0}, 9, 7, 10, 3, 1, 1, 1, both, relu},          // tails
    {9, 7, {13, 0}, 9, 7, 11, 3, 1, 1, 1, both, plain},         // tails everywhere
    {6, 9, {12, 0}, 6, 9, 8, 3, 1, 1, 1, below_2_29, plain},    //
    {5, 6, {9, 0}, 5, 6, 5, 3, 1, 1, 1, none, plain},           //
    {5, 6, {16, 16}, 5, 6, 8, 3, 1, 1, 1, both, residual},      // two inputs
    {7, 8, {12, 8}, 7, 8, 12, 3, 1, 1, 1, both, plain},         //
    {5, 5, {9, 6}, 5, 5, 7, 3, 1, 1, 1, below_2_29, residual},  //
    {4, 9, {48, 0}, 4, 9, 4, 3, 1, 1, 1, both, residual},       // more channels: loops of other lengths
    {3, 7, {32, 32}, 3, 7, 4, 3, 1, 1, 1, both, plain},         //
    {5, 7, {48, 48}, 5, 7, 4, 3, 1, 1, 1, both, relu},          //
    {4, 5, {16, 0}, 8, 10, 12, 3, 1, 1, 2, both, plain},        // upsampled
    {3, 4, {7, 5}, 6, 8, 8, 3, 1, 1, 2, none, relu},            //
    {9, 9, {16, 0}, 5, 5, 12, 3, 2, 1, 1, both, plain},         // stride 2
    {8, 6, {10, 0}, 4, 3, 9, 3, 2, 0, 1, none, plain},          // padded at the end only
    {7, 6, {16, 0}, 7, 6, 1, 3, 1, 1, 1, both, to_float},       // the end of a network
    {5, 6, {8, 0}, 5, 6, 3, 1, 1, 0, 1, none, to_float},        //
    {4, 5, {9, 7}, 4, 5, 6, 1, 1, 0, 1, none, to_float},        //
    {7, 6, {4, 0}, 7, 6, 3, 5, 1, 2, 1, none, plain},           //
};

constexpr Problem s16_problems[] = {
    {9, 8, {1, 0}, 9, 8, 16, 3, 1, 1, 1, none, plain},       // the begin of a network
    {5, 7, {3, 0}, 5, 7, 13, 3, 1, 1, 1, below_2_29, relu},  //
    {8, 8, {4, 0}, 4, 4, 8, 3, 2, 1, 1, none, plain},        //
    {1, 1, {64, 0}, 1, 1, 24, 1, 1, 0, 1, none, plain},      // linear
    {3, 1, {19, 0}, 3, 1, 5, 1, 1, 0, 1, none, to_float},    //
};

// The numbers of the epilogue: outputs that spread over the codes, some beyond.
void make_epilogue(SelfTestBench* bench, Conv2dS8* args, int inputs, int products) {
  const float spread = 1.0f / static_cast<float>(128 * (whole_sqrt(products) + 1) * (args->x16 != nullptr ? 256 : 1));
  for (int i = 0; i < inputs; ++i) {
    float* m = bench->floats(args->out_channels, 0.5f);
    for (int o = 0; o < args->out_channels; ++o) m[o] = (1.0f + m[o]) * spread;
    args->m[i] = m;
  }
  args->b = bench->floats(args->out_channels, 20.0f);
}

// The corrections, and the proofs that hold, as far as they are told.
void make_sums(SelfTestBench* bench, Conv2dS8* args, int inputs, Told told) {
  const int all = args->channels[0] + args->channels[1], taps = args->kernel_height * args->kernel_width;
  int64_t bound = 0;
  for (int i = 0; i < inputs; ++i) {
    int32_t* correction = bench->take<int32_t>(static_cast<size_t>(args->out_channels));
    const int above = 127 - args->zero[i], below = args->zero[i] + 128;
    const int64_t distance = args->x16 != nullptr ? 32767 : above > below ? above : below;
    for (int o = 0; o < args->out_channels; ++o) {
      int32_t sum = 0, magnitude = 0;
      for (int tap = 0; tap < taps; ++tap) {
        const int8_t* w = args->weights + (o * taps + tap) * all + (i == 0 ? 0 : args->channels[0]);
        for (int c = 0; c < args->channels[i]; ++c) {
          sum += w[c];
          magnitude += w[c] < 0 ? -w[c] : w[c];
        }
      }
      correction[o] = -args->zero[i] * sum;
      bound = magnitude * distance > bound ? magnitude * distance : bound;
    }
    args->correction[i] = correction;
  }
  args->below_2_25 = told == both && bound < (int64_t{1} << 25);
  args->below_2_29 = told != none && bound < (int64_t{1} << 29);
}

void make_problem(SelfTestBench* bench, const Problem& p, bool wide, Conv2dS8* problem) {
  Conv2dS8& args = *problem;
  args.in_height = p.height;
  args.in_width = p.width;
  args.out_height = p.out_height;
  args.out_width = p.out_width;
  args.out_channels = p.out_channels;
  args.kernel_height = args.kernel_width = p.kernel;
  args.stride = p.stride;
  args.pad_top = args.pad_left = p.pad;
  args.upsample = p.upsample;
  const int inputs = p.channels[1] != 0 ? 2 : 1;
  for (int i = 0; i < inputs; ++i) {
    args.channels[i] = p.channels[i];
    const int count = p.height * p.width * p.channels[i];
    if (wide) {
      args.x16 = bench->wide_codes(count);
    } else {
      args.x[i] = bench->codes(count);
      args.zero[i] = bench->between(-128, 127);
    }
  }
  const int products = p.kernel * p.kernel * (p.channels[0] + p.channels[1]);
  args.weights = bench->weights(p.out_channels * products);
  make_sums(bench, &args, inputs, p.told);
  make_epilogue(bench, &args, inputs, products);
  args.y_zero = bench->between(-100, 100);
  args.y_min = (p.extra & relu) != 0 ? args.y_zero : -128;
  if ((p.extra & residual) != 0) {
    args.residual = bench->codes(p.out_height * p.out_width * p.out_channels);
    args.residual_zero = bench->between(-128, 127);
    args.residual_m = 0.4f + 0.1f * bench->uniform();
  }
}

void set_output(Conv2dS8* args, int8_t* y) { args->y = y; }
void set_output(Conv2dS8* args, float* y) { args->y_f32 = y; }

// The kernel in one piece and in bands. There is one Conv2dS8, changed by all: stacks are small.
template <class T>
void run_and_compare(SelfTestBench* bench, const Conv2dS8Kernel& kernel, const Conv2dS8& args, const Twice<T>& y,
                     void* scratch) {
  bench->erase(y);
  kernel.run(args, 0, args.out_height, scratch);
  bench->compare(y);
  bench->erase(y);
  run_in_bands(args.out_height, [&](int begin, int end) { kernel.run(args, begin, end, scratch); });
  bench->compare(y);
}

// With rearranged weights, if this set has a use for them and they fit.
template <class T>
void try_packed(SelfTestBench* bench, const Conv2dS8Kernel& kernel, Conv2dS8* args, const Twice<T>& y) {
  const size_t packed = kernel.packed_bytes == nullptr ? 0 : kernel.packed_bytes(*args);
  if (packed == 0) return;
  const size_t scratch = (kernel.packed_scratch_bytes(*args) + 63) / 64 * 64;
  size_t left = 0;
  uint8_t* memory = static_cast<uint8_t*>(bench->rest(&left));
  if (left < packed + scratch) return;
  kernel.pack(*args, memory);
  args->packed = memory;
  run_and_compare(bench, kernel, *args, y, memory + packed);
}

void try_weight_sums(SelfTestBench* bench, const Conv2dS8Kernel& kernel, const Conv2dS8& args) {
  if (kernel.weight_sums == nullptr) return;
  const int channels = args.out_channels;
  const Twice<int32_t> sums = bench->output<int32_t>(2 * channels);
  int32_t *portable[2] = {sums.ref, sums.ref + channels}, *own[2] = {sums.own, sums.own + channels};
  bench->erase(sums);
  if (args.channels[1] == 0) memset(portable[1], 0, sizeof(int32_t) * static_cast<size_t>(channels));
  if (args.channels[1] == 0) memset(own[1], 0, sizeof(int32_t) * static_cast<size_t>(channels));
  conv2d_s8_weight_sums(args, 0, channels, portable);
  kernel.weight_sums(args, 0, channels, own);
  bench->compare(sums);
}

template <class T>
void try_problem(SelfTestBench* bench, const void* table, Conv2dS8* args,
                 void (*ref)(const Conv2dS8&, int, int, void*)) {
  const Conv2dS8Kernel& kernel = bench->kernel<Conv2dS8Kernel>(table);
  if (kernel.run == nullptr) return bench->fail();
  const Twice<T> y = bench->output<T>(args->out_height * args->out_width * args->out_channels);
  set_output(args, y.ref);
  ref(*args, 0, args->out_height, nullptr);
  bench->record(y);
  set_output(args, y.own);
  try_weight_sums(bench, kernel, *args);
  run_and_compare(bench, kernel, *args, y, nullptr);
  if (kernel.run == ref) return;
  size_t left = 0;
  args->workspace = bench->rest(&left);
  args->workspace_bytes = left;
  run_and_compare(bench, kernel, *args, y, nullptr);
  args->workspace_bytes = left / 64 * 16;
  run_and_compare(bench, kernel, *args, y, nullptr);
  args->workspace = nullptr;
  args->workspace_bytes = 0;
  try_packed(bench, kernel, args, y);
}

void run_problems(SelfTestBench* bench, const void* table, const Problem* problems, size_t count, bool wide) {
  for (size_t i = 0; i < count; ++i) {
    bench->begin_problem();
    Conv2dS8 args = {};
    make_problem(bench, problems[i], wide, &args);
    const auto ref = wide ? conv2d_s16_ref : conv2d_s8_ref;
    if ((problems[i].extra & to_float) != 0) {
      try_problem<float>(bench, table, &args, ref);
    } else {
      try_problem<int8_t>(bench, table, &args, ref);
    }
  }
}

void run_s8(const void* table, SelfTestBench* bench) {
  run_problems(bench, table, s8_problems, sizeof s8_problems / sizeof *s8_problems, false);
}
void run_s16(const void* table, SelfTestBench* bench) {
  run_problems(bench, table, s16_problems, sizeof s16_problems / sizeof *s16_problems, true);
}

}  // namespace
}  // namespace mote

extern "C" {
const mote_self_test_case mote_self_test_conv2d_s8 = {"conv2d_s8", &mote::conv2d_s8_kernels, mote::run_s8, 0x36160344u};
const mote_self_test_case mote_self_test_conv2d_s16 = {"conv2d_s16", &mote::conv2d_s16_kernels, mote::run_s16,
                                                       0x695DBE02u};
}
