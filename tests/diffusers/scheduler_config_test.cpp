// Scheduler configurations: what missing keys mean, what is refused and how, and how a file is read as another class.
#include <doctest/doctest.h>

#include <limits>

#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/io/error.h"

namespace mote::test {
namespace {

using namespace mote::tool;

// What parsing says, from "key: what is wrong" on.
std::string complaint(const std::string& text) {
  try {
    config_of_text(text);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    const std::string line = error.what(), name = "scheduler_config.json: ";
    return line.rfind(name, 0) == 0 ? line.substr(name.size()) : line;
  }
  return "";
}

std::string keys_of(const std::string& name, const std::string& keys) {
  return R"({"_class_name": ")" + name + "\", " + keys + "}";
}

SchedulerConfig as(const std::string& text, const std::string& sampler) {
  const Json json = parse_scheduler_json(text, "scheduler_config.json");
  return scheduler_config_as(JsonView(json, "scheduler_config.json"), sampler);
}

}  // namespace

TEST_CASE("missing keys mean that class's defaults") {
  const SchedulerConfig ddpm = config_of_text(R"({"_class_name": "DDPMScheduler"})");
  CHECK(ddpm.clip);
  CHECK(ddpm.clip_range == 1);
  CHECK(ddpm.variance == VarianceType::fixed_small);
  CHECK(ddpm.spacing == TimestepSpacing::leading);
  CHECK(ddpm.train_steps == 1000);
  CHECK(ddpm.beta_end == 0.02);
  const SchedulerConfig ddim = config_of_text(R"({"_class_name": "DDIMScheduler"})");
  CHECK(ddim.clip);
  CHECK(ddim.set_alpha_to_one);
  const SchedulerConfig euler = config_of_text(R"({"_class_name": "EulerDiscreteScheduler", "clip_sample": true})");
  CHECK(euler.spacing == TimestepSpacing::linspace);
  CHECK(!euler.clip);  // not a key of this class
  const SchedulerConfig heun = config_of_text(R"({"_class_name": "HeunDiscreteScheduler"})");
  CHECK(heun.beta_start == 0.00085);
  CHECK(!heun.clip);
  CHECK(config_of_text(R"({"_class_name": "UniPCMultistepScheduler"})").solver == SolverType::bh2);
  CHECK(config_of_text(R"({"_class_name": "LCMScheduler"})").beta_schedule == BetaSchedule::scaled_linear);
  CHECK(!config_of_text(R"({"_class_name": "PNDMScheduler", "skip_prk_steps": true})").set_alpha_to_one);
}

TEST_CASE("files of early versions: few keys, and words that later versions dropped") {
  const SchedulerConfig config = config_of_text(
      R"({"_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02, "beta_schedule": "linear",
          "beta_start": 0.0001, "clip_sample": true, "num_train_timesteps": 1000, "tensor_format": "pt",
          "timestep_values": null, "timesteps": 1000, "trained_betas": null, "variance_type": "fixed_large"})");
  CHECK(config.variance == VarianceType::fixed_large);
  CHECK(config_of_text(keys_of("DDPMScheduler", R"("predict_epsilon": false)")).prediction == Prediction::x0);
  CHECK(config_of_text(keys_of("DDPMScheduler", R"("predict_epsilon": false, "prediction_type": "epsilon")"))
            .prediction == Prediction::epsilon);
}

TEST_CASE("Infinity and NaN as Python writes them are read, but not inside of strings") {
  const Json json =
      parse_scheduler_json(R"({"a": -Infinity, "b": [NaN, Infinity], "c": "-Infinity \" NaN", "d\\": 1})", "x");
  const double largest = std::numeric_limits<double>::max();
  CHECK(json.find("a")->number() == -largest);
  CHECK(json.find("b")->items()[0].kind() == Json::Kind::null);
  CHECK(json.find("b")->items()[1].number() == largest);
  CHECK(json.find("c")->text() == "-Infinity \" NaN");
  CHECK(json.find("d\\")->number() == 1);
  CHECK_THROWS_AS(parse_scheduler_json(R"({"a": +Infinity})", "x"), Error);
  CHECK_THROWS_AS(parse_scheduler_json(R"({"a": nan})", "x"), Error);
  CHECK_THROWS_AS(parse_scheduler_json(R"({"a": "\)", "x"), Error);
  CHECK(
      config_of_text(keys_of("DPMSolverMultistepScheduler", R"("lambda_min_clipped": -Infinity)")).lambda_min_clipped <
      -1e100);
  CHECK(config_of_text(keys_of("DPMSolverMultistepScheduler", R"("lambda_min_clipped": "-Infinity")"))
            .lambda_min_clipped < -1e100);
  CHECK(config_of_text(keys_of("DPMSolverMultistepScheduler", R"("lambda_min_clipped": -5.1)")).lambda_min_clipped ==
        -5.1);
}

TEST_CASE("what is not supported is refused by name, with what is") {
  CHECK(complaint(R"({"_class_name": "FlowMatchEulerDiscreteScheduler"})") ==
        "_class_name: 'FlowMatchEulerDiscreteScheduler' is not supported; supported: DDPMScheduler, DDIMScheduler, "
        "EulerDiscreteScheduler, EulerAncestralDiscreteScheduler, HeunDiscreteScheduler, DPMSolverMultistepScheduler, "
        "UniPCMultistepScheduler, PNDMScheduler, LCMScheduler");
  CHECK(complaint(keys_of("DDPMScheduler", R"("beta_schedule": "quadratic")")) ==
        "beta_schedule: 'quadratic' is not supported; supported: linear, scaled_linear, sigmoid, squaredcos_cap_v2, "
        "laplace, exp");
  CHECK(complaint(keys_of("DDIMScheduler", R"("timestep_spacing": "log")")) ==
        "timestep_spacing: 'log' is not supported; supported: leading, linspace, trailing");
  const std::pair<std::string, std::string> cases[] = {
      {keys_of("DDPMScheduler", R"("prediction_type": "flow_prediction")"), "prediction_type"},
      {keys_of("DDPMScheduler", R"("variance_type": "small")"), "variance_type"},
      {keys_of("DDPMScheduler", R"("num_train_timesteps": 0)"), "num_train_timesteps"},
      {keys_of("DDPMScheduler", R"("num_train_timesteps": 1e3)"), "num_train_timesteps"},
      {keys_of("DDPMScheduler", R"("clip_sample": "yes")"), "clip_sample"},
      {keys_of("DDPMScheduler", R"("trained_betas": [0.1, 0.2])"), "trained_betas"},
      {keys_of("DDPMScheduler", R"("rescale_betas_zero_snr": true)"), "rescale_betas_zero_snr"},
      {keys_of("EulerDiscreteScheduler", R"("timestep_type": "continuous")"), "timestep_type"},
      {keys_of("EulerDiscreteScheduler", R"("interpolation_type": "cubic")"), "interpolation_type"},
      {keys_of("EulerAncestralDiscreteScheduler", R"("prediction_type": "sample")"), "prediction_type"},
      {keys_of("EulerDiscreteScheduler", R"("use_karras_sigmas": true, "use_beta_sigmas": true)"), "only one"},
      {keys_of("DPMSolverMultistepScheduler", R"("use_flow_sigmas": true)"), "use_flow_sigmas"},
      {keys_of("DPMSolverMultistepScheduler", R"("algorithm_type": "euler")"), "algorithm_type"},
      {keys_of("DPMSolverMultistepScheduler", R"("algorithm_type": "dpmsolver")"), "final_sigmas_type"},
      {keys_of("DPMSolverMultistepScheduler", R"("solver_order": 4)"), "solver_order"},
      {keys_of("UniPCMultistepScheduler", R"("solver_p": {})"), "solver_p"},
      {keys_of("UniPCMultistepScheduler", R"("use_dynamic_shifting": true)"), "use_dynamic_shifting"},
      {R"({"_class_name": "PNDMScheduler"})", "skip_prk_steps"},
      {R"({"clip_sample": true})", "_class_name"},
  };
  for (const std::pair<std::string, std::string>& refused : cases) {
    CAPTURE(refused.first);
    CHECK(complaint(refused.first).find(refused.second) != std::string::npos);
  }
}

TEST_CASE("thresholding overrides clipping; with its default of 1 it is a clip") {
  const SchedulerConfig clip =
      config_of_text(keys_of("DDPMScheduler", R"("thresholding": true, "clip_sample_range": 3)"));
  CHECK(!clip.threshold);
  CHECK(clip.clip);
  CHECK(clip.clip_range == 1);
  CHECK(!needs_host(clip));
  const SchedulerConfig dynamic =
      config_of_text(keys_of("DDIMScheduler", R"("thresholding": true, "sample_max_value": 2.5)"));
  CHECK(dynamic.threshold);
  CHECK(!dynamic.clip);
  CHECK(needs_host(dynamic));
  CHECK(device_difference(dynamic) != "");
  CHECK(diffusion_of(dynamic, 5).clip);  // what a device does instead
}

TEST_CASE("a file read as another class: that class's defaults, the file's own keys") {
  const std::string file = R"({"_class_name": "DDPMScheduler", "clip_sample": false, "variance_type": "learned_range",
                              "timestep_spacing": "trailing", "beta_schedule": "squaredcos_cap_v2"})";
  const SchedulerConfig ddim = as(file, "ddim");
  CHECK(ddim.kind == SchedulerKind::ddim);
  CHECK(!ddim.clip);
  CHECK(ddim.set_alpha_to_one);
  CHECK(ddim.spacing == TimestepSpacing::trailing);
  CHECK(ddim.beta_schedule == BetaSchedule::squaredcos_cap_v2);
  CHECK(!needs_host(ddim));  // only the first channels are used
  CHECK(needs_host(as(file, "ddpm")));
  CHECK(as(file, "ddpm-large").variance == VarianceType::fixed_large);
  CHECK(as(file, "dpmpp-2m-sde").stochastic);
  CHECK(!as(file, "dpmpp-2m").stochastic);
  CHECK(as(file, "pndm").kind == SchedulerKind::pndm);
  for (const std::string& name : sampler_names()) {
    CAPTURE(name);
    CHECK(sampler_name_of(as(file, name)) == (name == "ddpm" ? "ddpm-learned" : name));  // as the file says
  }
}

TEST_CASE("a model's record of a scheduler: levels, rows, number of evaluations") {
  const SchedulerConfig heun = config_of_text(R"({"_class_name": "HeunDiscreteScheduler"})");
  CHECK(diffusion_of(heun, 10).default_steps == 19);
  const SchedulerConfig ddim = config_of_text(R"({"_class_name": "DDIMScheduler"})");
  const DiffusionInfo info = diffusion_of(ddim, 10);
  CHECK(info.default_steps == 10);
  CHECK(info.rows.size() == 10);
  CHECK(info.schedule == scheduler_levels(ddim));
  const Json meta = Json::object().set("diffusers", Json::object().set("scheduler", Json::object().set("a", 1)));
  REQUIRE(scheduler_of_meta(meta) != nullptr);
  CHECK(scheduler_of_meta(meta)->find("a") != nullptr);
  CHECK(scheduler_of_meta(Json()) == nullptr);
  CHECK(scheduler_of_meta(Json::object().set("diffusers", 3)) == nullptr);
  CHECK(scheduler_of_meta(Json::object().set("diffusers", Json::object().set("scheduler", nullptr))) == nullptr);
}

TEST_CASE("samplers run on the levels of a model of mote's own") {
  DiffusionInfo info = diffusion_of(config_of_text(R"({"_class_name": "DDIMScheduler"})"), 10);
  info.clip_range = 1.5f;
  for (const std::string& name : sampler_names()) {
    CAPTURE(name);
    if (name == "heun" || name == "pndm" || name == "lcm") {
      CHECK_THROWS_AS(scheduler_config_of(info, Prediction::v, name), Error);
      continue;
    }
    const SchedulerConfig config = scheduler_config_of(info, Prediction::v, name);
    CHECK(config.spacing == TimestepSpacing::trailing);
    const SchedulerSteps steps = scheduler_steps(config, 6);
    CHECK(steps.steps[0].row.timestep == 999);
    CHECK(steps.steps[0].row.clip_hi == 1.5f);
    CHECK(steps.steps.back().next_scale == 1);
  }
  info.schedule.clear();
  CHECK_THROWS_AS(scheduler_config_of(info, Prediction::v, "unipc"), Error);
}

}  // namespace mote::test
