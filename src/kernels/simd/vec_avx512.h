// A vector of 16 floats in AVX-512 registers (F, VL, DQ, BW). The names are explained in vec_avx2.h.
#pragma once
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
#include <immintrin.h>

#include <cstdint>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

struct VecAvx512 {
  static constexpr int width = 16;
  static constexpr int registers = 32;
  static constexpr bool has_lane_fma = false;
  __m512 v;

  static MOTE_INLINE __mmask16 lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static MOTE_INLINE VecAvx512 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static MOTE_INLINE VecAvx512 load_partial(const float* p, int n) { return {_mm512_maskz_loadu_ps(lanes(n), p)}; }
  static MOTE_INLINE VecAvx512 set1(float x) { return {_mm512_set1_ps(x)}; }
  static MOTE_INLINE VecAvx512 zero() { return {_mm512_setzero_ps()}; }

  MOTE_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  MOTE_INLINE void store_partial(float* p, int n) const { _mm512_mask_storeu_ps(p, lanes(n), v); }
};

MOTE_INLINE VecAvx512 add(VecAvx512 a, VecAvx512 b) { return {_mm512_add_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx512 sub(VecAvx512 a, VecAvx512 b) { return {_mm512_sub_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx512 mul(VecAvx512 a, VecAvx512 b) { return {_mm512_mul_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx512 div(VecAvx512 a, VecAvx512 b) { return {_mm512_div_ps(a.v, b.v)}; }
MOTE_INLINE VecAvx512 min(VecAvx512 a, VecAvx512 b) { return {_mm512_maskz_min_ps(0xffff, a.v, b.v)}; }
MOTE_INLINE VecAvx512 max(VecAvx512 a, VecAvx512 b) { return {_mm512_maskz_max_ps(0xffff, a.v, b.v)}; }
MOTE_INLINE VecAvx512 sqrt(VecAvx512 a) { return {_mm512_maskz_sqrt_ps(0xffff, a.v)}; }
MOTE_INLINE VecAvx512 abs(VecAvx512 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
MOTE_INLINE VecAvx512 neg(VecAvx512 a) { return {_mm512_xor_ps(_mm512_set1_ps(-0.0f), a.v)}; }
MOTE_INLINE VecAvx512 fma(VecAvx512 a, VecAvx512 b, VecAvx512 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
MOTE_INLINE VecAvx512 fnma(VecAvx512 a, VecAvx512 b, VecAvx512 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }

MOTE_INLINE VecAvx512 round(VecAvx512 a) {
  return {_mm512_maskz_roundscale_ps(0xffff, a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
MOTE_INLINE VecAvx512 exp2_int(VecAvx512 n) {
  const __m512i biased = _mm512_add_epi32(_mm512_maskz_cvtps_epi32(0xffff, n.v), _mm512_set1_epi32(127));
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, biased, 23))};
}
MOTE_INLINE VecAvx512 select_gt(VecAvx512 a, VecAvx512 b, VecAvx512 x, VecAvx512 y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), y.v, x.v)};
}

// Parts of a register. The intrinsics for this pass undefined operands, which GCC 12 warns of.
MOTE_INLINE __m256 vec_avx512_low(__m512 v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7); }
MOTE_INLINE __m256 vec_avx512_high(__m512 v) { return __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15); }
MOTE_INLINE __m128 vec_avx512_low4(__m512 v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
MOTE_INLINE __m128 vec_avx512_low4(__m256 v) { return __builtin_shufflevector(v, v, 0, 1, 2, 3); }
MOTE_INLINE __m128 vec_avx512_high4(__m256 v) { return __builtin_shufflevector(v, v, 4, 5, 6, 7); }
// Halves onto each other twice, then neighbours, then pairs: the same order for one vector and for four.
MOTE_INLINE __m128 vec_avx512_fold(VecAvx512 a) {
  const __m256 h = _mm256_add_ps(vec_avx512_low(a.v), vec_avx512_high(a.v));
  return _mm_add_ps(vec_avx512_low4(h), vec_avx512_high4(h));
}
// Two blocks of four lanes of a, then two of b.
template <int blocks>
MOTE_INLINE __m512 vec_avx512_blocks(__m512 a, __m512 b) {
  return _mm512_maskz_shuffle_f32x4(0xffff, a, b, blocks);
}
MOTE_INLINE float reduce_add(VecAvx512 a) {
  __m128 s = vec_avx512_fold(a);
  s = _mm_add_ps(s, _mm_movehdup_ps(s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehl_ps(s, s)));
}
MOTE_INLINE void reduce_add4(VecAvx512 a, VecAvx512 b, VecAvx512 c, VecAvx512 d, float* sums) {
  const __m512 ab = _mm512_add_ps(vec_avx512_blocks<0x44>(a.v, b.v), vec_avx512_blocks<0xee>(a.v, b.v));
  const __m512 cd = _mm512_add_ps(vec_avx512_blocks<0x44>(c.v, d.v), vec_avx512_blocks<0xee>(c.v, d.v));
  const __m512 s = _mm512_add_ps(vec_avx512_blocks<0x88>(ab, cd), vec_avx512_blocks<0xdd>(ab, cd));
  const __m512 pairs = _mm512_add_ps(s, _mm512_maskz_movehdup_ps(0xffff, s));
  const __m512 all = _mm512_add_ps(pairs, _mm512_maskz_permute_ps(0xffff, pairs, 0x4e));
  _mm_storeu_ps(sums, vec_avx512_low4(_mm512_maskz_compress_ps(0x1111, all)));
}
MOTE_INLINE float reduce_max(VecAvx512 a) {
  const __m256 h = _mm256_max_ps(vec_avx512_low(a.v), vec_avx512_high(a.v));
  __m128 s = _mm_max_ps(vec_avx512_low4(h), vec_avx512_high4(h));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

}  // namespace
}  // namespace mote
#endif
