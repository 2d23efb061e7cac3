// The kernels of quantized models for 32-bit ARM that the tables of tables/ point at. What each computes: kernels_s8.h.
// dsp: the DSP extension, pairs of 16-bit products (SMLAD). mve: Helium; what it lacks is dsp's.
#pragma once
#include "kernels/kernels_s8.h"

namespace mote {

void conv2d_s8_dsp(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void conv2d_s16_dsp(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void channel_sums_s8_dsp(const ChannelSumsS8&, int row_begin, int row_end);
void affine_s8_dsp(const AffineS8&, int row_begin, int row_end);
void attention_s8_dsp(const AttentionS8&, int row_begin, int row_end, void* scratch);
void add_s8_dsp(const AddS8&, int row_begin, int row_end);

void conv2d_s8_mve(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void conv2d_s16_mve(const Conv2dS8&, int row_begin, int row_end, void* scratch);
void conv2d_s8_weight_sums_mve(const Conv2dS8&, int begin, int end, int32_t* sums[2]);
void channel_sums_s8_mve(const ChannelSumsS8&, int row_begin, int row_end);
void affine_s8_mve(const AffineS8&, int row_begin, int row_end);
void attention_s8_mve(const AttentionS8&, int row_begin, int row_end, void* scratch);
void add_s8_mve(const AddS8&, int row_begin, int row_end);
void table_s8_mve(const TableS8&, int row_begin, int row_end);
void quantize_s16_mve(const QuantizeS16&, int row_begin, int row_end);

}  // namespace mote
