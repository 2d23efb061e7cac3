// What the convolutions of quantized models for NEON share: their inputs, constants of 8 output channels, and how sums
// become output.
#pragma once
#include "kernels/arm/vec_s8.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

constexpr size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

MOTE_INLINE int input_count(const Conv2dS8& args) { return args.channels[1] != 0 ? 2 : 1; }
MOTE_INLINE size_t sums_bytes(const Conv2dS8& args) {
  return round_up(sizeof(int32_t) * 2 * static_cast<size_t>(args.out_channels), 64);
}
MOTE_INLINE void pack_sums(const Conv2dS8& args, void* packed) {
  int32_t* sums[2] = {static_cast<int32_t*>(packed), static_cast<int32_t*>(packed) + args.out_channels};
  conv2d_s8_weight_sums(args, 0, args.out_channels, sums);
}
// The weight of output channel o, tap (kh, kw), channel c of an input; zero where there is none.
MOTE_INLINE int8_t weight_at(const Conv2dS8& args, int input, int o, int kh, int kw, int c) {
  if (o >= args.out_channels || kw >= args.kernel_width || c >= args.channels[input]) return 0;
  const ptrdiff_t tap = (static_cast<ptrdiff_t>(o) * args.kernel_height + kh) * args.kernel_width + kw;
  return args.weights[tap * (args.channels[0] + args.channels[1]) + (input == 0 ? 0 : args.channels[0]) + c];
}

// An input as rows are built from it: pixels by position in the upsampled picture.
template <class X>
struct InputS8 {
  const X* x;
  const X* outside;  // [channels] of the zero point
  int channels, height, width, upsample;

  MOTE_INLINE bool has_row(int row) const { return row >= 0 && row < height * upsample; }
  MOTE_INLINE const X* pixel(int row, int column) const {
    if (!has_row(row) || column < 0 || column >= width * upsample) return outside;
    const int shift = upsample - 1;
    return x + (static_cast<ptrdiff_t>(row >> shift) * width + (column >> shift)) * channels;
  }
};
MOTE_INLINE const int8_t* input_values(const Conv2dS8& args, int i, const int8_t*) { return args.x[i]; }
MOTE_INLINE const int16_t* input_values(const Conv2dS8& args, int, const int16_t*) { return args.x16; }

template <class X>
MOTE_INLINE size_t outside_bytes(const Conv2dS8& args, int i) {
  return round_up(static_cast<size_t>(args.channels[i]) * sizeof(X), 64);
}
// `memory` gets the pixel of the outside.
template <class X>
MOTE_INLINE InputS8<X> make_input(const Conv2dS8& args, int i, bool flat, void* memory) {
  X* outside = static_cast<X*>(memory);
  for (int c = 0; c < args.channels[i]; ++c) outside[c] = static_cast<X>(args.zero[i]);
  return {input_values(args, i, outside),
          outside,
          args.channels[i],
          flat ? 1 : args.in_height,
          flat ? args.in_height * args.in_width : args.in_width,
          args.upsample};
}

// Pixels do not see their neighbours (1 x 1, linear layers): the picture may be read as one row of all pixels.
MOTE_INLINE bool single_pixels(const Conv2dS8& args) {
  return args.kernel_height == 1 && args.kernel_width == 1 && args.stride == 1 && args.pad_top == 0 &&
         args.pad_left == 0 && args.upsample == 1 && args.out_height == args.in_height &&
         args.out_width == args.in_width;
}
constexpr int row_chunk = 64;  // output pixels of these copied at a time

// The constants of 8 output channels; those of a second input only if there is one.
struct ChannelsS8 {
  int o, n;  // n of them exist
  float32x4_t m[2][2], b[2];
  int32x4_t correction[2][2];
};
MOTE_INLINE ChannelsS8 load_channels(const Conv2dS8& args, int o) {
  ChannelsS8 channels;
  channels.o = o;
  channels.n = args.out_channels - o < 8 ? args.out_channels - o : 8;
  if (channels.n == 8) {
    for (int half = 0; half < 2; ++half) {
      channels.b[half] = vld1q_f32(args.b + o + 4 * half);
      for (int i = 0; i < input_count(args); ++i) {
        channels.m[i][half] = vld1q_f32(args.m[i] + o + 4 * half);
        channels.correction[i][half] = vld1q_s32(args.correction[i] + o + 4 * half);
      }
    }
    return channels;
  }
  for (int half = 0; half < 2; ++half) {
    const int at = o + 4 * half, n = args.out_channels - at;
    for (int i = 0; i < input_count(args); ++i) {
      channels.m[i][half] = load_part(args.m[i] + (n > 0 ? at : 0), n);
      channels.correction[i][half] = load_part(args.correction[i] + (n > 0 ? at : 0), n);
    }
    channels.b[half] = load_part(args.b + (n > 0 ? at : 0), n);
  }
  return channels;
}

// v of 8 channels of one pixel becomes output; `at`: the place of the first.
MOTE_INLINE void add_residual(int8x8_t residual, int16x8_t zero, float m, float32x4_t v[2]) {
  const int16x8_t r = vsubq_s16(vmovl_s8(residual), zero);
  v[0] = vaddq_f32(v[0], vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(r))), m));
  v[1] = vaddq_f32(v[1], vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_high_s16(r))), m));
}
MOTE_INLINE int8x8_t output_codes(const Conv2dS8& args, const float32x4_t v[2]) {
  return vmax_s8(round_codes(v[0], v[1], vdupq_n_s16(static_cast<int16_t>(args.y_zero))),
                 vdup_n_s8(static_cast<int8_t>(args.y_min)));
}
MOTE_INLINE void finish_part(const Conv2dS8& args, float32x4_t v[2], ptrdiff_t at, int n) {
  if (args.residual != nullptr) {
    const int16x8_t zero = vdupq_n_s16(static_cast<int16_t>(args.residual_zero));
    add_residual(load_part(args.residual + at, n), zero, args.residual_m, v);
  }
  if (args.y_f32 != nullptr) {
    store_part(args.y_f32 + at, v[0], n);
    if (n > 4) store_part(args.y_f32 + at + 4, v[1], n - 4);
  } else {
    store_part(args.y + at, output_codes(args, v), n);
  }
}
// n neighbouring pixels, 8 whole channels.
MOTE_INLINE void finish_pixels(const Conv2dS8& args, float32x4_t (*v)[2], ptrdiff_t at, int n) {
  const ptrdiff_t pitch = args.out_channels;
  if (args.y == nullptr) {
    for (int p = 0; p < n; ++p) finish_part(args, v[p], at + p * pitch, 8);
    return;
  }
  const int16x8_t zero = vdupq_n_s16(static_cast<int16_t>(args.y_zero));
  const int8x8_t least = vdup_n_s8(static_cast<int8_t>(args.y_min));
  int8_t* y = args.y + at;
  if (args.residual != nullptr) {
    const int8_t* residual = args.residual + at;
    const int16x8_t residual_zero = vdupq_n_s16(static_cast<int16_t>(args.residual_zero));
    const float residual_m = args.residual_m;
    for (int p = 0; p < n; ++p, residual += pitch) add_residual(vld1_s8(residual), residual_zero, residual_m, v[p]);
  }
  for (int p = 0; p < n; ++p, y += pitch) vst1_s8(y, vmax_s8(round_codes(v[p][0], v[p][1], zero), least));
}

}  // namespace
}  // namespace mote
