// The kernels for x86-64 that the tables of tables/ point at. What each computes: kernels.h.
#pragma once
#include "kernels/kernels.h"

namespace mote {

void conv2d_f32_avx2(const Conv2dF32&, int row_begin, int row_end, void* scratch);
size_t conv2d_f32_avx2_packed_bytes(const Conv2dF32&);
void conv2d_f32_avx2_pack(const Conv2dF32&, float* packed);
size_t conv2d_f32_avx2_packed_scratch_bytes(const Conv2dF32&);
void linear_f32_avx2(const LinearF32&, int row_begin, int row_end, void* scratch);
size_t linear_f32_avx2_packed_bytes(const LinearF32&);
void linear_f32_avx2_pack(const LinearF32&, float* packed);
void group_norm_f32_avx2(const GroupNormF32&, int phase, int row_begin, int row_end);
void attention_f32_avx2(const AttentionF32&, int row_begin, int row_end, float* scratch);
void activation_f32_avx2(const ActivationF32&, int row_begin, int row_end);
void add_f32_avx2(const AddF32&, int row_begin, int row_end);
void scale_shift_f32_avx2(const ScaleShiftF32&, int row_begin, int row_end);
void upsample_f32_avx2(const UpsampleF32&, int row_begin, int row_end);
void average_pool_f32_avx2(const AveragePoolF32&, int row_begin, int row_end);

void conv2d_f32_avx512(const Conv2dF32&, int row_begin, int row_end, void* scratch);
size_t conv2d_f32_avx512_packed_bytes(const Conv2dF32&);
void conv2d_f32_avx512_pack(const Conv2dF32&, float* packed);
size_t conv2d_f32_avx512_packed_scratch_bytes(const Conv2dF32&);
void linear_f32_avx512(const LinearF32&, int row_begin, int row_end, void* scratch);
size_t linear_f32_avx512_packed_bytes(const LinearF32&);
void linear_f32_avx512_pack(const LinearF32&, float* packed);
void group_norm_f32_avx512(const GroupNormF32&, int phase, int row_begin, int row_end);
void attention_f32_avx512(const AttentionF32&, int row_begin, int row_end, float* scratch);
void activation_f32_avx512(const ActivationF32&, int row_begin, int row_end);
void add_f32_avx512(const AddF32&, int row_begin, int row_end);
void scale_shift_f32_avx512(const ScaleShiftF32&, int row_begin, int row_end);
void upsample_f32_avx512(const UpsampleF32&, int row_begin, int row_end);
void average_pool_f32_avx512(const AveragePoolF32&, int row_begin, int row_end);

}  // namespace mote
