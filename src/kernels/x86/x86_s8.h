// The kernels of quantized models for x86-64 that the tables of tables/ point at. What each computes: kernels_s8.h.
#pragma once
#include "kernels/kernels_s8.h"

namespace mote {

void conv2d_s8_avx2(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s8_avx2_packed_bytes(const Conv2dS8&);
void conv2d_s8_avx2_pack(const Conv2dS8&, void* packed);
size_t conv2d_s8_avx2_packed_scratch_bytes(const Conv2dS8&);
void conv2d_s8_avx512(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s8_avx512_packed_bytes(const Conv2dS8&);
void conv2d_s8_avx512_pack(const Conv2dS8&, void* packed);
size_t conv2d_s8_avx512_packed_scratch_bytes(const Conv2dS8&);
void conv2d_s16_avx2(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s16_avx2_packed_bytes(const Conv2dS8&);
void conv2d_s16_avx2_pack(const Conv2dS8&, void* packed);
size_t conv2d_s16_avx2_packed_scratch_bytes(const Conv2dS8&);
void channel_sums_s8_avx2(const ChannelSumsS8&, int row_begin, int row_end);
void affine_s8_avx2(const AffineS8&, int row_begin, int row_end);
void attention_s8_avx2(const AttentionS8&, int row_begin, int row_end, void* scratch);
void add_s8_avx2(const AddS8&, int row_begin, int row_end);
void table_s8_avx2(const TableS8&, int row_begin, int row_end);
void average_pool_s8_avx2(const AveragePoolS8&, int row_begin, int row_end);
void upsample_s8_avx2(const UpsampleS8&, int row_begin, int row_end);
void quantize_s16_avx2(const QuantizeS16&, int row_begin, int row_end);

}  // namespace mote
