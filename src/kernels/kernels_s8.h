// The kernels of quantized models: int8 activations and weights, exact on every kernel set.
//
// Unlike the float kernels (kernels.h) these have no tolerance: every set writes the bytes that `ref` writes, whatever
// the rows they are cut into. Sums of products are exact integers modulo 2^32, so their order is free; every float
// operation is one IEEE rounding in the order given here (compile with -ffp-contract=off); >> is arithmetic.
//
//   f(i)       int32 -> float, nearest even          rne(v)     float -> int32, nearest even (ties to even)
//   sat8(i)    clamped to [-128, 127]                 round8(v)  rne(clamp(v, -128 - z, 127 - z)) + z with the zero point z:
//                                                                clamped first (a NaN, which checked models do not
//                                                                make, may become anything), then converted
// A quantized value x with scale s and zero point z stands for s * (x - z). The constants of one step of the sampler are
// made from the scales by constants_s8.h before the rows run; kernels see no scales.
//
// Rows, phases, layout, tables and pick_kernel: as in kernels.h. Pointers to tensors are 16-byte aligned at their start.
#pragma once
#include "kernels/kernels.h"

namespace mote {

// ---- convolution ----------------------------------------------------------------------------------------------------
// acc_i = sum over kh, kw and the channels c of input i of (in_i[oy * stride + kh - pad_top][...][c] - zero[i]) * weights
// as exact integers modulo 2^32, zero outside (that is, x there is zero[i]); in_i is x[i] upsampled (nearest). With
//   v = ((f(acc_0) * m[0][o] + f(acc_1) * m[1][o]) + b[o]) + f(residual - residual_zero) * residual_m
// (the term of acc_1 only with a second input, that of the residual only with one; products rounded before sums):
//   y[oy][ox][o]     = max(round8(v) with zero point y_zero, y_min)
//   y_f32[oy][ox][o] = v
// A linear operator is a 1 x 1 convolution of in_height = rows, in_width = 1.
struct Conv2dS8 {
  const int8_t* x[2];           // [in_height][in_width][channels[i]]; x[1] null: one input
  const int16_t* x16;           // instead of x: the int16 input of conv2d_s16_kernels, one input, zero[0] = 0
  int32_t channels[2];          // channels[1] = 0 without second input
  int32_t in_height, in_width;  // as stored, before upsampling
  int32_t out_height, out_width, out_channels;
  int32_t kernel_height, kernel_width, stride, pad_top, pad_left;  // bottom and right follow from the output size
  int32_t upsample;                                                // 1 or 2
  const int8_t* weights;  // [out_channels][kernel_height][kernel_width][channels[0] + channels[1]], in [-127, 127]
  // Rearranged by `pack` of the kernel set that runs, or null. It begins with the sums of the weights of each input and
  // output channel, int32 [2][out_channels] (conv2d_s8_weight_sums), so that no step has to add them up again.
  const void* packed;
  int32_t zero[2];
  // What the zero points take off: -zero[i] * (sum of the weights of input i and channel o), modulo 2^32. A kernel may
  // add these to sums of x * weights over all taps, padding included with x = zero[i]; or subtract zero[i] as it reads.
  const int32_t* correction[2];  // [out_channels]
  const float* m[2];             // [out_channels]
  const float* b;                // [out_channels]
  const int8_t* residual;        // [out_height][out_width][out_channels] or null
  int32_t residual_zero;
  float residual_m;
  int32_t y_zero;
  int32_t y_min;  // -128, or y_zero for a ReLU
  int8_t* y;      // [out_height][out_width][out_channels], or null
  float* y_f32;   // the same, when y is null
  // Proved of the weights (SPEC.md, "Proofs"): for each input and output channel, sum |w| times the largest |x - zero|
  // is less than 2^25 or 2^29. Exact Winograd forms may be used only then: F(4x4, 3x3) needs the first, F(2x2, 3x3) one
  // of the two.
  bool below_2_25, below_2_29;
  // Memory of this worker for the time of the call, planned in the arena (SPEC.md, "Scratch"): 16-byte aligned, of any
  // size, 0 included. A kernel uses what is there, or does without; its results do not depend on it.
  void* workspace;
  size_t workspace_bytes;
};

struct Conv2dS8Kernel {
  void (*run)(const Conv2dS8&, int row_begin, int row_end, void* scratch);
  // As for Conv2dF32Kernel: bytes are multiples of 64; null or 0: this set has no use for them. They may depend on the
  // shape and the proofs only. pack also writes the sums.
  size_t (*packed_bytes)(const Conv2dS8&);
  void (*pack)(const Conv2dS8&, void* packed);
  // Scratch of one worker, 64-byte aligned, only with `packed`; else scratch is null.
  size_t (*packed_scratch_bytes)(const Conv2dS8&);
  // How this set adds up the weights for `correction` when nothing is packed: see conv2d_s8_weight_sums. Null: it takes
  // zero points off as it reads, and `correction` is not made for it.
  void (*weight_sums)(const Conv2dS8&, int begin, int end, int32_t* sums[2]);
};

// sums[i][o]: of the weights of input i and channel o, for o in [begin, end). Portable, used by every pack.
void conv2d_s8_weight_sums(const Conv2dS8&, int begin, int end, int32_t* sums[2]);

// ---- normalisation --------------------------------------------------------------------------------------------------
// Sums of the rows [row_begin, row_end) of x, [height][width][channels]: sum[c] of x and squares[c] of x * x, exact.
// At most 2^17 pixels. Overwrites sum and squares.
struct ChannelSumsS8 {
  const int8_t* x;
  int32_t width, channels;
  int32_t* sum;       // [channels]
  uint32_t* squares;  // [channels]
};
struct ChannelSumsS8Kernel {
  void (*run)(const ChannelSumsS8&, int row_begin, int row_end);
};

// v = (x * A[c] + B[c]) >> shift in int32; y = sat8(v) or, with a table, y = table[clamp(v, 0, table_entries - 1)].
// Each A lies in [-32768, 32767] (stored as int32), |x * A + B| < 2^31 for every x, 0 <= shift <= 20. y may be x.
struct AffineS8 {
  const int8_t* x;  // [height][width][channels]
  int8_t* y;
  int32_t width, channels;
  const int32_t* A;  // [channels]
  const int32_t* B;  // [channels]
  int32_t shift;
  const int8_t* table;    // or null
  int32_t table_entries;  // 256, 512, 1024, 2048 or 4096
};
struct AffineS8Kernel {
  void (*run)(const AffineS8&, int row_begin, int row_end);
};

// ---- attention ------------------------------------------------------------------------------------------------------
// inner = heads * head_dim; qkv is [tokens][3 * inner]: q, k, v, each [heads][head_dim]. For each head and query t:
//   score_s = sum_d (q[t][d] - zero) * (k[s][d] - zero)          exact
//   d_s = clamp(rne(min(f(max - score_s) * score_m, 255)), 0, 255), max the largest score of the row, subtracted in int32
//   p_s = table[d_s];  sum = sum_s p_s;  acc_d = sum_s p_s * (v[s][d] - zero)       exact
//   y[t][d] = round8((f(acc_d) * m) / f(sum)) with zero point y_zero
// table[0] >= 1, so sum >= 1. head_dim <= 8192, tokens * 255 * 255 < 2^31. y is [tokens][inner]. One phase, rows = tokens.
struct AttentionS8 {
  const int8_t* qkv;
  int32_t tokens, heads, head_dim;
  int32_t zero;
  float score_m;         // attention scale * qkv scale^2 / table step
  const uint8_t* table;  // [256]: rne(255 * exp(-d * table step))
  float m;               // qkv scale / y scale
  int32_t y_zero;
  int8_t* y;
};
// Scratch of a worker in bytes: scores of attention_block queries over all keys. Normative, for every set.
constexpr size_t attention_s8_scratch_bytes(int tokens) {
  return static_cast<size_t>(attention_block) * 4 * static_cast<size_t>(tokens);
}
struct AttentionS8Kernel {
  void (*run)(const AttentionS8&, int row_begin, int row_end, void* scratch);
};

// ---- elementwise and resampling ---------------------------------------------------------------------------------------
// y = sat8((a * A0 + b * A1 + B) >> shift); A0, A1 in int16, |a * A0 + b * A1 + B| < 2^31. y may be a or b.
struct AddS8 {
  const int8_t* a;
  const int8_t* b;
  int8_t* y;
  int32_t rows, row;
  int32_t A0, A1, B, shift;
};
struct AddS8Kernel {
  void (*run)(const AddS8&, int row_begin, int row_end);
};
// y = table[x + 128]; y may be x.
struct TableS8 {
  const int8_t* x;
  int8_t* y;
  const int8_t* table;  // [256]
  int32_t rows, row;
};
struct TableS8Kernel {
  void (*run)(const TableS8&, int row_begin, int row_end);
};
// y = sat8((sum * A + B) >> shift), sum over non-overlapping windows of pool_rows x kernel (kernels.h), stride = kernel;
// rows = output rows; a rest at the edge is dropped. A in int16, |sum * A + B| < 2^31.
struct AveragePoolS8 {
  const int8_t* x;
  int8_t* y;
  int32_t in_height, in_width, channels, kernel;
  int32_t A, B, shift;
};
struct AveragePoolS8Kernel {
  void (*run)(const AveragePoolS8&, int row_begin, int row_end);
};
// y[oy][ox] = x[oy / factor][ox / factor]; rows = output rows.
struct UpsampleS8 {
  const int8_t* x;
  int8_t* y;
  int32_t in_height, in_width, channels, factor;
};
struct UpsampleS8Kernel {
  void (*run)(const UpsampleS8&, int row_begin, int row_end);
};
// y = rne(clamp(x * inv_scale, -32767, 32767)): x_t as int16.
struct QuantizeS16 {
  const float* x;
  int16_t* y;
  int32_t rows, row;
  float inv_scale;
};
struct QuantizeS16Kernel {
  void (*run)(const QuantizeS16&, int row_begin, int row_end);
};

// ---- tables -----------------------------------------------------------------------------------------------------------
extern const KernelTable<Conv2dS8Kernel> conv2d_s8_kernels;
extern const KernelTable<Conv2dS8Kernel> conv2d_s16_kernels;  // x16 instead of x
extern const KernelTable<ChannelSumsS8Kernel> channel_sums_s8_kernels;
extern const KernelTable<AffineS8Kernel> affine_s8_kernels;
extern const KernelTable<AttentionS8Kernel> attention_s8_kernels;
extern const KernelTable<AddS8Kernel> add_s8_kernels;
extern const KernelTable<TableS8Kernel> table_s8_kernels;
extern const KernelTable<AveragePoolS8Kernel> average_pool_s8_kernels;
extern const KernelTable<UpsampleS8Kernel> upsample_s8_kernels;
extern const KernelTable<QuantizeS16Kernel> quantize_s16_kernels;

}  // namespace mote
