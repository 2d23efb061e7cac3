// The reference kernels of quantized models, the definition of their bytes; and the roundings they share.
#pragma once
#include "core/math.h"
#include "kernels/kernels_s8.h"

namespace mote {

void conv2d_s8_ref(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void conv2d_s16_ref(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void channel_sums_s8_ref(const ChannelSumsS8&, int row_begin, int row_end);
void affine_s8_ref(const AffineS8&, int row_begin, int row_end);
void attention_s8_ref(const AttentionS8&, int row_begin, int row_end, void* scratch);
void add_s8_ref(const AddS8&, int row_begin, int row_end);
void table_s8_ref(const TableS8&, int row_begin, int row_end);
void average_pool_s8_ref(const AveragePoolS8&, int row_begin, int row_end);
void upsample_s8_ref(const UpsampleS8&, int row_begin, int row_end);
void quantize_s16_ref(const QuantizeS16&, int row_begin, int row_end);

inline int32_t clamp_i32(int32_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : v; }
inline int8_t sat8(int32_t v) { return static_cast<int8_t>(clamp_i32(v, -128, 127)); }

// The code of v, given in codes before the zero point is added: clamped first, then rounded to nearest even.
inline int32_t round8(float v, int32_t zero) {
  const float low = static_cast<float>(-128 - zero), high = static_cast<float>(127 - zero);
  v = v > low ? v : low;  // a NaN becomes low
  v = v < high ? v : high;
  return round_to_i32(v) + zero;
}

}  // namespace mote
