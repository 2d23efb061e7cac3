// The reference kernels: plain loops in plain C++, the definition of what every operator computes. Small rather than
// fast; the only set on processors without vector units. Shared here: the activation functions and the input of a
// convolution.
#pragma once
#include "core/math.h"
#include "kernels/kernels.h"

namespace mote {

void conv2d_f32_ref(const Conv2dF32&, int row_begin, int row_end, void* scratch);
void linear_f32_ref(const LinearF32&, int row_begin, int row_end, void* scratch);
void group_norm_f32_ref(const GroupNormF32&, int phase, int row_begin, int row_end);
void attention_f32_ref(const AttentionF32&, int row_begin, int row_end, float* scratch);
void activation_f32_ref(const ActivationF32&, int row_begin, int row_end);
void add_f32_ref(const AddF32&, int row_begin, int row_end);
void scale_shift_f32_ref(const ScaleShiftF32&, int row_begin, int row_end);
void upsample_f32_ref(const UpsampleF32&, int row_begin, int row_end);
void average_pool_f32_ref(const AveragePoolF32&, int row_begin, int row_end);

inline float activate_f32(float x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return silu_f32(x);
    case Activation::gelu: return gelu_f32(x);
    case Activation::relu: return x > 0.0f ? x : 0.0f;
    case Activation::mish: return mish_f32(x);
  }
  return x;
}

}  // namespace mote
