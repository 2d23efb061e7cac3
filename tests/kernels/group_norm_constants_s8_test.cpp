// The constants of a normalisation of quantized tensors: against the formulas of constants_s8.h worked out by a twin in
// the same float32 operations, against a normalisation in double within bounds derived here, and one example pinned to
// the integer, so that a target that rounds or orders its float operations differently is found out.
#include "guarded.h"
#include "kernels/constants_s8.h"

namespace mote::test {
namespace {

struct NormProblem {
  int height, width, c0, c1, groups;
  bool gamma, beta, scale_shift;
  ScaleS8 x[2];
  float epsilon, out_inv, out_zero;
};

struct NormData {
  NormProblem p;
  std::vector<int8_t> x[2];
  std::vector<float> gamma, beta, scale_shift;

  int channels() const { return p.c0 + p.c1; }
  int code(int pixel, int c) const {
    return c < p.c0 ? x[0][static_cast<size_t>(pixel * p.c0 + c)] : x[1][static_cast<size_t>(pixel * p.c1 + c - p.c0)];
  }
  const ScaleS8& source(int c) const { return p.x[c < p.c0 ? 0 : 1]; }
  double real(int pixel, int c) const {
    return static_cast<double>(source(c).scale) * (code(pixel, c) - source(c).zero);
  }
};

NormData make_norm(const NormProblem& p, uint64_t seed, int spread = 128, int centre = 0) {
  Random r(seed);
  NormData d = {p, {}, {}, {}, {}};
  const int pixels = p.height * p.width;
  for (int i = 0; i < pixels * p.c0; ++i) {
    d.x[0].push_back(static_cast<int8_t>(std::max(-128, std::min(127, centre + r.between(-spread, spread)))));
  }
  for (int i = 0; i < pixels * p.c1; ++i) {
    d.x[1].push_back(static_cast<int8_t>(std::max(-128, std::min(127, r.between(-spread, spread) - centre))));
  }
  for (int c = 0; c < d.channels(); ++c) {
    d.gamma.push_back(r.below(10) == 0 ? 0.0f : r.uniform() * 3.0f);
    d.beta.push_back(r.uniform() * 2.0f);
  }
  for (int c = 0; c < 2 * d.channels(); ++c) d.scale_shift.push_back(r.uniform() * 2.0f);
  return d;
}

struct NormConstants {
  std::vector<int32_t> A, B;
  int shift;
  bool operator==(const NormConstants& other) const { return A == other.A && B == other.B && shift == other.shift; }
};

// From sums that are added up here, in slices cut anywhere.
NormConstants constants_of(const NormData& d, Random& r) {
  const int channels = d.channels(), slices = d.p.height < 4 ? d.p.height : 4;
  const Guarded<int32_t> stats(group_norm_s8_stats_bytes(channels, d.p.height) / 4);
  for (int s = 0; s < slices * 2 * channels; ++s) stats[static_cast<size_t>(s)] = 0;
  for (int pixel = 0; pixel < d.p.height * d.p.width; ++pixel) {
    const int slice = r.below(slices);
    for (int c = 0; c < channels; ++c) {
      const int code = d.code(pixel, c);
      stats[static_cast<size_t>(2 * channels * slice + c)] += code;
      stats[static_cast<size_t>(2 * channels * slice + channels + c)] += code * code;
    }
  }
  GroupNormS8Constants args = {};
  for (int i = 0; i < 2; ++i) args.x[i] = d.p.x[i];
  args.channels[0] = d.p.c0;
  args.channels[1] = d.p.c1;
  args.height = d.p.height;
  args.width = d.p.width;
  args.groups = d.p.groups;
  args.epsilon = d.p.epsilon;
  args.gamma = d.p.gamma ? d.gamma.data() : nullptr;
  args.beta = d.p.beta ? d.beta.data() : nullptr;
  args.scale_shift = d.p.scale_shift ? d.scale_shift.data() : nullptr;
  args.out_inv = d.p.out_inv;
  args.out_zero = d.p.out_zero;
  args.stats = stats.data();
  args.slices = slices;
  group_norm_s8_constants(args);
  CHECK(stats.intact());
  const int32_t* out = stats.data();
  return {std::vector<int32_t>(out, out + channels), std::vector<int32_t>(out + channels, out + 2 * channels),
          out[2 * channels * slices]};
}

// The twin: the formulas of constants_s8.h in their order, in the float arithmetic of this machine.
class NormTwin {
 public:
  explicit NormTwin(const NormData& d) : d_(d) {}

  NormConstants constants() const {
    const int channels = d_.channels(), size = channels / d_.p.groups;
    std::vector<float> factor, offset;
    for (int c = 0; c < channels; ++c) {
      const Group group = group_of(c / size * size, size);
      float g = group.r * (d_.p.gamma ? d_.gamma[static_cast<size_t>(c)] : 1.0f);
      float h = (d_.p.beta ? d_.beta[static_cast<size_t>(c)] : 0.0f) - group.mean * g;
      if (d_.p.scale_shift) {
        const float t = 1.0f + d_.scale_shift[static_cast<size_t>(c)];
        g = g * t;
        h = h * t + d_.scale_shift[static_cast<size_t>(channels + c)];
      }
      factor.push_back((g * d_.source(c).scale) * d_.p.out_inv);
      offset.push_back(h * d_.p.out_inv + d_.p.out_zero);
    }
    return to_fixed(factor, offset);
  }

 private:
  struct Group {
    float mean, dev, r, n;
  };
  // Of those channels among [begin, begin + size) that lie in source i.
  Group source_of(int begin, int size, int i) const {
    int64_t n = 0, sum = 0, squares = 0;
    for (int c = begin; c < begin + size; ++c) {
      if ((c < d_.p.c0) != (i == 0)) continue;
      for (int pixel = 0; pixel < d_.p.height * d_.p.width; ++pixel) {
        const int64_t code = d_.code(pixel, c);
        n += 1;
        sum += code;
        squares += code * code;
      }
    }
    if (n == 0) return {0.0f, 0.0f, 0.0f, 0.0f};
    const float count = static_cast<float>(n), scale = d_.p.x[i].scale;
    const float mean = static_cast<float>(sum - n * d_.p.x[i].zero) / count * scale;
    const float dev = static_cast<float>(n * squares - sum * sum) / count * (scale * scale);
    return {mean, dev, 0.0f, count};
  }
  Group group_of(int begin, int size) const {
    const Group a = source_of(begin, size, 0), b = source_of(begin, size, 1);
    const float n = static_cast<float>(int64_t{size} * d_.p.height * d_.p.width);
    Group group = b.n == 0.0f ? a : b;
    if (a.n != 0.0f && b.n != 0.0f) {
      const float delta = b.mean - a.mean;
      group.mean = a.mean + delta * (b.n / n);
      group.dev = (a.dev + b.dev) + (delta * delta) * ((a.n * b.n) / n);
    }
    group.r = 1.0f / std::sqrt(group.dev / n + d_.p.epsilon);
    return group;
  }
  NormConstants to_fixed(const std::vector<float>& factor, const std::vector<float>& offset) const {
    double largest_factor = 0.0, largest_offset = 0.0;
    for (const float f : factor) largest_factor = std::max(largest_factor, absolute(static_cast<double>(f)));
    for (const float f : offset) largest_offset = std::max(largest_offset, absolute(static_cast<double>(f)));
    NormConstants out = {{}, {}, 20};
    while (out.shift > 0 && !fits(largest_factor, largest_offset, out.shift)) --out.shift;
    const double power = std::ldexp(1.0, out.shift);
    for (size_t c = 0; c < factor.size(); ++c) {
      const double A = std::max(-32767.0, std::min(32767.0, static_cast<double>(factor[c]) * power));
      const double B = std::max(-536870912.0, std::min(536870912.0, static_cast<double>(offset[c]) * power));
      out.A.push_back(static_cast<int32_t>(std::nearbyint(A)));
      const int32_t whole = static_cast<int32_t>(absolute(B) < 4194304.0 ? std::nearbyint(B) : std::trunc(B));
      const int32_t half = out.shift > 0 ? 1 << (out.shift - 1) : 0;
      out.B.push_back(whole - d_.source(static_cast<int>(c)).zero * out.A[c] + half);
    }
    return out;
  }

  const NormData& d_;
};

struct Estimate {
  double value, error;  // error: a bound of what float32 may lose
};

// The normalisation in double straight from the real values, with what the float operations of constants_s8.h may lose
// of each channel's factor and offset (first order, so half as much again is allowed).
class RealNorm {
 public:
  RealNorm(const NormData& d, int c) : d_(d) {
    const int size = d.channels() / d.p.groups;
    measure(c / size * size, size);
    const double root = 1.0 / std::sqrt(variance_.value + static_cast<double>(d.p.epsilon));
    const double relative = variance_.error * root * root / 2 + 4 * ulp;
    const size_t at = static_cast<size_t>(c);
    Estimate g = {root * (d.p.gamma ? static_cast<double>(d.gamma[at]) : 1.0), 0.0};
    g.error = absolute(g.value) * (relative + ulp);
    const double beta = d.p.beta ? static_cast<double>(d.beta[at]) : 0.0;
    Estimate h = {beta - mean_.value * g.value, 0.0};
    h.error = absolute(mean_.value) * g.error + mean_.error * absolute(g.value) +
              ulp * (absolute(mean_.value * g.value) + absolute(h.value));
    if (d.p.scale_shift) {
      const double t = 1.0 + static_cast<double>(d.scale_shift[at]);
      const double shift = static_cast<double>(d.scale_shift[static_cast<size_t>(d.channels() + c)]);
      g = {g.value * t, absolute(t) * (g.error + 2 * ulp * absolute(g.value))};
      h = {h.value * t + shift,
           absolute(t) * (h.error + 2 * ulp * absolute(h.value)) + ulp * absolute(h.value * t + shift)};
    }
    const double inv = static_cast<double>(d.p.out_inv), scale = static_cast<double>(d.source(c).scale);
    factor = {g.value * scale * inv, (g.error + 2 * ulp * absolute(g.value)) * scale * inv};
    offset.value = h.value * inv + static_cast<double>(d.p.out_zero);
    offset.error = (h.error + ulp * absolute(h.value)) * inv + ulp * absolute(offset.value);
  }
  Estimate factor, offset;

 private:
  void measure(int begin, int size) {
    double sum = 0.0, largest = 0.0, deviation = 0.0, part[2] = {0.0, 0.0}, count[2] = {0.0, 0.0};
    const int pixels = d_.p.height * d_.p.width;
    for (int c = begin; c < begin + size; ++c) {
      for (int pixel = 0; pixel < pixels; ++pixel) {
        sum += d_.real(pixel, c);
        part[c < d_.p.c0 ? 0 : 1] += d_.real(pixel, c);
      }
      count[c < d_.p.c0 ? 0 : 1] += pixels;
    }
    const double n = static_cast<double>(size) * pixels;
    mean_.value = sum / n;
    for (int c = begin; c < begin + size; ++c) {
      for (int pixel = 0; pixel < pixels; ++pixel) deviation += std::pow(d_.real(pixel, c) - mean_.value, 2);
    }
    variance_.value = deviation / n;
    for (int i = 0; i < 2; ++i) largest = count[i] > 0 ? std::max(largest, absolute(part[i] / count[i])) : largest;
    // Means are wrong by 3 operations each, their difference by as much again; the variance by that of the difference
    // between the sources and by the operations of each sum of deviations.
    mean_.error = 9 * ulp * largest;
    variance_.error = 10 * ulp * variance_.value;
    if (count[0] > 0 && count[1] > 0) {
      const double delta = absolute(part[1] / count[1] - part[0] / count[0]), off = 8 * ulp * largest;
      variance_.error += (2 * delta + off) * off * count[0] * count[1] / (n * n);
    }
  }
  const NormData& d_;
  Estimate mean_, variance_;
};

void check_norm(const NormData& d, uint64_t seed) {
  Random r(seed);
  const NormConstants got = constants_of(d, r);
  CHECK(got == constants_of(d, r));  // sums cut into slices differently
  CHECK(got == NormTwin(d).constants());
  REQUIRE(got.shift >= 0);
  REQUIRE(got.shift <= 20);
  CAPTURE(seed);
  CAPTURE(d.p.c0);
  CAPTURE(d.p.c1);
  CAPTURE(d.p.groups);
  for (int c = 0; c < d.channels(); ++c) {
    const RealNorm real(d, c);
    const size_t at = static_cast<size_t>(c);
    CHECK(std::abs(got.A[at]) <= 32767);
    const bool clamped = !fits(absolute(real.factor.value), absolute(real.offset.value), got.shift);
    for (int x = -128; x < 128; ++x) {
      const int64_t v = int64_t{x} * got.A[at] + got.B[at];
      if (std::abs(v) >= int64_t{1} << 31) CHECK(std::abs(v) < int64_t{1} << 31);
      const double distance = x - d.source(c).zero;
      const double code = std::ldexp(static_cast<double>(v - (got.shift > 0 ? 1 << (got.shift - 1) : 0)), -got.shift);
      const double expected = distance * real.factor.value + real.offset.value;
      const double bound = 1.5 * (absolute(distance) * real.factor.error + real.offset.error) +
                           std::ldexp(0.5 * absolute(distance) + 0.5, -got.shift);
      if (!clamped && !(absolute(code - expected) <= bound)) CHECK(absolute(code - expected) <= bound);
    }
  }
}

TEST_CASE("group_norm_s8_constants: the twin's bits, and close to a normalisation in double") {
  for (uint64_t seed = 1; seed < 400; ++seed) {
    Random r(seed);
    NormProblem p = {};
    p.height = r.between(1, 9);
    p.width = r.between(1, 9);
    p.groups = r.between(1, 5);
    const int channels = p.groups * r.between(1, 8);
    p.c1 = r.coin() && channels > 1 ? r.between(1, channels - 1) : 0;
    p.c0 = channels - p.c1;
    p.gamma = r.coin();
    p.beta = r.coin();
    p.scale_shift = r.coin();
    for (ScaleS8& x : p.x) x = {std::ldexp(1.0f + std::fabs(r.uniform()), r.between(-9, 0)), r.between(-128, 127)};
    p.epsilon = r.coin() ? 1e-5f : 1e-6f;
    const bool indexed = r.coin();  // the output is an index into a table
    p.out_inv = indexed ? static_cast<float>(r.between(16, 300)) : 1.0f / (0.01f + 0.1f * std::fabs(r.uniform()));
    p.out_zero = static_cast<float>(indexed ? r.between(0, 4095) : r.between(-128, 127));
    check_norm(make_norm(p, seed, r.coin() ? 128 : r.between(0, 20), r.between(-100, 100)), seed);
  }
}

TEST_CASE("group_norm_s8_constants: constant, extreme and far apart inputs") {
  uint64_t seed = 1000;
  for (const float far : {1.0f, 1000.0f, 0x1p20f}) {
    for (const int centre : {-128, 0, 127}) {
      for (const int c1 : {0, 3}) {
        // Groups of 4 over 5 + 3 channels: the border between the inputs runs through the second.
        const NormProblem p = {6,     7,     8 - c1, c1, 2, true, true, true, {{0.02f, -128}, {0.02f * far, 127}},
                               1e-5f, 30.0f, -3.0f};
        // No variance within an input, next to none, and all of it.
        for (const int spread : {0, 1, 128}) {
          ++seed;
          check_norm(make_norm(p, seed, spread, centre), seed);
        }
      }
    }
  }
}

TEST_CASE("group_norm_s8_constants: as many elements as a group may have, at the ends of the range") {
  // 2^18 pixels, 32 channels: 2^23 elements. Sums of four slices, as channel_sums_s8 would give them.
  for (const int kind : {0, 1, 2}) {
    const int channels = 32, height = 512, width = 512, slice = height / 4 * width;
    const Guarded<int32_t> stats(group_norm_s8_stats_bytes(channels, height) / 4);
    for (int s = 0; s < 4; ++s) {
      const bool high = kind == 1 || (kind == 2 && s % 2 != 0);
      const int code = high ? 127 : -128;
      for (int c = 0; c < channels; ++c) {
        stats[static_cast<size_t>(2 * channels * s + c)] = code * slice;
        stats[static_cast<size_t>(2 * channels * s + channels + c)] = code * code * slice;
      }
    }
    GroupNormS8Constants args = {};
    args.x[0] = {0.5f, kind == 0 ? 127 : -128};
    args.channels[0] = channels;
    args.height = height;
    args.width = width;
    args.groups = 1;
    args.epsilon = 1e-5f;
    args.out_inv = 16.0f;
    args.stats = stats.data();
    args.slices = 4;
    group_norm_s8_constants(args);
    CHECK(stats.intact());
    const int shift = stats[4 * 2 * 32];
    const double half = shift > 0 ? 0.5 : 0.0, A = std::ldexp(stats[0], -shift);
    const double B = std::ldexp(stats[32], -shift) - half;
    // Half a unit of A for 255 codes of distance.
    const double error = 1.0 + std::ldexp(0.5 * 255 + 0.5, -shift);
    if (kind == 2) {  // half -128, half 127: they become -1 and 1
      CHECK(absolute(-128 * A + B + 16.0) < error);
      CHECK(absolute(127 * A + B - 16.0) < error);
    } else {  // no variance: the factor is 0.5 * 16 / sqrt(1e-5), the code itself becomes 0
      CHECK(A == doctest::Approx(8.0 / std::sqrt(1e-5)).epsilon(1e-3));
      CHECK(absolute((kind == 0 ? -128 : 127) * A + B) < error);
    }
  }
}

TEST_CASE("group_norm_s8_constants: the integers that every target must give") {
  const NormProblem p = {5,     7, 5, 4, 3, true, true, true, {{0.0123f, -9}, {0.0457f, 21}}, 1e-5f, 1.0f / 0.0371f,
                         -11.0f};
  NormData d = make_norm(p, 1);
  for (size_t i = 0; i < d.x[0].size(); ++i) d.x[0][i] = static_cast<int8_t>(static_cast<int>(i * 37 % 256) - 128);
  for (size_t i = 0; i < d.x[1].size(); ++i) d.x[1][i] = static_cast<int8_t>(static_cast<int>(i * 91 % 201) - 100);
  for (size_t c = 0; c < 9; ++c) {
    d.gamma[c] = 0.3f * static_cast<float>(c) - 1.1f;
    d.beta[c] = 0.7f - 0.21f * static_cast<float>(c);
    d.scale_shift[c] = 0.13f * static_cast<float>(c) - 0.4f;
    d.scale_shift[9 + c] = 0.9f - 0.37f * static_cast<float>(c);
  }
  Random r(1);
  const NormConstants got = constants_of(d, r);
  const NormConstants expected = {{-7792, -6894, -5076, -1207, 683, 11329, 14626, 22862, 32280},
                                  {814529, 433551, 5201, -504355, -974454, -1743935, -2202949, -2879992, -3606125},
                                  15};
  CHECK(got.A == expected.A);
  CHECK(got.B == expected.B);
  CHECK(got.shift == expected.shift);
}

}  // namespace
}  // namespace mote::test
