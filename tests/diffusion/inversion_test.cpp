#include "weights_tool/diffusion/inversion.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "diffusion/rows.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/io/error.h"

using namespace mote::tool;

namespace {

std::vector<float> cosine_table(int levels = 1000) {
  ScheduleOptions options;
  options.kind = ScheduleKind::cosine;
  options.train_steps = levels;
  return exact_alpha_bar_table(make_schedule(options));
}

// epsilon of x0 ~ N(mean, deviation^2) in closed form.
EpsilonModel gaussian(const std::vector<VisitedLevel>& levels, int* calls) {
  return [&levels, calls](const std::vector<double>& x, double t, std::vector<double>& epsilon) {
    ++*calls;
    constexpr double mean = 0.3, variance = 0.25;
    double alpha_bar = -1, rest = -1;
    for (const VisitedLevel& level : levels) {
      if (level.timestep == t) alpha_bar = level.alpha_bar, rest = level.rest;
    }
    REQUIRE(rest >= 0);
    for (size_t e = 0; e < x.size(); ++e)
      epsilon[e] = std::sqrt(rest) * (x[e] - std::sqrt(alpha_bar) * mean) / (alpha_bar * variance + rest);
  };
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (size_t e = 0; e < a.size(); ++e) largest = std::max(largest, std::fabs(a[e] - b[e]));
  return largest;
}

std::vector<float> normal_floats(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

double length(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += double{v} * double{v};
  return std::sqrt(sum);
}

}  // namespace

TEST_CASE("inversion comes nearer to the picture with more steps, and with iterations to rounding") {
  const std::vector<double> picture{-0.9, -0.2, 0.1, 0.45, 1.0};
  double before = 10;
  for (const int steps : {10, 50, 250}) {
    const std::vector<VisitedLevel> levels = trailing_levels(cosine_table(), steps);
    int calls = 0;
    std::vector<double> x = picture;
    CHECK(ddim_invert(levels, gaussian(levels, &calls), 1, x) == steps);
    CHECK(calls == steps);
    ddim_draw(levels, gaussian(levels, &calls), x);
    const double error = largest_difference(x, picture);
    CHECK(error > 1e-6);
    CHECK(error < 0.5 * before);
    before = error;

    x = picture;
    calls = 0;
    CHECK(ddim_invert(levels, gaussian(levels, &calls), 60, x) == 60 * steps);
    CHECK(calls == 60 * steps);
    ddim_draw(levels, gaussian(levels, &calls), x);
    CHECK(largest_difference(x, picture) < 1e-6);
  }
}

TEST_CASE("the levels are those of the sampler, with all digits") {
  const std::vector<float> table = cosine_table();
  const std::vector<VisitedLevel> levels = trailing_levels(table, 4);
  REQUIRE(levels.size() == 4);
  CHECK(levels[0].timestep == 999);
  CHECK(levels[3].timestep == 249);
  CHECK(levels[3].alpha_bar + levels[3].rest == doctest::Approx(1).epsilon(1e-6));
  CHECK(trailing_levels({0.5f, 0.0f}, 1)[0].alpha_bar > 0);
  CHECK_THROWS_AS(trailing_levels(table, 0), Error);
  CHECK_THROWS_AS(trailing_levels(table, 1001), Error);
}

TEST_CASE("slerp begins and ends at its ends, keeps the length of noise, and turns at a constant rate") {
  const std::vector<float> a = normal_floats(784, 1), b = normal_floats(784, 2);
  const std::vector<float> first = slerp(a, b, 0), last = slerp(a, b, 1);
  for (size_t e = 0; e < a.size(); ++e) {
    CHECK(first[e] == doctest::Approx(a[e]).epsilon(1e-5));
    CHECK(last[e] == doctest::Approx(b[e]).epsilon(1e-5));
  }
  const auto angle = [](const std::vector<float>& u, const std::vector<float>& v) {
    double dot = 0;
    for (size_t e = 0; e < u.size(); ++e) dot += double{u[e]} * double{v[e]};
    return std::acos(dot / (length(u) * length(v)));
  };
  for (const double share : {0.25, 0.5, 0.75}) {
    const std::vector<float> between = slerp(a, b, share);
    CHECK(length(between) == doctest::Approx((1 - share) * length(a) + share * length(b)).epsilon(1e-5));
    CHECK(angle(a, between) == doctest::Approx(share * angle(a, b)).epsilon(1e-4));
  }
  CHECK(slerp({1, 2}, {2, 4}, 0.5) == std::vector<float>{1.5f, 3.0f});
  CHECK(slerp({0, 0}, {2, 4}, 0.5) == std::vector<float>{1, 2});
}
