// The kernels for ARM that the tables of tables/ point at. What each computes: kernels.h.
#pragma once
#include "kernels/kernels.h"

namespace mote {

void conv2d_f32_neon(const Conv2dF32&, int row_begin, int row_end, void* scratch);
size_t conv2d_f32_neon_packed_bytes(const Conv2dF32&);
void conv2d_f32_neon_pack(const Conv2dF32&, float* packed);
size_t conv2d_f32_neon_packed_scratch_bytes(const Conv2dF32&);
void linear_f32_neon(const LinearF32&, int row_begin, int row_end, void* scratch);
size_t linear_f32_neon_packed_bytes(const LinearF32&);
void linear_f32_neon_pack(const LinearF32&, float* packed);
void group_norm_f32_neon(const GroupNormF32&, int phase, int row_begin, int row_end);
void attention_f32_neon(const AttentionF32&, int row_begin, int row_end, float* scratch);
void activation_f32_neon(const ActivationF32&, int row_begin, int row_end);
void add_f32_neon(const AddF32&, int row_begin, int row_end);
void scale_shift_f32_neon(const ScaleShiftF32&, int row_begin, int row_end);
void upsample_f32_neon(const UpsampleF32&, int row_begin, int row_end);
void average_pool_f32_neon(const AveragePoolF32&, int row_begin, int row_end);

}  // namespace mote
