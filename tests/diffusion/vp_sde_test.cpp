// The continuous process and its samplers on a Gaussian, where everything is known: x0 ~ N(mean, deviation^2) gives
// x_t ~ N(sqrt(alpha_bar) mean, alpha_bar deviation^2 + 1 - alpha_bar), and the ODE carries quantiles to quantiles.
#include "weights_tool/diffusion/vp_sde.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/io/error.h"

using namespace mote::tool;

namespace {

using Values = std::vector<double>;

constexpr double mean = 0.4, deviation = 0.6;

VpSde sde_of(ScheduleKind kind, int levels = 1000) {
  ScheduleOptions options;
  options.kind = kind;
  options.train_steps = levels;
  return VpSde(make_schedule(options).alpha_bar);
}

double marginal_deviation(const VpSde& sde, double t) {
  return std::sqrt(sde.alpha_bar(t) * deviation * deviation + 1 - sde.alpha_bar(t));
}

// epsilon = -sqrt(1 - alpha_bar) * score.
EpsilonModel gaussian(const VpSde& sde, int* calls = nullptr) {
  return [&sde, calls](const Values& x, double t, Values& epsilon) {
    if (calls != nullptr) ++*calls;
    const double s = marginal_deviation(sde, t), m = std::sqrt(sde.alpha_bar(t)) * mean;
    for (size_t e = 0; e < x.size(); ++e) epsilon[e] = std::sqrt(1 - sde.alpha_bar(t)) * (x[e] - m) / (s * s);
  };
}

double ode_truth(const VpSde& sde, double x, double from, double to) {
  const double z = (x - std::sqrt(sde.alpha_bar(from)) * mean) / marginal_deviation(sde, from);
  return std::sqrt(sde.alpha_bar(to)) * mean + marginal_deviation(sde, to) * z;
}

struct Moments {
  double mean, deviation;
};
Moments moments(const Values& values) {
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double m = sum / static_cast<double>(values.size());
  for (const double v : values) squares += (v - m) * (v - m);
  return {m, std::sqrt(squares / static_cast<double>(values.size()))};
}

Values normal_values(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Values values(n);
  for (double& v : values) v = normal(random);
  return values;
}

NoiseSource noise_source() {
  return [](uint32_t index, Values& z) { z = normal_values(z.size(), 1000 + index); };
}

}  // namespace

TEST_CASE("log alpha_bar passes through the levels, falls, and its slope is beta") {
  for (const ScheduleKind kind : all_schedules) {
    ScheduleOptions options;
    options.kind = kind;
    options.train_steps = 60;
    const Schedule schedule = make_schedule(options);
    const VpSde sde(schedule.alpha_bar);
    for (int t = 0; t < 60; ++t)
      CHECK(sde.alpha_bar(t) == doctest::Approx(schedule.alpha_bar[static_cast<size_t>(t)]).epsilon(1e-12));
    double before = 1;
    for (double t = 0; t <= sde.last(); t += 0.0837) {
      CHECK(sde.log_alpha_bar(t) < before);
      before = sde.log_alpha_bar(t);
      const double step = 1e-6, low = std::max(t - step, 0.0), high = std::min(t + step, sde.last());
      const double slope = (sde.log_alpha_bar(high) - sde.log_alpha_bar(low)) / (high - low);
      CHECK(-sde.beta(t) == doctest::Approx(slope).epsilon(1e-4));
    }
  }
}

TEST_CASE("the time of a share of the picture, and what a table or an impossible list says") {
  const VpSde sde = sde_of(ScheduleKind::cosine);
  const double t = sde.time_of_alpha_bar(1e-3);
  CHECK(sde.alpha_bar(t) == doctest::Approx(1e-3));
  CHECK(sde_of(ScheduleKind::linear).time_of_alpha_bar(1e-9) == 999);
  const VpSde table = VpSde::of_table({-0.125f, 0.5f, 0.0f});
  CHECK(table.alpha_bar(0) == doctest::Approx(0.875));
  CHECK(table.alpha_bar(2) == doctest::Approx(std::pow(2.0, -40)));
  CHECK_THROWS_AS(VpSde({0.5}), Error);
  CHECK_THROWS_AS(VpSde({0.5, 0.5}), Error);
  CHECK_THROWS_AS(VpSde({0.5, std::nan("")}), Error);
}

TEST_CASE("the ODE follows its closed form both ways, and its error falls with the tolerance") {
  for (const ScheduleKind kind : {ScheduleKind::linear, ScheduleKind::cosine}) {
    const VpSde sde = sde_of(kind);
    const double start = sde.time_of_alpha_bar(1e-5);
    const Values first{-2.1, -0.3, 0.0, 0.8, 3.0};
    int evaluations_before = 0;
    for (const double tolerance : {1e-3, 1e-5, 1e-7}) {
      Values x = first;
      int calls = 0;
      OdeOptions options;
      options.atol = options.rtol = tolerance;
      const OdeCounts counts = integrate_ode(sde, gaussian(sde, &calls), start, 0, options, x);
      CHECK(counts.evaluations == calls);
      CHECK(calls == 1 + 6 * (counts.accepted + counts.rejected));
      CHECK(calls > evaluations_before);
      evaluations_before = calls;
      double error = 0;
      for (size_t e = 0; e < x.size(); ++e)
        error = std::max(error, std::fabs(x[e] - ode_truth(sde, first[e], start, 0)));
      CHECK(error < 60 * tolerance);
      integrate_ode(sde, gaussian(sde), 0, start, options, x);
      for (size_t e = 0; e < x.size(); ++e) CHECK(std::fabs(x[e] - first[e]) < 600 * tolerance);
    }
  }
}

TEST_CASE("an ODE that needs more evaluations than allowed is an error") {
  const VpSde sde = sde_of(ScheduleKind::linear);
  Values x{1.0};
  OdeOptions options;
  options.most_evaluations = 20;
  CHECK_THROWS_AS(integrate_ode(sde, gaussian(sde), 999, 0, options, x), Error);
}

TEST_CASE("the expected clean picture of a Gaussian is its posterior mean") {
  const VpSde sde = sde_of(ScheduleKind::linear);
  const double t = 300.5, ab = sde.alpha_bar(t), s2 = deviation * deviation;
  Values x{1.3};
  denoise(sde, gaussian(sde), t, x);
  CHECK(x[0] == doctest::Approx(mean + std::sqrt(ab) * s2 / (ab * s2 + 1 - ab) * (1.3 - std::sqrt(ab) * mean)));
}

TEST_CASE("both SDE samplers end in the data's mean and deviation") {
  constexpr size_t count = 20000;  // each element is a sample of its own
  for (const ScheduleKind kind : {ScheduleKind::linear, ScheduleKind::cosine}) {
    const VpSde sde = sde_of(kind);
    SdeOptions options;
    options.steps = 400;
    options.start = sde.time_of_alpha_bar(1e-5);
    Values x = normal_values(count, 7);
    int calls = 0;
    CHECK(euler_maruyama(sde, gaussian(sde, &calls), noise_source(), options, x) == calls);
    CHECK(calls == 401);
    CHECK(std::fabs(moments(x).mean - mean) < 0.02);
    CHECK(std::fabs(moments(x).deviation - deviation) < 0.02);

    x = normal_values(count, 8);
    calls = 0;
    options.corrector_steps = 1;
    CHECK(predictor_corrector(sde, gaussian(sde, &calls), noise_source(), options, x) == calls);
    CHECK(calls == 801);
    CHECK(std::fabs(moments(x).mean - mean) < 0.02);
    CHECK(std::fabs(moments(x).deviation - deviation) < 0.03);
  }
}

TEST_CASE("the Langevin corrector pulls a wrong distribution to the right one") {
  constexpr size_t count = 20000;
  const VpSde sde = sde_of(ScheduleKind::linear);
  SdeOptions options;
  options.steps = 40;
  options.start = 500;  // x is unit noise there although the marginal is another
  Values alone = normal_values(count, 9), corrected = alone;
  predictor_corrector(sde, gaussian(sde), noise_source(), options, alone);
  options.corrector_steps = 8;
  options.corrector_snr = 0.3;
  predictor_corrector(sde, gaussian(sde), noise_source(), options, corrected);
  CHECK(std::fabs(moments(corrected).mean - mean) < 0.5 * std::fabs(moments(alone).mean - mean));
}
