// Convolution of rows of int16 by packed weights, for all sizes: the rows of the input that an output row reads are
// copied into a ring in the worker's scratch, as [position][channels] of int16 with the zero point taken off, upsampled
// columns repeated and zeros outside. The taps of one row of the filter are then one run of products.
//
// Packed: the sums of kernels_s8.h, then for each input int16 weights
// [out_channels / 8][kernel_height][kernel_width * channels, rounded up to 8][8 output channels].
#pragma once
#include "kernels/arm/conv_s8.h"

namespace mote {
namespace {

#if defined(__aarch64__)
constexpr int rows_at_once = 8;
#else
constexpr int rows_at_once = 4;  // 16 registers instead of 32
#endif

// acc[p] += the products of n (a multiple of 8) elements of row p of x, `pitch` apart, with 8 columns of w. Eight
// elements of a row follow each other, the next eight lie `step` further.
template <int N>
MOTE_INLINE void multiply_rows(const int16_t* x, ptrdiff_t pitch, ptrdiff_t step, int n, const int16_t* w,
                               int32x4_t acc[N][2]) {
  for (; n > 0; n -= 8, x += step, w += 64) {
    int16x8_t rows[N];
    for (int p = 0; p < N; ++p) rows[p] = vld1q_s16(x + p * pitch);
    const int16x8_t w0 = vld1q_s16(w), w1 = vld1q_s16(w + 8);
    for (int p = 0; p < N; ++p) multiply_add<0>(acc[p], w0, rows[p]);
    for (int p = 0; p < N; ++p) multiply_add<1>(acc[p], w1, rows[p]);
    const int16x8_t w2 = vld1q_s16(w + 16), w3 = vld1q_s16(w + 24);
    for (int p = 0; p < N; ++p) multiply_add<2>(acc[p], w2, rows[p]);
    for (int p = 0; p < N; ++p) multiply_add<3>(acc[p], w3, rows[p]);
    const int16x8_t w4 = vld1q_s16(w + 32), w5 = vld1q_s16(w + 40);
    for (int p = 0; p < N; ++p) multiply_add<4>(acc[p], w4, rows[p]);
    for (int p = 0; p < N; ++p) multiply_add<5>(acc[p], w5, rows[p]);
    const int16x8_t w6 = vld1q_s16(w + 48), w7 = vld1q_s16(w + 56);
    for (int p = 0; p < N; ++p) multiply_add<6>(acc[p], w6, rows[p]);
    for (int p = 0; p < N; ++p) multiply_add<7>(acc[p], w7, rows[p]);
  }
}

MOTE_INLINE void copy_pixel(const int8_t* x, int zero, int n, int16_t* out) {
  const int8x8_t z = vdup_n_s8(static_cast<int8_t>(zero));
  int c = 0;
  for (; c + 8 <= n; c += 8) vst1q_s16(out + c, vsubl_s8(vld1_s8(x + c), z));
  for (; c < n; ++c) out[c] = static_cast<int16_t>(x[c] - zero);
}
MOTE_INLINE void copy_pixel(const int16_t* x, int, int n, int16_t* out) {
  memcpy(out, x, static_cast<size_t>(n) * sizeof *x);
}

// X: int8_t or int16_t, what the input is made of.
template <class X>
class ConvRowsS16 {
 public:
  static size_t packed_bytes(const Conv2dS8& args) {
    size_t bytes = sums_bytes(args);
    for (int i = 0; i < input_count(args); ++i) bytes += sizeof(int16_t) * weights_of_input(args, i);
    return round_up(bytes, 64);
  }
  static void pack(const Conv2dS8& args, void* packed) {
    pack_sums(args, packed);
    int16_t* w = reinterpret_cast<int16_t*>(static_cast<uint8_t*>(packed) + sums_bytes(args));
    for (int i = 0; i < input_count(args); ++i) {
      for (int o = 0; o < args.out_channels; o += 8) {
        for (int kh = 0; kh < args.kernel_height; ++kh) {
          for (int at = 0; at < run_length(args, i); ++at) {
            const int kw = at / args.channels[i], c = at % args.channels[i];
            for (int k = 0; k < 8; ++k) *w++ = weight_at(args, i, o + k, kh, kw, c);
          }
        }
      }
    }
  }
  static size_t scratch_bytes(const Conv2dS8& args) {
    size_t bytes = 64;  // vectors at the end of a ring may read on; their weights are zero
    for (int i = 0; i < input_count(args); ++i) {
      bytes += outside_bytes<X>(args, i) + static_cast<size_t>(args.kernel_height) * row_bytes(args, i);
    }
    return round_up(bytes, 64);
  }

  ConvRowsS16(const Conv2dS8& a, void* scratch) : args(a) {
    uint8_t* memory = static_cast<uint8_t*>(scratch);
    const int16_t* packed =
        reinterpret_cast<const int16_t*>(static_cast<const uint8_t*>(args.packed) + sums_bytes(args));
    for (int i = 0; i < input_count(args); ++i) {
      inputs[i] = make_input<X>(args, i, single_pixels(args), memory);
      memory += outside_bytes<X>(args, i);
      pitch[i] = static_cast<ptrdiff_t>(row_bytes(args, i) / sizeof(int16_t));
      ring[i] = reinterpret_cast<int16_t*>(memory);
      memory += row_bytes(args, i) * static_cast<size_t>(args.kernel_height);
      weights[i] = packed;
      packed += weights_of_input(args, i);
    }
  }

  void run(int row_begin, int row_end) const {
    if (single_pixels(args)) {
      run_pixels(static_cast<ptrdiff_t>(row_begin) * args.out_width, static_cast<ptrdiff_t>(row_end) * args.out_width);
      return;
    }
    int built = row_begin * args.stride;  // rows before this one, counted from the padding on, are in the ring
    for (int oy = row_begin; oy < row_end; ++oy) {
      const int first = oy * args.stride, last = first + args.kernel_height;
      for (int r = built > first ? built : first; r < last; ++r) {
        for (int i = 0; i < input_count(args); ++i) {
          build(i, r - args.pad_top, -args.pad_left, args.out_width, ring[i] + r % args.kernel_height * pitch[i]);
        }
      }
      built = last;
      row(first % args.kernel_height, args.out_width, static_cast<ptrdiff_t>(oy) * args.out_width);
    }
  }

 private:
  static int run_length(const Conv2dS8& args, int i) { return (args.kernel_width * args.channels[i] + 7) / 8 * 8; }
  static size_t weights_of_input(const Conv2dS8& args, int i) {
    return static_cast<size_t>((args.out_channels + 7) / 8) * 8 * static_cast<size_t>(args.kernel_height) *
           static_cast<size_t>(run_length(args, i));
  }
  static int positions(const Conv2dS8& args, int pixels) { return (pixels - 1) * args.stride + args.kernel_width; }
  static size_t row_bytes(const Conv2dS8& args, int i) {
    const int pixels = args.out_height * args.out_width;
    const int n = !single_pixels(args) ? args.out_width : pixels < row_chunk ? pixels : row_chunk;
    return round_up(sizeof(int16_t) * static_cast<size_t>(positions(args, n)) * static_cast<size_t>(args.channels[i]),
                    64);
  }

  void build(int i, int row, int column, int n, int16_t* out) const {
    const int end = column + positions(args, n);
    for (; column < end; ++column, out += args.channels[i]) {
      copy_pixel(inputs[i].pixel(row, column), args.zero[i], args.channels[i], out);
    }
  }

  // f(acc) * m of N pixels and input i, from output column `column` on; the rows begin at slot `slot` of the ring.
  template <int N>
  MOTE_INLINE void products(const ChannelsS8& channels, int i, int slot, int column, float32x4_t v[N][2]) const {
    int32x4_t acc[N][2];
    for (int p = 0; p < N; ++p) acc[p][0] = acc[p][1] = vdupq_n_s32(0);
    const int length = run_length(args, i);
    const ptrdiff_t pixel = static_cast<ptrdiff_t>(args.stride) * args.channels[i];
    const int16_t* w = weights[i] + static_cast<ptrdiff_t>(channels.o) * args.kernel_height * length;
    for (int kh = 0; kh < args.kernel_height; ++kh, w += 8 * length) {
      multiply_rows<N>(ring[i] + slot * pitch[i] + column * pixel, pixel, 8, length, w, acc);
      if (++slot == args.kernel_height) slot = 0;
    }
    for (int p = 0; p < N; ++p) {
      for (int half = 0; half < 2; ++half) v[p][half] = vmulq_f32(vcvtq_f32_s32(acc[p][half]), channels.m[i][half]);
    }
  }
  template <int N>
  void tile(const ChannelsS8& channels, int slot, int column, ptrdiff_t pixel) const {
    float32x4_t v[N][2];
    products<N>(channels, 0, slot, column, v);
    if (args.channels[1] != 0) {
      float32x4_t second[N][2];
      products<N>(channels, 1, slot, column, second);
      for (int p = 0; p < N; ++p) {
        for (int half = 0; half < 2; ++half) v[p][half] = vaddq_f32(v[p][half], second[p][half]);
      }
    }
    for (int p = 0; p < N; ++p) {
      for (int half = 0; half < 2; ++half) v[p][half] = vaddq_f32(v[p][half], channels.b[half]);
      finish_part(args, v[p], (pixel + column + p) * args.out_channels + channels.o, channels.n);
    }
  }
  // n output pixels from `pixel` on.
  void row(int slot, int n, ptrdiff_t pixel) const {
    for (int o = 0; o < args.out_channels; o += 8) {
      const ChannelsS8 channels = load_channels(args, o);
      int at = 0;
      for (; at + rows_at_once <= n; at += rows_at_once) tile<rows_at_once>(channels, slot, at, pixel);
      for (; at + 2 <= n; at += 2) tile<2>(channels, slot, at, pixel);
      if (at < n) tile<1>(channels, slot, at, pixel);
    }
  }
  void run_pixels(ptrdiff_t begin, ptrdiff_t end) const {
    for (ptrdiff_t pixel = begin; pixel < end; pixel += row_chunk) {
      const int n = static_cast<int>(end - pixel < row_chunk ? end - pixel : row_chunk);
      for (int i = 0; i < input_count(args); ++i) build(i, 0, static_cast<int>(pixel), n, ring[i]);
      row(0, n, pixel);
    }
  }

  const Conv2dS8& args;
  InputS8<X> inputs[2];
  int16_t* ring[2];    // [kernel_height] rows
  ptrdiff_t pitch[2];  // of rows
  const int16_t* weights[2];
};

}  // namespace
}  // namespace mote
