// Convolution with weights as they are stored, [O][KH][KW][I], and without scratch: 16 products of a pixel and an
// output channel at a time along the channels, 8 output channels together. A kernel row is one stretch where input and
// weights both lie without gaps: one input, no upsampling.
#pragma once
#include "kernels/x86/conv2d_s8_epilogue.h"

namespace mote {
namespace {

// 16 (or the first n) values of the input less the zero point, as int16. Lanes beyond n: anything.
MOTE_INLINE __m256i input_values(const int8_t* x, int n, __m256i zero) {
  const __m128i v = n >= 16 ? load128(x) : load_some(x, n);
  return _mm256_sub_epi16(_mm256_cvtepi8_epi16(v), zero);
}
MOTE_INLINE __m256i input_values(const int16_t* x, int n, __m256i) {
  if (n >= 16) return load256(x);
  const __m128i low = n >= 8 ? load128(x) : load_some(x, 2 * n);
  const __m128i high = n > 8 ? load_some(x + 8, 2 * n - 16) : _mm_setzero_si128();
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

// acc[o] += x . weights of output channel o, over `length` values.
template <int OM, class X>
MOTE_INLINE void plain_stretch(__m256i (&acc)[OM], const X* x, __m256i zero, const int8_t* w, ptrdiff_t next_output,
                               int length) {
  int c = 0;
  for (; c + 16 <= length; c += 16) {
    const __m256i v = input_values(x + c, 16, zero);
#pragma GCC unroll 8
    for (int o = 0; o < OM; ++o) {
      accumulate(acc[o], _mm256_madd_epi16(v, _mm256_cvtepi8_epi16(load128(w + o * next_output + c))));
    }
  }
  if (c < length) {
    const __m256i v = input_values(x + c, length - c, zero);
#pragma GCC unroll 8
    for (int o = 0; o < OM; ++o) {
      const __m128i tail = load_some(w + o * next_output + c, length - c);
      accumulate(acc[o], _mm256_madd_epi16(v, _mm256_cvtepi8_epi16(tail)));
    }
  }
}

// The taps [begin, end) of one dimension that meet stored data, for outputs from position `first` on.
MOTE_INLINE void taps_inside(int first, int kernel, int size, int* begin, int* end) {
  *begin = min_int(kernel, max_int(0, -first));
  *end = max_int(*begin, min_int(kernel, size - first));
}

// Sums of input `input` for pixel (oy, ox) and OM output channels from o on.
template <int OM, class X>
void plain_sums(const Conv2dS8& args, const X* x, int input, int oy, int ox, int o, int32_t* sums) {
  const int channels = args.channels[input], inputs = args.channels[0] + args.channels[1];
  const ptrdiff_t depth = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * inputs;
  const int8_t* weights = args.weights + o * depth + (input == 0 ? 0 : args.channels[0]);
  const int y = oy * args.stride - args.pad_top, left = ox * args.stride - args.pad_left;
  int y_begin, y_end, x_begin, x_end;
  taps_inside(y, args.kernel_height, args.in_height * args.upsample, &y_begin, &y_end);
  taps_inside(left, args.kernel_width, args.in_width * args.upsample, &x_begin, &x_end);
  const bool joined = args.channels[1] == 0 && args.upsample == 1;
  const int step = joined ? max_int(1, x_end - x_begin) : 1;  // taps of a stretch
  const int half = args.upsample == 2 ? 1 : 0;
  const __m256i zero = _mm256_set1_epi16(static_cast<int16_t>(args.zero[input]));
  __m256i acc[OM];
#pragma GCC unroll 8
  for (int i = 0; i < OM; ++i) acc[i] = _mm256_setzero_si256();
  for (int kh = y_begin; kh < y_end; ++kh) {
    const ptrdiff_t row = static_cast<ptrdiff_t>((y + kh) >> half) * args.in_width;
    for (int kw = x_begin; kw < x_end; kw += step) {
      const X* from = x + (row + ((left + kw) >> half)) * channels;
      const int8_t* w = weights + static_cast<ptrdiff_t>(kh * args.kernel_width + kw) * inputs;
      plain_stretch(acc, from, zero, w, depth, step * channels);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < OM; i += 4) {
    const __m256i none = _mm256_setzero_si256();
    store128(sums + i, sums_of_four(acc[i], i + 1 < OM ? acc[i + 1] : none, i + 2 < OM ? acc[i + 2] : none,
                                    i + 3 < OM ? acc[i + 3] : none));
  }
}

template <class X>
MOTE_INLINE void plain_channels(const Conv2dS8& args, const X* x, int input, int oy, int ox, int o, int channels,
                                int32_t* sums) {
  if (channels == lanes32) return plain_sums<lanes32>(args, x, input, oy, ox, o, sums);
  for (int i = 0; i < channels; ++i) plain_sums<1>(args, x, input, oy, ox, o + i, sums + i);
}

template <class X>
void conv_plain(const Conv2dS8& args, const X* x, int row_begin, int row_end) {
  const Epilogue e = make_epilogue(args);
  for (int o = 0; o < args.out_channels; o += lanes32) {
    const int channels = min_int(lanes32, args.out_channels - o);
    ChannelConstants constants;
    channel_constants(args, o, lanes32, 1.0f, &constants);
    for (int oy = row_begin; oy < row_end; ++oy) {
      for (int ox = 0; ox < args.out_width; ++ox) {
        alignas(32) int32_t sums[2 * lanes32] = {};
        plain_channels(args, x, 0, oy, ox, o, channels, sums);
        __m256 v = scaled<lanes32>(load256(sums), constants.m[0]);
        if (e.two) {
          plain_channels(args, args.x[1], 1, oy, ox, o, channels, sums);
          v = _mm256_add_ps(v, scaled<lanes32>(load256(sums), constants.m[1]));
        }
        v = _mm256_add_ps(v, _mm256_loadu_ps(constants.b));
        const ptrdiff_t pixel = static_cast<ptrdiff_t>(oy) * args.out_width + ox;
        finish_some(e, v, pixel * args.out_channels + o, channels);
      }
    }
  }
}

}  // namespace
}  // namespace mote
