// The kernels of quantized models for ARM that the tables of tables/ point at. What each computes: kernels_s8.h.
// neon: aarch64 and ARMv7. dotprod, i8mm: aarch64 with SDOT, and with SMMLA; what they lack is neon's.
#pragma once
#include "kernels/kernels_s8.h"

namespace mote {

void conv2d_s8_neon(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s8_neon_packed_bytes(const Conv2dS8&);
void conv2d_s8_neon_pack(const Conv2dS8&, void* packed);
size_t conv2d_s8_neon_packed_scratch_bytes(const Conv2dS8&);
void conv2d_s8_dotprod(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s8_dotprod_packed_bytes(const Conv2dS8&);
void conv2d_s8_dotprod_pack(const Conv2dS8&, void* packed);
size_t conv2d_s8_dotprod_packed_scratch_bytes(const Conv2dS8&);
void conv2d_s8_i8mm(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s8_i8mm_packed_bytes(const Conv2dS8&);
void conv2d_s8_i8mm_pack(const Conv2dS8&, void* packed);
size_t conv2d_s8_i8mm_packed_scratch_bytes(const Conv2dS8&);

void conv2d_s16_neon(const Conv2dS8&, int row_begin, int row_end, void* scratch);
size_t conv2d_s16_neon_packed_bytes(const Conv2dS8&);
void conv2d_s16_neon_pack(const Conv2dS8&, void* packed);
size_t conv2d_s16_neon_packed_scratch_bytes(const Conv2dS8&);

void channel_sums_s8_neon(const ChannelSumsS8&, int row_begin, int row_end);
void affine_s8_neon(const AffineS8&, int row_begin, int row_end);
void attention_s8_neon(const AttentionS8&, int row_begin, int row_end, void* scratch);
void add_s8_neon(const AddS8&, int row_begin, int row_end);
void table_s8_neon(const TableS8&, int row_begin, int row_end);
void average_pool_s8_neon(const AveragePoolS8&, int row_begin, int row_end);
void quantize_s16_neon(const QuantizeS16&, int row_begin, int row_end);

}  // namespace mote
