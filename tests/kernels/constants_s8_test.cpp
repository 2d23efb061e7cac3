// The constants of the int8 kernels but those of a normalisation: against the formulas of constants_s8.h, against the
// real maps in double within bounds derived here, and a few pinned to the bit, so that a target that rounds or orders
// its float operations differently is found out.
#include "kernels/constants_s8.h"

#include "guarded.h"
#include "kernels/kernels_s8.h"

namespace mote::test {
namespace {

// ---- convolution ----------------------------------------------------------------------------------------------------

void check_conv(uint64_t seed) {
  Random r(seed);
  const int outputs = r.between(1, 40), inputs = r.between(1, 2), begin = r.below(outputs);
  const int end = r.between(begin + 1, outputs);
  const size_t n = static_cast<size_t>(outputs);
  const Guarded<ScaleS8> weight_scale(n);
  const Guarded<float> bias(n), shift(n), b(n), m0(n), m1(n);
  const Guarded<int32_t> sums0(n), sums1(n), correction0(n), correction1(n);
  const Guarded<float>* m[2] = {&m0, &m1};
  const Guarded<int32_t>*sums[2] = {&sums0, &sums1}, *correction[2] = {&correction0, &correction1};
  for (size_t o = 0; o < n; ++o) {
    weight_scale[o] = {std::ldexp(1.0f + std::fabs(r.uniform()), r.between(-40, 19)), 0};
    bias[o] = r.uniform() * 100.0f;
    shift[o] = r.uniform() * 10.0f;
    sums0[o] = r.coin() ? static_cast<int32_t>(r.next()) : r.between(-100000, 100000);
    sums1[o] = r.coin() ? INT32_MIN : static_cast<int32_t>(r.next());
  }
  const bool over = r.coin();  // sums lie where the corrections will
  Conv2dS8Constants args = {};
  args.weight_scale = weight_scale.data();
  args.bias = r.coin() ? bias.data() : nullptr;
  args.shift = r.coin() ? shift.data() : nullptr;
  args.inputs = inputs;
  args.inv = 1.0f / std::ldexp(1.0f + std::fabs(r.uniform()), r.between(-40, 19));
  args.b = b.data();
  for (int i = 0; i < inputs; ++i) {
    args.x[i] = {std::ldexp(1.0f + std::fabs(r.uniform()), r.between(-20, 4)), r.between(-128, 127)};
    if (over) correction[i]->copy_from(*sums[i]);
    args.sums[i] = over ? correction[i]->data() : sums[i]->data();
    args.m[i] = m[i]->data();
    args.correction[i] = correction[i]->data();
  }
  conv2d_s8_constants(args, begin, end);
  for (int at = 0; at < outputs; ++at) {
    const size_t o = static_cast<size_t>(at);
    const bool inside = at >= begin && at < end;
    for (int i = 0; i < inputs; ++i) {
      const int64_t product = -int64_t{args.x[i].zero} * (*sums[i])[o];
      const float ratio = args.x[i].scale * args.inv;
      if (inside) {
        CHECK((*correction[i])[o] == static_cast<int32_t>(static_cast<uint32_t>(product & 0xFFFFFFFF)));
        CHECK(bits_of_f32((*m[i])[o]) == bits_of_f32(weight_scale[o].scale * ratio));
      } else {
        CHECK(bits_of_f32((*m[i])[o]) == 0xA5A5A5A5u);
        if (over) CHECK((*correction[i])[o] == (*sums[i])[o]);
      }
    }
    float sum = args.bias != nullptr ? bias[o] : 0.0f;
    if (args.shift != nullptr) sum = sum + shift[o];
    CHECK(bits_of_f32(b[o]) == (inside ? bits_of_f32(sum * args.inv) : 0xA5A5A5A5u));
  }
  CHECK(b.intact());
  for (int i = 0; i < 2; ++i) {
    CHECK(m[i]->intact());
    CHECK(correction[i]->intact());
  }
}

TEST_CASE("conv2d_s8_constants: the formulas, for a part of the channels, over the sums too") {
  for (uint64_t seed = 1; seed < 200; ++seed) check_conv(seed);
}

// ---- fixed point ----------------------------------------------------------------------------------------------------

// A number of any size from 2^-60 to 2^60, or zero.
float any_size(Random& r) {
  return r.below(12) == 0 ? 0.0f : std::ldexp(r.uniform(), r.between(-60, r.coin() ? 60 : 0));
}

TEST_CASE("fixed_shift: the largest in 0..20 that fits, and never larger for larger numbers") {
  for (uint64_t seed = 1; seed < 20000; ++seed) {
    Random r(seed);
    const float factor = std::fabs(any_size(r)), offset = std::fabs(any_size(r));
    const int shift = fixed_shift(factor, offset);
    REQUIRE(shift >= 0);
    REQUIRE(shift <= 20);
    CHECK((shift == 0 || fits(factor, offset, shift)));
    CHECK((shift == 20 || !fits(factor, offset, shift + 1)));
    CHECK(fixed_shift(factor * 2.0f, offset) <= shift);
    CHECK(fixed_shift(factor, offset * 2.0f) <= shift);
  }
  CHECK(fixed_shift(0.0f, 0.0f) == 20);
  CHECK(fixed_shift(32767.0f, 0.0f) == 0);
  CHECK(fixed_shift(1.0f, 0.0f) == 14);
  CHECK(fixed_shift(0.03124904632568359375f, 512.0f) == 20);  // 32767 / 2^20 and 2^29 / 2^20
  CHECK(fixed_shift(0.0312500f, 512.0f) == 19);
  CHECK(fixed_shift(0.0f, 513.0f) == 19);
  CHECK(fixed_shift(3e38f, 3e38f) == 0);
  CHECK(fixed_shift(INFINITY, INFINITY) == 0);
}

// Bounds that hold for any numbers whatever.
void check_bounds(float factor, float offset, int zero, int shift) {
  int32_t A, B;
  fixed_point(factor, offset, zero, shift, &A, &B);
  CHECK(std::abs(A) <= 32767);
  for (const int64_t x : {-128, 127}) CHECK(std::abs(x * A + B) < int64_t{1} << 31);
}

TEST_CASE("fixed_point: |x * A + B| < 2^31 for any factor, offset and shift") {
  const float extreme[] = {0.0f,  -0.0f,  1.0f,     -1.0f,     32767.0f, -32768.0f,      0x1p29f,        -0x1p29f,
                           3e38f, -3e38f, INFINITY, -INFINITY, NAN,      0x1.fffffep21f, 0x1.fffffep28f, 1e-38f};
  for (const float factor : extreme) {
    for (const float offset : extreme) {
      for (const int zero : {-128, -1, 0, 127}) {
        for (const int shift : {0, 1, 14, 20}) check_bounds(factor, offset, zero, shift);
      }
    }
  }
  for (uint64_t seed = 1; seed < 5000; ++seed) {
    Random r(seed);
    check_bounds(any_size(r), any_size(r), r.between(-128, 127), r.between(0, 20));
  }
}

// The map of one code against (x - zero) * factor + offset: half a unit of A for each code of distance, half a unit for
// the offset, half a code for the last rounding.
TEST_CASE("fixed_point: close to the real map, as close as the shift allows") {
  for (uint64_t seed = 1; seed < 3000; ++seed) {
    Random r(seed);
    const float factor = std::ldexp(r.uniform(), r.between(-12, 14)),
                offset = std::ldexp(r.uniform(), r.between(-2, 19));
    const int zero = r.between(-128, 127), shift = fixed_shift(std::fabs(factor), std::fabs(offset));
    int32_t A, B;
    fixed_point(factor, offset, zero, shift, &A, &B);
    REQUIRE(fits(std::fabs(factor), std::fabs(offset), shift));
    for (int x = -128; x < 128; ++x) {
      const double real = static_cast<double>(x - zero) * static_cast<double>(factor) + static_cast<double>(offset);
      const double code = std::floor(std::ldexp(static_cast<double>(int64_t{x} * A + B), -shift));
      const double bound = 0.5 + std::ldexp(0.5 * std::abs(x - zero) + 0.5, -shift);
      CHECK(absolute(code - real) <= bound);
    }
  }
}

TEST_CASE("fixed_point: exact values") {
  int32_t A, B;
  fixed_point(1.0f, 0.0f, 0, 14, &A, &B);
  CHECK(A == 16384);
  CHECK(B == 8192);
  fixed_point(-0.5f, 3.0f, -7, 4, &A, &B);  // B: 48 + 7 * -8 + 8
  CHECK(A == -8);
  CHECK(B == 0);
  fixed_point(0.0f, -128.0f, 50, 20, &A, &B);
  CHECK(A == 0);
  CHECK(B == -128 * (1 << 20) + (1 << 19));
  fixed_point(2.5f, 3.5f, 1, 0, &A, &B);  // both ties to even, no half
  CHECK(A == 2);
  CHECK(B == 2);
  fixed_point(1e9f, -1e20f, 127, 0, &A, &B);
  CHECK(A == 32767);
  CHECK(B == -(1 << 29) - 127 * 32767);
  fixed_point(-1e9f, 4194304.5f, 0, 0, &A, &B);  // beyond 2^22 the fraction is dropped
  CHECK(A == -32767);
  CHECK(B == 4194304);
}

// ---- scale and shift ------------------------------------------------------------------------------------------------

TEST_CASE("scale_shift_s8_constants: close to the real map") {
  for (uint64_t seed = 1; seed < 300; ++seed) {
    Random r(seed);
    const int channels = r.between(1, 40);
    const size_t n = static_cast<size_t>(channels);
    const Guarded<float> scale(n), shift(n);
    const Guarded<int32_t> A(n), B(n), fixed(1);
    for (size_t c = 0; c < n; ++c) {
      scale[c] = r.below(8) == 0 ? -1.0f : r.uniform() * 2.0f;
      shift[c] = r.uniform() * 3.0f;
    }
    ScaleShiftS8Constants args = {};
    args.x = {std::ldexp(1.0f + std::fabs(r.uniform()), r.between(-9, 0)), r.between(-128, 127)};
    args.channels = channels;
    args.scale = r.coin() ? scale.data() : nullptr;
    args.shift = shift.data();
    args.out_inv = 1.0f / (0.01f + 0.1f * std::fabs(r.uniform()));
    args.out_zero = static_cast<float>(r.between(-128, 127));
    args.A = A.data();
    args.B = B.data();
    args.fixed_shift = fixed.data();
    scale_shift_s8_constants(args);
    CHECK(A.intact());
    CHECK(B.intact());
    CHECK(fixed.intact());
    const int s = fixed[0];
    REQUIRE(s >= 0);
    REQUIRE(s <= 20);
    for (size_t c = 0; c < n; ++c) {
      const double inv = static_cast<double>(args.out_inv);
      const double t = args.scale != nullptr ? 1.0 + static_cast<double>(scale[c]) : 1.0;
      const double factor = t * static_cast<double>(args.x.scale) * inv;
      const double offset = static_cast<double>(shift[c]) * inv + static_cast<double>(args.out_zero);
      for (const int x : {-128, -1, 0, 77, 127}) {
        const double distance = x - args.x.zero;
        const int64_t v = int64_t{x} * A[c] + B[c] - (s > 0 ? 1 << (s - 1) : 0);
        const double error = 4 * ulp * (absolute(distance * factor) + absolute(offset) + absolute(shift[c] * inv));
        CHECK(absolute(std::ldexp(static_cast<double>(v), -s) - (distance * factor + offset)) <=
              error + std::ldexp(0.5 * absolute(distance) + 0.5, -s));
      }
    }
  }
}

// ---- the same on every target ---------------------------------------------------------------------------------------

TEST_CASE("conv2d_s8_constants: the bits that every target must give") {
  const ScaleS8 weight_scale[2] = {{0.00371f, 0}, {0.0191f, 0}};
  const float bias[2] = {0.123f, -4.56f}, shift[2] = {1.7f, 0.0891f};
  const int32_t sums[2] = {-70000, 123456789};
  int32_t correction[2];
  float m[2], b[2];
  Conv2dS8Constants conv = {weight_scale,    bias,         shift, {{0.0123f, -77}, {}}, 1, 1.0f / 0.0457f,
                            {sums, nullptr}, {m, nullptr}, b,     {correction, nullptr}};
  conv2d_s8_constants(conv, 0, 2);
  CHECK(bits_of_f32(m[0]) == 0x3A82E13Du);
  CHECK(bits_of_f32(m[1]) == 0x3BA87351u);
  CHECK(bits_of_f32(b[0]) == 0x421F8FF7u);
  CHECK(bits_of_f32(b[1]) == 0xC2C3A9BCu);
  CHECK(correction[0] == -5390000);
  CHECK(correction[1] == 916238161);  // 77 * 123456789 - 2 * 2^32
}

}  // namespace
}  // namespace mote::test
