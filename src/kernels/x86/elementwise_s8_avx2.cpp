// Elementwise operators and resampling of quantized tensors in AVX2. Nothing but the kernels leaves this file.
#if defined(__x86_64__)
#include "kernels/kernels_s8.h"
#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/x86_s8.h"

namespace mote {
namespace {

// Two int16 factors for pairs of int16 values.
MOTE_INLINE __m256i factors(int32_t first, int32_t second) {
  return _mm256_set1_epi32(
      static_cast<int32_t>((static_cast<uint32_t>(first) & 0xFFFFu) | static_cast<uint32_t>(second) << 16));
}

// 16 values of (a * first + b * second + B) >> shift as int16, in order.
MOTE_INLINE __m256i combine_16(__m256i a, __m256i b, __m256i pair, __m256i B, __m128i shift) {
  const __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), pair);
  const __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), pair);
  return _mm256_packs_epi32(_mm256_sra_epi32(_mm256_add_epi32(low, B), shift),
                            _mm256_sra_epi32(_mm256_add_epi32(high, B), shift));
}

// run(at, n) for pieces of `step` elements of [begin, end), and for the rest.
template <class Whole, class Rest>
MOTE_INLINE void for_pieces(ptrdiff_t begin, ptrdiff_t end, int step, const Whole& whole, const Rest& rest) {
  for (; end - begin >= step; begin += step) whole(begin);
  if (begin < end) rest(begin, static_cast<size_t>(end - begin));
}

// One pixel, `channels` bytes. From 8 on with registers that may overlap.
template <class Vector>
MOTE_INLINE void copy_overlapping(const int8_t* x, int8_t* y, ptrdiff_t bytes) {
  constexpr ptrdiff_t size = sizeof(Vector);
  Vector v;
  for (ptrdiff_t i = 0; i + size < bytes; i += size) {
    memcpy(&v, x + i, sizeof v);
    memcpy(y + i, &v, sizeof v);
  }
  memcpy(&v, x + bytes - size, sizeof v);
  memcpy(y + bytes - size, &v, sizeof v);
}
MOTE_INLINE void copy_pixel(const int8_t* x, int8_t* y, ptrdiff_t bytes) {
  if (bytes >= 32) return copy_overlapping<__m256i>(x, y, bytes);
  if (bytes >= 16) return copy_overlapping<__m128i>(x, y, bytes);
  if (bytes >= 8) return copy_overlapping<uint64_t>(x, y, bytes);
  if (bytes >= 4) return copy_overlapping<uint32_t>(x, y, bytes);
  for (ptrdiff_t i = 0; i < bytes; ++i) y[i] = x[i];
}

// Sums of windows above this size may leave int16.
constexpr int largest_short_window = 15;

// 16 channels of an output pixel whose window begins at x.
MOTE_INLINE __m128i average_16(const AveragePoolS8& args, const int8_t* x, const int8_t* end) {
  __m256i sum = _mm256_setzero_si256();
  for (int ky = 0; ky < pool_rows(args.in_height, args.kernel); ++ky) {
    const int8_t* at = x + static_cast<ptrdiff_t>(ky) * args.in_width * args.channels;
    for (int kx = 0; kx < args.kernel; ++kx, at += args.channels) {
      sum = _mm256_add_epi16(sum, _mm256_cvtepi8_epi16(load_128_before(at, end)));
    }
  }
  const __m256i words = combine_16(sum, _mm256_setzero_si256(), factors(args.A, 0), _mm256_set1_epi32(args.B),
                                   _mm_cvtsi32_si128(args.shift));
  return _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

int8_t average_1(const AveragePoolS8& args, const int8_t* x) {
  int32_t sum = 0;
  for (int ky = 0; ky < pool_rows(args.in_height, args.kernel); ++ky) {
    const int8_t* at = x + static_cast<ptrdiff_t>(ky) * args.in_width * args.channels;
    for (int kx = 0; kx < args.kernel; ++kx) sum += at[static_cast<ptrdiff_t>(kx) * args.channels];
  }
  const int32_t v = (sum * args.A + args.B) >> args.shift;
  return static_cast<int8_t>(v < -128 ? -128 : v > 127 ? 127 : v);
}

void average_pixel(const AveragePoolS8& args, const int8_t* x, const int8_t* end, int8_t* y) {
  const int channels = args.channels;
  if (args.kernel > largest_short_window) {
    for (int c = 0; c < channels; ++c) y[c] = average_1(args, x + c);
  } else if (channels < 16) {
    alignas(16) int8_t bytes[16];
    store_128(bytes, average_16(args, x, end));
    memcpy(y, bytes, static_cast<size_t>(channels));
  } else {
    for (int c = 0; c < channels; c += 16) {
      const int at = c + 16 <= channels ? c : channels - 16;  // the last block may repeat channels of the one before
      store_128(y + at, average_16(args, x + at, end));
    }
  }
}

}  // namespace

void add_s8_avx2(const AddS8& args, int row_begin, int row_end) {
  const __m256i pair = factors(args.A0, args.A1), B = _mm256_set1_epi32(args.B);
  const __m128i shift = _mm_cvtsi32_si128(args.shift);
  const auto add_32 = [&](const int8_t* a, const int8_t* b, int8_t* y) __attribute__((always_inline)) {
    const __m256i first = combine_16(load_16_as_i16(a), load_16_as_i16(b), pair, B, shift);
    const __m256i second = combine_16(load_16_as_i16(a + 16), load_16_as_i16(b + 16), pair, B, shift);
    store_256(y, _mm256_permute4x64_epi64(_mm256_packs_epi16(first, second), 0xD8));
  };
  for_pieces(
      static_cast<ptrdiff_t>(row_begin) * args.row, static_cast<ptrdiff_t>(row_end) * args.row, 32,
      [&](ptrdiff_t at) { add_32(args.a + at, args.b + at, args.y + at); },
      [&](ptrdiff_t at, size_t n) {
        int8_t a[32] = {}, b[32] = {}, y[32];
        memcpy(a, args.a + at, n);
        memcpy(b, args.b + at, n);
        add_32(a, b, y);
        memcpy(args.y + at, y, n);
      });
}

void table_s8_avx2(const TableS8& args, int row_begin, int row_end) {
  const Table256 table(args.table);
  const auto map_32 = [&](const int8_t* x, int8_t* y) __attribute__((always_inline)) {
    store_256(y, table(_mm256_xor_si256(load_256(x), _mm256_set1_epi8(-128))));
  };
  for_pieces(
      static_cast<ptrdiff_t>(row_begin) * args.row, static_cast<ptrdiff_t>(row_end) * args.row, 32,
      [&](ptrdiff_t at) { map_32(args.x + at, args.y + at); },
      [&](ptrdiff_t at, size_t n) {
        int8_t x[32] = {}, y[32];
        memcpy(x, args.x + at, n);
        map_32(x, y);
        memcpy(args.y + at, y, n);
      });
}

void average_pool_s8_avx2(const AveragePoolS8& args, int row_begin, int row_end) {
  const ptrdiff_t channels = args.channels, out_width = args.in_width / args.kernel;
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.in_width) * channels;
  const int8_t* const end = args.x + args.in_height * row;
  for (ptrdiff_t oy = row_begin; oy < row_end; ++oy) {
    const int8_t* x = args.x + oy * args.kernel * row;
    int8_t* y = args.y + oy * out_width * channels;
    for (ptrdiff_t ox = 0; ox < out_width; ++ox, x += args.kernel * channels, y += channels) {
      average_pixel(args, x, end, y);
    }
  }
}

void upsample_s8_avx2(const UpsampleS8& args, int row_begin, int row_end) {
  const ptrdiff_t channels = args.channels, row = static_cast<ptrdiff_t>(args.in_width) * args.factor * channels;
  for (int oy = row_begin; oy < row_end; ++oy) {
    int8_t* y = args.y + oy * row;
    if (oy > row_begin && oy % args.factor != 0) {
      memcpy(y, y - row, static_cast<size_t>(row));
      continue;
    }
    const int8_t* x = args.x + static_cast<ptrdiff_t>(oy / args.factor) * args.in_width * channels;
    for (int ix = 0; ix < args.in_width; ++ix, x += channels) {
      for (int k = 0; k < args.factor; ++k, y += channels) copy_pixel(x, y, channels);
    }
  }
}

void quantize_s16_avx2(const QuantizeS16& args, int row_begin, int row_end) {
  const __m256 scale = _mm256_set1_ps(args.inv_scale);
  const __m256 least = _mm256_set1_ps(-32767.0f), most = _mm256_set1_ps(32767.0f);
  const auto quantize_16 = [&](const float* x, int16_t* y) __attribute__((always_inline)) {
    __m256i code[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      const __m256 v = _mm256_max_ps(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), scale), least);
      code[i] = _mm256_cvtps_epi32(_mm256_min_ps(v, most));
    }
    store_256(y, _mm256_permute4x64_epi64(_mm256_packs_epi32(code[0], code[1]), 0xD8));
  };
  for_pieces(
      static_cast<ptrdiff_t>(row_begin) * args.row, static_cast<ptrdiff_t>(row_end) * args.row, 16,
      [&](ptrdiff_t at) { quantize_16(args.x + at, args.y + at); },
      [&](ptrdiff_t at, size_t n) {
        float x[16] = {};
        int16_t y[16];
        memcpy(x, args.x + at, n * sizeof *x);
        quantize_16(x, y);
        memcpy(args.y + at, y, n * sizeof *y);
      });
}

}  // namespace mote
#endif
