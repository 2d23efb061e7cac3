// Gradients of the device's operators: the kernels the executor is made of, one table for each kernel set. The data
// gradients of convolutions and linear layers are not here: they are the device's own kernels with transposed weights.
//
// Layout as in kernels/kernels.h: [height][width][channels], channels contiguous. "adds" means +=, in a fixed order.
// dy is the gradient of the loss by y.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace mote::tool {

// c[m][n] += sum over images and the pixels of a rows x cols rectangle of a[pixel][m] * b[pixel][n]. The weight
// gradient of convolutions and linear layers (a: dy, b: x shifted by the tap), and the products of attention.
struct CorrelateF32 {
  const float* a;
  const float* b;
  ptrdiff_t a_image, a_row, a_col, b_image, b_row, b_col;  // floats from one image, row, pixel to the next
  int images, rows, cols;
  int m, n;
  float* c;
  ptrdiff_t c_row;  // floats from c[m] to c[m + 1]
};

// GroupNorm of one image, followed by its activation; see GroupNormF32.
struct GroupNormGradF32 {
  GroupNormF32 forward;  // x, shapes, gamma, beta, scale_shift as in the forward pass; y and stats unused
  const float* factors;  // [C] y = act(x * factors + offsets): what the forward pass left in stats
  const float* offsets;  // [C]
  float* dy[2];          // gradient of y, as y lies (dy[1] null: one tensor); overwritten
  float* dx[2];          // gradient of x[0], x[1]; may be dy where both have the same layout; null: not wanted
  bool add[2];           // add to dx instead of writing
  float* dgamma;         // [C] added to; null: none
  float* dbeta;          // [C] added to; null: none
  float* dscale_shift;   // [2C] written or added to; null: none
  bool add_scale_shift;
  float* scratch;  // group_norm_grad_floats(C)
};
constexpr size_t group_norm_grad_floats(int channels) {
  return static_cast<size_t>(10) * static_cast<size_t>(channels);
}

// Self-attention of one image; see AttentionF32.
struct AttentionGradF32 {
  AttentionF32 forward;  // qkv and shapes; y unused
  const float* dy;       // [tokens][inner]
  float* dqkv;           // [tokens][3 * inner], written
  float* scratch;        // attention_grad_floats
};
constexpr size_t attention_grad_floats(int tokens, int head_dim) {
  return static_cast<size_t>(tokens) * static_cast<size_t>(3 * tokens + 2 * head_dim + 64);
}

// Scale and shift of one image, followed by its activation; see ScaleShiftF32.
struct ScaleShiftGradF32 {
  ScaleShiftF32 forward;  // x, scale, shift and shapes; y unused
  float* dy;              // overwritten
  float* dx;              // null: not wanted; may be dy
  bool add;               // add to dx
  float* dscale;          // [C] null: none
  float* dshift;          // [C] null: none
  bool add_vector;        // add to dscale and dshift
};

struct BackwardKernels {
  void (*correlate)(const CorrelateF32&);
  // sums[c] = (add ? sums[c] : 0) + sum over rows of x[row][c].
  void (*column_sums)(const float* x, int rows, int cols, float* sums, bool add);
  void (*group_norm)(const GroupNormGradF32&);
  void (*attention)(const AttentionGradF32&);
  void (*scale_shift)(const ScaleShiftGradF32&);
  // dx = dy * act'(x), n elements; dx may be dy; add: dx += it.
  void (*activation)(const float* x, const float* dy, float* dx, size_t n, Activation, bool add);
  void (*add)(const float* from, float* to, size_t n);  // to += from
  // Dropout: y[i] = random[i] < threshold ? 0 : x[i] * scale; y may be x. add: y += it.
  void (*mask)(const float* x, const uint8_t* random, int threshold, float scale, float* y, size_t n, bool add);
  // dx[row][col] (add: +=) the sum of the rows x factor pixels of dy over it. height, width of dx.
  void (*sum_windows)(const float* dy, int height, int width, int channels, int rows, int factor, float* dx, bool add);
  // dx[row][col] (add: +=) dy[row / rows][col / factor] * scale; 0 past the last whole window. height, width of dx.
  void (*spread_windows)(const float* dy, int height, int width, int channels, int rows, int factor, float scale,
                         float* dx, bool add);
};

// The kernels of a set, or of the nearest more general one that is compiled in.
const BackwardKernels& backward_kernels(KernelSet);

// The sets; null tables where the compiler's target lacks the instructions.
extern const BackwardKernels backward_kernels_ref;
extern const BackwardKernels backward_kernels_avx2;
extern const BackwardKernels backward_kernels_avx512;
extern const BackwardKernels backward_kernels_neon;

}  // namespace mote::tool
