// Normalisation and elementwise operators of quantized tensors with Helium, exact. Gathering loads look tables up, and
// bring neighbouring pixels of one channel into one vector.
#include "kernels/cortexm/cortexm_s8.h"

#include "kernels/cortexm/cortexm.h"

#if defined(MOTE_HAS_MVE)
#include <arm_mve.h>

#include "kernels/ref/ref_s8.h"

namespace mote {
namespace {

// ---- sums of channels ---------------------------------------------------------------------------------------------

// The offsets of neighbouring pixels must fit an element of the vector that they are loaded to.
constexpr int most_channels_16 = 255 / 15, most_channels_8 = 65535 / 7;

// 16 pixels at a time.
void sums_of_channels_16(const int8_t* x, ptrdiff_t pixels, int channels, int32_t* sum, uint32_t* squares) {
  const uint8x16_t offsets = vmulq_n_u8(vidupq_n_u8(0, 1), static_cast<uint8_t>(channels));
  for (int c = 0; c < channels; ++c, ++x) {
    const int8_t* at = x;
    int32_t total = 0, square = 0;
    ptrdiff_t rest = pixels;
    for (; rest >= 16; rest -= 16, at += 16 * channels) {
      const int8x16_t v = vldrbq_gather_offset_s8(at, offsets);
      total = vaddvaq_s8(total, v);
      square = vmladavaq_s8(square, v, v);
    }
    if (rest > 0) {
      const int8x16_t v = vldrbq_gather_offset_z_s8(at, offsets, vctp8q(static_cast<uint32_t>(rest)));
      total = vaddvaq_s8(total, v);
      square = vmladavaq_s8(square, v, v);
    }
    *sum++ = total;
    *squares++ = static_cast<uint32_t>(square);
  }
}
// 8 pixels at a time.
void sums_of_channels_8(const int8_t* x, ptrdiff_t pixels, int channels, int32_t* sum, uint32_t* squares) {
  const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), static_cast<uint16_t>(channels));
  for (int c = 0; c < channels; ++c, ++x) {
    const int8_t* at = x;
    int32_t total = 0, square = 0;
    ptrdiff_t rest = pixels;
    for (; rest >= 8; rest -= 8, at += 8 * channels) {
      const int16x8_t v = vldrbq_gather_offset_s16(at, offsets);
      total = vaddvaq_s16(total, v);
      square = vmladavaq_s16(square, v, v);
    }
    if (rest > 0) {
      const int16x8_t v = vldrbq_gather_offset_z_s16(at, offsets, vctp16q(static_cast<uint32_t>(rest)));
      total = vaddvaq_s16(total, v);
      square = vmladavaq_s16(square, v, v);
    }
    *sum++ = total;
    *squares++ = static_cast<uint32_t>(square);
  }
}
void sums_of_channels_1(const int8_t* x, ptrdiff_t pixels, int channels, int32_t* sum, uint32_t* squares) {
  for (int c = 0; c < channels; ++c) {
    int32_t total = 0;
    uint32_t square = 0;
    for (ptrdiff_t p = 0; p < pixels; ++p) {
      const int32_t v = x[p * channels + c];
      total += v;
      square += static_cast<uint32_t>(v * v);
    }
    sum[c] = total;
    squares[c] = square;
  }
}
// ---- affine map -----------------------------------------------------------------------------------------------------

// x * A + B of 8 channels: even lanes in the bottom halves, odd ones in the top.
struct AffineMve {
  int16x8_t A;
  int32x4_t even, odd;  // B
  int16x8_t low, high;  // limits of the result
  int32_t shift;        // negative: to the right
};
AffineMve load_affine(const AffineS8& args, int c) {
  const uint32x4_t evens = vidupq_n_u32(0, 2), odds = vidupq_n_u32(1, 2);
  AffineMve map;
  map.A = vmovnbq_s32(vuninitializedq_s16(), vldrwq_gather_shifted_offset_s32(args.A + c, evens));
  map.A = vmovntq_s32(map.A, vldrwq_gather_shifted_offset_s32(args.A + c, odds));
  map.even = vldrwq_gather_shifted_offset_s32(args.B + c, evens);
  map.odd = vldrwq_gather_shifted_offset_s32(args.B + c, odds);
  map.low = vdupq_n_s16(args.table != nullptr ? 0 : -128);
  map.high = vdupq_n_s16(static_cast<int16_t>(args.table != nullptr ? args.table_entries - 1 : 127));
  map.shift = -args.shift;
  return map;
}
inline int16x8_t apply(const AffineMve& map, const int8_t* x) {
  const int16x8_t v = vldrbq_s16(x);
  const int32x4_t even = vshlq_r_s32(vaddq_s32(vmullbq_int_s16(v, map.A), map.even), map.shift);
  const int32x4_t odd = vshlq_r_s32(vaddq_s32(vmulltq_int_s16(v, map.A), map.odd), map.shift);
  const int16x8_t y = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), odd);
  return vminq_s16(vmaxq_s16(y, map.low), map.high);
}
template <bool table>
void affine_eights(const AffineS8& args, int c, ptrdiff_t begin, ptrdiff_t pixels) {
  const AffineMve map = load_affine(args, c);
  const int8_t *x = args.x + begin + c, *values = args.table;
  int8_t* y = args.y + begin + c;
  const ptrdiff_t channels = args.channels;
  for (; pixels > 0; --pixels, x += channels, y += channels) {
    int16x8_t v = apply(map, x);
    if (table) v = vldrbq_gather_offset_s16(values, vreinterpretq_u16_s16(v));
    vstrbq_s16(y, v);
  }
}
void affine_one(const AffineS8& args, int c, ptrdiff_t begin, ptrdiff_t pixels) {
  const int8_t* x = args.x + begin + c;
  int8_t* y = args.y + begin + c;
  for (; pixels > 0; --pixels, x += args.channels, y += args.channels) {
    const int32_t v = (*x * args.A[c] + args.B[c]) >> args.shift;
    *y = args.table != nullptr ? args.table[clamp_i32(v, 0, args.table_entries - 1)] : sat8(v);
  }
}

}  // namespace

void channel_sums_s8_mve(const ChannelSumsS8& args, int row_begin, int row_end) {
  const int channels = args.channels;
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(row_end - row_begin) * args.width;
  const int8_t* x = args.x + static_cast<ptrdiff_t>(row_begin) * args.width * channels;
  const auto add_up = channels <= most_channels_16  ? sums_of_channels_16
                      : channels <= most_channels_8 ? sums_of_channels_8
                                                    : sums_of_channels_1;
  add_up(x, pixels, channels, args.sum, args.squares);
}

void affine_s8_mve(const AffineS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.width * args.channels;
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(row_end - row_begin) * args.width;
  int c = 0;
  for (; c + 8 <= args.channels; c += 8) {
    (args.table != nullptr ? affine_eights<true> : affine_eights<false>)(args, c, begin, pixels);
  }
  for (; c < args.channels; ++c) affine_one(args, c, begin, pixels);
}

void add_s8_mve(const AddS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.row;
  const int8_t *a = args.a + begin, *b = args.b + begin;
  int8_t* y = args.y + begin;
  const int32x4_t low = vdupq_n_s32(-128), high = vdupq_n_s32(127), offset = vdupq_n_s32(args.B);
  const int32_t A0 = args.A0, A1 = args.A1, shift = -args.shift;
  const auto add = [&](int32x4_t first, int32x4_t second) {
    const int32x4_t v = vmlaq_n_s32(vmlaq_n_s32(offset, first, A0), second, A1);
    return vminq_s32(vmaxq_s32(vshlq_r_s32(v, shift), low), high);
  };
  ptrdiff_t rest = static_cast<ptrdiff_t>(row_end) * args.row - begin;
  for (; rest >= 4; rest -= 4, a += 4, b += 4, y += 4) vstrbq_s32(y, add(vldrbq_s32(a), vldrbq_s32(b)));
  if (rest > 0) {
    const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(rest));
    vstrbq_p_s32(y, add(vldrbq_z_s32(a, inside), vldrbq_z_s32(b, inside)), inside);
  }
}

void table_s8_mve(const TableS8& args, int row_begin, int row_end) {
  ptrdiff_t at = static_cast<ptrdiff_t>(row_begin) * args.row, rest = static_cast<ptrdiff_t>(row_end) * args.row - at;
  const uint8x16_t sign = vdupq_n_u8(0x80);
  for (; rest > 0; rest -= 16, at += 16) {
    const mve_pred16_t inside = vctp8q(static_cast<uint32_t>(rest));
    const uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(vldrbq_z_s8(args.x + at, inside)), sign);
    vstrbq_p_s8(args.y + at, vldrbq_gather_offset_s8(args.table, index), inside);
  }
}

void quantize_s16_mve(const QuantizeS16& args, int row_begin, int row_end) {
  ptrdiff_t at = static_cast<ptrdiff_t>(row_begin) * args.row, rest = static_cast<ptrdiff_t>(row_end) * args.row - at;
  const float32x4_t low = vdupq_n_f32(-32767.0f), high = vdupq_n_f32(32767.0f);
  for (; rest > 0; rest -= 4, at += 4) {
    const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(rest));
    const float32x4_t v = vmulq_n_f32(vldrwq_z_f32(args.x + at, inside), args.inv_scale);
    const float32x4_t clamped = vminnmq_f32(vmaxnmq_f32(v, low), high);
    vstrhq_p_s32(args.y + at, vcvtnq_s32_f32(clamped), inside);
  }
}

}  // namespace mote
#endif
