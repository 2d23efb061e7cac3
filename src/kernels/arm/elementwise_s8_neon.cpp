// Elementwise operators, pooling and normalisation of quantized tensors in NEON (aarch64, ARMv7). Nothing but the
// kernels leaves this file. Upsampling copies memory only, and stays with ref.
#if defined(__aarch64__) || (defined(__arm__) && defined(__ARM_NEON))
#include "kernels/arm/arm_s8.h"
#include "kernels/arm/table_s8_neon.h"
#include "kernels/arm/vec_s8.h"

namespace mote {
namespace {

MOTE_INLINE int32_t clamp(int32_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : v; }

// Of 8 channels, or one: A, B of an affine map.
struct AffineChannels {
  int16x8_t A;
  int32x4_t B[2];
};
MOTE_INLINE AffineChannels load_affine(const AffineS8& args, int c) {
  return {vcombine_s16(vmovn_s32(vld1q_s32(args.A + c)), vmovn_s32(vld1q_s32(args.A + c + 4))),
          {vld1q_s32(args.B + c), vld1q_s32(args.B + c + 4)}};
}
// (x * A + B) >> shift of 8 channels, clamped to int16.
MOTE_INLINE int16x8_t affine8(const AffineChannels& channels, int32x4_t shift, int8x8_t x) {
  const int16x8_t wide = vmovl_s8(x);
#if defined(__aarch64__)
  const int32x4_t low = vmlal_s16(channels.B[0], vget_low_s16(wide), vget_low_s16(channels.A));
  const int32x4_t high = vmlal_high_s16(channels.B[1], wide, channels.A);
#else
  const int32x4_t low = vmlal_s16(channels.B[0], vget_low_s16(wide), vget_low_s16(channels.A));
  const int32x4_t high = vmlal_s16(channels.B[1], vget_high_s16(wide), vget_high_s16(channels.A));
#endif
  return vcombine_s16(vqmovn_s32(vshlq_s32(low, shift)), vqmovn_s32(vshlq_s32(high, shift)));
}

}  // namespace

void channel_sums_s8_neon(const ChannelSumsS8& args, int row_begin, int row_end) {
  const ptrdiff_t pitch = args.channels, row = args.width * pitch;
  const int8_t *begin = args.x + row_begin * row, *end = args.x + row_end * row;
  int c = 0;
  for (; c + 8 <= args.channels; c += 8) {
    int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};
    int32x4_t squares[2] = {vdupq_n_s32(0), vdupq_n_s32(0)};  // modulo 2^32
    for (const int8_t* x = begin; x < end; x += pitch) {
      const int16x8_t wide = vmovl_s8(vld1_s8(x + c));
      const int16x4_t low = vget_low_s16(wide), high = vget_high_s16(wide);
      sum[0] = vaddw_s16(sum[0], low);
      sum[1] = vaddw_s16(sum[1], high);
      squares[0] = vmlal_s16(squares[0], low, low);
      squares[1] = vmlal_s16(squares[1], high, high);
    }
    for (int half = 0; half < 2; ++half) {
      vst1q_s32(args.sum + c + 4 * half, sum[half]);
      vst1q_u32(args.squares + c + 4 * half, vreinterpretq_u32_s32(squares[half]));
    }
  }
  for (; c < args.channels; ++c) {
    int32_t sum = 0;
    uint32_t squares = 0;
    for (const int8_t* x = begin; x < end; x += pitch) {
      sum += x[c];
      squares += static_cast<uint32_t>(x[c] * x[c]);
    }
    args.sum[c] = sum;
    args.squares[c] = squares;
  }
}

void affine_s8_neon(const AffineS8& args, int row_begin, int row_end) {
  const ptrdiff_t pitch = args.channels, row = args.width * pitch, end = row_end * row;
  const int32x4_t shift = vdupq_n_s32(-args.shift);
  const int32_t last = args.table_entries - 1;
  const TableLookup lookup(args.table_entries == 256 ? args.table : nullptr);
  int c = 0;
  for (; c + 8 <= args.channels; c += 8) {
    const AffineChannels channels = load_affine(args, c);
    if (args.table == nullptr) {
      for (ptrdiff_t at = row_begin * row + c; at < end; at += pitch) {
        vst1_s8(args.y + at, vqmovn_s16(affine8(channels, shift, vld1_s8(args.x + at))));
      }
    } else if (args.table_entries == 256) {
      for (ptrdiff_t at = row_begin * row + c; at < end; at += pitch) {
        const uint8x8_t index = vqmovun_s16(affine8(channels, shift, vld1_s8(args.x + at)));
        vst1_s8(args.y + at, lookup.get8(index));
      }
    } else {
      const int16x8_t largest = vdupq_n_s16(static_cast<int16_t>(last));
      for (ptrdiff_t at = row_begin * row + c; at < end; at += pitch) {
        const int16x8_t v = affine8(channels, shift, vld1_s8(args.x + at));
        uint16_t index[8];
        vst1q_u16(index, vreinterpretq_u16_s16(vminq_s16(vmaxq_s16(v, vdupq_n_s16(0)), largest)));
        for (int i = 0; i < 8; ++i) args.y[at + i] = args.table[index[i]];
      }
    }
  }
  for (; c < args.channels; ++c) {
    for (ptrdiff_t at = row_begin * row + c; at < end; at += pitch) {
      const int32_t v = (args.x[at] * args.A[c] + args.B[c]) >> args.shift;
      args.y[at] = args.table != nullptr ? args.table[clamp(v, 0, last)] : static_cast<int8_t>(clamp(v, -128, 127));
    }
  }
}

void add_s8_neon(const AddS8& args, int row_begin, int row_end) {
  ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  const int16_t A0 = static_cast<int16_t>(args.A0), A1 = static_cast<int16_t>(args.A1);
  const int32x4_t B = vdupq_n_s32(args.B), shift = vdupq_n_s32(-args.shift);
  for (; i + 8 <= end; i += 8) {
    const int16x8_t a = vmovl_s8(vld1_s8(args.a + i)), b = vmovl_s8(vld1_s8(args.b + i));
    int32x4_t low = vmlal_n_s16(B, vget_low_s16(a), A0), high = vmlal_n_s16(B, vget_high_s16(a), A0);
    low = vshlq_s32(vmlal_n_s16(low, vget_low_s16(b), A1), shift);
    high = vshlq_s32(vmlal_n_s16(high, vget_high_s16(b), A1), shift);
    vst1_s8(args.y + i, vqmovn_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high))));
  }
  for (; i < end; ++i) {
    const int32_t v = (args.a[i] * args.A0 + args.b[i] * args.A1 + args.B) >> args.shift;
    args.y[i] = static_cast<int8_t>(clamp(v, -128, 127));
  }
}

void table_s8_neon(const TableS8& args, int row_begin, int row_end) {
  ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  const TableLookup lookup(args.table);
  for (; i + 16 <= end; i += 16) {
    const uint8x16_t index = veorq_u8(vreinterpretq_u8_s8(vld1q_s8(args.x + i)), vdupq_n_u8(128));
    vst1q_s8(args.y + i, lookup.get16(index));
  }
  for (; i < end; ++i) args.y[i] = args.table[args.x[i] + 128];
}

void average_pool_s8_neon(const AveragePoolS8& args, int row_begin, int row_end) {
  const int out_width = args.in_width / args.kernel, channels = args.channels;
  const int rows = pool_rows(args.in_height, args.kernel);
  const int32x4_t A = vdupq_n_s32(args.A), B = vdupq_n_s32(args.B), shift = vdupq_n_s32(-args.shift);
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < out_width; ++ox) {
      const int8_t* window =
          args.x + (static_cast<ptrdiff_t>(oy) * args.kernel * args.in_width + ox * args.kernel) * channels;
      int8_t* y = args.y + (static_cast<ptrdiff_t>(oy) * out_width + ox) * channels;
      for (int c = 0; c < channels; c += 8) {
        int32x4_t low = vdupq_n_s32(0), high = vdupq_n_s32(0);
        for (int ky = 0; ky < rows; ++ky) {
          for (int kx = 0; kx < args.kernel; ++kx) {
            const int8_t* x = window + (static_cast<ptrdiff_t>(ky) * args.in_width + kx) * channels + c;
            const int16x8_t wide = vmovl_s8(load_part(x, channels - c));
            low = vaddw_s16(low, vget_low_s16(wide));
            high = vaddw_s16(high, vget_high_s16(wide));
          }
        }
        low = vshlq_s32(vmlaq_s32(B, low, A), shift);
        high = vshlq_s32(vmlaq_s32(B, high, A), shift);
        store_part(y + c, vqmovn_s16(vcombine_s16(vqmovn_s32(low), vqmovn_s32(high))), channels - c);
      }
    }
  }
}

void quantize_s16_neon(const QuantizeS16& args, int row_begin, int row_end) {
  ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  const float32x4_t low = vdupq_n_f32(-32767.0f), high = vdupq_n_f32(32767.0f);
  for (; i + 4 <= end; i += 4) {
    const float32x4_t v = vmulq_n_f32(vld1q_f32(args.x + i), args.inv_scale);
    vst1_s16(args.y + i, vmovn_s32(round_i32(vminq_f32(vmaxq_f32(v, low), high))));
  }
  if (i < end) {
    const int n = static_cast<int>(end - i);
    const float32x4_t v = vmulq_n_f32(load_part(args.x + i, n), args.inv_scale);
    int16_t part[4];
    vst1_s16(part, vmovn_s32(round_i32(vminq_f32(vmaxq_f32(v, low), high))));
    for (int k = 0; k < n; ++k) args.y[i + k] = part[k];
  }
}

}  // namespace mote
#endif
