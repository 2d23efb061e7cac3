// A "vector" of one float in plain C++: what each name of the vector traits means. For processors without a trait of
// their own, and for tests of the templates. fma rounds twice here.
#pragma once
#include <cstdint>
#include <cstring>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

struct VecScalar {
  static constexpr int width = 1;
  static constexpr int registers = 16;
  static constexpr bool has_lane_fma = false;
  float v;

  static MOTE_INLINE VecScalar load(const float* p) { return {*p}; }
  static MOTE_INLINE VecScalar load_partial(const float* p, int n) { return {n > 0 ? *p : 0.0f}; }
  static MOTE_INLINE VecScalar set1(float x) { return {x}; }
  static MOTE_INLINE VecScalar zero() { return {0.0f}; }

  MOTE_INLINE void store(float* p) const { *p = v; }
  MOTE_INLINE void store_partial(float* p, int n) const {
    if (n > 0) *p = v;
  }
};

MOTE_INLINE VecScalar add(VecScalar a, VecScalar b) { return {a.v + b.v}; }
MOTE_INLINE VecScalar sub(VecScalar a, VecScalar b) { return {a.v - b.v}; }
MOTE_INLINE VecScalar mul(VecScalar a, VecScalar b) { return {a.v * b.v}; }
MOTE_INLINE VecScalar div(VecScalar a, VecScalar b) { return {a.v / b.v}; }
MOTE_INLINE VecScalar min(VecScalar a, VecScalar b) { return {a.v < b.v ? a.v : b.v}; }
MOTE_INLINE VecScalar max(VecScalar a, VecScalar b) { return {a.v > b.v ? a.v : b.v}; }
MOTE_INLINE VecScalar sqrt(VecScalar a) { return {__builtin_sqrtf(a.v)}; }
MOTE_INLINE VecScalar abs(VecScalar a) { return {__builtin_fabsf(a.v)}; }
MOTE_INLINE VecScalar neg(VecScalar a) { return {-a.v}; }
MOTE_INLINE VecScalar fma(VecScalar a, VecScalar b, VecScalar c) { return {a.v * b.v + c.v}; }
MOTE_INLINE VecScalar fnma(VecScalar a, VecScalar b, VecScalar c) { return {c.v - a.v * b.v}; }

// Exact for |a| < 2^22: adding 1.5 * 2^23 leaves no room for a fraction.
MOTE_INLINE VecScalar round(VecScalar a) { return {(a.v + 12582912.0f) - 12582912.0f}; }
MOTE_INLINE VecScalar exp2_int(VecScalar n) {
  // NaN and out-of-range values must not reach the conversion.
  const float inside = n.v > -126.0f ? (n.v < 127.0f ? n.v : 127.0f) : -126.0f;
  const uint32_t bits = static_cast<uint32_t>(static_cast<int32_t>(inside) + 127) << 23;
  VecScalar result;
  std::memcpy(&result.v, &bits, sizeof bits);
  return result;
}
MOTE_INLINE VecScalar select_gt(VecScalar a, VecScalar b, VecScalar x, VecScalar y) { return a.v > b.v ? x : y; }

MOTE_INLINE float reduce_add(VecScalar a) { return a.v; }
MOTE_INLINE void reduce_add4(VecScalar a, VecScalar b, VecScalar c, VecScalar d, float* sums) {
  sums[0] = a.v;
  sums[1] = b.v;
  sums[2] = c.v;
  sums[3] = d.v;
}
MOTE_INLINE float reduce_max(VecScalar a) { return a.v; }

}  // namespace
}  // namespace mote
