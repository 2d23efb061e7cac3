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
#include "kernels/x86/conv2d_s8_vectors.h"

namespace mote {
namespace {

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
  template <class V>
  static MOTE_INLINE void input(const V (&d)[patch], V (&t)[points]) {
    const V a = sub16(d[4], left16<2>(d[2])), b = sub16(d[3], left16<2>(d[1]));
    const V c = sub16(d[4], d[2]);
    const V e = left16<1>(sub16(d[3], d[1]));
    t[0] = add16(left16<2>(sub16(d[0], d[2])), c);
    t[1] = add16(a, b);
    t[2] = sub16(a, b);
    t[3] = add16(c, e);
    t[4] = sub16(c, e);
    t[5] = sub16(sub16(d[5], d[3]), left16<1>(e));
  }
  template <class V>
  static MOTE_INLINE void output(const V (&m)[points], V (&y)[tile]) {
    const V s = add32(m[1], m[2]), d = sub32(m[1], m[2]);
    outputs_of(m[0], s, d, m[3], m[4], m[5], y);
  }
  template <class V>
  static MOTE_INLINE void outputs_of(V m0, V s1, V d1, V m3, V m4, V m5, V (&y)[tile]) {
    const V s2 = add32(m3, m4), d2 = sub32(m3, m4);
    y[0] = add32(m0, add32(s1, s2));
    y[1] = add32(d1, left32<1>(d2));
    y[2] = add32(s1, left32<2>(s2));
    y[3] = add32(d1, left32<1>(add32(m5, left32<2>(d2))));
  }
  template <class V>
  static MOTE_INLINE V shifted(V y) {
    return times32(y, 0x38E38E39);
  }
};

template <>
struct WinoForm<4, true> {
  static constexpr int tile = 4, points = 5, patch = 4, step = 2;
  static constexpr float m_scale = 1.0f / 64.0f;
  static constexpr bool halved = true;
  static constexpr int filter[points][3] = {{6, 0, 0}, {-4, -4, -4}, {1, 2, 4}, {1, -2, 4}, {0, 0, 12}};
  // As above with the inputs d0 d1 d1 d2 d2 d3.
  template <class V>
  static MOTE_INLINE void input(const V (&d)[patch], V (&t)[points]) {
    const V c = sub16(d[2], d[1]), twice = left16<1>(c);
    t[0] = add16(left16<2>(sub16(d[0], d[1])), c);
    t[1] = left16<1>(sub16(d[2], left16<2>(d[1])));
    t[2] = add16(c, twice);
    t[3] = sub16(c, twice);
    t[4] = sub16(sub16(d[3], d[2]), left16<1>(twice));
  }
  template <class V>
  static MOTE_INLINE void output(const V (&m)[points], V (&y)[tile]) {
    WinoForm<4, false>::outputs_of(m[0], m[1], m[1], m[2], m[3], m[4], y);
  }
  template <class V>
  static MOTE_INLINE V shifted(V y) {
    return WinoForm<4, false>::shifted(y);
  }
};

template <>
struct WinoForm<2, false> {
  static constexpr int tile = 2, points = 4, patch = 4, step = 2;
  static constexpr float m_scale = 0.25f;
  static constexpr bool halved = false;
  static constexpr int filter[points][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
  template <class V>
  static MOTE_INLINE void input(const V (&d)[patch], V (&t)[points]) {
    t[0] = sub16(d[0], d[2]);
    t[1] = add16(d[1], d[2]);
    t[2] = sub16(d[2], d[1]);
    t[3] = sub16(d[1], d[3]);
  }
  template <class V>
  static MOTE_INLINE void output(const V (&m)[points], V (&y)[tile]) {
    y[0] = add32(m[0], add32(m[1], m[2]));
    y[1] = sub32(sub32(m[1], m[2]), m[3]);
  }
  template <class V>
  static MOTE_INLINE V shifted(V y) {
    return y;
  }
};

template <>
struct WinoForm<2, true> {
  static constexpr int tile = 2, points = 3, patch = 3, step = 1;
  static constexpr float m_scale = 0.25f;
  static constexpr bool halved = true;
  static constexpr int filter[points][3] = {{2, 0, 0}, {1, 1, 1}, {0, 0, 2}};
  // As above with the inputs d0 d1 d1 d2.
  template <class V>
  static MOTE_INLINE void input(const V (&d)[patch], V (&t)[points]) {
    t[0] = sub16(d[0], d[1]);
    t[1] = left16<1>(d[1]);
    t[2] = sub16(d[1], d[2]);
  }
  template <class V>
  static MOTE_INLINE void output(const V (&m)[points], V (&y)[tile]) {
    y[0] = add32(m[0], m[1]);
    y[1] = sub32(m[1], m[2]);
  }
  template <class V>
  static MOTE_INLINE V shifted(V y) {
    return y;
  }
};

}  // namespace
}  // namespace mote
