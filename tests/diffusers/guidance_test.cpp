// Classifier guidance where it has a closed form: x0 is one of two Gaussians with equal chances. Their mixture's score plus
// the gradient of log p(class | x) is the score of that class alone, so at scale 1 every method must draw the class.
#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_sampling.h"
#include "weights_tool/diffusers/scheduler_tables.h"

using namespace mote;
using namespace mote::tool;

namespace {

constexpr double middle = 0.7, deviation = 0.4;  // the classes lie at +-middle
constexpr size_t count = 4000;                   // elements, each a picture of its own

struct Level {
  double signal, rest;
  double variance() const { return signal * signal * deviation * deviation + rest; }
};

// The share of the class at +middle in the mixture at x.
double share(const Level& level, double x) {
  return 1 / (1 + std::exp(-2 * x * level.signal * middle / level.variance()));
}

double mixture_epsilon(const Level& level, double x) {
  const double p = share(level, x), centre = (2 * p - 1) * level.signal * middle;
  return std::sqrt(level.rest) * (x - centre) / level.variance();
}

double log_share_slope(const Level& level, double x) {
  return (1 - share(level, x)) * 2 * level.signal * middle / level.variance();
}

std::vector<float> normal_floats(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

std::vector<float> draw(SchedulerConfig config, int steps, double scale) {
  config.prediction = Prediction::epsilon;
  config.clip = false;
  config.spacing = TimestepSpacing::trailing;
  const std::vector<float> levels = scheduler_levels(config);
  std::vector<float> x = normal_floats(1), history(format::max_history * count), m(count), g(count);
  unsigned step_number = 0;
  for (const SchedulerStep& step : scheduler_steps(config, steps).steps) {
    const double alpha_bar = double{levels[static_cast<size_t>(step.timestep)]};
    const Level level{std::sqrt(alpha_bar), 1 - alpha_bar};
    for (size_t e = 0; e < count; ++e) {
      m[e] = static_cast<float>(mixture_epsilon(level, double{x[e]}));
      g[e] = static_cast<float>(log_share_slope(level, double{x[e]}));
    }
    const std::vector<float> z = normal_floats(100 + step_number++);
    host_step(guided_step_of(config, step, scale), x.data(), m.data(), nullptr, z.data(), history.data(),
              format::max_history, count, scale == 0 ? nullptr : g.data());
  }
  return x;
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const std::vector<float>& values) {
  Moments out;
  for (const float v : values) out.mean += double{v} / count;
  for (const float v : values) out.deviation += (double{v} - out.mean) * (double{v} - out.mean) / count;
  out.deviation = std::sqrt(out.deviation);
  return out;
}

SchedulerConfig config_of(SchedulerKind kind) {
  SchedulerConfig config;
  config.kind = kind;
  return config;
}

}  // namespace

TEST_CASE("guidance at scale 1 draws the class: DDPM by the mean, the others by epsilon-hat") {
  for (const SchedulerKind kind : {SchedulerKind::ddpm, SchedulerKind::ddim, SchedulerKind::euler,
                                   SchedulerKind::dpm_multistep, SchedulerKind::unipc}) {
    CAPTURE(static_cast<int>(kind));
    const SchedulerConfig config = config_of(kind);
    REQUIRE(takes_guidance(config));
    const int steps = kind == SchedulerKind::ddpm ? 1000 : 100;
    const Moments plain = moments(draw(config, steps, 0)), guided = moments(draw(config, steps, 1));
    CHECK(std::fabs(plain.mean) < 0.05);
    CHECK(plain.deviation == doctest::Approx(std::sqrt(middle * middle + deviation * deviation)).epsilon(0.04));
    CHECK(std::fabs(guided.mean - middle) < 0.03);
    CHECK(guided.deviation == doctest::Approx(deviation).epsilon(0.06));
  }
}

TEST_CASE("a larger scale goes further into the class, and a negative one into the other") {
  const SchedulerConfig config = config_of(SchedulerKind::ddim);
  const double one = moments(draw(config, 50, 1)).mean, four = moments(draw(config, 50, 4)).mean;
  CHECK(four > one + 0.1);
  CHECK(moments(draw(config, 50, -4)).mean < -0.1);
}

TEST_CASE("epsilon-hat of DDIM is the network's epsilon less sqrt(1 - alpha_bar) times the gradient") {
  const SchedulerConfig config = config_of(SchedulerKind::ddim);
  const SchedulerStep step = scheduler_step_between(config, 400, 300);
  const double now = double{scheduler_levels(config)[400]}, next = double{scheduler_levels(config)[300]};
  HostStep host = guided_step_of(config, step, 2.5);
  host.row.clip_hi = 1e30f;
  host.row.clip_lo = -1e30f;
  float x = 0.3f, m = -0.2f, g = 0.4f;
  const double hat = double{m} - std::sqrt(1 - now) * 2.5 * double{g};
  const double x0 = (double{x} - std::sqrt(1 - now) * hat) / std::sqrt(now);
  const double want = std::sqrt(next) * x0 + std::sqrt(1 - next) * hat;
  host_step(host, &x, &m, nullptr, nullptr, nullptr, 0, 1, &g);
  CHECK(double{x} == doctest::Approx(want).epsilon(1e-5));
}

TEST_CASE("methods that keep something else than x0 take no guidance") {
  CHECK(!takes_guidance(config_of(SchedulerKind::pndm)));
  CHECK(!takes_guidance(config_of(SchedulerKind::heun)));
  SchedulerConfig config = config_of(SchedulerKind::unipc);
  config.solve_epsilon = true;
  CHECK(!takes_guidance(config));
}
