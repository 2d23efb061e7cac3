// The kernels of every operator: what each computes, on which layout, and the table of implementations.
//
// A kernel set is a family for one instruction set. `ref` (portable C++) defines every result. Tables are one per
// operator, not one per set: an operator descriptor (graph/operators.h) points at its own table, so that what a model's
// operator table does not name is dropped by the linker, kernels included.
//
// Layout: activations are NHWC with N = 1: [height][width][channels], channels contiguous. A batch is a loop.
// Work is cut into rows: run(args, row_begin, row_end, scratch) computes output rows [row_begin, row_end) of one phase;
// rows of one phase may run in any order, on any thread; a phase begins when the one before is complete.
// row_begin is a multiple of row_quantum, row_end too or the end. The bytes written do not depend on how rows are cut.
// Pointers are 16-byte aligned at least at the start of every tensor; nothing else is assumed.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mote {

// neon: aarch64, and ARMv7 for quantized models. neon_dotprod and neon_i8mm: aarch64 with SDOT, and with SMMLA besides;
// they differ from neon in quantized models only. dsp: 32-bit ARM with the DSP extension (Cortex-M4, M7, M33, and ARMv7,
// where tests run it), mve: with Helium besides (Cortex-M55); quantized models only.
enum class KernelSet : uint8_t { ref = 0, avx2, avx512, neon, neon_dotprod, neon_i8mm, dsp, mve };
constexpr int kernel_set_count = 8;

enum class Activation : uint8_t { none = 0, silu = 1, gelu = 2, relu = 3, mish = 4 };

// Rows of a phase may be cut at multiples of this (convolutions may work on tiles of 4 rows).
constexpr int row_quantum = 4;

// ---- convolution ----------------------------------------------------------------------------------------------------
// y[oy][ox][o] = act(acc + (bias[o] + shift[o]) + residual[oy][ox][o])
// acc = sum over kh, kw, c of in[oy * stride + kh - pad_top][ox * stride + kw - pad_left][c] * weights[o][kh][kw][c]
// `in` is the concatenation of x[0] and x[1] over channels, each first upsampled (nearest, factor `upsample`), zero
// outside. One phase, rows = out_height.
struct Conv2dF32 {
  const float* x[2];            // [in_height][in_width][channels[i]]; x[1] null: one input
  int32_t channels[2];          // channels[1] = 0 without second input
  int32_t in_height, in_width;  // as stored, before upsampling
  int32_t out_height, out_width, out_channels;
  int32_t kernel_height, kernel_width, stride, pad_top, pad_left;  // bottom and right follow from the output size
  int32_t upsample;                                                // 1, or 2: nearest-neighbour
  bool zero_insert;  // training only: `upsample` inserts zeros instead of repeating (transposed convolution)
  Activation activation;
  const float* weights;   // [out_channels][kernel_height][kernel_width][channels[0] + channels[1]]
  const float* packed;    // the same as rearranged by `pack` of the kernel set that runs, or null
  const float* bias;      // [out_channels] or null
  const float* shift;     // [out_channels] or null: the time embedding's projection
  const float* residual;  // [out_height][out_width][out_channels] or null
  float* y;               // [out_height][out_width][out_channels]
};

struct Conv2dF32Kernel {
  void (*run)(const Conv2dF32&, int row_begin, int row_end, void* scratch);
  // Rearranged weights: bytes (a multiple of 64; 0: this set has no use for them) and how to make them. Null: none.
  size_t (*packed_bytes)(const Conv2dF32&);
  void (*pack)(const Conv2dF32&, float* packed);
  // Scratch of one worker when `packed` is given (64-byte aligned). Without packed weights a convolution has none.
  size_t (*packed_scratch_bytes)(const Conv2dF32&);
};

// ---- linear ---------------------------------------------------------------------------------------------------------
// y[r][o] = act(sum_i x[r][i] * weights[o][i] + bias[o] + residual[r][o]). One phase, rows = rows.
struct LinearF32 {
  const float* x;  // [rows][in_features]
  int32_t rows, in_features, out_features;
  Activation activation;
  const float* weights;   // [out_features][in_features]
  const float* packed;    // as for Conv2dF32
  const float* bias;      // or null
  const float* residual;  // [rows][out_features] or null
  float* y;               // [rows][out_features]
};

struct LinearF32Kernel {
  void (*run)(const LinearF32&, int row_begin, int row_end, void* scratch);
  size_t (*packed_bytes)(const LinearF32&);
  void (*pack)(const LinearF32&, float* packed);
};

// ---- group normalisation (Wu & He 2018) -----------------------------------------------------------------------------
// Over the concatenation of x[0] and x[1], C = channels[0] + channels[1], groups of C / groups neighbouring channels:
// n = (x - mean) / sqrt(var + eps) * gamma[c] + beta[c]; y = act(n * (1 + scale[c]) + shift[c]).
// Phase 0: rows = group_norm_slices(height): sums of a slice of rows for each channel.
// Phase 1: rows = 1: the slices combined into a factor and an offset for each channel.
// Phase 2: rows = height: y = act(x * factor[c] + offset[c]).
struct GroupNormF32 {
  const float* x[2];
  int32_t channels[2];
  int32_t height, width, groups;
  float epsilon;
  Activation activation;
  const float* gamma;        // [C] or null (ones)
  const float* beta;         // [C] or null (zeros)
  const float* scale_shift;  // [2C]: scale then shift (AdaGN, Dhariwal & Nichol 2021), or null
  float* y[2];               // y[1] null: y[0] is [height][width][C]; else y[i] is like x[i]. y may be x (in place).
  float* stats;              // group_norm_stats_floats(C, height) floats
};
constexpr int group_norm_max_slices = 4;
constexpr int group_norm_slices(int height) { return height < group_norm_max_slices ? height : group_norm_max_slices; }
// Slice s covers rows [s * height / slices, (s + 1) * height / slices).
// stats: for each slice [C] pivoted sums and [C] pivoted sums of squares, then [C] factors, [C] offsets.
constexpr size_t group_norm_stats_floats(int channels, int height) {
  return static_cast<size_t>(2 * group_norm_slices(height) + 2) * static_cast<size_t>(channels);
}
struct GroupNormF32Kernel {
  void (*run)(const GroupNormF32&, int phase, int row_begin, int row_end);
};

// ---- multi-head self-attention (Vaswani et al. 2017) ------------------------------------------------------------------
// inner = heads * head_dim; qkv is [tokens][3 * inner]: q, k, v, each [heads][head_dim].
// y[t][h] = softmax_s(q[t][h] . k[s][h] * scale) . v[s][h]; y is [tokens][inner]. One phase, rows = tokens.
struct AttentionF32 {
  const float* qkv;
  int32_t tokens, heads, head_dim;
  float scale;
  float* y;
};
constexpr int attention_block = 4;  // query rows that share one pass over the keys
constexpr size_t attention_scratch_floats(int tokens) { return static_cast<size_t>(attention_block) * tokens; }
struct AttentionF32Kernel {
  void (*run)(const AttentionF32&, int row_begin, int row_end, float* scratch);
};

// ---- elementwise and resampling ---------------------------------------------------------------------------------------
// Elementwise operators see a tensor as `rows` rows of `row` elements.
struct ActivationF32 {
  const float* x;
  float* y;
  int32_t rows, row;
  Activation activation;
};  // y may be x
struct AddF32 {
  const float* a;
  const float* b;
  float* y;
  int32_t rows, row;
};  // y may be a or b
// y = act(x * (1 + scale[c]) + shift[c]); scale or shift may be null; y may be x.
struct ScaleShiftF32 {
  const float* x;
  const float* scale;
  const float* shift;
  float* y;
  int32_t height, width, channels;
  Activation activation;
};
struct UpsampleF32 {
  const float* x;
  float* y;
  int32_t in_height, in_width, channels, factor;
};  // rows = output rows; only the first of a signal (in_height 1) that is upsampled along its width
// Mean of non-overlapping windows of pool_rows x kernel, stride = kernel; rows = output rows; a rest at the edge is
// dropped.
struct AveragePoolF32 {
  const float* x;
  float* y;
  int32_t in_height, in_width, channels, kernel;
};
// A signal, one row, is pooled along its width.
constexpr int pool_rows(int in_height, int kernel) { return in_height == 1 ? 1 : kernel; }

struct ActivationF32Kernel {
  void (*run)(const ActivationF32&, int row_begin, int row_end);
};
struct AddF32Kernel {
  void (*run)(const AddF32&, int row_begin, int row_end);
};
struct ScaleShiftF32Kernel {
  void (*run)(const ScaleShiftF32&, int row_begin, int row_end);
};
struct UpsampleF32Kernel {
  void (*run)(const UpsampleF32&, int row_begin, int row_end);
};
struct AveragePoolF32Kernel {
  void (*run)(const AveragePoolF32&, int row_begin, int row_end);
};

// ---- tables -----------------------------------------------------------------------------------------------------------
// Indexed by KernelSet. A set that is not compiled in, or lacks an operator, has run == nullptr there.
template <class Kernel>
struct KernelTable {
  Kernel set[kernel_set_count];
};

extern const KernelTable<Conv2dF32Kernel> conv2d_f32_kernels;
extern const KernelTable<LinearF32Kernel> linear_f32_kernels;
extern const KernelTable<GroupNormF32Kernel> group_norm_f32_kernels;
extern const KernelTable<AttentionF32Kernel> attention_f32_kernels;
extern const KernelTable<ActivationF32Kernel> activation_f32_kernels;
extern const KernelTable<AddF32Kernel> add_f32_kernels;
extern const KernelTable<ScaleShiftF32Kernel> scale_shift_f32_kernels;
extern const KernelTable<UpsampleF32Kernel> upsample_f32_kernels;
extern const KernelTable<AveragePoolF32Kernel> average_pool_f32_kernels;

// ---- selection --------------------------------------------------------------------------------------------------------
// The sets compiled in that this processor runs, fastest first, `ref` last; looked up once per call, no global state.
int kernel_sets_available(KernelSet sets[kernel_set_count]);
const char* kernel_set_name(KernelSet);
// The set of that name (null: the fastest); false if there is none or this processor cannot run it.
bool find_kernel_set(const char* name, KernelSet* set);

// The set that stands in where one lacks an operator: i8mm -> dotprod -> neon -> ref; avx512 -> avx2 -> ref;
// mve -> dsp -> ref.
constexpr KernelSet more_general(KernelSet set) {
  switch (set) {
    case KernelSet::avx512: return KernelSet::avx2;
    case KernelSet::neon_i8mm: return KernelSet::neon_dotprod;
    case KernelSet::neon_dotprod: return KernelSet::neon;
    case KernelSet::mve: return KernelSet::dsp;
    default: return KernelSet::ref;
  }
}

// The kernel of an operator for a set: its own, or that of the nearest more general one.
template <class Kernel>
const Kernel& pick_kernel(const KernelTable<Kernel>& table, KernelSet set) {
  while (set != KernelSet::ref && table.set[static_cast<int>(set)].run == nullptr) set = more_general(set);
  return table.set[static_cast<int>(set)];
}

}  // namespace mote
