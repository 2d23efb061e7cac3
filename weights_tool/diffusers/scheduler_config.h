// What a scheduler_config.json of diffusers says, read once and completed with that class's defaults. Which noise
// levels it means is scheduler_tables.h, which steps scheduler_rows.h.
//
// Names in the file are those of diffusers 0.40; files of older versions hold fewer keys, and a missing key means the
// class's default. Keys that change nothing here are ignored; values that would are refused by name.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

enum class SchedulerKind {
  ddpm,             // DDPMScheduler
  ddim,             // DDIMScheduler
  euler,            // EulerDiscreteScheduler
  euler_ancestral,  // EulerAncestralDiscreteScheduler
  heun,             // HeunDiscreteScheduler
  dpm_multistep,    // DPMSolverMultistepScheduler
  unipc,            // UniPCMultistepScheduler
  pndm,             // PNDMScheduler without its Runge-Kutta steps
  lcm,              // LCMScheduler
};

enum class BetaSchedule { linear, scaled_linear, squaredcos_cap_v2, sigmoid, laplace, exponential };
enum class TimestepSpacing { leading, linspace, trailing };
enum class VarianceType { fixed_small, fixed_large, learned, learned_range };
enum class SigmaSpacing { of_timesteps, karras, exponential, beta, lu };
enum class SolverType { midpoint, heun, bh1, bh2 };

struct SchedulerConfig {
  SchedulerKind kind = SchedulerKind::ddim;

  // Noise levels.
  int train_steps = 1000;
  BetaSchedule beta_schedule = BetaSchedule::linear;
  double beta_start = 1e-4, beta_end = 0.02;
  std::vector<double> trained_betas;  // train_steps of them, or empty
  bool rescale_zero_snr = false;
  // A table as model files store it (src/diffusion/rows.h, noise_level_from_table) instead of the betas above: a model
  // of mote's own. Empty for an imported scheduler.
  std::vector<float> levels;

  // Which of them to visit.
  TimestepSpacing spacing = TimestepSpacing::leading;
  double trailing_power =
      1;  // trailing: t_i = T (1 - i/N)^power - 1; below 1 it crowds the noisy end. Not the library's
  int steps_offset = 0;
  SigmaSpacing sigma_spacing = SigmaSpacing::of_timesteps;
  bool log_linear = false;                // Euler: sigmas evenly spaced in their logarithm
  double sigma_min = -1, sigma_max = -1;  // ends of karras, exponential and beta spacing; negative: those of the levels
  double lambda_min_clipped = -1e300;     // DPM-Solver: levels with log(signal / noise) below are not visited
  bool final_sigma_zero = true;           // else the last step ends at level 0
  bool set_alpha_to_one = true;           // DDIM, PNDM: the last step ends at the clean picture
  int lcm_steps = 50;                     // LCM: the steps it was distilled from
  double lcm_timestep_scaling = 10;

  // The predicted x0.
  Prediction prediction = Prediction::epsilon;
  bool clip = false;
  double clip_range = 1;
  bool threshold = false;  // dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3); overrides clip
  double threshold_ratio = 0.995, threshold_max = 1;
  bool rederive_epsilon = false;  // DDIM: epsilon from the clipped x0

  // The update.
  VarianceType variance = VarianceType::fixed_small;  // DDPM
  double eta = 0;                                     // DDIM
  int order = 2;                                      // DPM-Solver, UniPC
  SolverType solver = SolverType::midpoint;
  bool stochastic = false;     // DPM-Solver: the SDE forms
  bool solve_epsilon = false;  // DPM-Solver and UniPC: integrate epsilon instead of x0
  bool lower_order_final = true, euler_at_final = false;
  std::vector<int> without_corrector;  // UniPC: steps whose result is not corrected
};

// JSON as Python writes it, with the bare words Infinity, -Infinity and NaN, which JSON does not have and which
// DPMSolverMultistepScheduler's files hold: they become the largest double, its negative and null, so that what is written
// again is JSON that means the same. The rest must be JSON. Errors as parse_json.
Json parse_scheduler_json(std::string_view text, const std::string& name);

// Reads the class from _class_name. Throws Error(invalid_input) naming key, value and what is supported.
SchedulerConfig parse_scheduler_config(const JsonView& json);
// Reads it as another class would: that class's defaults for missing keys, its meaning of the others. This is what the
// library's CLASS.from_config does.
SchedulerConfig parse_scheduler_config(const JsonView& json, SchedulerKind kind);

// "DDPMScheduler" and so on.
const char* scheduler_class_name(SchedulerKind kind);

// What `sample --sampler` calls them: ddim, ddpm, ddpm-large, euler, euler-ancestral, heun, dpmpp-2m, dpmpp-2m-sde,
// unipc, pndm, lcm.
std::vector<std::string> sampler_names();
// The scheduler of that name in place of the one in the file: CLASS.from_config, then what the name adds (the large
// variance, the SDE form). The name must be one of sampler_names().
SchedulerConfig scheduler_config_as(const JsonView& json, const std::string& sampler);
// The sampler name that comes nearest: for messages.
std::string sampler_name_of(const SchedulerConfig& config);

}  // namespace mote::tool
