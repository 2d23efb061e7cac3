// Convolution by packed weights where the instruction set multiplies bytes, in pairs of output rows. A row of the ring,
// in the worker's scratch, joins two rows of the input: the one that the upper row of the pair reads, and the one that
// the lower reads. One vector holds 8 channels of a pixel of each:
//
//   ring: [kernel_height][channels / 8][phase][column / stride][upper, lower][8]      phase = column % stride
//
// so that pairs next to each other, and taps next to each other, lie side by side. Columns and rows outside are filled
// with the zero point, so that the correction of kernels_s8.h covers all taps. Convolutions of single pixels see a chunk
// of the picture as two rows. Channels are filled up to 8; weights there are zero.
//
// Packed: the sums of kernels_s8.h, then for each input [out_channels / 8][kernel_height][channels / 8][kernel_width]
// [64], the products of 8 output channels with 8 channels. A kernel K has
//
//   pairs                                 that it works on at once
//   weight_channel(at), weight_element(at)    of byte `at` of these 64: the output channel and the channel
//   multiply<P>(x, w, acc)                adds the products of P pairs with 64 weights, and goes past these
//   MOTE_PAIR                             the same for conv_near_s8.h
//   spread(low, high, out)                constants of output channels 0..3 and 4..7 in the order of the sums
//   split(v, upper, lower)                8 channels of each pixel from vectors of that order
//   sort(codes), unsort(codes)            upper pixel first from that order, and back
#pragma once
#include "kernels/arm/conv_near_s8.h"
#include "kernels/arm/conv_s8.h"

namespace mote {
namespace {

// Constants of 8 output channels in the order of the sums of a pair.
struct PairChannels {
  int o, n;  // n of them exist
  int32x4_t correction[2][4];
  float32x4_t m[2][4], b[4];
};

// A row of the ring: what lies between its parts, in bytes.
struct PairLayout {
  int columns;   // of a phase
  size_t plane;  // from 8 channels to the next
  size_t row;
  PairLayout() = default;
  PairLayout(const Conv2dS8& args, int i, int n)
      : columns(n + (args.kernel_width - 1) / args.stride),
        plane(static_cast<size_t>(columns) * 16 * static_cast<size_t>(args.stride)),
        row(plane * static_cast<size_t>((args.channels[i] + 7) / 8)) {}
};

template <class K>
class ConvPairsS8 {
 public:
  static size_t packed_bytes(const Conv2dS8& args) {
    size_t bytes = sums_bytes(args);
    for (int i = 0; i < input_count(args); ++i) bytes += weights_of_input(args, i);
    return bytes;
  }
  static void pack(const Conv2dS8& args, void* packed) {
    pack_sums(args, packed);
    int8_t* w = static_cast<int8_t*>(packed) + sums_bytes(args);
    for (int i = 0; i < input_count(args); ++i) {
      for (int o = 0; o < args.out_channels; o += 8) {
        for (int kh = 0; kh < args.kernel_height; ++kh) {
          for (int c = 0; c < args.channels[i]; c += 8) {
            for (int kw = 0; kw < args.kernel_width; ++kw) {
              for (int at = 0; at < 64; ++at) {
                *w++ = weight_at(args, i, o + K::weight_channel(at), kh, kw, c + K::weight_element(at));
              }
            }
          }
        }
      }
    }
  }
  static size_t scratch_bytes(const Conv2dS8& args) {
    size_t bytes = 0;
    for (int i = 0; i < input_count(args); ++i) {
      bytes += outside_bytes<int8_t>(args, i) +
               static_cast<size_t>(args.kernel_height) * PairLayout(args, i, columns_of_row(args)).row;
    }
    return round_up(bytes, 64);
  }

  ConvPairsS8(const Conv2dS8& a, void* scratch) : args(a) {
    uint8_t* memory = static_cast<uint8_t*>(scratch);
    const int8_t* packed = static_cast<const int8_t*>(args.packed) + sums_bytes(args);
    for (int i = 0; i < input_count(args); ++i) {
      inputs[i] = make_input<int8_t>(args, i, single_pixels(args), memory);
      memory += outside_bytes<int8_t>(args, i);
      layout[i] = PairLayout(args, i, columns_of_row(args));
      ring[i] = reinterpret_cast<int8_t*>(memory);
      memory += layout[i].row * static_cast<size_t>(args.kernel_height);
      weights[i] = packed;
      packed += weights_of_input(args, i);
    }
  }

  void run(int row_begin, int row_end) const {
    if (args.channels[1] != 0) {
      run_rows<true>(row_begin, row_end);
    } else {
      run_rows<false>(row_begin, row_end);
    }
  }

 private:
  static int columns_of_row(const Conv2dS8& args) {
    if (!single_pixels(args)) return args.out_width;
    const int pixels = args.out_height * args.out_width;
    return pixels < row_chunk ? (pixels + 1) / 2 : row_chunk / 2;
  }
  static size_t weights_of_input(const Conv2dS8& args, int i) {
    return 64 * static_cast<size_t>((args.out_channels + 7) / 8) * static_cast<size_t>(args.kernel_height) *
           static_cast<size_t>(args.kernel_width) * static_cast<size_t>((args.channels[i] + 7) / 8);
  }

  static MOTE_INLINE int8x16_t low_halves(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip1q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
  }
  static MOTE_INLINE int8x16_t high_halves(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s64(vzip2q_s64(vreinterpretq_s64_s8(a), vreinterpretq_s64_s8(b)));
  }
  // n pixels of two rows side by side; from one to the next it is a pitch, or 0 for the outside.
  __attribute__((noinline)) static void join(const int8_t* upper, const int8_t* lower, ptrdiff_t upper_pitch,
                                             ptrdiff_t lower_pitch, int n, int channels, size_t plane, int8_t* out) {
    int c = 0;
    for (; c + 16 <= channels; c += 16, out += 2 * plane) {
      const int8_t *u = upper + c, *l = lower + c;
      int8_t *low = out, *high = out + plane;
      int k = 0;
      for (; k + 2 <= n; k += 2, u += 2 * upper_pitch, l += 2 * lower_pitch, low += 32, high += 32) {
        const int8x16_t u0 = vld1q_s8(u), l0 = vld1q_s8(l), u1 = vld1q_s8(u + upper_pitch),
                        l1 = vld1q_s8(l + lower_pitch);
        vst1q_s8(low, low_halves(u0, l0));
        vst1q_s8(low + 16, low_halves(u1, l1));
        vst1q_s8(high, high_halves(u0, l0));
        vst1q_s8(high + 16, high_halves(u1, l1));
      }
      if (k < n) {
        vst1q_s8(low, low_halves(vld1q_s8(u), vld1q_s8(l)));
        vst1q_s8(high, high_halves(vld1q_s8(u), vld1q_s8(l)));
      }
    }
    for (; c < channels; c += 8, out += plane) {
      for (int k = 0; k < n; ++k) {
        const int8_t *u = upper + k * upper_pitch + c, *l = lower + k * lower_pitch + c;
        vst1q_s8(out + 16 * k, vcombine_s8(load_part(u, channels - c), load_part(l, channels - c)));
      }
    }
  }
  // The rows `upper` and `lower` of input i from `column` on.
  void build(int i, int upper, int lower, int column, int n, int8_t* out) const {
    const InputS8<int8_t>& input = inputs[i];
    const int positions = (n - 1) * args.stride + args.kernel_width;
    int at = 0;
    while (at < positions) {
      const int x = column + at, phase = at % args.stride;
      int8_t* place = out + (static_cast<ptrdiff_t>(phase) * layout[i].columns + at / args.stride) * 16;
      int run = 1;
      ptrdiff_t upper_pitch = 0, lower_pitch = 0;
      if (args.stride == 1 && input.upsample == 1 && x >= 0 && x < input.width) {
        run = positions - at < input.width - x ? positions - at : input.width - x;
        upper_pitch = input.has_row(upper) ? input.channels : 0;
        lower_pitch = input.has_row(lower) ? input.channels : 0;
      }
      join(input.pixel(upper, x), input.pixel(lower, x), upper_pitch, lower_pitch, run, input.channels, layout[i].plane,
           place);
      at += run;
    }
  }

  PairChannels load(int o) const {
    const ChannelsS8 channels = load_channels(args, o);
    PairChannels pair;
    pair.o = channels.o;
    pair.n = channels.n;
    for (int i = 0; i < input_count(args); ++i) {
      K::spread(channels.correction[i][0], channels.correction[i][1], pair.correction[i]);
      int32x4_t m[4];
      K::spread(vreinterpretq_s32_f32(channels.m[i][0]), vreinterpretq_s32_f32(channels.m[i][1]), m);
      for (int k = 0; k < 4; ++k) pair.m[i][k] = vreinterpretq_f32_s32(m[k]);
    }
    int32x4_t b[4];
    K::spread(vreinterpretq_s32_f32(channels.b[0]), vreinterpretq_s32_f32(channels.b[1]), b);
    for (int k = 0; k < 4; ++k) pair.b[k] = vreinterpretq_f32_s32(b[k]);
    return pair;
  }

  // What a tile at output column `column` reads of input i, the first row being at slot `slot` of the ring. Rows follow
  // each other in the ring as in the weights: all planes from the slot on, then those before it.
  MOTE_INLINE Planes planes_at(int i, int column, int slot) const {
    const int8_t* x = ring[i] + static_cast<ptrdiff_t>(column) * 16;
    const size_t deep = static_cast<size_t>((args.channels[i] + 7) / 8), before = static_cast<size_t>(slot) * deep;
    return {x + before * layout[i].plane, x, static_cast<size_t>(args.kernel_height) * deep - before, before};
  }
  // Sums of P pairs and input i.
  template <int P, bool near>
  MOTE_INLINE void accumulate(int i, const Planes& planes, size_t plane, const int8_t* w, const int32x4_t begin[4],
                              int32x4_t acc[P][4]) const {
    if constexpr (near) {
      multiply_near<P>(planes, plane, w, begin, acc);
    } else {
      for (int p = 0; p < P; ++p) {
        for (int k = 0; k < 4; ++k) acc[p][k] = begin[k];
      }
      multiply_planes<P>(i, planes.x, planes.x_count, w, acc);
      multiply_planes<P>(i, planes.y, planes.y_count, w, acc);
    }
  }
  template <int P>
  MOTE_INLINE void multiply_planes(int i, const int8_t* x, size_t count, const int8_t*& w, int32x4_t acc[P][4]) const {
    for (; count > 0; --count, x += layout[i].plane) {
      for (int kw = 0; kw < args.kernel_width; ++kw) {
        const int8_t* tap = x + (static_cast<ptrdiff_t>(kw % args.stride) * layout[i].columns + kw / args.stride) * 16;
        int8x16_t pixels[P];
        for (int p = 0; p < P; ++p) pixels[p] = vld1q_s8(tap + 16 * p);
        K::template multiply<P>(pixels, w, acc);
      }
    }
  }
  size_t weights_of_8(int i) const {
    return 64 * static_cast<size_t>(args.kernel_height) * static_cast<size_t>(args.kernel_width) *
           static_cast<size_t>((args.channels[i] + 7) / 8);
  }

  // Where a tile goes: pixel numbers of its first column in the upper and the lower row; how many pixels of the lower row
  // exist from there on.
  struct Place {
    ptrdiff_t upper, lower;
    int lower_count;
  };

  // Any output: float, fewer than 8 channels, no lower row.
  __attribute__((noinline)) void finish_part_of_pairs(float32x4_t (*v)[4], int pairs, const PairChannels& channels,
                                                      const Place& place) const {
    for (int p = 0; p < pairs; ++p) {
      float32x4_t upper[2], lower[2];
      K::split(v[p], upper, lower);
      finish_part(args, upper, (place.upper + p) * args.out_channels + channels.o, channels.n);
      if (p < place.lower_count) {
        finish_part(args, lower, (place.lower + p) * args.out_channels + channels.o, channels.n);
      }
    }
  }

  // Where 8 whole channels of int8 go, and what makes them of sums. Copies, for y might lie over args for all a compiler
  // knows.
  struct Codes {
    ptrdiff_t pitch;
    int8_t *upper, *lower;
    const int8_t *upper_residual, *lower_residual;  // or null
    int16x8_t zero, residual_zero;
    int8x16_t least;
    float residual_m;
    float32x4_t m[4], b[4];
  };
  template <bool two>
  MOTE_INLINE Codes codes_at(const PairChannels& channels, const Place& place, int column) const {
    Codes codes;
    codes.pitch = args.out_channels;
    const ptrdiff_t upper = (place.upper + column) * codes.pitch + channels.o;
    const ptrdiff_t lower = (place.lower + column) * codes.pitch + channels.o;
    const bool residual = args.residual != nullptr;
    codes.upper = args.y + upper;
    codes.lower = args.y + lower;
    codes.upper_residual = residual ? args.residual + upper : nullptr;
    codes.lower_residual = residual ? args.residual + lower : nullptr;
    codes.zero = vdupq_n_s16(static_cast<int16_t>(args.y_zero));
    codes.residual_zero = vdupq_n_s16(static_cast<int16_t>(args.residual_zero));
    codes.least = vdupq_n_s8(static_cast<int8_t>(args.y_min));
    codes.residual_m = args.residual_m;
    for (int k = 0; k < 4; ++k) {
      codes.m[k] = channels.m[two][k];
      codes.b[k] = channels.b[k];
    }
    return codes;
  }
  template <int P, bool two, bool residual>
  static MOTE_INLINE void write_codes(Codes& codes, const int32x4_t acc[P][4], const float32x4_t (*terms)[4]) {
#pragma GCC unroll 8
    for (int p = 0; p < P; ++p) {
      float32x4_t v[4];
      for (int k = 0; k < 4; ++k) {
        v[k] = vmulq_f32(vcvtq_f32_s32(acc[p][k]), codes.m[k]);
        if (two) v[k] = vaddq_f32(terms[p][k], v[k]);
        v[k] = vaddq_f32(v[k], codes.b[k]);
      }
      if (residual) {
        const int8x16_t r = K::unsort(vcombine_s8(vld1_s8(codes.upper_residual), vld1_s8(codes.lower_residual)));
        add_residual(vget_low_s8(r), codes.residual_zero, codes.residual_m, v);
        add_residual(vget_high_s8(r), codes.residual_zero, codes.residual_m, v + 2);
        codes.upper_residual += codes.pitch;
        codes.lower_residual += codes.pitch;
      }
      int8x16_t y = vcombine_s8(round_codes(v[0], v[1], codes.zero), round_codes(v[2], v[3], codes.zero));
      y = K::sort(vmaxq_s8(y, codes.least));
      const int64_t lower = vgetq_lane_s64(vreinterpretq_s64_s8(y), 1);
      vst1_s8(codes.upper, vget_low_s8(y));
      memcpy(codes.lower, &lower, sizeof lower);
      codes.upper += codes.pitch;
      codes.lower += codes.pitch;
    }
  }
  template <int P, bool two>
  MOTE_INLINE void write_any(const PairChannels& channels, const int32x4_t acc[P][4], const float32x4_t (*terms)[4],
                             const Place& place) const {
    float32x4_t v[P][4];
    for (int p = 0; p < P; ++p) {
      for (int k = 0; k < 4; ++k) {
        v[p][k] = vmulq_f32(vcvtq_f32_s32(acc[p][k]), channels.m[two][k]);
        if (two) v[p][k] = vaddq_f32(terms[p][k], v[p][k]);
        v[p][k] = vaddq_f32(v[p][k], channels.b[k]);
      }
    }
    finish_part_of_pairs(v, P, channels, place);
  }
  // `count` tiles of P pairs from output column `column` on.
  template <int P, bool two, bool near>
  __attribute__((noinline)) void tiles(const PairChannels& channels, int slot, int column, int count,
                                       const Place& place) const {
    const int end = column + count * P;
    const bool whole = channels.n == 8 && args.y != nullptr && place.lower_count >= end;
    const bool residual = args.residual != nullptr;
    Codes codes = codes_at<two>(channels, place, column);
    Planes planes[2];
    const int8_t* w[2];
    size_t plane[2];
    for (int i = 0; i < (two ? 2 : 1); ++i) {
      planes[i] = planes_at(i, column, slot);
      plane[i] = layout[i].plane;
      w[i] = weights[i] + static_cast<size_t>(channels.o / 8) * weights_of_8(i);
    }
    for (; column < end; column += P) {
      int32x4_t acc[P][4];
      float32x4_t terms[two ? P : 1][4];
      accumulate<P, near>(0, planes[0], plane[0], w[0], channels.correction[0], acc);
      planes[0].x += 16 * P;
      planes[0].y += 16 * P;
      if constexpr (two) {
        for (int p = 0; p < P; ++p) {
          for (int k = 0; k < 4; ++k) terms[p][k] = vmulq_f32(vcvtq_f32_s32(acc[p][k]), channels.m[0][k]);
        }
        accumulate<P, near>(1, planes[1], plane[1], w[1], channels.correction[1], acc);
        planes[1].x += 16 * P;
        planes[1].y += 16 * P;
      }
      if (!whole) {
        write_any<P, two>(channels, acc, terms,
                          {place.upper + column, place.lower + column, place.lower_count - column});
      } else if (residual) {
        write_codes<P, two, true>(codes, acc, terms);
      } else {
        write_codes<P, two, false>(codes, acc, terms);
      }
    }
  }
  template <int P, bool two>
  void tiles_of(int pairs, const PairChannels& channels, int slot, int column, int count, const Place& place) const {
    if (pairs == P) {
      if (args.kernel_width == 3 && args.stride == 1) {
        tiles<P, two, true>(channels, slot, column, count, place);
      } else {
        tiles<P, two, false>(channels, slot, column, count, place);
      }
    } else if constexpr (P > 1) {
      tiles_of<P - 1, two>(pairs, channels, slot, column, count, place);
    }
  }
  // n pairs, in tiles as equal as can be.
  template <bool two>
  void row(int slot, int n, const Place& place) const {
    const int count = (n + K::pairs - 1) / K::pairs, least = n / count, more = n % count;
    for (int o = 0; o < args.out_channels; o += 8) {
      const PairChannels channels = load(o);
      if (more > 0) tiles_of<K::pairs, two>(least + 1, channels, slot, 0, more, place);
      tiles_of<K::pairs, two>(least, channels, slot, more * (least + 1), count - more, place);
    }
  }

  // n pixels from `pixel` on: the first half is the upper row. What is left over has no lower pixel.
  template <bool two>
  void half_rows(ptrdiff_t pixel, int n) const {
    const int half = n > 1 ? n / 2 : 1;
    for (int i = 0; i < input_count(args); ++i) {
      const ptrdiff_t channels = args.channels[i];
      const int8_t* x = inputs[i].x + pixel * channels;
      join(x, n > 1 ? x + half * channels : x, channels, channels, half, args.channels[i], layout[i].plane, ring[i]);
    }
    row<two>(0, half, {pixel, pixel + half, n > 1 ? half : 0});
    if (n > 1 && n % 2 != 0) half_rows<two>(pixel + n - 1, 1);
  }
  template <bool two>
  void run_pixels(ptrdiff_t begin, ptrdiff_t end) const {
    for (ptrdiff_t pixel = begin; pixel < end; pixel += row_chunk) {
      half_rows<two>(pixel, static_cast<int>(end - pixel < row_chunk ? end - pixel : row_chunk));
    }
  }
  template <bool two>
  void run_rows(int row_begin, int row_end) const {
    if (single_pixels(args)) {
      return run_pixels<two>(static_cast<ptrdiff_t>(row_begin) * args.out_width,
                             static_cast<ptrdiff_t>(row_end) * args.out_width);
    }
    int built = row_begin * args.stride;  // rows before this one, counted from the padding on, are in the ring
    for (int oy = row_begin; oy < row_end; oy += 2) {
      const int first = oy * args.stride, last = first + args.kernel_height;
      for (int r = built > first ? built : first; r < last; ++r) {
        for (int i = 0; i < input_count(args); ++i) {
          build(i, r - args.pad_top, r - args.pad_top + args.stride, -args.pad_left, args.out_width,
                ring[i] + static_cast<size_t>(r % args.kernel_height) * layout[i].row);
        }
      }
      built = last;
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(oy) * args.out_width;
      row<two>(first % args.kernel_height, args.out_width,
               {pixel, pixel + args.out_width, oy + 1 < row_end ? args.out_width : 0});
    }
  }

  const Conv2dS8& args;
  InputS8<int8_t> inputs[2];
  int8_t* ring[2];
  PairLayout layout[2];
  const int8_t* weights[2];
};

}  // namespace
}  // namespace mote
