// The variational bound: its terms against naive integrals, and a whole bound whose every term has a closed form.
#include "weights_tool/diffusion/likelihood.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "weights_tool/io/error.h"

using namespace mote::tool;
using doctest::Approx;

namespace {

constexpr double kPi = 3.14159265358979323846;

double density(double x, double mean, double log_variance) {
  return std::exp(-0.5 * (x - mean) * (x - mean) * std::exp(-log_variance)) /
         std::sqrt(2 * kPi * std::exp(log_variance));
}

// Simpson's rule.
template <class F>
double integral(double low, double high, int parts, const F& f) {
  const double h = (high - low) / parts;
  double sum = f(low) + f(high);
  for (int i = 1; i < parts; ++i) sum += (i % 2 == 1 ? 4 : 2) * f(low + i * h);
  return sum * h / 3;
}

Schedule schedule_of(ScheduleKind kind, int steps) {
  ScheduleOptions options;
  options.kind = kind;
  options.train_steps = steps;
  return make_schedule(options);
}

template <class F>
double slope(const F& f, double x) {
  const double h = 1e-5 * std::max(1.0, std::fabs(x));
  return (f(x + h) - f(x - h)) / (2 * h);
}

// The bound of N(0, s^2) for the best prediction of x0, E[x0 | x_t] = k x_t: every expectation is known. `best`: with the
// variance that makes the bound least, else beta-tilde. L_0 is of a density, not of bins.
struct GaussianBound {
  double prior = 0, middle = 0, reconstruction = 0;
  double total() const { return prior + middle + reconstruction; }
};
GaussianBound gaussian_bound(const Schedule& schedule, double s, bool best) {
  GaussianBound bound;
  const int steps = schedule.train_steps();
  const double last = schedule.alpha_bar.back();
  bound.prior = 0.5 * (last * (s * s - 1) - std::log(1 - last));
  for (int t = 0; t < steps; ++t) {
    const size_t i = static_cast<size_t>(t);
    const double now = schedule.alpha_bar[i], before = t > 0 ? schedule.alpha_bar[i - 1] : 1.0;
    const double left = s * s * (1 - now) / (now * s * s + 1 - now);  // variance of x0 given x_t
    if (t == 0) {
      const double variance = best ? left : (1 - now) / (1 - schedule.alpha_bar[1]) * schedule.beta[1];
      bound.reconstruction = 0.5 * (std::log(2 * kPi * variance) + left / variance);
      continue;
    }
    const double share = std::sqrt(before) * schedule.beta[i] / (1 - now);
    const double small = (1 - before) / (1 - now) * schedule.beta[i], apart = share * share * left;
    const double variance = best ? small + apart : small;
    bound.middle += 0.5 * (std::log(variance / small) - 1 + (small + apart) / variance);
  }
  return bound;
}

double gaussian_entropy(double s) { return 0.5 * std::log(2 * kPi * std::exp(1.0) * s * s); }

}  // namespace

TEST_CASE("the divergence of two normal distributions is its integral, with the right derivatives") {
  for (const double log_q : {-3.0, 0.2}) {
    for (const double log_p : {-2.5, 0.6}) {
      for (const double difference : {-0.7, 0.0, 0.3}) {
        const double naive = integral(-14, 14, 8000, [&](double x) {
          const double q = density(x, 0.4, log_q), p = density(x, 0.4 - difference, log_p);
          return q > 0 && p > 0 ? q * std::log(q / p) : 0;
        });
        const BoundTerm term = gaussian_kl(difference, log_q, log_p);
        CHECK(term.nats == Approx(naive).epsilon(1e-8).scale(1));
        CHECK(term.by_mean ==
              Approx(-slope([&](double d) { return gaussian_kl(d, log_q, log_p).nats; }, difference)).epsilon(1e-6));
        CHECK(term.by_log_variance ==
              Approx(slope([&](double l) { return gaussian_kl(difference, log_q, l).nats; }, log_p)).epsilon(1e-6));
      }
    }
  }
  CHECK(gaussian_kl(0, -1.5, -1.5).nats == 0);
}

TEST_CASE("the decoder's mass of a bin is its integral, its ends open, with the right derivatives") {
  for (const double half : {1.0 / 255, 0.25}) {
    for (const double x : {-1.0, -0.2, 0.5, 1.0}) {
      for (const double log_variance : {-9.0, -4.0, 0.5}) {
        for (const double difference : {-0.06, 0.0, 0.002, 0.11}) {
          const double mean = x - difference, reach = 30 * std::exp(log_variance / 2);
          const double low = x == -1 ? std::min(mean, x) - reach : x - half;
          const double high = x == 1 ? std::max(mean, x) + reach : x + half;
          const double mass = integral(low, high, 40000, [&](double y) { return density(y, mean, log_variance); });
          const BoundTerm term = discretised_gaussian(x, difference, log_variance, half);
          INFO(half << " " << x << " " << log_variance << " " << difference);
          CHECK(term.nats == Approx(-std::log(mass)).epsilon(1e-7).scale(1));
          CHECK(
              term.by_mean ==
              Approx(-slope([&](double d) { return discretised_gaussian(x, d, log_variance, half).nats; }, difference))
                  .epsilon(1e-4)
                  .scale(1));
          CHECK(term.by_log_variance ==
                Approx(slope([&](double l) { return discretised_gaussian(x, difference, l, half).nats; }, log_variance))
                    .epsilon(1e-4)
                    .scale(1));
        }
      }
    }
  }
}

TEST_CASE("the masses of all 256 values sum to one") {
  for (const double log_variance : {-8.0, -3.0}) {
    for (const double mean : {-1.2, -0.3, 0.99}) {
      double sum = 0;
      for (int k = 0; k < 256; ++k) {
        const double x = k / 127.5 - 1;
        sum += std::exp(-discretised_gaussian(x, x - mean, log_variance, half_bin_of_bytes).nats);
      }
      CHECK(sum == Approx(1).epsilon(1e-12));
    }
  }
}

TEST_CASE("far out in the tails the decoder stays finite and falls with the square of the distance") {
  for (const double log_variance : {-14.0, -11.0}) {
    double before = 0;
    for (const double difference : {0.02, 0.06, 0.1, 0.5, 2.0}) {
      const BoundTerm term = discretised_gaussian(0, difference, log_variance, half_bin_of_bytes);
      CHECK(std::isfinite(term.by_mean));
      CHECK(std::isfinite(term.by_log_variance));
      CHECK(term.nats > before);
      before = term.nats;
      // The nearer end dominates: z^2 / 2 + log z + log sqrt(2 pi), within 1 / z^2.
      const double z = (difference - half_bin_of_bytes) * std::exp(-log_variance / 2);
      CHECK(std::fabs(term.nats - (z * z / 2 + std::log(z) + 0.5 * std::log(2 * kPi))) < 1.5 / (z * z));
      CHECK(discretised_gaussian(0, -difference, log_variance, half_bin_of_bytes).nats == term.nats);
    }
  }
}

TEST_CASE("the steps of a schedule have its posterior; v goes from one bound of the variance to the other") {
  for (const ScheduleKind kind : all_schedules) {
    const Schedule schedule = schedule_of(kind, 200);
    const std::vector<BoundStep> steps = bound_steps(schedule);
    for (size_t t = 1; t < 200; ++t) {
      CHECK(std::exp(steps[t].log_low) == Approx(schedule.posterior_variance[t]).epsilon(1e-8));
      CHECK(std::exp(steps[t].log_high) == Approx(schedule.beta[t]).epsilon(1e-8));
      // Ho et al., eq. 7
      CHECK(
          steps[t].mean_x0 ==
          Approx(std::sqrt(schedule.alpha_bar[t - 1]) * schedule.beta[t] / (1 - schedule.alpha_bar[t])).epsilon(1e-8));
      CHECK(steps[t].mean_x ==
            Approx(std::sqrt(schedule.alpha[t]) * (1 - schedule.alpha_bar[t - 1]) / (1 - schedule.alpha_bar[t]))
                .epsilon(1e-8));
      CHECK(log_variance_between(steps[t], -1) == steps[t].log_low);
      CHECK(log_variance_between(steps[t], 1) == steps[t].log_high);
      CHECK(std::exp(log_variance_between(steps[t], 0)) ==
            Approx(std::sqrt(schedule.posterior_variance[t] * schedule.beta[t])).epsilon(1e-8));
    }
    CHECK(steps[0].mean_x0 == Approx(1).epsilon(1e-12));
    CHECK(steps[0].mean_x == 0);
    CHECK(steps[0].log_low == steps[1].log_low);
  }
  CHECK_THROWS_AS(bound_steps({{0, 0.9, 0.1}, {1, 0.9, 0.1}}), Error);
  CHECK_THROWS_AS(bound_steps({{0, 1.0, 0.0}}), Error);
}

TEST_CASE("of normal data and the best linear prediction, sampled terms have the closed form's mean") {
  const double s = 0.3, bin = 1e-4;
  const Schedule schedule = schedule_of(ScheduleKind::linear, 40);
  const std::vector<BoundStep> steps = bound_steps(schedule);
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  for (const bool best : {false, true}) {
    const GaussianBound exact = gaussian_bound(schedule, s, best);
    const int count = 20000;
    double sums[3] = {}, squares[3] = {};
    for (int n = 0; n < count; ++n) {
      const double x0 = s * normal(random);
      double parts[3] = {prior_kl(x0, steps.back()), 0, 0};
      for (const BoundStep& step : steps) {
        const double x_t = std::sqrt(step.alpha_bar) * x0 + std::sqrt(step.rest) * normal(random);
        const double predicted = std::sqrt(step.alpha_bar) * s * s / (step.alpha_bar * s * s + step.rest) * x_t;
        const double left = s * s * step.rest / (step.alpha_bar * s * s + step.rest);
        const double difference = step.mean_x0 * (x0 - predicted);
        if (step.timestep == 0) {
          const double log_variance = best ? std::log(left) : step.log_low;
          parts[2] = discretised_gaussian(x0, difference, log_variance, bin / 2).nats + std::log(bin);
        } else {
          const double log_variance =
              best ? std::log(std::exp(step.log_low) + step.mean_x0 * step.mean_x0 * left) : step.log_low;
          parts[1] += gaussian_kl(difference, step.log_low, log_variance).nats;
        }
      }
      for (int k = 0; k < 3; ++k) {
        sums[k] += parts[k];
        squares[k] += parts[k] * parts[k];
      }
    }
    const double exacts[3] = {exact.prior, exact.middle, exact.reconstruction};
    for (int k = 0; k < 3; ++k) {
      const double mean = sums[k] / count, error = std::sqrt((squares[k] / count - mean * mean) / count);
      INFO("part " << k << " best " << best << ": " << mean << " of " << exacts[k] << " +- " << error);
      CHECK(std::fabs(mean - exacts[k]) < 4 * error + 1e-7);
      CHECK(error < 0.02 * std::max(std::fabs(exacts[k]), 1e-3) + 0.01);
    }
  }
}

TEST_CASE("the bound of normal data is its entropy with the best variance, and nears it from above with a fixed one") {
  const double s = 0.5, entropy = gaussian_entropy(s);
  double gap_before = 1e9;
  for (const int steps : {50, 200, 1000, 4000}) {
    const Schedule schedule = schedule_of(ScheduleKind::cosine, steps);
    // Each step of the true reverse process is normal then; only the last level is not quite pure noise.
    const GaussianBound best = gaussian_bound(schedule, s, true), fixed = gaussian_bound(schedule, s, false);
    CHECK(best.total() > entropy - 1e-12);
    CHECK(best.total() < entropy + 1e-5);
    CHECK(fixed.reconstruction > best.reconstruction);
    const double gap = fixed.middle - best.middle;
    CHECK(gap > 0);
    CHECK(gap < gap_before);
    gap_before = gap;
  }
}
