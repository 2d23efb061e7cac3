// float32 mathematics that gives the same bits on every IEEE 754 machine: built from + - * / and the square root only,
// each rounded once (compile with -ffp-contract=off, never with -ffast-math). Device code calls nothing of libm.
// Not for the host's double arithmetic, and not vectorised: a SIMD kernel that must give these bits repeats the
// operations in the order of math.cpp with the numbers of core/math_coefficients.h.
//
// "<= n ulp" bounds the error against the exact result, measured over every 13th float and tested on a part of them
// (tests/core/math_test.cpp); an ulp is the spacing of floats there. Results too small for a normal float become 0 in
// exp and in what is built on it.
#pragma once
#include <cfloat>
#include <cstdint>
#include <cstring>

static_assert(FLT_EVAL_METHOD == 0, "float arithmetic must be done in float: on x86 use SSE (-mfpmath=sse -msse2)");
static_assert(FLT_RADIX == 2 && FLT_MANT_DIG == 24 && FLT_MAX_EXP == 128, "float must be IEEE 754 binary32");
#ifdef __FAST_MATH__
#error "mote: -ffast-math changes results; remove it"
#endif

namespace mote {

inline uint32_t bits_of_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float f32_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline bool is_finite_f32(float x) { return (bits_of_f32(x) & 0x7F800000u) != 0x7F800000u; }
inline float abs_f32(float x) { return f32_of_bits(bits_of_f32(x) & 0x7FFFFFFFu); }

// Correctly rounded, as IEEE 754 demands of every square root; NaN below zero. The one function of libm that device
// code may need: processors with a float unit have an instruction for it, the others link sqrtf.
inline float sqrt_f32(float x) { return __builtin_sqrtf(x); }

// The nearest integer, ties to even, for |x| <= 2^22: adding 1.5 * 2^23 pushes the fraction out of the significand.
inline float round_f32(float x) { return (x + 12582912.0f) - 12582912.0f; }
inline int32_t round_to_i32(float x) { return static_cast<int32_t>(bits_of_f32(x + 12582912.0f) - 0x4B400000u); }

// Nearest float, ties to even. 32-bit shifts and adds only: the same everywhere, and no libgcc call on 32-bit machines.
float f32_from_i64(int64_t value);
float f32_from_u64(uint64_t value);

// 2^n for -126 <= n <= 127.
inline float exp2_int_f32(int32_t n) { return f32_of_bits(static_cast<uint32_t>(n + 127) << 23); }

// e^x. 0 below -87.33654 (where the result would be denormal), infinity above 88.72283. <= 1 ulp (0.99 found).
float exp_f32(float x);
// Natural logarithm; log(0) = -infinity, NaN below 0. Denormal x too. <= 1 ulp (0.85).
float log_f32(float x);

// Radians, any finite x; NaN for infinities. The reduction is exact for all of them (integers, 1/(2 pi) to 224 bits).
// <= 2 ulp (1.55).
float sin_f32(float x);
float cos_f32(float x);
void sincos_f32(float x, float* sine, float* cosine);
// Of the angle 2 pi u / 2^24 (u < 2^24): no rounding of the angle at all. <= 1.5 ulp (1.22).
void sincos_2pi_u24(uint32_t u, float* sine, float* cosine);

// 1 / (1 + e^-x); 0 below -87.33654. <= 2.5 ulp (2.34).
float sigmoid_f32(float x);
// x * sigmoid(x): SiLU, also called swish. -0 below -87.33654, NaN for -infinity. <= 3.5 ulp (3.22).
float silu_f32(float x);
// <= 1.5 ulp (1.03).
float tanh_f32(float x);
// Error function. <= 1.5 ulp (1.31).
float erf_f32(float x);
// x * (1 + erf(x / sqrt 2)) / 2: the exact GELU (Hendrycks & Gimpel 2016), as torch computes it by default.
// Absolute error <= 2^-24 * max(1, |x|) * 2; far in the negative tail the result is 0.
float gelu_f32(float x);
// x * tanh(log(1 + e^x)): Mish (Misra 2019, arXiv 1908.08681). -0 below -87.33654, NaN for -infinity. <= 4 ulp.
float mish_f32(float x);

}  // namespace mote
