// Noise levels, timesteps and sigmas of imported schedulers are those of the library.
#include <doctest/doctest.h>

#include <cmath>

#include "diffusion/rows.h"
#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/diffusers/scheduler_visits.h"
#include "weights_tool/diffusion/beta_quantile.h"
#include "weights_tool/io/error.h"

namespace mote::test {
namespace {

using namespace mote::tool;

std::vector<double> visited(const std::string& text, int steps) {
  const SchedulerConfig config = config_of_text(text);
  return scheduler_visits(config, scheduler_levels(config), steps).timesteps;
}

}  // namespace

TEST_CASE("betas and alphas_cumprod are the library's, bit for bit") {
  for (const Json::Member& member : scheduler_reference().find("beta_schedules")->members()) {
    CAPTURE(member.first);
    Json json = with_class(member.second, "DDPMScheduler");
    const SchedulerConfig config = config_of(json.set("prediction_type", "v_prediction"));
    const std::vector<float> betas = scheduler_betas(config), levels = scheduler_levels(config);
    const std::vector<float> wanted_betas = floats_of(*member.second.find("betas"));
    const std::vector<float> wanted_levels = floats_of(*member.second.find("alphas_cumprod"));
    const std::vector<double> index = numbers_of(*member.second.find("index"));
    REQUIRE(levels.size() == 1000);
    for (size_t i = 0; i < index.size(); ++i) {
      CAPTURE(index[i]);
      CHECK(betas[static_cast<size_t>(index[i])] == wanted_betas[i]);
      CHECK(levels[static_cast<size_t>(index[i])] == wanted_levels[i]);
    }
  }
}

TEST_CASE("trained_betas stand in for a schedule") {
  const SchedulerConfig config = config_of_text(
      R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 3, "beta_schedule": "no such", "trained_betas": [0.1, 0.5, 0.25]})");
  const float alpha = 1.0f - 0.1f;
  CHECK(scheduler_levels(config) == std::vector<float>{alpha, alpha * 0.5f, alpha * 0.375f});
}

TEST_CASE("set_timesteps: every list, and the sigmas") {
  int lists = 0;
  for (const Json& entry : scheduler_reference().find("timesteps")->items()) {
    const std::string name = entry.find("class")->text();
    if (name == "FlowMatchEulerDiscreteScheduler") continue;
    CAPTURE(name);
    CAPTURE(write_json(*entry.find("init"), 0));
    const int steps = static_cast<int>(entry.find("num_inference_steps")->integer());
    CAPTURE(steps);
    const SchedulerConfig config = config_of(with_class(*entry.find("init"), name));
    const SchedulerVisits visits = scheduler_visits(config, scheduler_levels(config), steps);
    std::vector<double> timesteps = visits.timesteps;
    if (entry.find("first_and_last_12_only") != nullptr) timesteps.erase(timesteps.begin() + 12, timesteps.end() - 12);
    CHECK(timesteps == numbers_of(*entry.find("timesteps")));
    if (const Json* sigmas = entry.find("sigmas")) {
      const std::vector<double> wanted = numbers_of(*sigmas);
      REQUIRE(visits.sigmas.size() == wanted.size());
      for (size_t i = 0; i < wanted.size(); ++i) CHECK(visits.sigmas[i] == doctest::Approx(wanted[i]).epsilon(2e-7));
    }
    if (const Json* sigma = entry.find("init_noise_sigma"))
      CHECK(visits.init_noise_sigma == doctest::Approx(sigma->number()).epsilon(2e-7));
    ++lists;
  }
  CHECK(lists == 180);  // of 185; the rest are of a class that is not supported
}

TEST_CASE("linspace rounds half to even, trailing may not divide, leading is offset") {
  using Values = std::vector<double>;
  CHECK(visited(R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 4, "timestep_spacing": "linspace"})", 3) ==
        Values{3, 2, 0});
  CHECK(visited(R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 6, "timestep_spacing": "linspace"})", 3) ==
        Values{5, 2, 0});
  CHECK(visited(R"({"_class_name": "DDPMScheduler", "timestep_spacing": "trailing"})", 7) ==
        Values{999, 856, 713, 570, 428, 285, 142});
  CHECK(visited(R"({"_class_name": "DDPMScheduler", "steps_offset": 1})", 3) == Values{667, 334, 1});
  CHECK(visited(R"({"_class_name": "DDPMScheduler", "timestep_spacing": "linspace"})", 1) == Values{0});
}

TEST_CASE("more steps than levels, and steps that begin beyond the last level, are refused") {
  CHECK_THROWS_AS(visited(R"({"_class_name": "DDPMScheduler"})", 1001), Error);
  CHECK_THROWS_AS(visited(R"({"_class_name": "DDPMScheduler", "steps_offset": 1})", 1000), Error);
  CHECK(visited(R"({"_class_name": "DDPMScheduler"})", 1000).size() == 1000);
}

TEST_CASE("spacings of sigma: ends, order, and the evenness each of them means") {
  for (const char* spacing : {"use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"}) {
    CAPTURE(spacing);
    Json json = Json::object();
    json.set("_class_name", "EulerDiscreteScheduler").set(spacing, true);
    const SchedulerConfig config = config_of(json);
    const std::vector<float> levels = scheduler_levels(config), table = sigma_table(levels);
    const SchedulerVisits visits = scheduler_visits(config, levels, 9);
    REQUIRE(visits.sigmas.size() == 10);
    CHECK(visits.sigmas[0] == doctest::Approx(table.back()));
    CHECK(visits.sigmas[8] == doctest::Approx(table.front()));
    CHECK(visits.sigmas[9] == 0);
    for (size_t i = 1; i < 9; ++i) CHECK(visits.sigmas[i] < visits.sigmas[i - 1]);
    const double a = visits.sigmas[0], m = visits.sigmas[4], b = visits.sigmas[8];
    if (std::string(spacing) == "use_karras_sigmas")
      CHECK(std::pow(m, 1 / 7.0) == doctest::Approx(0.5 * (std::pow(a, 1 / 7.0) + std::pow(b, 1 / 7.0))));
    else if (std::string(spacing) == "use_exponential_sigmas")
      CHECK(m == doctest::Approx(std::sqrt(a * b)));
    else
      CHECK(m == doctest::Approx(0.5 * (a + b)));  // the distribution is symmetric
  }
}

TEST_CASE("beta_quantile: closed forms") {
  const double pi = 3.14159265358979323846;
  for (const double p : {0.0, 1e-6, 0.1, 0.37, 0.5, 0.81, 1 - 1e-6, 1.0}) {
    CAPTURE(p);
    const double s = std::sin(0.5 * pi * p);
    CHECK(std::fabs(beta_quantile(p, 0.5, 0.5) - s * s) < 1e-12);               // arcsine law
    CHECK(std::fabs(beta_quantile(p, 1, 1) - p) < 1e-12);                       // uniform
    CHECK(std::fabs(beta_quantile(p, 3, 1) - std::cbrt(p)) < 1e-12);            // x^3
    CHECK(std::fabs(beta_quantile(p, 1, 2) - (1 - std::sqrt(1 - p))) < 1e-12);  // 1 - (1 - x)^2
    CHECK(std::fabs(beta_quantile(p, 0.6, 0.6) + beta_quantile(1 - p, 0.6, 0.6) - 1) < 1e-9);
  }
}

TEST_CASE("add_noise with the levels that are stored") {
  const Json& pool = *scheduler_reference().find("pool");
  const std::vector<float> x0 = floats_of(*pool.find("x_T")), noise = floats_of(pool.find("noise")->items()[0]);
  for (const Json& entry : scheduler_reference().find("add_noise")->items()) {
    const SchedulerConfig config = config_of(with_class(entry, "DDPMScheduler"));
    const std::vector<float> levels = diffusion_of(config, 10).schedule;
    const NoiseLevel level = noise_level_from_table(levels[static_cast<size_t>(entry.find("t")->integer())]);
    const float s = std::sqrt(level.alpha_bar), n = std::sqrt(level.one_minus_alpha_bar);
    const std::vector<float> noisy = floats_of(*entry.find("noisy")), velocity = floats_of(*entry.find("velocity"));
    for (size_t e = 0; e < x0.size(); ++e) {
      CHECK(std::fabs(s * x0[e] + n * noise[e] - noisy[e]) <= 3e-7f);
      CHECK(std::fabs(s * noise[e] - n * x0[e] - velocity[e]) <= 3e-7f);
    }
  }
}

}  // namespace mote::test
