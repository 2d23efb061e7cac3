// Chains of steps: the rows of every scheduler, run with given network outputs and noise, visit the library's samples.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "diffusion/rows.h"
#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_sampling.h"
#include "weights_tool/diffusion/host_step.h"
#include "weights_tool/io/error.h"

namespace mote::test {
namespace {

using namespace mote::tool;

constexpr double tolerance = 2e-5;  // of the largest value, at least of 1

std::vector<float> pooled(const char* name, size_t index) {
  return floats_of(scheduler_reference().find("pool")->find(name)->items()[index]);
}

double largest(const std::vector<float>& values) {
  double size = 1;
  for (const float value : values) size = std::max(size, std::fabs(double{value}));
  return size;
}

// The largest difference, as a share of the largest value. `scale` takes ours to the library's.
double difference(const std::vector<float>& ours, double scale, const std::vector<float>& library) {
  double worst = 0;
  for (size_t e = 0; e < library.size(); ++e) worst = std::max(worst, std::fabs(scale * ours[e] - library[e]));
  return worst / largest(library);
}

SchedulerConfig config_of_chain(const Json& chain) {
  SchedulerConfig config = config_of(*chain.find("config"));
  const Json& arguments = *chain.find("step_args");
  if (const Json* eta = arguments.find("eta")) config.eta = eta->number();
  if (const Json* clipped = arguments.find("use_clipped_model_output")) config.rederive_epsilon = clipped->boolean();
  return config;
}

// The worst share by which any step differs: the predicted x0 where the file has it, and the sample.
double run_chain(const Json& chain) {
  const SchedulerConfig config = config_of_chain(chain);
  const SchedulerSteps schedule =
      scheduler_steps(config, static_cast<int>(chain.find("num_inference_steps")->integer()));
  const std::vector<Json>& steps = chain.find("steps")->items();
  REQUIRE(schedule.steps.size() == steps.size());
  std::vector<float> x = floats_of(*scheduler_reference().find("pool")->find("x_T"));
  for (float& value : x) value *= static_cast<float>(schedule.init_scale);
  const double first = chain.find("init_noise_sigma")->number();
  CHECK(schedule.init_scale * schedule.steps[0].x_scale == doctest::Approx(first).epsilon(1e-6));
  std::vector<float> history(3 * x.size(), 0.0f);
  double worst = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    CAPTURE(i);
    const SchedulerStep& step = schedule.steps[i];
    CHECK(std::fabs(step.timestep - steps[i].find("t")->number()) <= 1e-3);
    CHECK(std::fabs(row_timestep(step.row) - step.timestep) <= 1e-4);
    const std::vector<float> m = pooled("model_output", i), v = pooled("model_var", i), z = pooled("noise", i);
    const bool noise = steps[i].find("noise_used")->boolean();
    if (!noise) CHECK(step.row.D == 0.0f);
    if (needs_host(config)) {
      host_step(host_step_of(config, step), x.data(), m.data(), v.data(), z.data(), history.data(), 3, x.size());
    } else {
      sampler_update(step.row, x.data(), m.data(), history.data(), 3, x.size(), 0, static_cast<uint32_t>(x.size()),
                     {z.data(), 0, 0, 0});
    }
    worst = std::max(worst, difference(x, step.next_scale, floats_of(*steps[i].find("prev_sample"))));
    if (const Json* x0 = steps[i].find("pred_original_sample")) {
      const std::vector<float> p(history.begin(), history.begin() + static_cast<long>(x.size()));
      worst = std::max(worst, difference(p, 1, floats_of(*x0)));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE("every chain of a supported scheduler is followed") {
  int followed = 0, refused = 0;
  double worst = 0;
  for (const Json& chain : scheduler_reference().find("chains")->items()) {
    const std::string id = chain.find("id")->text();
    CAPTURE(id);
    if (chain.find("class")->text() == "FlowMatchEulerDiscreteScheduler") {
      CHECK_THROWS_WITH_AS(config_of_chain(chain), doctest::Contains("FlowMatchEulerDiscreteScheduler"), Error);
      ++refused;
      continue;
    }
    if (chain.find("not_finite") != nullptr) {  // the library divides by 0; rows are finite, which round_row checks
      CHECK(scheduler_rows(config_of_chain(chain), 5).size() == 5);
      continue;
    }
    const double share = run_chain(chain);
    CHECK(share <= tolerance);
    worst = std::max(worst, share);
    ++followed;
  }
  MESSAGE("chains followed: " << followed << ", refused: " << refused << ", worst share " << worst);
  CHECK(followed == 67);
  CHECK(refused == 2);
}

}  // namespace mote::test
