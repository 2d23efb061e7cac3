// A vector of 8 floats in AVX2 + FMA registers: the trait that the templates of this folder are written over.
//
// Every vec_*.h offers the same names (listed here once; vec_scalar.h shows each in plain C++):
//   V::width; V::load, load_partial(p, n), store, store_partial(p, n) with 0 <= n <= width (lanes past n: 0, or left
//   untouched); V::set1, V::zero; add, sub, mul, div, min, max, sqrt, abs, neg; fma(a, b, c) = a * b + c,
//   fnma(a, b, c) = c - a * b; round (to nearest even); exp2_int(n) = 2^n for integral n in [-126, 127];
//   select_gt(a, b, x, y) = a > b ? x : y;
//   reduce_add, reduce_max over all lanes; reduce_add4(a, b, c, d, sums) writes the four sums that reduce_add gives;
//   registers: how many the processor has; V::fma_lane<i>(a, b, c) = a[i] * b + c where has_lane_fma.
// reduce_add always adds in the same order.
// min and max return the second operand if one is NaN (NEON: NaN), so max(low, x) lets NaN through.
// Everything is in an anonymous namespace: an ISA file must export nothing but its kernels.
#pragma once
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include <cstdint>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

alignas(32) constexpr int32_t vec_avx2_mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

struct VecAvx2 {
  static constexpr int width = 8;
  static constexpr int registers = 16;
  static constexpr bool has_lane_fma = false;
  __m256 v;

  static MOTE_INLINE VecAvx2 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static MOTE_INLINE VecAvx2 load_partial(const float* p, int n) {
    const __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(vec_avx2_mask + 8 - n));
    return {_mm256_maskload_ps(p, mask)};
  }
  static MOTE_INLINE VecAvx2 set1(float x) { return {_mm256_set1_ps(x)}; }
  static MOTE_INLINE VecAvx2 zero() { return {_mm256_setzero_ps()}; }

  MOTE_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  // Masked stores are slow on several processors: halves, quarters and single lanes instead.
  MOTE_INLINE void store_partial(float* p, int n) const {
    if (n >= 8) {
      _mm256_storeu_ps(p, v);
      return;
    }
    __m128 part = _mm256_castps256_ps128(v);
    if (n & 4) {
      _mm_storeu_ps(p, part);
      part = _mm256_extractf128_ps(v, 1);
      p += 4;
    }
    if (n & 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
      part = _mm_movehl_ps(part, part);
      p += 2;
    }
    if (n & 1) _mm_store_ss(p, part);
  }
};

MOTE_INLINE VecAvx2 add(VecAvx2 a, VecAvx2 b) { return {_mm256_add_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 sub(VecAvx2 a, VecAvx2 b) { return {_mm256_sub_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 mul(VecAvx2 a, VecAvx2 b) { return {_mm256_mul_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 div(VecAvx2 a, VecAvx2 b) { return {_mm256_div_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 min(VecAvx2 a, VecAvx2 b) { return {_mm256_min_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 max(VecAvx2 a, VecAvx2 b) { return {_mm256_max_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx2 sqrt(VecAvx2 a) { return {_mm256_sqrt_ps(a.v)}; }
MOTE_INLINE VecAvx2 abs(VecAvx2 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
MOTE_INLINE VecAvx2 neg(VecAvx2 a) { return {_mm256_xor_ps(_mm256_set1_ps(-0.0f), a.v)}; }
MOTE_INLINE VecAvx2 fma(VecAvx2 a, VecAvx2 b, VecAvx2 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
MOTE_INLINE VecAvx2 fnma(VecAvx2 a, VecAvx2 b, VecAvx2 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }

MOTE_INLINE VecAvx2 round(VecAvx2 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
MOTE_INLINE VecAvx2 exp2_int(VecAvx2 n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n.v), _mm256_set1_epi32(127));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(biased, 23))};
}
MOTE_INLINE VecAvx2 select_gt(VecAvx2 a, VecAvx2 b, VecAvx2 x, VecAvx2 y) {
  return {_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ))};
}

// Halves onto each other, then neighbours, then pairs: the same order for one vector and for four.
MOTE_INLINE __m128 vec_avx2_fold(VecAvx2 a) {
  return _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
}
MOTE_INLINE float reduce_add(VecAvx2 a) {
  __m128 s = vec_avx2_fold(a);
  s = _mm_add_ps(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehl_ps(s, s)));
}
MOTE_INLINE void reduce_add4(VecAvx2 a, VecAvx2 b, VecAvx2 c, VecAvx2 d, float* sums) {
  const __m128 ab = _mm_hadd_ps(vec_avx2_fold(a), vec_avx2_fold(b));
  const __m128 cd = _mm_hadd_ps(vec_avx2_fold(c), vec_avx2_fold(d));
  _mm_storeu_ps(sums, _mm_hadd_ps(ab, cd));
}
MOTE_INLINE float reduce_max(VecAvx2 a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

}  // namespace
}  // namespace mote
#endif
