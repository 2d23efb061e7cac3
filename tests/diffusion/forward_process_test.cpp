// weights_tool/diffusion/forward_process: closed forms, moments, and the composition of one-step kernels.
#include "weights_tool/diffusion/forward_process.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "diffusion/noise.h"
#include "tests/diffusion/scheduler_data.h"
#include "weights_tool/diffusion/parameterisation.h"

using namespace mote::tool;

namespace {

Schedule schedule_of(ScheduleKind kind, int steps = 1000) {
  ScheduleOptions options;
  options.kind = kind;
  options.train_steps = steps;
  return make_schedule(options);
}

struct Moments {
  double mean, variance;
};
Moments moments_of(const std::vector<float>& x) {
  double sum = 0.0, squares = 0.0;
  for (float v : x) sum += v;
  const double mean = sum / static_cast<double>(x.size());
  for (float v : x) squares += (v - mean) * (v - mean);
  return {mean, squares / static_cast<double>(x.size())};
}

}  // namespace

TEST_CASE("noisy pictures and velocities are those of diffusers") {
  const scheduler_data::Data data = scheduler_data::read();
  REQUIRE(data.noisy.size() == 8);
  for (const scheduler_data::NoisyValues& values : data.noisy) {
    ScheduleKind kind{};
    REQUIRE(find_schedule(values.schedule, &kind));
    const Schedule schedule = schedule_of(kind);
    const size_t n = data.x_T.size();
    std::vector<float> noisy(n), velocity(n);
    diffuse_with(schedule, values.t, data.x_T.data(), data.noise[0].data(), n, noisy.data());
    const Mix v = target_mix(Prediction::v, schedule.alpha_bar[static_cast<size_t>(values.t)]);
    apply_mix(v, data.x_T.data(), data.noise[0].data(), n, velocity.data());
    for (size_t i = 0; i < n; ++i) {
      // They keep alpha_bar as float32: 1 - alpha_bar is off by up to 5e-4 of itself where it is small.
      CHECK(std::fabs(noisy[i] - values.noisy[i]) < 5e-6);
      CHECK(std::fabs(velocity[i] - values.velocity[i]) < 5e-6);
    }
  }
}

TEST_CASE("diffuse draws the noise it says, so that it can be drawn again") {
  const Schedule schedule = schedule_of(ScheduleKind::cosine);
  std::vector<float> x0(1000), noise(1000), direct(1000), given(1000);
  for (size_t i = 0; i < x0.size(); ++i) x0[i] = std::sin(static_cast<float>(i));
  for (int t : {0, 500, 999}) {
    diffuse(schedule, t, x0.data(), x0.size(), 5, 3, direct.data());
    mote::fill_gaussian(noise.data(), 0, 1000, 5, 0, 3, mote::noise_train);
    diffuse_with(schedule, t, x0.data(), noise.data(), x0.size(), given.data());
    CHECK(std::memcmp(direct.data(), given.data(), sizeof(float) * 1000) == 0);
  }
  std::vector<float> in_place = x0;
  diffuse(schedule, 999, in_place.data(), in_place.size(), 5, 3, in_place.data());
  CHECK(in_place == direct);
}

TEST_CASE("one step after another has the moments of the direct kernel, for every schedule") {
  constexpr int steps = 40;
  constexpr size_t n = 20000;
  for (ScheduleKind kind : all_schedules) {
    const Schedule schedule = schedule_of(kind, steps);
    const float start = 0.8f;
    std::vector<float> x(n, start), direct(n);
    for (int t = 0; t < steps; ++t) {
      diffuse_one_step(schedule, t, x.data(), n, 21, 0, x.data());
      const double alpha_bar = schedule.alpha_bar[static_cast<size_t>(t)];
      const double mean = std::sqrt(alpha_bar) * static_cast<double>(start), variance = 1.0 - alpha_bar;
      const std::vector<float> x0(n, start);
      diffuse(schedule, t, x0.data(), n, 22, static_cast<uint32_t>(t), direct.data());
      for (const std::vector<float>* sample : {&x, &direct}) {
        const Moments m = moments_of(*sample);
        REQUIRE(std::fabs(m.mean - mean) < 4.5 * std::sqrt(variance / n) + 1e-6);
        REQUIRE(std::fabs(m.variance / variance - 1.0) < 4.5 * std::sqrt(2.0 / n) + 1e-5);
      }
    }
  }
}

TEST_CASE("a timestep outside the schedule is refused") {
  const Schedule schedule = schedule_of(ScheduleKind::linear, 10);
  float x = 0.0f;
  CHECK_THROWS(diffuse(schedule, 10, &x, 1, 0, 0, &x));
  CHECK_THROWS(diffuse_one_step(schedule, -1, &x, 1, 0, 0, &x));
}
