// Single steps of DDPM from configurations of real folders, among them steps between neighbouring levels.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_sampling.h"
#include "weights_tool/io/file.h"

namespace mote::test {
namespace {

using namespace mote::tool;

double difference(const std::vector<float>& ours, const std::vector<float>& library) {
  double worst = 0, size = 1;
  for (size_t e = 0; e < library.size(); ++e) {
    worst = std::max(worst, std::fabs(double{ours[e]} - library[e]));
    size = std::max(size, std::fabs(double{library[e]}));
  }
  return worst / size;
}

SchedulerStep step_named(const SchedulerConfig& config, const std::string& name) {
  const int t = std::stoi(name.substr(name.find('t') + 1));
  if (name.find("ddpm10.") != 0) return scheduler_step_between(config, t, t - 1);
  for (const SchedulerStep& step : scheduler_steps(config, 10).steps) {
    if (step.row.timestep == t) return step;
  }
  FAIL("set_timesteps(10) does not visit " << t);
  return {};
}

}  // namespace

TEST_CASE("steps of DDPM from configurations of real folders") {
  const std::string path = std::string(MOTE_TEST_DATA) + "/diffusers/scheduler_steps.json";
  const Json file = read_json(path);
  int count = 0;
  for (const Json& each : file.find("cases")->items()) {
    const SchedulerConfig config =
        parse_scheduler_config(JsonView(*each.find("config"), "scheduler_config.json"), SchedulerKind::ddpm);
    for (const Json& taken : each.find("steps")->items()) {
      const std::string name = each.find("case")->text() + " " + taken.find("name")->text();
      CAPTURE(name);
      const HostStep step = host_step_of(config, step_named(config, taken.find("name")->text()));
      std::vector<float> x = floats_of(*taken.find("x_t")), p(x.size());
      const std::vector<float> m = floats_of(*taken.find("model_output")), z = floats_of(*taken.find("noise"));
      std::vector<float> v(x.size(), 0.0f);
      if (const Json* variance = taken.find("model_var")) v = floats_of(*variance);
      CHECK(needs_host(config) == (taken.find("model_var") != nullptr));
      host_step(step, x.data(), m.data(), v.data(), z.empty() ? nullptr : z.data(), p.data(), 1, x.size());
      CHECK(difference(x, floats_of(*taken.find("x_prev"))) <= 2e-5);
      CHECK(difference(p, floats_of(*taken.find("pred_original_sample"))) <= 2e-5);
      ++count;
    }
  }
  CHECK(count == 26);
}

TEST_CASE("quantile is linear between neighbours") {
  float values[] = {5, 1, 4, 2, 3};
  CHECK(quantile(values, 5, 0) == 1);
  CHECK(quantile(values, 5, 1) == 5);
  CHECK(quantile(values, 5, 0.5) == 3);
  CHECK(quantile(values, 5, 0.9) == doctest::Approx(4.6));
  CHECK(quantile(values, 1, 0.3) == values[0]);
}

}  // namespace mote::test
