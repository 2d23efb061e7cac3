// The functions of core/math.h. The order of the operations is part of the contract: SIMD code repeats it.
#include "core/math.h"

#include "core/math_coefficients.h"

namespace mote {

namespace {

constexpr uint32_t infinity_bits = 0x7F800000u;
constexpr uint32_t nan_bits = 0x7FC00000u;
constexpr uint32_t sign_bit = 0x80000000u;

float with_sign_of(float magnitude, float x) {
  return f32_of_bits(bits_of_f32(magnitude) | (bits_of_f32(x) & sign_bit));
}

int leading_zeros_u64(uint64_t value) {
  const uint32_t high = static_cast<uint32_t>(value >> 32);
  return high != 0 ? __builtin_clz(high) : 32 + __builtin_clz(static_cast<uint32_t>(value));
}

// An angle as a quarter of a turn and a rest in [-1/8, 1/8] turn, rest = hi + lo with 48 bits.
struct ReducedAngle {
  uint32_t quarter;
  float hi, lo;
};

// |x| / (2 pi) modulo 1 as a 64-bit fraction, for |x| >= 2^-12: the product of the 24-bit significand with those 96
// bits of 1/(2 pi) that can matter (Payne & Hanek 1983). What is dropped is below 2^-63.
uint64_t turns_of(uint32_t magnitude_bits) {
  using math::inverse_two_pi;
  const uint32_t significand = (magnitude_bits & 0x7FFFFFu) | 0x800000u;
  // Scaled by the exponent, the bits of 1/(2 pi) before this one make whole turns; 64: the leading zeros of the table.
  const uint32_t first_bit = (magnitude_bits >> 23) - 150 + 64;
  const uint32_t word = first_bit >> 5, shift = first_bit & 31;
  uint32_t window[3];
  for (uint32_t i = 0; i < 3; ++i) {
    const uint64_t pair = static_cast<uint64_t>(inverse_two_pi[word + i]) << 32 | inverse_two_pi[word + i + 1];
    window[i] = static_cast<uint32_t>(pair >> (32 - shift));
  }
  const uint64_t m = significand;
  return ((m * window[0]) << 32) + m * window[1] + ((m * window[2]) >> 32);
}

ReducedAngle reduce_angle(uint32_t magnitude_bits) {
  const uint64_t turns = turns_of(magnitude_bits);
  const uint64_t quarter = (turns + (uint64_t{1} << 61)) >> 62;
  const int64_t rest = static_cast<int64_t>(turns - (quarter << 62));
  ReducedAngle angle{static_cast<uint32_t>(quarter) & 3u, 0.0f, 0.0f};
  if (rest == 0) return angle;
  uint64_t magnitude = rest < 0 ? 0 - static_cast<uint64_t>(rest) : static_cast<uint64_t>(rest);
  const int zeros = leading_zeros_u64(magnitude);
  magnitude <<= zeros;
  // Two exact pieces of 24 bits each, so that nothing is lost even where x is close to a multiple of pi / 2.
  const float hi = static_cast<float>(static_cast<int32_t>(magnitude >> 40)) * exp2_int_f32(-24 - zeros);
  const float lo = static_cast<float>(static_cast<int32_t>(magnitude >> 16 & 0xFFFFFFu)) * exp2_int_f32(-48 - zeros);
  angle.hi = rest < 0 ? -hi : hi;
  angle.lo = rest < 0 ? -lo : lo;
  return angle;
}

float sine_of(const ReducedAngle& angle) {
  const float f = angle.hi;
  return 4.0f * f + (f * math::polynomial(math::sin_poly, f * f) + angle.lo * math::two_pi);
}

float cosine_of(const ReducedAngle& angle) {
  const float f = angle.hi;
  const float t = f * f + (f + f) * angle.lo;
  return 1.0f + t * math::polynomial(math::cos_poly, t);
}

// Sine and cosine after turning by whole quarters.
void turn(uint32_t quarter, float s, float c, float* sine, float* cosine) {
  const bool swapped = (quarter & 1) != 0;
  const float sin_magnitude = swapped ? c : s, cos_magnitude = swapped ? s : c;
  *sine = (quarter & 2) != 0 ? -sin_magnitude : sin_magnitude;
  *cosine = ((quarter + 1) & 2) != 0 ? -cos_magnitude : cos_magnitude;
}

constexpr uint32_t tiny_angle_bits = 0x39800000u;  // 2^-12: below it sin x rounds to x and cos x to 1

}  // namespace

float f32_from_u64(uint64_t value) {
  if (value == 0) return 0.0f;
  const int zeros = leading_zeros_u64(value);
  const uint64_t normalised = value << zeros;
  const uint32_t top = static_cast<uint32_t>(normalised >> 40);       // 24 bits, the first of them 1
  const uint32_t next = static_cast<uint32_t>(normalised >> 8);       // the 32 bits after them
  const uint32_t sticky = static_cast<uint32_t>(normalised) & 0xFFu;  // and the rest
  const bool above_half = next > 0x80000000u || (next == 0x80000000u && sticky != 0);
  const bool tie = next == 0x80000000u && sticky == 0;
  const uint32_t up = above_half || (tie && (top & 1) != 0) ? 1 : 0;
  // A carry out of the significand raises the exponent, as it should.
  return f32_of_bits((static_cast<uint32_t>(190 - zeros) << 23) + (top & 0x7FFFFFu) + up);
}

float f32_from_i64(int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value);
  return value < 0 ? -f32_from_u64(0 - bits) : f32_from_u64(bits);
}

float exp_f32(float x) {
  if (x != x) return f32_of_bits(nan_bits);
  if (x < math::exp_min) return 0.0f;
  if (x > math::exp_max) return f32_of_bits(infinity_bits);
  const float k = round_f32(x * math::log2_e);
  const float r = (x - k * math::ln2_hi) - k * math::ln2_lo;
  const float y = 1.0f + (r + (r * r) * math::polynomial(math::exp_poly, r));
  // k = 128 has no power of two among the floats: scale in two exact steps.
  const int32_t n = static_cast<int32_t>(k), half = n >> 1;
  return (y * exp2_int_f32(half)) * exp2_int_f32(n - half);
}

float log_f32(float x) {
  uint32_t bits = bits_of_f32(x);
  if ((bits & ~sign_bit) == 0) return f32_of_bits(infinity_bits | sign_bit);
  if ((bits & sign_bit) != 0 || bits > infinity_bits) return f32_of_bits(nan_bits);
  if (bits == infinity_bits) return x;
  int32_t exponent = 0;
  if (bits < 0x00800000u) {
    bits = bits_of_f32(x * 16777216.0f);
    exponent = -24;
  }
  // x = 2^exponent * (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
  const int32_t raise = static_cast<int32_t>(bits - math::sqrt_half_bits) >> 23;
  exponent += raise;
  const float f = f32_of_bits(bits - (static_cast<uint32_t>(raise) << 23)) - 1.0f;
  const float k = static_cast<float>(exponent);
  const float square = f * f;
  const float small = ((square * f) * math::polynomial(math::log_poly, f) + k * math::ln2_lo) - 0.5f * square;
  return (f + small) + k * math::ln2_hi;
}

void sincos_f32(float x, float* sine, float* cosine) {
  const uint32_t magnitude = bits_of_f32(x) & ~sign_bit;
  if (magnitude >= infinity_bits) {
    *sine = *cosine = f32_of_bits(nan_bits);
    return;
  }
  if (magnitude < tiny_angle_bits) {
    *sine = x;
    *cosine = 1.0f;
    return;
  }
  const ReducedAngle angle = reduce_angle(magnitude);
  turn(angle.quarter, sine_of(angle), cosine_of(angle), sine, cosine);
  if ((bits_of_f32(x) & sign_bit) != 0) *sine = -*sine;
}

float sin_f32(float x) {
  float sine, cosine;
  sincos_f32(x, &sine, &cosine);
  return sine;
}

float cos_f32(float x) {
  float sine, cosine;
  sincos_f32(x, &sine, &cosine);
  return cosine;
}

void sincos_2pi_u24(uint32_t u, float* sine, float* cosine) {
  const uint32_t quarter = ((u + 0x200000u) >> 22) & 3u;
  const int32_t rest = static_cast<int32_t>((u + 0x200000u) & 0x3FFFFFu) - 0x200000;
  const float f = static_cast<float>(rest) * 0x1p-24f;
  const float t = f * f;
  const float s = 4.0f * f + f * math::polynomial(math::sin_poly, t);
  const float c = 1.0f + t * math::polynomial(math::cos_poly, t);
  turn(quarter, s, c, sine, cosine);
}

float sigmoid_f32(float x) {
  const float e = exp_f32(-abs_f32(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

float silu_f32(float x) {
  const float e = exp_f32(-abs_f32(x));
  return (x < 0.0f ? x * e : x) / (1.0f + e);
}

float tanh_f32(float x) {
  const float a = abs_f32(x);
  if (a < math::tanh_split) {
    const float t = a * a;
    return with_sign_of(a + (a * t) * math::polynomial(math::tanh_poly, t), x);
  }
  if (a >= math::tanh_one) return with_sign_of(1.0f, x);
  return with_sign_of(1.0f - 2.0f / (exp_f32(a + a) + 1.0f), x);
}

float erf_f32(float x) {
  const float a = abs_f32(x);
  if (a < 1.0f) return x + x * math::polynomial(math::erf_poly, x * x);
  if (a >= math::erf_one) return with_sign_of(1.0f, x);
  return with_sign_of(1.0f - exp_f32(math::polynomial(math::erfc_log_poly, a)), x);
}

// tanh(log(1 + e)) = ((1 + e)^2 - 1) / ((1 + e)^2 + 1); beyond 20 the quotient is 1.
float mish_f32(float x) {
  const float e = exp_f32(x < 20.0f ? x : 20.0f);
  const float n = e * (e + 2.0f);
  return x * (n / (n + 2.0f));
}

float gelu_f32(float x) { return (0.5f * x) * (1.0f + erf_f32(x * math::sqrt_half)); }

}  // namespace mote
