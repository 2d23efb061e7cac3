// core/math.h against libm in long double over dense and random inputs, special values, and hashes of the bits that
// every target must give.
#include "core/math.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/math_coefficients.h"

using namespace mote;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan_value = std::numeric_limits<float>::quiet_NaN();

// Error in ulps of float at the exact result; results that would be denormal may be 0.
double error_in_ulps(float got, long double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0.0 : HUGE_VAL;
  const float rounded = static_cast<float>(want);
  if (std::isinf(rounded)) return got == rounded ? 0.0 : HUGE_VAL;
  const long double off = std::fabs(static_cast<long double>(got) - want);
  if (std::fabs(want) < 0x1p-126L) return got == 0.0f || off <= 0x1p-149L ? 0.0 : HUGE_VAL;
  int exponent;
  std::frexp(want, &exponent);
  return static_cast<double>(std::ldexp(off, 24 - exponent));
}

struct Random {
  uint32_t state = 2463534242u;
  uint32_t next() {
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
  }
  float in(float low, float high) { return low + (high - low) * static_cast<float>(next() >> 8) * 0x1p-24f; }
};

// The largest error over a comb through all floats in [low, high] and over random reals there.
template <class Function, class Exact>
double worst_error(Function function, Exact exact, float low, float high) {
  double worst = 0.0;
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 16411) {
    const float x = f32_of_bits(static_cast<uint32_t>(bits));
    if (x >= low && x <= high) worst = std::fmax(worst, error_in_ulps(function(x), exact(static_cast<long double>(x))));
  }
  Random random;
  for (int i = 0; i < 100000; ++i) {
    const float x = random.in(std::fmax(low, -1e4f), std::fmin(high, 1e4f));
    worst = std::fmax(worst, error_in_ulps(function(x), exact(static_cast<long double>(x))));
  }
  return worst;
}

// FNV-1a over the bits of the results.
struct Hash {
  uint64_t value = 14695981039346656037ull;
  void add(float x) {
    uint32_t bits = bits_of_f32(x);
    for (int i = 0; i < 4; ++i, bits >>= 8) value = (value ^ (bits & 255)) * 1099511628211ull;
  }
};

}  // namespace

TEST_CASE("exp and log are within 1 ulp everywhere") {
  CHECK(worst_error(
            exp_f32, [](long double x) { return std::exp(x); }, -infinity, infinity) <= 1.0);
  CHECK(worst_error(
            exp_f32, [](long double x) { return std::exp(x); }, -88.0f, 89.0f) <= 1.0);
  CHECK(worst_error(
            exp_f32, [](long double x) { return std::exp(x); }, -1.0f, 1.0f) <= 1.0);
  CHECK(worst_error(
            log_f32, [](long double x) { return std::log(x); }, 0.0f, infinity) <= 1.0);
  CHECK(worst_error(
            log_f32, [](long double x) { return std::log(x); }, 0.5f, 2.0f) <= 1.0);
}

TEST_CASE("exp has its limits in the right places") {
  CHECK(exp_f32(0.0f) == 1.0f);
  CHECK(exp_f32(-0.0f) == 1.0f);
  CHECK(exp_f32(infinity) == infinity);
  CHECK(bits_of_f32(exp_f32(-infinity)) == 0);
  CHECK(std::isnan(exp_f32(nan_value)));
  const float largest = math::exp_max, least = math::exp_min;
  CHECK(std::isfinite(exp_f32(largest)));
  CHECK(std::isinf(static_cast<float>(std::exp(static_cast<double>(std::nextafter(largest, infinity))))));
  CHECK(exp_f32(std::nextafter(largest, infinity)) == infinity);
  CHECK(exp_f32(least) >= 0x1p-126f);
  CHECK(std::exp(static_cast<double>(std::nextafter(least, -infinity))) < 0x1p-126);
  CHECK(exp_f32(std::nextafter(least, -infinity)) == 0.0f);
}

TEST_CASE("log has its limits in the right places") {
  CHECK(log_f32(1.0f) == 0.0f);
  CHECK(log_f32(0.0f) == -infinity);
  CHECK(log_f32(-0.0f) == -infinity);
  CHECK(log_f32(infinity) == infinity);
  CHECK(std::isnan(log_f32(-1.0f)));
  CHECK(std::isnan(log_f32(-infinity)));
  CHECK(std::isnan(log_f32(nan_value)));
  CHECK(error_in_ulps(log_f32(0x1p-149f), std::log(0x1p-149L)) <= 1.0);
}

TEST_CASE("sin and cos are within 2 ulp for every finite argument") {
  const auto sine = [](long double x) { return std::sin(x); };
  const auto cosine = [](long double x) { return std::cos(x); };
  const float all = std::numeric_limits<float>::max();
  CHECK(worst_error(sin_f32, sine, -all, all) <= 2.0);
  CHECK(worst_error(cos_f32, cosine, -all, all) <= 2.0);
  CHECK(worst_error(sin_f32, sine, -7.0f, 7.0f) <= 2.0);
  CHECK(worst_error(cos_f32, cosine, -7.0f, 7.0f) <= 2.0);
  CHECK(std::isnan(sin_f32(infinity)));
  CHECK(std::isnan(cos_f32(-infinity)));
  CHECK(std::isnan(sin_f32(nan_value)));
  CHECK(bits_of_f32(sin_f32(-0.0f)) == 0x80000000u);
}

TEST_CASE("sin and cos keep their digits next to multiples of pi / 2") {
  const long double half_pi = std::acos(0.0L);
  double worst = 0.0;
  for (int k = 1; k < 200000; ++k) {
    const float x = static_cast<float>(k * half_pi);
    worst = std::fmax(worst, error_in_ulps(sin_f32(x), std::sin(static_cast<long double>(x))));
    worst = std::fmax(worst, error_in_ulps(cos_f32(x), std::cos(static_cast<long double>(x))));
  }
  CHECK(worst <= 2.0);
  // The float32 nearest to a multiple of pi / 2 (Muller, Elementary Functions): 16367173 * 2^72.
  const float hard = 16367173.0f * 0x1p72f;
  CHECK(error_in_ulps(cos_f32(hard), std::cos(static_cast<long double>(hard))) <= 2.0);
}

TEST_CASE("sine and cosine of 24-bit turns are within 1.5 ulp, exact at the quarters, and symmetric") {
  const long double two_pi = 4.0L * std::acos(0.0L);
  double worst = 0.0;
  for (uint32_t u = 1; u < (1u << 24); u += 23) {
    float s, c;
    sincos_2pi_u24(u, &s, &c);
    if (u % (1u << 22) != 0) {
      worst = std::fmax(worst, error_in_ulps(s, std::sin(two_pi * u * 0x1p-24L)));
      worst = std::fmax(worst, error_in_ulps(c, std::cos(two_pi * u * 0x1p-24L)));
    }
    float s_mirrored, c_mirrored;
    sincos_2pi_u24((1u << 24) - u, &s_mirrored, &c_mirrored);
    REQUIRE(s_mirrored == -s);
    REQUIRE(c_mirrored == c);
  }
  CHECK(worst <= 1.5);
  const float sines[4] = {0.0f, 1.0f, 0.0f, -1.0f}, cosines[4] = {1.0f, 0.0f, -1.0f, 0.0f};
  for (uint32_t quarter = 0; quarter < 4; ++quarter) {
    float s, c;
    sincos_2pi_u24(quarter << 22, &s, &c);
    CHECK(s == sines[quarter]);
    CHECK(c == cosines[quarter]);
  }
}

TEST_CASE("sigmoid and SiLU follow their definitions to both ends") {
  const auto sigmoid = [](long double x) { return 1.0L / (1.0L + std::exp(-x)); };
  CHECK(worst_error(sigmoid_f32, sigmoid, -infinity, infinity) <= 2.5);
  CHECK(worst_error(sigmoid_f32, sigmoid, -20.0f, 20.0f) <= 2.5);
  CHECK(worst_error(
            silu_f32, [&](long double x) { return x * sigmoid(x); }, -87.3f, 1e30f) <= 3.5);
  CHECK(worst_error(
            silu_f32, [&](long double x) { return x * sigmoid(x); }, -20.0f, 20.0f) <= 3.5);
  CHECK(sigmoid_f32(0.0f) == 0.5f);
  CHECK(sigmoid_f32(infinity) == 1.0f);
  CHECK(sigmoid_f32(-infinity) == 0.0f);
  CHECK(std::isnan(sigmoid_f32(nan_value)));
  CHECK(silu_f32(0.0f) == 0.0f);
  CHECK(silu_f32(-1000.0f) == 0.0f);
  CHECK(silu_f32(1000.0f) == 1000.0f);
  CHECK(std::isnan(silu_f32(nan_value)));
}

TEST_CASE("tanh and erf are within 1.5 ulp and reach 1") {
  CHECK(worst_error(
            tanh_f32, [](long double x) { return std::tanh(x); }, -infinity, infinity) <= 1.5);
  CHECK(worst_error(
            tanh_f32, [](long double x) { return std::tanh(x); }, -10.0f, 10.0f) <= 1.5);
  CHECK(worst_error(
            erf_f32, [](long double x) { return std::erf(x); }, -infinity, infinity) <= 1.5);
  CHECK(worst_error(
            erf_f32, [](long double x) { return std::erf(x); }, -4.5f, 4.5f) <= 1.5);
  CHECK(tanh_f32(-infinity) == -1.0f);
  CHECK(erf_f32(-infinity) == -1.0f);
  CHECK(std::isnan(tanh_f32(nan_value)));
  CHECK(std::isnan(erf_f32(nan_value)));
  CHECK(bits_of_f32(tanh_f32(-0.0f)) == 0x80000000u);
  CHECK(bits_of_f32(erf_f32(-0.0f)) == 0x80000000u);
}

TEST_CASE("GELU is the exact one, to two roundings of its size") {
  double worst = 0.0;
  for (float x = -12.0f; x < 12.0f; x += 0x1p-14f) {
    const double want = 0.5 * x * (1.0 + std::erf(x * std::sqrt(0.5)));
    worst = std::fmax(worst, std::fabs(gelu_f32(x) - want) / std::fmax(1.0, std::fabs(x)));
  }
  CHECK(worst <= 0x1p-23);
  CHECK(gelu_f32(0.0f) == 0.0f);
  CHECK(gelu_f32(50.0f) == 50.0f);
  CHECK(gelu_f32(-50.0f) == 0.0f);
}

TEST_CASE("Mish, to a few ulp, and at its ends") {
  CHECK(worst_error(
            mish_f32, [](long double x) { return x * std::tanh(std::log1p(std::exp(x))); }, -80.0f, 80.0f) <= 4.0);
  CHECK(mish_f32(0.0f) == 0.0f);
  CHECK(mish_f32(50.0f) == 50.0f);
  CHECK(mish_f32(3e38f) == 3e38f);
  CHECK(mish_f32(-200.0f) == 0.0f);
  CHECK(std::isnan(mish_f32(nan_value)));
}

TEST_CASE("the square root is correctly rounded") {
  Random random;
  for (int i = 0; i < 100000; ++i) {
    const float x = f32_of_bits(random.next() & 0x7FFFFFFFu);
    if (std::isnan(x)) continue;
    REQUIRE(sqrt_f32(x) == static_cast<float>(std::sqrt(static_cast<long double>(x))));
  }
  CHECK(std::isnan(sqrt_f32(-1.0f)));
}

TEST_CASE("rounding goes to the nearest integer and ties to even, up to 2^22") {
  for (int i = -2000; i <= 2000; ++i) {
    const float x = static_cast<float>(i) * 0.25f;
    REQUIRE(round_f32(x) == std::nearbyint(x));
    REQUIRE(round_to_i32(x) == static_cast<int32_t>(std::nearbyint(x)));
  }
  Random random;
  for (int i = 0; i < 100000; ++i) {
    const float x = random.in(-4194304.0f, 4194304.0f);
    REQUIRE(round_f32(x) == std::nearbyint(x));
    REQUIRE(round_to_i32(x) == static_cast<int32_t>(std::nearbyint(x)));
  }
  CHECK(round_to_i32(4194304.0f) == 4194304);
  CHECK(round_to_i32(-4194304.0f) == -4194304);
}

TEST_CASE("64-bit integers become the nearest float, ties to even, as the compiler's conversion does") {
  Random random;
  for (int i = 0; i < 200000; ++i) {
    const uint64_t bits = static_cast<uint64_t>(random.next()) << 32 | random.next();
    const int64_t value = static_cast<int64_t>(bits) >> (random.next() % 64);
    REQUIRE(f32_from_i64(value) == static_cast<float>(value));
    const uint64_t magnitude = bits >> (random.next() % 64);
    REQUIRE(f32_from_u64(magnitude) == static_cast<float>(magnitude));
  }
  // Ties and their neighbours at every magnitude.
  for (int shift = 0; shift < 39; ++shift) {
    for (uint64_t top = 0xFFFFFE; top <= 0x1000002; ++top) {
      for (int64_t near = -1; near <= 1; ++near) {
        const int64_t value = static_cast<int64_t>((2 * top + 1) << shift) + near;
        REQUIRE(f32_from_i64(value) == static_cast<float>(value));
        REQUIRE(f32_from_i64(-value) == static_cast<float>(-value));
      }
    }
  }
  CHECK(bits_of_f32(f32_from_i64(0)) == 0);
  CHECK(f32_from_i64(std::numeric_limits<int64_t>::min()) == -0x1p63f);
  CHECK(f32_from_i64(std::numeric_limits<int64_t>::max()) == 0x1p63f);
  CHECK(f32_from_u64(std::numeric_limits<uint64_t>::max()) == 0x1p64f);
}

// Not an independent value: these hashes pin the bits that x86 gave, so that every other target can be compared.
TEST_CASE("the bits of all functions are the same on every target") {
  Hash exps, logs, angles, turns, activations;
  Random random;
  for (int i = 0; i < 20000; ++i) {
    const float x = random.in(-20.0f, 20.0f);
    exps.add(exp_f32(4.0f * x));
    logs.add(log_f32(abs_f32(x)));
    angles.add(sin_f32(50.0f * x));
    angles.add(cos_f32(5000.0f * x));
    float s, c;
    sincos_2pi_u24(random.next() >> 8, &s, &c);
    turns.add(s);
    turns.add(c);
    activations.add(sigmoid_f32(x));
    activations.add(silu_f32(x));
    activations.add(tanh_f32(x * 0.25f));
    activations.add(erf_f32(x * 0.2f));
    activations.add(gelu_f32(x * 0.25f));
  }
  CHECK(exps.value == 12931961470377871903ull);
  CHECK(logs.value == 14485368916984279442ull);
  CHECK(angles.value == 17818523820035608743ull);
  CHECK(turns.value == 14750332817120898073ull);
  CHECK(activations.value == 12414052387174114814ull);
}
