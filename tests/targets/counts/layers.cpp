// layers.cpp: what one kernel call costs, counted: runs each kernel of the fastest set of this processor once on a layer
// of fixed shape, between two calls of layer_mark, where plugin.c looks at its counter. Runs on the boards and on Linux.
// Not a test: nothing is compared, the values are arbitrary.
//
// Prints a line for each pair of marks, in order:   layer NAME UNIT COUNT   COUNT: of what UNIT names, for a quotient.
// Rows named "...-0": without a workspace, "...-8192": with that many bytes of one; "...-packed": with weights rearranged
// beforehand, which takes the memory of Linux.
#include "diffusion/noise.h"
#include "diffusion/rows.h"
#include "kernels/constants_s8.h"
#include "kernels/kernels_s8.h"

extern "C" {
#include "board.h"
#include "report.h"
void layer_mark(void);
}

// Empty, but a call: the plugin counts at its address.
__attribute__((noinline)) void layer_mark(void) { __asm__ volatile("" ::: "memory"); }

namespace {

using namespace mote;  // NOLINT: a program

#if !defined(LAYERS_WORKSPACE)
#define LAYERS_WORKSPACE 65536
#endif
constexpr size_t workspace_bytes = LAYERS_WORKSPACE;
constexpr int max_channels = 64, max_pixels = 28 * 28, max_elements = max_pixels * 32;

// Weights lie in flash, as a model's do.
template <int count>
struct Weights {
  int8_t values[count];
  constexpr Weights() : values() {
    uint32_t state = 12345;
    for (int i = 0; i < count; ++i) {
      state = state * 1664525u + 1013904223u;
      values[i] = static_cast<int8_t>(static_cast<int>(state >> 24) % 255 - 127);
    }
  }
};
alignas(16) constexpr Weights<64 * 9 * 64> weights;

alignas(16) int8_t x[max_elements], y[max_elements];
alignas(16) float plane[2][max_pixels];
alignas(16) uint8_t workspace[workspace_bytes];
alignas(16) float m[max_channels], b[max_channels];
alignas(16) int32_t correction[max_channels], factors[max_channels], offsets[max_channels], sums[max_channels];
alignas(16) uint32_t squares[max_channels];
alignas(16) int8_t table[1024];
KernelSet set;

void fill() {
  uint32_t state = 54321;
  for (int8_t& value : x) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<int8_t>(static_cast<int>(state >> 24) - 128);
  }
  for (int i = 0; i < max_channels; ++i) {
    m[i] = 3e-4f;
    b[i] = 0.5f;
    correction[i] = 1000 * i;
    factors[i] = 100 + i;
    offsets[i] = 2048;
  }
}

template <class Call>
void count(const char* name, const char* unit, uint32_t divisor, const Call& call) {
  layer_mark();
  call();
  layer_mark();
  board_print("layer ");
  board_print(name);
  board_print(" ");
  board_print(unit);
  board_print(" ");
  print_number(divisor);
  board_print("\n");
}

struct Shape {
  int size, channels, second, outputs, kernel, stride, upsample;
};

Conv2dS8 arguments(const Shape& s) {
  Conv2dS8 a = {};
  a.x[0] = x;
  a.channels[0] = s.channels;
  a.channels[1] = s.second;
  if (s.second != 0) a.x[1] = x;
  a.in_height = a.in_width = s.size;
  a.out_height = a.out_width = s.size * s.upsample / s.stride;
  a.out_channels = s.outputs;
  a.kernel_height = a.kernel_width = s.kernel;
  a.stride = s.stride;
  a.upsample = s.upsample;
  a.pad_top = a.pad_left = s.kernel / 2;
  a.weights = weights.values;
  for (int i = 0; i < 2; ++i) {
    a.zero[i] = 3;
    a.correction[i] = correction;
    a.m[i] = m;
  }
  a.b = b;
  a.y_zero = -5;
  a.y_min = -128;
  a.y = y;
  a.below_2_25 = a.below_2_29 = true;
  return a;
}

uint32_t macs(const Conv2dS8& a) {
  return static_cast<uint32_t>(a.out_height * a.out_width * a.out_channels * a.kernel_height * a.kernel_width *
                               (a.channels[0] + a.channels[1]));
}

void convolution(const char* name, const char* name_without, const Conv2dS8& given, bool int16 = false) {
  Conv2dS8 a = given;
  const Conv2dS8Kernel& kernel = pick_kernel(int16 ? conv2d_s16_kernels : conv2d_s8_kernels, set);
  count(name_without, "mac", macs(a), [&] { kernel.run(a, 0, a.out_height, nullptr); });
  a.workspace = workspace;
  a.workspace_bytes = workspace_bytes;
  count(name, "mac", macs(a), [&] { kernel.run(a, 0, a.out_height, nullptr); });
}
#define CONVOLUTION(name, ...) convolution(name, name "-0", __VA_ARGS__)

#if defined(__linux__)
alignas(64) uint8_t packed[1 << 21], packed_scratch[1 << 20];
void packed_convolution(const char* name, const Conv2dS8& given) {
  Conv2dS8 a = given;
  const Conv2dS8Kernel& kernel = pick_kernel(conv2d_s8_kernels, set);
  if (kernel.packed_bytes == nullptr || kernel.packed_bytes(a) == 0) return;
  if (kernel.packed_bytes(a) > sizeof packed || kernel.packed_scratch_bytes(a) > sizeof packed_scratch) return;
  kernel.pack(a, packed);
  a.packed = packed;
  count(name, "mac", macs(a), [&] { kernel.run(a, 0, a.out_height, packed_scratch); });
}
#else
void packed_convolution(const char*, const Conv2dS8&) {}
#endif

void convolutions() {
  const Conv2dS8 wide = arguments({28, 32, 0, 32, 3, 1, 1}), deep = arguments({14, 64, 0, 64, 3, 1, 1});
  CONVOLUTION("conv3x3-28x28x32-32", wide);
  packed_convolution("conv3x3-28x28x32-32-packed", wide);
  Conv2dS8 little = wide;  // a workspace too small for Winograd, on those who need one for that
  little.workspace = workspace;
  little.workspace_bytes = 8192;
  count("conv3x3-28x28x32-32-8192", "mac", macs(little),
        [&] { pick_kernel(conv2d_s8_kernels, set).run(little, 0, little.out_height, nullptr); });
  CONVOLUTION("conv3x3-14x14x64-64", deep);
  packed_convolution("conv3x3-14x14x64-64-packed", deep);
  CONVOLUTION("conv3x3-two-14x14x32+32-32", arguments({14, 32, 32, 32, 3, 1, 1}));
  CONVOLUTION("conv3x3-down-28x28x32-32", arguments({28, 32, 0, 32, 3, 2, 1}));
  CONVOLUTION("conv3x3-up-14x14x32-32", arguments({14, 32, 0, 32, 3, 1, 2}));
  // Of two convolutions that differ in their input channels alone, what no multiplication explains is the same.
  CONVOLUTION("conv1x1-14x14x32-32", arguments({14, 32, 0, 32, 1, 1, 1}));
  CONVOLUTION("conv1x1-14x14x64-32", arguments({14, 64, 0, 32, 1, 1, 1}));
  Conv2dS8 first = arguments({28, 1, 0, 16, 3, 1, 1});
  first.x[0] = nullptr;
  first.x16 = reinterpret_cast<const int16_t*>(x);
  first.zero[0] = 0;
  CONVOLUTION("conv3x3-s16-28x28x1-16", first, true);
  Conv2dS8 last = arguments({28, 16, 0, 1, 3, 1, 1});
  last.y = nullptr;
  last.y_f32 = plane[1];
  CONVOLUTION("conv3x3-f32-28x28x16-1", last);
  Conv2dS8 linear = arguments({1, 64, 0, 64, 1, 1, 1});
  CONVOLUTION("linear-64-64", linear);

  int32_t* results[2] = {sums, sums};
  count("weight-sums-64x3x3x64", "weight", 64 * 9 * 64, [&] { conv2d_s8_weight_sums(deep, 0, 64, results); });
}

void elementwise() {
  const AddS8 add = {x, x, y, max_pixels, 32, 100, 120, 2048, 12};
  count("add", "element", max_elements, [&] { pick_kernel(add_s8_kernels, set).run(add, 0, max_pixels); });
  AffineS8 affine = {x, y, 28, 32, factors, offsets, 8, nullptr, 0};
  const AffineS8Kernel& normalise = pick_kernel(affine_s8_kernels, set);
  count("affine", "element", max_elements, [&] { normalise.run(affine, 0, 28); });
  affine.table = table;
  affine.table_entries = 1024;
  affine.shift = 4;
  count("affine-table", "element", max_elements, [&] { normalise.run(affine, 0, 28); });
  const ChannelSumsS8 totals = {x, 28, 32, sums, squares};
  count("channel-sums", "element", max_elements, [&] { pick_kernel(channel_sums_s8_kernels, set).run(totals, 0, 28); });
  const TableS8 look = {x, y, table, max_pixels, 32};
  count("table", "element", max_elements, [&] { pick_kernel(table_s8_kernels, set).run(look, 0, max_pixels); });
  const UpsampleS8 up = {x, y, 14, 14, 32, 2};
  count("upsample-2", "element", max_elements, [&] { pick_kernel(upsample_s8_kernels, set).run(up, 0, 28); });
  const AveragePoolS8 pool = {x, y, 28, 28, 32, 2, 1024, 2048, 12};
  count("average-pool-2", "element", max_elements, [&] { pick_kernel(average_pool_s8_kernels, set).run(pool, 0, 14); });
  const QuantizeS16 quantize = {plane[0], reinterpret_cast<int16_t*>(y), 28, 28, 1000.0f};
  count("quantize-s16", "element", max_pixels, [&] { pick_kernel(quantize_s16_kernels, set).run(quantize, 0, 28); });

  AttentionS8 attention = {};
  attention.qkv = x;
  attention.tokens = 49;
  attention.heads = 3;
  attention.head_dim = 16;
  attention.score_m = 1e-3f;
  attention.table = reinterpret_cast<const uint8_t*>(weights.values);
  attention.m = 0.5f;
  attention.y = y;
  count("attention-49x3x16", "mac", 2 * 49 * 49 * 48,
        [&] { pick_kernel(attention_s8_kernels, set).run(attention, 0, 49, workspace); });
}

void sampler() {
  count("gaussian-noise", "element", max_pixels,
        [&] { fill_gaussian(plane[0], 0, max_pixels, 1, 0, 0, noise_initial); });
  SamplerRow row = {};
  row.a = row.A = row.B = row.C = 0.5f;
  row.b = 0.25f;
  row.clip_lo = -1.0f;
  row.clip_hi = 1.0f;
  const StepNoise noise = {nullptr, 1, 0, 0};
  count("sampler-step", "element", max_pixels,
        [&] { sampler_update(row, plane[0], plane[1], nullptr, 0, 0, 0, max_pixels, noise); });
  row.D = 0.1f;
  count("sampler-step-noise", "element", max_pixels,
        [&] { sampler_update(row, plane[0], plane[1], nullptr, 0, 0, 0, max_pixels, noise); });
}

}  // namespace

int main() {
  if (!find_kernel_set(nullptr, &set)) return 1;
  board_print("kernels ");
  board_print(kernel_set_name(set));
  board_print("\n");
  fill();
  for (int i = 0; i < 1024; ++i) table[i] = static_cast<int8_t>(i);
  for (uint8_t& byte : workspace) byte = 0;
  convolutions();
  elementwise();
  fill_gaussian(plane[1], 0, max_pixels, 2, 0, 0, noise_initial);
  sampler();
  return 0;
}
