// The one-dimensional transforms of Winograd's minimal filtering (Winograd 1980; Lavin & Gray 2016, arXiv 1509.09308)
// in whole numbers: F(4, 3) at the points 0, +-1, +-2 and infinity, F(2, 3) at 0, +-1 and infinity. The choice of whole
// scales is ours: Lavin's G has fractions; the rows of the one below are multiplied by what makes them whole, and the
// outputs come out 24 (or 2) times too large in each dimension, which division takes off again without a remainder.
//
// F(4x4, 3x3): |V| <= 10^2 * 255 = 25500 and |U| <= 12^2 * 127 = 18288 fit int16, and vpmaddwd's sum of two products fits
// int32. Sums over channels and the output transform are modulo 2^32: they give 576 y = 64 * 9 y modulo 2^32, and
// times 0x38E38E39 = 1/9 modulo 2^32 that is 64 y if |y| < 2^25 (below_2_25).
// F(2x2, 3x3): |V| <= 1020, |U| <= 1143, and 4 y if |y| < 2^29 (below_2_29).
// Rounding to float does not care about a power of two: (float(64 y)) * (m / 64) is float(y) * m.
//
// With upsampled input (nearest, odd padding) two neighbouring rows under a tile are equal, and one of the points (-1)
// always meets 0 and is left out (`halved`): 25 products for 4x4 outputs instead of 36, 9 for 2x2 instead of 16; and the
// patch under a tile shrinks to the rows that differ.
#pragma once
#include "kernels/x86/conv2d_s8_epilogue_avx2.h"

namespace mote {
namespace {

template <int shift>
MOTE_INLINE __m256i times16(__m256i v) {
  return _mm256_slli_epi16(v, shift);
}
template <int shift>
MOTE_INLINE __m256i times32(__m256i v) {
  return _mm256_slli_epi32(v, shift);
}

// tile: outputs; points: products; patch: inputs (all in one dimension); step: inputs from one tile to the next.
// filter: G; input: B^T, int16; output: A^T, int32; shifted: of A^T M A, y / m_scale.
template <int outputs, bool is_halved>
struct WinoForm;

template <>
struct WinoForm<4, false> {
  static constexpr int tile = 4, points = 6, patch = 6, step = 4;
  static constexpr float m_scale = 1.0f / 64.0f;
  static constexpr bool halved = false;
  static constexpr int filter[points][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}};
  static MOTE_INLINE void input(const __m256i (&d)[patch], __m256i (&t)[points]) {
    const __m256i a = _mm256_sub_epi16(d[4], times16<2>(d[2])), b = _mm256_sub_epi16(d[3], times16<2>(d[1]));
    const __m256i c = _mm256_sub_epi16(d[4], d[2]);
    const __m256i e = times16<1>(_mm256_sub_epi16(d[3], d[1]));
    t[0] = _mm256_add_epi16(times16<2>(_mm256_sub_epi16(d[0], d[2])), c);
    t[1] = _mm256_add_epi16(a, b);
    t[2] = _mm256_sub_epi16(a, b);
    t[3] = _mm256_add_epi16(c, e);
    t[4] = _mm256_sub_epi16(c, e);
    t[5] = _mm256_sub_epi16(_mm256_sub_epi16(d[5], d[3]), times16<1>(e));
  }
  static MOTE_INLINE void output(const __m256i (&m)[points], __m256i (&y)[tile]) {
    const __m256i s = _mm256_add_epi32(m[1], m[2]), d = _mm256_sub_epi32(m[1], m[2]);
    outputs_of(m[0], s, d, m[3], m[4], m[5], y);
  }
  static MOTE_INLINE void outputs_of(__m256i m0, __m256i s1, __m256i d1, __m256i m3, __m256i m4, __m256i m5,
                                     __m256i (&y)[tile]) {
    const __m256i s2 = _mm256_add_epi32(m3, m4), d2 = _mm256_sub_epi32(m3, m4);
    y[0] = _mm256_add_epi32(m0, _mm256_add_epi32(s1, s2));
    y[1] = _mm256_add_epi32(d1, times32<1>(d2));
    y[2] = _mm256_add_epi32(s1, times32<2>(s2));
    y[3] = _mm256_add_epi32(d1, times32<1>(_mm256_add_epi32(m5, times32<2>(d2))));
  }
  static MOTE_INLINE __m256i shifted(__m256i y) { return _mm256_mullo_epi32(y, _mm256_set1_epi32(0x38E38E39)); }
};

template <>
struct WinoForm<4, true> {
  static constexpr int tile = 4, points = 5, patch = 4, step = 2;
  static constexpr float m_scale = 1.0f / 64.0f;
  static constexpr bool halved = true;
  static constexpr int filter[points][3] = {{6, 0, 0}, {-4, -4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}};
  // As above with the inputs d0 d1 d1 d2 d2 d3.
  static MOTE_INLINE void input(const __m256i (&d)[patch], __m256i (&t)[points]) {
    const __m256i c = _mm256_sub_epi16(d[2], d[1]), twice = times16<1>(c);
    t[0] = _mm256_add_epi16(times16<2>(_mm256_sub_epi16(d[0], d[1])), c);
    t[1] = times16<1>(_mm256_sub_epi16(d[2], times16<2>(d[1])));
    t[2] = _mm256_add_epi16(c, twice);
    t[3] = _mm256_sub_epi16(c, twice);
    t[4] = _mm256_sub_epi16(_mm256_sub_epi16(d[3], d[2]), times16<1>(twice));
  }
  static MOTE_INLINE void output(const __m256i (&m)[points], __m256i (&y)[tile]) {
    WinoForm<4, false>::outputs_of(m[0], m[1], m[1], m[2], m[3], m[4], y);
  }
  static MOTE_INLINE __m256i shifted(__m256i y) { return WinoForm<4, false>::shifted(y); }
};

template <>
struct WinoForm<2, false> {
  static constexpr int tile = 2, points = 4, patch = 4, step = 2;
  static constexpr float m_scale = 0.25f;
  static constexpr bool halved = false;
  static constexpr int filter[points][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  static MOTE_INLINE void input(const __m256i (&d)[patch], __m256i (&t)[points]) {
    t[0] = _mm256_sub_epi16(d[0], d[2]);
    t[1] = _mm256_add_epi16(d[1], d[2]);
    t[2] = _mm256_sub_epi16(d[2], d[1]);
    t[3] = _mm256_sub_epi16(d[1], d[3]);
  }
  static MOTE_INLINE void output(const __m256i (&m)[points], __m256i (&y)[tile]) {
    y[0] = _mm256_add_epi32(m[0], _mm256_add_epi32(m[1], m[2]));
    y[1] = _mm256_sub_epi32(_mm256_sub_epi32(m[1], m[2]), m[3]);
  }
  static MOTE_INLINE __m256i shifted(__m256i y) { return y; }
};

template <>
struct WinoForm<2, true> {
  static constexpr int tile = 2, points = 3, patch = 3, step = 1;
  static constexpr float m_scale = 0.25f;
  static constexpr bool halved = true;
  static constexpr int filter[points][3] = {{2, 0, 0}, {1, 1, 1}, {0, 0, 2}};
  // As above with the inputs d0 d1 d1 d2.
  static MOTE_INLINE void input(const __m256i (&d)[patch], __m256i (&t)[points]) {
    t[0] = _mm256_sub_epi16(d[0], d[1]);
    t[1] = times16<1>(d[1]);
    t[2] = _mm256_sub_epi16(d[1], d[2]);
  }
  static MOTE_INLINE void output(const __m256i (&m)[points], __m256i (&y)[tile]) {
    y[0] = _mm256_add_epi32(m[0], m[1]);
    y[1] = _mm256_sub_epi32(m[1], m[2]);
  }
  static MOTE_INLINE __m256i shifted(__m256i y) { return y; }
};

}  // namespace
}  // namespace mote
