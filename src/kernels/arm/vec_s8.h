// What the int8 kernels for NEON share: parts of vectors, roundings and products that aarch64 and ARMv7 spell
// differently. ARMv7 has no conversion to the nearest integer, no division, and lanes of four only.
#pragma once
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

// The first n of 8 elements, the others zero; reads nothing behind them.
MOTE_INLINE int8x8_t load_part(const int8_t* p, int n) {
  if (n >= 8) return vld1_s8(p);
  int8_t part[8] = {};
  for (int i = 0; i < n; ++i) part[i] = p[i];
  return vld1_s8(part);
}
MOTE_INLINE void store_part(int8_t* p, int8x8_t v, int n) {
  if (n >= 8) return vst1_s8(p, v);
  int8_t part[8];
  vst1_s8(part, v);
  for (int i = 0; i < n; ++i) p[i] = part[i];
}
MOTE_INLINE void store_part(float* p, float32x4_t v, int n) {
  if (n >= 4) return vst1q_f32(p, v);
  float part[4];
  vst1q_f32(part, v);
  for (int i = 0; i < n; ++i) p[i] = part[i];
}
// The first n of 4.
template <class T>
MOTE_INLINE void copy_part(T part[4], const T* p, int n) {
  for (int i = 0; i < 4; ++i) part[i] = i < n ? p[i] : T{};
}
MOTE_INLINE float32x4_t load_part(const float* p, int n) {
  if (n >= 4) return vld1q_f32(p);
  float part[4];
  copy_part(part, p, n);
  return vld1q_f32(part);
}
MOTE_INLINE int32x4_t load_part(const int32_t* p, int n) {
  if (n >= 4) return vld1q_s32(p);
  int32_t part[4];
  copy_part(part, p, n);
  return vld1q_s32(part);
}

// To the nearest integer, ties to even, for |v| <= 2^22.
MOTE_INLINE int32x4_t round_i32(float32x4_t v) {
#if defined(__aarch64__)
  return vcvtnq_s32_f32(v);
#else
  return vsubq_s32(vreinterpretq_s32_f32(vaddq_f32(v, vdupq_n_f32(12582912.0f))), vdupq_n_s32(0x4B400000));
#endif
}
// To the nearest integer, ties to even, clamped to int16.
MOTE_INLINE int16x4_t round_i16(float32x4_t v) {
#if defined(__aarch64__)
  return vqmovn_s32(vcvtnq_s32_f32(v));
#else
  return vmovn_s32(round_i32(vminq_f32(vmaxq_f32(v, vdupq_n_f32(-32768.0f)), vdupq_n_f32(32767.0f))));
#endif
}
// round8: clamping after rounding comes to the same, for the bounds are integers.
MOTE_INLINE int8x8_t round_codes(float32x4_t low, float32x4_t high, int16x8_t zero) {
  return vqmovn_s16(vqaddq_s16(vcombine_s16(round_i16(low), round_i16(high)), zero));
}

MOTE_INLINE float32x4_t divide(float32x4_t a, float b) {
#if defined(__aarch64__)
  return vdivq_f32(a, vdupq_n_f32(b));
#else
  float part[4];
  vst1q_f32(part, a);
  for (float& value : part) value = value / b;
  return vld1q_f32(part);
#endif
}

// acc[0], acc[1] += the low and the high half of a, times lane `lane` of b.
template <int lane>
MOTE_INLINE void multiply_add(int32x4_t acc[2], int16x8_t a, int16x8_t b) {
#if defined(__aarch64__)
  acc[0] = vmlal_laneq_s16(acc[0], vget_low_s16(a), b, lane);
  acc[1] = vmlal_high_laneq_s16(acc[1], a, b, lane);
#else
  const int16x4_t half = lane < 4 ? vget_low_s16(b) : vget_high_s16(b);
  acc[0] = vmlal_lane_s16(acc[0], vget_low_s16(a), half, lane % 4);
  acc[1] = vmlal_lane_s16(acc[1], vget_high_s16(a), half, lane % 4);
#endif
}

// The sums of the lanes of four vectors.
MOTE_INLINE int32x4_t sum_lanes(const int32x4_t v[4]) {
#if defined(__aarch64__)
  return vpaddq_s32(vpaddq_s32(v[0], v[1]), vpaddq_s32(v[2], v[3]));
#else
  int32x2_t half[4];
  for (int i = 0; i < 4; ++i) half[i] = vpadd_s32(vget_low_s32(v[i]), vget_high_s32(v[i]));
  return vcombine_s32(vpadd_s32(half[0], half[1]), vpadd_s32(half[2], half[3]));
#endif
}

}  // namespace
}  // namespace mote
