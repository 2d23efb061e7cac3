// Instructions of the DSP extension and of the float unit that the kernels use, by name.
#pragma once
#include <cstdint>
#include <cstring>

namespace mote {
namespace {

#define MOTE_DSP_INLINE inline __attribute__((always_inline))
// A function in assembly alone. GCC must not guess from its empty-looking body what registers and memory it uses.
#if defined(__clang__)
#define MOTE_DSP_ASSEMBLY __attribute__((naked, noinline))
#else
#define MOTE_DSP_ASSEMBLY __attribute__((naked, noipa))
#endif

// 4 bytes, anywhere.
MOTE_DSP_INLINE uint32_t load4(const int8_t* x) {
  uint32_t word;
  memcpy(&word, x, sizeof word);
  return word;
}
// Bytes 0 and 2 (odd: 1 and 3), sign-extended to halves.
MOTE_DSP_INLINE uint32_t even_bytes(uint32_t x) {
  uint32_t r;
  __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(x));
  return r;
}
MOTE_DSP_INLINE uint32_t odd_bytes(uint32_t x) {
  uint32_t r;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(x));
  return r;
}
// The same, each half plus that of `a`.
MOTE_DSP_INLINE uint32_t add_even_bytes(uint32_t a, uint32_t x) {
  uint32_t r;
  __asm__("sxtab16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(x));
  return r;
}
MOTE_DSP_INLINE uint32_t add_odd_bytes(uint32_t a, uint32_t x) {
  uint32_t r;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(r) : "r"(a), "r"(x));
  return r;
}
MOTE_DSP_INLINE uint32_t add16(uint32_t a, uint32_t b) {
  uint32_t r;
  __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
MOTE_DSP_INLINE uint32_t sub16(uint32_t a, uint32_t b) {
  uint32_t r;
  __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
// The low halves of a (below) and b (above); the high halves.
MOTE_DSP_INLINE uint32_t low_halves(uint32_t a, uint32_t b) {
  uint32_t r;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
MOTE_DSP_INLINE uint32_t high_halves(uint32_t a, uint32_t b) {
  uint32_t r;
  __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
// sum + low * low + high * high; sum + low (or high) of a * low of b; sum + high * high.
MOTE_DSP_INLINE int32_t dot_pair(uint32_t a, uint32_t b, int32_t sum) {
  int32_t r;
  __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
  return r;
}
MOTE_DSP_INLINE int32_t low_product(uint32_t a, int32_t b, int32_t sum) {
  int32_t r;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
  return r;
}
MOTE_DSP_INLINE int32_t high_product(uint32_t a, int32_t b, int32_t sum) {
  int32_t r;
  __asm__("smlatb %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
  return r;
}
MOTE_DSP_INLINE int32_t high_square(uint32_t a, int32_t sum) {
  int32_t r;
  __asm__("smlatt %0, %1, %1, %2" : "=r"(r) : "r"(a), "r"(sum));
  return r;
}
// Both halves x.
MOTE_DSP_INLINE uint32_t both_halves(int x) { return (static_cast<uint32_t>(x) & 0xffff) * 0x10001u; }

// Nearest even by the rounding mode, which is never changed; saturates.
MOTE_DSP_INLINE int32_t round_to_mode(float v) {
  float r;
  __asm__("vcvtr.s32.f32 %0, %1" : "=t"(r) : "t"(v));
  int32_t i;
  memcpy(&i, &r, sizeof i);
  return i;
}
MOTE_DSP_INLINE int32_t saturated_sum(int32_t a, int32_t b) {
  int32_t r;
  __asm__("qadd %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
  return r;
}
MOTE_DSP_INLINE int32_t saturate8(int32_t a) {
  int32_t r;
  __asm__("ssat %0, #8, %1" : "=r"(r) : "r"(a));
  return r;
}
MOTE_DSP_INLINE int32_t round_code(float v, int32_t zero) { return saturate8(saturated_sum(round_to_mode(v), zero)); }

}  // namespace
}  // namespace mote
