// Convolution where the weights lie, without packing or scratch: four output channels of one pixel at a time, the zero
// point taken off as the input is read. The fallback where no memory is given for packed weights.
#pragma once
#include "kernels/arm/conv_s8.h"

namespace mote {
namespace {

MOTE_INLINE int16x8_t load_input(const int8_t* x, int n, int zero) {
  if (n >= 8) return vsubl_s8(vld1_s8(x), vdup_n_s8(static_cast<int8_t>(zero)));
  return vsubl_s8(load_part(x, n), vdup_n_s8(static_cast<int8_t>(zero)));
}
MOTE_INLINE int16x8_t load_input(const int16_t* x, int n, int) {
  if (n >= 8) return vld1q_s16(x);
  int16_t part[8] = {};
  for (int i = 0; i < n; ++i) part[i] = x[i];
  return vld1q_s16(part);
}

// acc[k] += x * row k of w; rows lie `pitch` apart, n channels.
template <class X>
MOTE_INLINE void multiply_pixel(const X* x, int zero, const int8_t* w, ptrdiff_t pitch, int rows, int n,
                                int32x4_t acc[4]) {
  for (int c = 0; c < n; c += 8) {
    const int16x8_t values = load_input(x + c, n - c, zero);
    for (int k = 0; k < rows; ++k) {
      const int16x8_t weights = vmovl_s8(load_part(w + k * pitch + c, n - c));
      acc[k] = vmlal_s16(acc[k], vget_low_s16(values), vget_low_s16(weights));
      acc[k] = vmlal_s16(acc[k], vget_high_s16(values), vget_high_s16(weights));
    }
  }
}

// Sums of input i and output channels [o, o + rows), rows <= 4, of one pixel.
template <class X>
MOTE_INLINE int32x4_t direct_sums(const Conv2dS8& args, const InputS8<X>& input, int i, int oy, int ox, int o,
                                  int rows) {
  const ptrdiff_t all = args.channels[0] + args.channels[1];
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * all;
  int32x4_t acc[4];
  for (int k = 0; k < 4; ++k) acc[k] = vdupq_n_s32(0);
  for (int kh = 0; kh < args.kernel_height; ++kh) {
    for (int kw = 0; kw < args.kernel_width; ++kw) {
      const X* x = input.pixel(oy * args.stride + kh - args.pad_top, ox * args.stride + kw - args.pad_left);
      if (x == nullptr) continue;
      const int8_t* w = args.weights + o * pitch + (static_cast<ptrdiff_t>(kh) * args.kernel_width + kw) * all +
                        (i == 0 ? 0 : args.channels[0]);
      if (rows == 4) {
        multiply_pixel(x, args.zero[i], w, pitch, 4, input.channels, acc);
      } else {
        multiply_pixel(x, args.zero[i], w, pitch, rows, input.channels, acc);
      }
    }
  }
  return sum_lanes(acc);
}

template <class X>
void conv_direct_run(const Conv2dS8& args, int row_begin, int row_end) {
  InputS8<X> inputs[2];
  for (int i = 0; i < input_count(args); ++i) {
    inputs[i] = {input_values(args, i, static_cast<const X*>(nullptr)),
                 nullptr,
                 args.channels[i],
                 args.in_height,
                 args.in_width,
                 args.upsample};
  }
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < args.out_width; ++ox) {
      const ptrdiff_t pixel = (static_cast<ptrdiff_t>(oy) * args.out_width + ox) * args.out_channels;
      for (int o = 0; o < args.out_channels; o += 4) {
        const int rows = args.out_channels - o < 4 ? args.out_channels - o : 4;
        float32x4_t v[2] = {vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)};
        for (int i = 0; i < input_count(args); ++i) {
          const int32x4_t acc = direct_sums(args, inputs[i], i, oy, ox, o, rows);
          const float32x4_t term = vmulq_f32(vcvtq_f32_s32(acc), load_part(args.m[i] + o, rows));
          v[0] = i == 0 ? term : vaddq_f32(v[0], term);
        }
        v[0] = vaddq_f32(v[0], load_part(args.b + o, rows));
        finish_part(args, v, pixel + o, rows);
      }
    }
  }
}

}  // namespace
}  // namespace mote
