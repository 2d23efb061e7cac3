// Convolutions for differential_s8.h. A proof is claimed only where it holds.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tests/support/differential_memory.h"

namespace mote::test::differential {
namespace {

struct Problem {
  Conv2dS8 args = {};
  Block<int8_t> x[2], weights, residual;
  Block<int16_t> x16;
  Block<int32_t> correction[2];
  Block<float> m[2], b;
  bool float_output = false;
  bool extreme = false;  // the largest products there are

  size_t outputs() const {
    return static_cast<size_t>(args.out_height) * static_cast<size_t>(args.out_width) *
           static_cast<size_t>(args.out_channels);
  }
};

size_t product(int a, int b, int c = 1) {
  return static_cast<size_t>(a) * static_cast<size_t>(b) * static_cast<size_t>(c);
}

void choose_pads(Conv2dS8* a, Choices* choices, int* bottom, int* right) {
  a->pad_top = choices->below(a->kernel_height);
  a->pad_left = choices->below(a->kernel_width);
  *bottom = choices->below(a->kernel_height);
  *right = choices->below(a->kernel_width);
}

// Sizes of the output; false if there is none or it takes too long.
bool finish_shape(Conv2dS8* a, int bottom, int right) {
  const int high = a->in_height * a->upsample + a->pad_top + bottom - a->kernel_height;
  const int wide = a->in_width * a->upsample + a->pad_left + right - a->kernel_width;
  if (high < 0 || wide < 0) return false;
  a->out_height = high / a->stride + 1;
  a->out_width = wide / a->stride + 1;
  const double macs = static_cast<double>(a->out_height) * a->out_width * a->out_channels * a->kernel_height *
                      a->kernel_width * (a->channels[0] + a->channels[1]);
  return macs <= 3e6;
}

// Sums of w and |w| over input i of output channel o.
struct WeightSums {
  int64_t plain = 0, magnitude = 0;
};
WeightSums weight_sums(const Problem& p, int input, int o) {
  const Conv2dS8& a = p.args;
  const int all = a.channels[0] + a.channels[1], taps = a.kernel_height * a.kernel_width;
  WeightSums sums;
  for (int tap = 0; tap < taps; ++tap) {
    for (int c = 0; c < a.channels[input]; ++c) {
      const int w = p.weights[product(o * taps + tap, all) + static_cast<size_t>(c + input * a.channels[0])];
      sums.plain += w;
      sums.magnitude += std::abs(w);
    }
  }
  return sums;
}

// claims: 0 none, 1 the larger bound only, 2 both; those that hold.
void make_corrections(Problem* p, int claims) {
  Conv2dS8& a = p->args;
  int64_t bound = 0;
  for (int i = 0; i < (a.channels[1] != 0 ? 2 : 1); ++i) {
    p->correction[i] = Block<int32_t>(product(a.out_channels, 1));
    const int64_t distance = a.x16 != nullptr ? 32767 : std::max(127 - a.zero[i], a.zero[i] + 128);
    for (int o = 0; o < a.out_channels; ++o) {
      const WeightSums sums = weight_sums(*p, i, o);
      bound = std::max(bound, sums.magnitude * distance);
      p->correction[i][product(o, 1)] =
          static_cast<int32_t>(static_cast<uint32_t>(static_cast<uint64_t>(-a.zero[i] * sums.plain)));
    }
    a.correction[i] = p->correction[i].data();
  }
  a.below_2_25 = claims == 2 && bound < (int64_t{1} << 25);
  a.below_2_29 = claims != 0 && bound < (int64_t{1} << 29);
}

void fill_inputs(Problem* p, Choices* choices, bool wide_input) {
  Conv2dS8& a = p->args;
  const int all = a.channels[0] + a.channels[1], taps = a.kernel_height * a.kernel_width;
  const int kinds = p->extreme ? extreme_kinds : 8;
  p->weights = Block<int8_t>(product(a.out_channels, taps, all));
  fill(p->weights, choices, -127, 127, 0, kinds);
  a.weights = p->weights.data();
  if (wide_input) {
    p->x16 = Block<int16_t>(product(a.in_height, a.in_width, a.channels[0]));
    fill(p->x16, choices, -32767, 32767, 0, kinds);
    a.x16 = p->x16.data();
    return;
  }
  for (int i = 0; i < 2; ++i) {
    a.zero[i] = !p->extreme ? choices->zero_point() : choices->one_in(2) ? -128 : 127;
    if (a.channels[i] == 0) continue;
    p->x[i] = Block<int8_t>(product(a.in_height, a.in_width, a.channels[i]));
    fill(p->x[i], choices, -128, 127, a.zero[i], kinds);
    a.x[i] = p->x[i].data();
  }
  if (a.channels[1] == 0) a.zero[1] = 0;
}

// The numbers of the epilogue. Powers of two and offsets that are multiples of a half make ties.
void make_epilogue(Problem* p, Choices* choices) {
  Conv2dS8& a = p->args;
  const int kind = choices->below(4), taps = a.kernel_height * a.kernel_width * (a.channels[0] + a.channels[1]);
  const float typical = std::sqrt(static_cast<float>(taps)) * 80.0f * (a.x16 != nullptr ? 16000.0f : 80.0f);
  const int power = -static_cast<int>(std::log2(typical) - 5.0f);
  for (int i = 0; i < (a.channels[1] != 0 ? 2 : 1); ++i) {
    p->m[i] = Block<float>(product(a.out_channels, 1));
    for (size_t o = 0; o < p->m[i].size(); ++o) {
      if (kind == 0) p->m[i][o] = std::ldexp(1.0f, -1 - static_cast<int>(choices->random() % 9));
      if (kind == 1) p->m[i][o] = std::ldexp(1.0f, power);
      if (kind == 2) p->m[i][o] = choices->scale(-100, 80);
      if (kind == 3) p->m[i][o] = choices->scale(power - 2, power + 2);
    }
    a.m[i] = p->m[i].data();
  }
  p->b = Block<float>(product(a.out_channels, 1));
  for (size_t o = 0; o < p->b.size(); ++o) {
    const int half_steps = static_cast<int>(choices->random() % 513) - 256;
    p->b[o] =
        kind == 2 ? choices->scale(-80, 61) * (half_steps < 0 ? -1.0f : 1.0f) : static_cast<float>(half_steps) * 0.5f;
  }
  a.b = p->b.data();
  a.y_zero = choices->zero_point();
  p->float_output = choices->one_in(4);
  if (p->float_output) return;
  a.y_min = choices->one_in(3) ? a.y_zero : -128;
  if (choices->one_in(2)) return;
  p->residual = Block<int8_t>(p->outputs());
  a.residual_zero = choices->zero_point();
  fill(p->residual, choices, -128, 127, a.residual_zero);
  a.residual = p->residual.data();
  a.residual_m = choices->one_in(2) ? 0.5f : choices->one_in(4) ? choices->scale(-60, 60) : choices->scale(-4, 2);
}

std::string describe(const Problem& p, const char* set, bool packed, size_t workspace) {
  const Conv2dS8& a = p.args;
  return text(
      "conv2d_%s_%s%s, workspace %zu: %dx%dx(%d+%d) up %d -> %dx%dx%d, kernel %dx%d stride %d pad %d %d, zero %d %d, "
      "residual %d, "
      "f32 %d, proofs %d %d:",
      a.x16 != nullptr ? "s16" : "s8", set, packed ? " packed" : "", workspace, a.in_height, a.in_width, a.channels[0],
      a.channels[1], a.upsample, a.out_height, a.out_width, a.out_channels, a.kernel_height, a.kernel_width, a.stride,
      a.pad_top, a.pad_left, a.zero[0], a.zero[1], a.residual != nullptr, p.float_output, a.below_2_25, a.below_2_29);
}

struct Output {
  Block<int8_t> y;
  Block<float> y_f32;
  explicit Output(const Problem& p) : y(p.float_output ? 0 : p.outputs()), y_f32(p.float_output ? p.outputs() : 0) {}
};

// None, little, some of what a layer can use, plenty.
size_t choose_workspace(Choices* choices) {
  switch (choices->below(4)) {
    case 0: return 0;
    case 1: return product(choices->between(1, 60), 16);
    case 2: return product(2 * choices->between(0, 3000) + 1, 16);
    default: return size_t{1} << 20;
  }
}

void run_kernel(const Conv2dS8Kernel& kernel, Conv2dS8 args, const Problem& p, const Output& out, void* scratch,
                bool cut, Choices* choices) {
  args.y = p.float_output ? nullptr : out.y.data();
  args.y_f32 = p.float_output ? out.y_f32.data() : nullptr;
  Pieces(args.out_height, row_quantum, cut, choices).run([&](int begin, int end) {
    kernel.run(args, begin, end, scratch);
  });
}

// Packs the weights; "" if all is well.
std::string pack(const Conv2dS8Kernel& kernel, const Problem& p, Conv2dS8* args, Block<uint8_t>* packed,
                 Block<uint8_t>* scratch) {
  const size_t bytes = kernel.packed_bytes == nullptr ? 0 : kernel.packed_bytes(p.args);
  if (bytes == 0) return "";
  *packed = Block<uint8_t>(bytes, 64);
  kernel.pack(p.args, packed->data());
  args->packed = packed->data();
  *scratch = Block<uint8_t>(kernel.packed_scratch_bytes(p.args), 64);
  const size_t channels = product(p.args.out_channels, 1);
  for (size_t i = 0; i < (p.args.channels[1] != 0 ? 2 : 1) * channels; ++i) {
    int32_t sum;
    memcpy(&sum, packed->data() + i * sizeof sum, sizeof sum);
    if (sum != weight_sums(p, i < channels ? 0 : 1, static_cast<int>(i % channels)).plain) return " packs wrong sums";
  }
  return packed->intact() ? "" : " packs outside of its bytes";
}

std::string compare(const Problem& p, Choices* choices) {
  const KernelTable<Conv2dS8Kernel>& table = p.args.x16 != nullptr ? conv2d_s16_kernels : conv2d_s8_kernels;
  const Output expected(p);
  run_kernel(table.set[0], p.args, p, expected, nullptr, false, choices);
  for (const KernelSet set : own_sets(table)) {
    const Conv2dS8Kernel& kernel = table.set[static_cast<int>(set)];
    for (int way = 0; way < 4; ++way) {
      Conv2dS8 args = p.args;
      Block<uint8_t> packed(0, 64), scratch(0, 64);
      std::string wrong = way < 2 ? "" : pack(kernel, p, &args, &packed, &scratch);
      if (wrong.empty() && way >= 2 && args.packed == nullptr) break;
      const Output out(p);
      args.workspace_bytes = way == 0 ? 0 : choose_workspace(choices);
      const Block<uint8_t> workspace(args.workspace_bytes);
      args.workspace = args.workspace_bytes != 0 ? workspace.data() : nullptr;
      if (wrong.empty()) {
        run_kernel(kernel, args, p, out, args.packed == nullptr ? nullptr : scratch.data(), way % 2 != 0, choices);
        wrong = judge(expected.y, out.y, "y");
      }
      if (wrong.empty()) wrong = judge(expected.y_f32, out.y_f32, "y_f32");
      if (wrong.empty() && !scratch.intact()) wrong = " writes outside of its scratch";
      if (wrong.empty() && !packed.intact()) wrong = " writes outside of the packed weights";
      if (wrong.empty() && !workspace.intact()) wrong = " writes outside of its workspace";
      if (!wrong.empty())
        return describe(p, kernel_set_name(set), args.packed != nullptr, args.workspace_bytes) + wrong;
    }
  }
  return "";
}

std::string compare_problem(Problem* p, Choices* choices, bool wide_input) {
  fill_inputs(p, choices, wide_input);
  make_corrections(p, choices->below(3));
  make_epilogue(p, choices);
  return compare(*p, choices);
}

}  // namespace

std::string compare_convolution(Choices* choices, bool wide_input) {
  Problem p;
  Conv2dS8& a = p.args;
  static const int kernels[] = {1, 1, 2, 3, 3, 4, 5, 7};
  a.kernel_height = kernels[choices->below(8)];
  a.kernel_width = choices->one_in(4) ? kernels[choices->below(8)] : a.kernel_height;
  a.stride = choices->one_in(3) ? choices->between(2, 4) : 1;
  a.upsample = choices->one_in(4) ? 2 : 1;
  // Sums beyond 32 bits need many products.
  const bool deep = choices->one_in(16);
  p.extreme = choices->one_in(deep ? 2 : 8);
  a.in_height = choices->between(1, deep ? 3 : 12);
  a.in_width = choices->between(1, deep ? 3 : 12);
  a.channels[0] = deep ? choices->between(500, 1400) : choices->between(1, choices->one_in(4) ? 80 : 20);
  if (!wide_input && choices->one_in(3)) a.channels[1] = choices->between(1, 40);
  a.out_channels = choices->between(1, deep ? 3 : choices->one_in(4) ? 70 : 20);
  const bool signal = choices->one_in(6);  // one row, upsampled along its width only
  if (signal) {
    a.in_height = a.kernel_height = 1;
    a.in_width = choices->between(8, 70);
  }
  int bottom, right;
  choose_pads(&a, choices, &bottom, &right);
  if (!finish_shape(&a, bottom, right)) return "";
  if (signal) a.out_height = 1;
  return compare_problem(&p, choices, wide_input);
}

// 3 x 3 at the same size and more: where the exact forms of Winograd apply.
std::string compare_winograd(Choices* choices) {
  Problem p;
  Conv2dS8& a = p.args;
  a.kernel_height = a.kernel_width = 3;
  a.stride = 1;
  a.upsample = choices->one_in(3) ? 2 : 1;
  a.in_height = choices->between(1, 14);
  a.in_width = choices->between(1, 14);
  a.channels[0] = choices->between(8, choices->one_in(3) ? 200 : 40);
  if (choices->one_in(3)) a.channels[1] = choices->between(1, choices->one_in(3) ? 130 : 20);
  a.out_channels = choices->between(8, 40);
  p.extreme = choices->one_in(6);
  if (p.extreme) {
    // 9 * 115 * 127 * 255 is just below 2^25, and 16 times that below 2^29.
    a.channels[0] = choices->between(112, 118);
    a.in_height = choices->between(1, 9);
    a.in_width = choices->between(1, 9);
  }
  a.pad_top = a.pad_left = 1;
  int bottom = 1, right = 1;
  if (choices->one_in(4)) choose_pads(&a, choices, &bottom, &right);
  return finish_shape(&a, bottom, right) ? compare_problem(&p, choices, false) : "";
}

}  // namespace mote::test::differential
