#include "weights_tool/train/distill_target.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "weights_tool/io/error.h"

using namespace mote;
using namespace mote::tool;

namespace {

Schedule cosine(int levels) {
  ScheduleOptions options;
  options.kind = ScheduleKind::cosine;
  options.train_steps = levels;
  return make_schedule(options);
}

// Signal and noise of a level, from the schedule's doubles; past the last step: the picture itself.
struct Shares {
  double alpha = 1, sigma = 0;
};
Shares shares(const Schedule& schedule, int level) {
  const double ab = schedule.alpha_bar[static_cast<size_t>(level)];
  return {std::sqrt(ab), std::sqrt(1 - ab)};
}

// DDIM with a v-prediction as Salimans & Ho write it (appendix D), in doubles, x0 clipped as the sampler does.
double ddim(Shares from, Shares to, double x, double v) {
  const double x0 = from.alpha * x - from.sigma * v, epsilon = from.sigma * x + from.alpha * v;
  return to.alpha * std::clamp(x0, -1.0, 1.0) + to.sigma * epsilon;
}

// Levels of N trailing steps over 1000, for N that divide 1000.
int level_of(int steps, int i) { return 1000 / steps * (steps - i) - 1; }

}  // namespace

TEST_CASE("the target is the paper's, of the point two DDIM steps in doubles reach") {
  const Schedule schedule = cosine(1000);
  for (const int student_steps : {1, 2, 4, 20}) {
    const DistillSteps steps(schedule, Prediction::v, student_steps, 2);
    REQUIRE(steps.student_steps() == student_steps);
    std::mt19937 random(9);
    std::normal_distribution<double> normal;
    for (int i = 0; i < student_steps; ++i) {
      const int t = level_of(student_steps, i), middle = level_of(2 * student_steps, 2 * i + 1);
      const bool last = i + 1 == student_steps;
      const Shares at = shares(schedule, t), half = shares(schedule, middle),
                   end = last ? Shares{} : shares(schedule, level_of(student_steps, i + 1));
      CHECK(steps.student(i).timestep == t);
      CHECK(steps.teacher(i, 0).timestep == t);
      CHECK(steps.teacher(i, 1).timestep == middle);
      for (int k = 0; k < 20; ++k) {
        const float x = static_cast<float>(normal(random));
        const float v0 = static_cast<float>(normal(random)), v1 = static_cast<float>(normal(random));
        float reached = x;
        sampler_update(steps.teacher(i, 0), &reached, &v0, nullptr, 0, 0, 0, 1, {});
        sampler_update(steps.teacher(i, 1), &reached, &v1, nullptr, 0, 0, 0, 1, {});
        const double z = ddim(half, end, ddim(at, half, x, v0), v1);
        CHECK(reached == doctest::Approx(z).epsilon(1e-5));
        // Algorithm 2: x~ = (z'' - (sigma'' / sigma) z) / (alpha'' - (sigma'' / sigma) alpha), here as its v.
        const double ratio = end.sigma / at.sigma;
        const double x0 = (z - ratio * x) / (end.alpha - ratio * at.alpha);
        float target = 0;
        steps.target(i, &x, &reached, 1, &target);
        CHECK(target == doctest::Approx((at.alpha * x - x0) / at.sigma).epsilon(1e-3));
      }
    }
  }
}

TEST_CASE("in place of one step stand as many of the teacher's as the ratio says") {
  const DistillSteps steps(cosine(1000), Prediction::x0, 4, 5);
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 5; ++k) CHECK(steps.teacher(i, k).timestep == level_of(20, 5 * i + k));
    CHECK(steps.student(i).timestep == level_of(4, i));
  }
}

// Data N(0, s^2) in one dimension: the best network's output is linear in x_t, so are the steps, and a student that is a
// single coefficient can be as good as two steps of its teacher. Its least-squares fit to the targets must be that.
TEST_CASE("for Gaussian data the fitted student's step is exactly the teacher's two") {
  const double s2 = 0.04;  // small: nothing is clipped
  const Schedule schedule = cosine(1000);
  const DistillSteps steps(schedule, Prediction::v, 10, 2);
  const auto x0_share = [&](Shares at) { return at.alpha * s2 / (at.alpha * at.alpha * s2 + at.sigma * at.sigma); };
  const auto step_factor = [&](Shares at, Shares to) {
    const double w = x0_share(at);
    return to.alpha * w + to.sigma * (1 - at.alpha * w) / at.sigma;
  };
  const auto v_share = [&](Shares at) { return (at.alpha - x0_share(at)) / at.sigma; };
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (int i = 0; i < 10; ++i) {
    const Shares at = shares(schedule, level_of(10, i)), half = shares(schedule, level_of(20, 2 * i + 1)),
                 end = i == 9 ? Shares{} : shares(schedule, level_of(10, i + 1));
    double xx = 0, xm = 0;
    for (int k = 0; k < 100; ++k) {
      const float x = static_cast<float>(0.1 * normal(random));
      float reached = x, target = 0;
      for (int j = 0; j < 2; ++j) {
        const float v = static_cast<float>(v_share(j == 0 ? at : half) * reached);
        sampler_update(steps.teacher(i, j), &reached, &v, nullptr, 0, 0, 0, 1, {});
      }
      steps.target(i, &x, &reached, 1, &target);
      xx += double{x} * x;
      xm += double{x} * target;
    }
    float x = 0.1f;
    const float m = static_cast<float>(xm / xx * 0.1);
    sampler_update(steps.student(i), &x, &m, nullptr, 0, 0, 0, 1, {});
    CHECK(x == doctest::Approx(0.1 * step_factor(at, half) * step_factor(half, end)).epsilon(1e-4));
  }
}

TEST_CASE("a teacher that predicts epsilon is refused") {
  CHECK_THROWS_AS(DistillSteps(cosine(100), Prediction::epsilon, 2, 2), Error);
}
