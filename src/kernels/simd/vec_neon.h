// A vector of 4 floats in NEON registers (aarch64). The names are explained in vec_avx2.h.
#pragma once
#if defined(__aarch64__)
#include <arm_neon.h>

#include <cstdint>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

struct VecNeon {
  static constexpr int width = 4;
  static constexpr int registers = 32;
  static constexpr bool has_lane_fma = true;
  float32x4_t v;

  static MOTE_INLINE VecNeon load(const float* p) { return {vld1q_f32(p)}; }
  static MOTE_INLINE VecNeon load_partial(const float* p, int n) {
    float32x4_t v = vdupq_n_f32(0.0f);
    if (n >= 4) return {vld1q_f32(p)};
    if (n > 0) v = vld1q_lane_f32(p, v, 0);
    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
    return {v};
  }
  static MOTE_INLINE VecNeon set1(float x) { return {vdupq_n_f32(x)}; }
  static MOTE_INLINE VecNeon zero() { return {vdupq_n_f32(0.0f)}; }
  template <int lane>
  static MOTE_INLINE VecNeon fma_lane(VecNeon a, VecNeon b, VecNeon c) {
    return {vfmaq_laneq_f32(c.v, b.v, a.v, lane)};
  }

  MOTE_INLINE void store(float* p) const { vst1q_f32(p, v); }
  MOTE_INLINE void store_partial(float* p, int n) const {
    if (n >= 4) {
      vst1q_f32(p, v);
      return;
    }
    if (n > 0) vst1q_lane_f32(p, v, 0);
    if (n > 1) vst1q_lane_f32(p + 1, v, 1);
    if (n > 2) vst1q_lane_f32(p + 2, v, 2);
  }
};

MOTE_INLINE VecNeon add(VecNeon a, VecNeon b) { return {vaddq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon sub(VecNeon a, VecNeon b) { return {vsubq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon mul(VecNeon a, VecNeon b) { return {vmulq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon div(VecNeon a, VecNeon b) { return {vdivq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon min(VecNeon a, VecNeon b) { return {vminq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon max(VecNeon a, VecNeon b) { return {vmaxq_f32(a.v, b.v)}; }
MOTE_INLINE VecNeon sqrt(VecNeon a) { return {vsqrtq_f32(a.v)}; }
MOTE_INLINE VecNeon abs(VecNeon a) { return {vabsq_f32(a.v)}; }
MOTE_INLINE VecNeon neg(VecNeon a) { return {vnegq_f32(a.v)}; }
MOTE_INLINE VecNeon fma(VecNeon a, VecNeon b, VecNeon c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
MOTE_INLINE VecNeon fnma(VecNeon a, VecNeon b, VecNeon c) { return {vfmsq_f32(c.v, a.v, b.v)}; }

MOTE_INLINE VecNeon round(VecNeon a) { return {vrndnq_f32(a.v)}; }
MOTE_INLINE VecNeon exp2_int(VecNeon n) {
  return {vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n.v), vdupq_n_s32(127)), 23))};
}
MOTE_INLINE VecNeon select_gt(VecNeon a, VecNeon b, VecNeon x, VecNeon y) {
  return {vbslq_f32(vcgtq_f32(a.v, b.v), x.v, y.v)};
}

// vaddv adds neighbours, then pairs, like vpadd twice.
MOTE_INLINE float reduce_add(VecNeon a) { return vaddvq_f32(a.v); }
MOTE_INLINE void reduce_add4(VecNeon a, VecNeon b, VecNeon c, VecNeon d, float* sums) {
  vst1q_f32(sums, vpaddq_f32(vpaddq_f32(a.v, b.v), vpaddq_f32(c.v, d.v)));
}
MOTE_INLINE float reduce_max(VecNeon a) { return vmaxvq_f32(a.v); }

}  // namespace
}  // namespace mote
#endif
