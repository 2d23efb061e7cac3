// 3 x 3 convolution of stride 1 by Winograd's F(4 x 4, 3 x 3) (Winograd 1980; Lavin & Gray 2016) on integers, exact: a
// quarter of the products, of 16 by 16 bits.
//
// With the points 0, 1, -1, 2, -2, infinity and the rows of the usual weight matrix times 24 (its last one times 12, the
// last column of the output matrix times 2 instead) all numbers are integers: |U| <= (4 * 3)^2 * 127 = 18288 of the weights
// and |V| <= 10^2 * 255 = 25500 of the input fit 16 bits. Sums and the output are right modulo 2^32 and come to
// s = 576 y. 0x38E38E39 is the inverse of 9, so that s * 0x38E38E39 = 64 y modulo 2^32, and exactly, for |y| < 2^25: the
// first proof of kernels_s8.h. Dividing by 64 is part of the conversion to float.
//
// winograd_tiles tiles of 4 x 4 output pixels at a time, row by row. In the worker's scratch, for each input: its outside
// pixel; V [channels / 8][36][tiles][8], int16; then for 8 output channels M [36][tiles][8], int32, and the results.
// Packed: the sums of kernels_s8.h, then for each input U [out_channels / 8][36][channels][8], int16.
#pragma once
#include "kernels/arm/conv_rows_s16_neon.h"
#include "kernels/arm/conv_s8.h"
#include "kernels/arm/winograd_products_neon.h"

namespace mote {
namespace {

constexpr int winograd_tiles = rows_at_once;

MOTE_INLINE bool winograd_fits(const Conv2dS8& args) {
  return args.below_2_25 && args.kernel_height == 3 && args.kernel_width == 3 && args.stride == 1 &&
         args.out_height >= 3 && args.out_width >= 3 && args.channels[0] % 8 == 0 && args.channels[1] % 8 == 0 &&
         args.out_channels % 8 == 0;
}

// U of 3 values in a line.
MOTE_INLINE void winograd_weights(const int32_t w[3], int32_t u[6]) {
  const int32_t sum = w[0] + w[2], quad = w[0] + 4 * w[2];
  u[0] = 6 * w[0];
  u[1] = -4 * (sum + w[1]);
  u[2] = -4 * (sum - w[1]);
  u[3] = quad + 2 * w[1];
  u[4] = quad - 2 * w[1];
  u[5] = 12 * w[2];
}
// V of 6 values in a line.
MOTE_INLINE void winograd_input(const int16x8_t x[6], int16x8_t v[6]) {
  const int16x8_t a = vmlsq_n_s16(x[4], x[2], 4), b = vmlsq_n_s16(x[3], x[1], 4);
  const int16x8_t c = vsubq_s16(x[4], x[2]), d = vsubq_s16(x[3], x[1]);
  v[0] = vmlaq_n_s16(c, vsubq_s16(x[0], x[2]), 4);
  v[1] = vaddq_s16(a, b);
  v[2] = vsubq_s16(a, b);
  v[3] = vmlaq_n_s16(c, d, 2);
  v[4] = vmlsq_n_s16(c, d, 2);
  v[5] = vmlsq_n_s16(vsubq_s16(x[5], x[3]), d, 4);
}
// 4 outputs of 6 products in a line.
MOTE_INLINE void winograd_output(const int32x4_t m[6], int32x4_t y[4]) {
  const int32x4_t a = vaddq_s32(m[1], m[2]), b = vsubq_s32(m[1], m[2]);
  const int32x4_t c = vaddq_s32(m[3], m[4]), d = vsubq_s32(m[3], m[4]);
  y[0] = vaddq_s32(vaddq_s32(m[0], a), c);
  y[1] = vmlaq_n_s32(b, d, 2);
  y[2] = vmlaq_n_s32(a, c, 4);
  y[3] = vmlaq_n_s32(vmlaq_n_s32(b, d, 8), m[5], 2);
}

class WinogradS8 {
 public:
  static size_t packed_bytes(const Conv2dS8& args) {
    return sums_bytes(args) + round_up(sizeof(int16_t) * (weights_of_input(args, 0) + weights_of_input(args, 1)), 64);
  }
  static void pack(const Conv2dS8& args, void* packed) {
    pack_sums(args, packed);
    int16_t* u = reinterpret_cast<int16_t*>(static_cast<uint8_t*>(packed) + sums_bytes(args));
    for (int i = 0; i < input_count(args); ++i) {
      for (int o = 0; o < args.out_channels; ++o) {
        for (int c = 0; c < args.channels[i]; ++c) {
          int16_t* at = u + (static_cast<ptrdiff_t>(o / 8) * 36 * args.channels[i] + c) * 8 + o % 8;
          pack_filter(args, i, o, c, static_cast<ptrdiff_t>(args.channels[i]) * 8, at);
        }
      }
      u += weights_of_input(args, i);
    }
  }
  static size_t scratch_bytes(const Conv2dS8& args) {
    size_t bytes = 0;
    for (int i = 0; i < input_count(args); ++i) bytes += outside_bytes<int8_t>(args, i) + input_bytes(args, i);
    return bytes + static_cast<size_t>(input_count(args)) * products_bytes;
  }

  WinogradS8(const Conv2dS8& a, void* scratch) : args(a), across((a.out_width + 3) / 4) {
    uint8_t* memory = static_cast<uint8_t*>(scratch);
    const int16_t* packed =
        reinterpret_cast<const int16_t*>(static_cast<const uint8_t*>(args.packed) + sums_bytes(args));
    for (int i = 0; i < input_count(args); ++i) {
      inputs[i] = make_input<int8_t>(args, i, false, memory);
      memory += outside_bytes<int8_t>(args, i);
      v[i] = reinterpret_cast<int16_t*>(memory);
      memory += input_bytes(args, i);
      m[i] = reinterpret_cast<int32_t*>(memory);
      memory += products_bytes;
      u[i] = packed;
      packed += weights_of_input(args, i);
    }
  }

  void run(int row_begin, int row_end) const {
    const int end = (row_end + 3) / 4 * across;
    int count = 0;
    for (int tile = row_begin / 4 * across; tile < end; tile += count) {
      const int rest = end - tile, groups = (rest + winograd_tiles - 1) / winograd_tiles;
      count = (rest + groups - 1) / groups;  // groups as equal as can be
      for (int i = 0; i < input_count(args); ++i) {
        for (int t = 0; t < count; ++t) transform_input(i, tile + t, v[i] + 8 * t);
      }
      for (int o = 0; o < args.out_channels; o += 8) {
        const ChannelsS8 channels = load_channels(args, o);
        for (int i = 0; i < input_count(args); ++i) multiply<winograd_tiles>(i, o, count);
        for (int t = 0; t < count; ++t) {
          if (args.channels[1] != 0) {
            finish<true>(channels, tile + t, t, row_end);
          } else {
            finish<false>(channels, tile + t, t, row_end);
          }
        }
      }
    }
  }

 private:
  static constexpr size_t products_bytes = sizeof(int32_t) * 36 * winograd_tiles * 8;
  static constexpr int plane = winograd_tiles * 8;  // from one of the 36 to the next, in V and M

  static size_t weights_of_input(const Conv2dS8& args, int i) {
    return 36 * static_cast<size_t>(args.channels[i]) * static_cast<size_t>(args.out_channels);
  }
  static size_t input_bytes(const Conv2dS8& args, int i) {
    return sizeof(int16_t) * 36 * winograd_tiles * static_cast<size_t>(args.channels[i]);
  }
  static void pack_filter(const Conv2dS8& args, int i, int o, int c, ptrdiff_t pitch, int16_t* out) {
    int32_t columns[3][6];  // [kw][row of U]
    for (int kw = 0; kw < 3; ++kw) {
      const int32_t w[3] = {weight_at(args, i, o, 0, kw, c), weight_at(args, i, o, 1, kw, c),
                            weight_at(args, i, o, 2, kw, c)};
      winograd_weights(w, columns[kw]);
    }
    for (int row = 0; row < 6; ++row) {
      const int32_t w[3] = {columns[0][row], columns[1][row], columns[2][row]};
      int32_t u[6];
      winograd_weights(w, u);
      for (int k = 0; k < 6; ++k, out += pitch) *out = static_cast<int16_t>(u[k]);
    }
  }

  // The 36 pixels that a tile reads.
  MOTE_INLINE void tile_pixels(int i, int tile, const int8_t* pixels[36]) const {
    const InputS8<int8_t>& input = inputs[i];
    const int row = tile / across * 4 - args.pad_top, column = tile % across * 4 - args.pad_left;
    const int shift = input.upsample - 1, width = input.width * input.upsample;
    for (int r = 0; r < 6; ++r) {
      const bool inside = input.has_row(row + r);
      const int8_t* x =
          input.x + static_cast<ptrdiff_t>(inside ? (row + r) >> shift : 0) * input.width * input.channels;
      for (int c = 0; c < 6; ++c) {
        const int at = column + c;
        pixels[6 * r + c] =
            inside && at >= 0 && at < width ? x + static_cast<ptrdiff_t>(at >> shift) * input.channels : input.outside;
      }
    }
  }
  void transform_input(int i, int tile, int16_t* out) const {
    const int8_t* pixels[36];
    tile_pixels(i, tile, pixels);
    const int8x8_t zero = vdup_n_s8(static_cast<int8_t>(args.zero[i]));
    for (int c = 0; c < args.channels[i]; c += 8, out += 36 * plane) {
      int16x8_t rows[6][6];
      for (int r = 0; r < 6; ++r) {
        int16x8_t x[6];
        for (int k = 0; k < 6; ++k) x[k] = vsubl_s8(vld1_s8(pixels[6 * r + k] + c), zero);
        winograd_input(x, rows[r]);
      }
      for (int k = 0; k < 6; ++k) {
        const int16x8_t x[6] = {rows[0][k], rows[1][k], rows[2][k], rows[3][k], rows[4][k], rows[5][k]};
        int16x8_t y[6];
        winograd_input(x, y);
        for (int r = 0; r < 6; ++r) vst1q_s16(out + (6 * r + k) * plane, y[r]);
      }
    }
  }

  // M of 8 output channels and `count` tiles.
  template <int N>
  void multiply(int i, int o, int count) const {
    if (count == N) {
      const int channels = args.channels[i];
      const int16_t* w = u[i] + static_cast<ptrdiff_t>(o) * 36 * channels;
      for (int k = 0; k < 36; ++k, w += 8 * channels) {
        winograd_products<N>(v[i] + k * plane, 36 * plane, w, channels, m[i] + k * plane);
      }
    } else if constexpr (N > 1) {
      multiply<N - 1>(i, o, count);
    }
  }

  // 64 times the sums of 16 pixels and 4 channels.
  static MOTE_INLINE void transform_output(const int32_t* products, int32x4_t y[4][4]) {
    int32x4_t rows[4][6];
    for (int k = 0; k < 6; ++k) {
      int32x4_t x[6], column[4];
      for (int r = 0; r < 6; ++r) x[r] = vld1q_s32(products + (6 * r + k) * plane);
      winograd_output(x, column);
      for (int r = 0; r < 4; ++r) rows[r][k] = column[r];
    }
    const int32x4_t inverse = vdupq_n_s32(0x38E38E39);
    for (int r = 0; r < 4; ++r) {
      winograd_output(rows[r], y[r]);
      for (int k = 0; k < 4; ++k) y[r][k] = vmulq_s32(y[r][k], inverse);
    }
  }
  template <bool two>
  void finish(const ChannelsS8& channels, int tile, int t, int row_end) const {
    float32x4_t sums[16][2];
    for (int half = 0; half < 2; ++half) {
      int32x4_t y[4][4];
      transform_output(m[0] + 8 * t + 4 * half, y);
      for (int p = 0; p < 16; ++p) {
        sums[p][half] = vmulq_f32(vcvtq_n_f32_s32(y[p / 4][p % 4], 6), channels.m[0][half]);
      }
      if (two) {
        transform_output(m[1] + 8 * t + 4 * half, y);
        for (int p = 0; p < 16; ++p) {
          sums[p][half] = vaddq_f32(sums[p][half], vmulq_f32(vcvtq_n_f32_s32(y[p / 4][p % 4], 6), channels.m[1][half]));
        }
      }
      for (int p = 0; p < 16; ++p) sums[p][half] = vaddq_f32(sums[p][half], channels.b[half]);
    }
    const int row = tile / across * 4, column = tile % across * 4;
    const int rows = row_end - row < 4 ? row_end - row : 4;
    const int columns = args.out_width - column < 4 ? args.out_width - column : 4;
    for (int r = 0; r < rows; ++r) {
      const ptrdiff_t pixel = (static_cast<ptrdiff_t>(row + r) * args.out_width + column) * args.out_channels;
      finish_pixels(args, sums + 4 * r, pixel + channels.o, columns);
    }
  }

  const Conv2dS8& args;
  const int across;  // tiles in a row
  InputS8<int8_t> inputs[2];
  int16_t* v[2];
  int32_t* m[2];
  const int16_t* u[2];
};

}  // namespace
}  // namespace mote
