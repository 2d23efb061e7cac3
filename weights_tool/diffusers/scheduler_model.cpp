// A scheduler and a model file: what is stored, what is read back, and a scheduler for models that came without one.
#include <cfloat>

#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_sampling.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

bool learned(const SchedulerConfig& config) {
  return config.kind == SchedulerKind::ddpm &&
         (config.variance == VarianceType::learned || config.variance == VarianceType::learned_range);
}

const char* name_in_files(Prediction prediction) {
  switch (prediction) {
    case Prediction::epsilon: return "epsilon";
    case Prediction::x0: return "sample";
    case Prediction::v: break;
  }
  return "v_prediction";
}

}  // namespace

bool needs_host(const SchedulerConfig& config) { return config.threshold || learned(config); }

std::string device_difference(const SchedulerConfig& config) {
  std::string text;
  if (config.threshold) text = "dynamic thresholding is done by `sample` only; devices clip the predicted x0 to 1";
  if (learned(config)) {
    text += text.empty() ? "" : "; ";
    text += "the learned variance is used by `sample` only; devices take that of fixed_small";
  }
  return text;
}

HostStep host_step_of(const SchedulerConfig& config, const SchedulerStep& step) {
  HostStep host;
  host.row = step.row;
  host.threshold = config.threshold;
  host.threshold_ratio = config.threshold_ratio;
  host.threshold_max = config.threshold_max;
  if (learned(config)) {
    const bool range = config.variance == VarianceType::learned_range;
    host.variance = range ? HostStep::Variance::log_between : HostStep::Variance::value;
    host.log_variance_low = step.log_variance_low;
    host.log_variance_high = step.log_variance_high;
    host.adds_noise = step.adds_noise;
  }
  return host;
}

HostStep guided_step_of(const SchedulerConfig& config, const SchedulerStep& step, double scale) {
  HostStep host = host_step_of(config, step);
  host.guide_x0 = scale * step.guide_x0;
  host.guide_x = scale * step.guide_x;
  host.guide_of_noise = step.guide_of_noise;
  return host;
}

DiffusionInfo diffusion_of(const SchedulerConfig& config, int steps) {
  SchedulerConfig device = config;
  if (config.threshold) {
    device.clip = true;
    device.clip_range = 1;
    device.threshold = false;
  }
  DiffusionInfo info;
  info.schedule = scheduler_levels(config);
  info.clip = device.clip;
  info.clip_range = static_cast<float>(device.clip_range);
  info.rederive_epsilon = config.rederive_epsilon;
  info.rows = scheduler_rows(device, steps);
  info.default_steps = static_cast<int>(info.rows.size());
  return info;
}

const Json* scheduler_of_meta(const Json& meta) {
  if (meta.kind() != Json::Kind::object) return nullptr;
  const Json* folder = meta.find("diffusers");
  if (folder == nullptr || folder->kind() != Json::Kind::object) return nullptr;
  const Json* scheduler = folder->find("scheduler");
  return scheduler != nullptr && scheduler->kind() == Json::Kind::object ? scheduler : nullptr;
}

SchedulerConfig scheduler_config_of(const DiffusionInfo& info, Prediction prediction, const std::string& sampler) {
  if (info.schedule.empty())
    throw Error(ExitCode::invalid_input,
                "the model has no noise levels beyond its stored steps, so no other sampler "
                "can run on it");
  Json json = Json::object();
  json.set("num_train_timesteps", info.schedule.size()).set("timestep_spacing", "trailing");
  json.set("prediction_type", name_in_files(prediction));
  SchedulerConfig config = scheduler_config_as(JsonView(json, "the model"), sampler);
  // Heun and PNDM fall apart where the first level is nearly pure noise, which mote's own schedules end with; LCM is for
  // networks distilled for it.
  if (config.kind == SchedulerKind::heun || config.kind == SchedulerKind::pndm || config.kind == SchedulerKind::lcm)
    throw Error(ExitCode::usage, "--sampler " + sampler + " is for models that were imported");
  config.levels = info.schedule;
  // Chosen by the Frechet distance of 5,000 pictures in 10 steps (weights_tool/diffusion/README.md).
  const bool multistep = config.kind == SchedulerKind::dpm_multistep || config.kind == SchedulerKind::unipc;
  if (multistep) config.trailing_power = 0.8;
  config.clip = info.clip;
  config.clip_range = info.clip_range;
  config.rederive_epsilon = info.rederive_epsilon;
  return config;
}

}  // namespace mote::tool
