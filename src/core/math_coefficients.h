// The numbers behind core/math.cpp, so that a vectorised copy of a function gives the same bits. Not for callers.
//
// The polynomials minimise the largest relative error of the final result over the stated interval (Remez exchange in
// 40 digits); their coefficients were then rounded to float from the lowest power up, the rest refitted each time (log:
// rounded all at once). The stated error is that of the polynomial as rounded, in exact arithmetic. Index = power.
// Evaluate them by Horner's rule from the highest power down, a product and a sum each rounded.
#pragma once
#include <cstdint>

namespace mote::math {

// round_f32 (core/math.h): 1.5 * 2^23.
constexpr float round_magic = 12582912.0f;

// ln 2 in two parts; the first has 15 bits, so that k * ln2_hi is exact for |k| < 2^9.
constexpr float log2_e = 0x1.715476p+0f;
constexpr float ln2_hi = 0x1.62e4p-1f;
constexpr float ln2_lo = 0x1.7f7d1cp-20f;

// e^r = 1 + r + r^2 * P(r) for |r| <= ln(2) / 2; error 3.2e-9.
// r = (x - k * ln2_hi) - k * ln2_lo with k = round(x * log2_e).
constexpr float exp_poly[5] = {0x1.fffffcp-2f, 0x1.55548cp-3f, 0x1.555858p-5f, 0x1.123dep-7f, 0x1.6ac6fap-10f};
constexpr float exp_min = -0x1.5d589ep+6f;  // the least x whose e^x is at least 2^-126
constexpr float exp_max = 0x1.62e42ep+6f;   // the largest x whose e^x is finite

// log(1 + f) = f - f^2 / 2 + f^3 * P(f) for sqrt(1/2) <= 1 + f < sqrt(2).  Error 6.4e-9.
constexpr float log_poly[8] = {0x1.555554p-2f, -0x1.000226p-2f, 0x1.99a00ap-3f, -0x1.547246p-3f,
                               0x1.22da06p-3f, -0x1.0d851ap-3f, 0x1.055be8p-3f, -0x1.38b75cp-4f};
constexpr uint32_t sqrt_half_bits = 0x3F3504F3u;

// With f in turns (angle / 2 pi), |f| <= 1/8, and t = f^2:
// sin(2 pi f) = 4 f + f * S(t); error 1.0e-8.   cos(2 pi f) = 1 + t * C(t); error 4.1e-10.
constexpr float sin_poly[4] = {0x1.243f6ap+1f, -0x1.4abb9cp+5f, 0x1.465446p+6f, -0x1.2bc826p+6f};
constexpr float cos_poly[4] = {-0x1.3bd3ccp+4f, 0x1.03c1aep+6f, -0x1.55b146p+6f, 0x1.d47d6p+5f};
constexpr float two_pi = 0x1.921fb6p+2f;
// 1 / (2 pi) as a binary fraction, 32 bits a word, after 64 zero bits.
constexpr uint32_t inverse_two_pi[9] = {0,           0,           0x28BE60DBu, 0x9391054Au, 0x7F09D5F4u,
                                        0x7D4D3770u, 0x36D8A566u, 0x4F10E410u, 0x7F9458EAu};

// tanh(x) = x + x * t * P(t), t = x^2, for |x| < tanh_split; error 1.1e-9. It rounds to 1 from tanh_one on.
constexpr float tanh_poly[7] = {-0x1.55554ep-2f, 0x1.110f38p-3f, -0x1.b9ca4ep-5f, 0x1.62f1cap-6f,
                                -0x1.0ed7a8p-7f, 0x1.529d4cp-9f, -0x1.ddd836p-12f};
constexpr float tanh_split = 0.9f;
constexpr float tanh_one = 9.02f;

// erf(x) = x + x * P(t), t = x^2, for |x| < 1; error 1.4e-9.
constexpr float erf_poly[7] = {0x1.06eba8p-3f, -0x1.81273ep-2f,  0x1.ce2ce6p-4f, -0x1.b7f71ap-6f,
                               0x1.53f224p-8f, -0x1.a3515ep-11f, 0x1.4771fep-14f};
// erf(x) = 1 - exp(Q(x)) for 1 <= x < erf_one, from where on it rounds to 1; error 5.9e-11.
constexpr float erfc_log_poly[8] = {0x1.8a56b8p-13f, -0x1.212c0cp+0f, -0x1.44356ep-1f, -0x1.bc14bep-4f,
                                    0x1.9d01fcp-6f,  -0x1.138b4ap-8f, 0x1.cec388p-12f, -0x1.6bdc0ap-16f};
constexpr float erf_one = 3.92f;
constexpr float sqrt_half = 0x1.6a09e6p-1f;

// Horner's rule, highest power first.
template <int n>
constexpr float polynomial(const float (&c)[n], float x) {
  float y = c[n - 1];
  for (int i = n - 2; i >= 0; --i) y = y * x + c[i];
  return y;
}

}  // namespace mote::math
