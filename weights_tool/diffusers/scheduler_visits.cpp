// Roundings are those of numpy: ties to even, spacings computed in double, float32 where the library stores float32.
#include "weights_tool/diffusers/scheduler_visits.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "diffusion/rows.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/diffusion/beta_quantile.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

using Values = std::vector<double>;

double to_float(double value) { return static_cast<double>(static_cast<float>(value)); }
void round_all(Values& values) {
  for (double& value : values) value = std::nearbyint(value);
}
void truncate_all(Values& values) {
  for (double& value : values) value = std::trunc(value);
}
void to_float_all(Values& values) {
  for (double& value : values) value = to_float(value);
}

// `count` values from first to last, both included.
Values linspace(double first, double last, int count) {
  Values values;
  const double step = count > 1 ? (last - first) / (count - 1) : 0;
  for (int i = 0; i < count; ++i) values.push_back(i * step + first);
  if (count > 1) values.back() = last;
  return values;
}

Values reversed(Values values) {
  std::reverse(values.begin(), values.end());
  return values;
}

bool multistep(SchedulerKind kind) { return kind == SchedulerKind::dpm_multistep || kind == SchedulerKind::unipc; }
bool float_timesteps(SchedulerKind kind) {
  return kind == SchedulerKind::euler || kind == SchedulerKind::euler_ancestral || kind == SchedulerKind::heun;
}

// Evenly spaced levels below `end` (the number of levels, or fewer). The multistep kinds lay one more and leave out the
// lowest.
Values spaced_timesteps(const SchedulerConfig& config, int end, int steps) {
  const int laid = multistep(config.kind) ? steps + 1 : steps;
  Values timesteps;
  switch (config.spacing) {
    case TimestepSpacing::linspace:
      timesteps = reversed(linspace(0, end - 1, laid));
      if (!float_timesteps(config.kind)) round_all(timesteps);
      to_float_all(timesteps);
      timesteps.resize(static_cast<size_t>(steps));
      break;
    case TimestepSpacing::leading:
      for (int i = 0; i < steps; ++i) timesteps.push_back((laid - 1 - i) * (end / laid) + config.steps_offset);
      break;
    case TimestepSpacing::trailing: {
      const double start = end, step = (start - static_cast<double>(config.train_steps) / steps) - start;
      // With nearly as many steps as levels, crowding would visit a level twice.
      if (config.trailing_power != 1 && 2 * steps <= end) {
        for (int i = 0; i < steps; ++i)
          timesteps.push_back(
              std::nearbyint(start * std::pow(1 - static_cast<double>(i) / steps, config.trailing_power)) - 1);
        break;
      }
      for (int i = 0; i < steps; ++i) {
        const double t = std::nearbyint(start + i * step) - 1;
        if (t >= 0) timesteps.push_back(t);
      }
      break;
    }
  }
  return timesteps;
}

Values lcm_timesteps(const SchedulerConfig& config, int steps) {
  if (steps > config.lcm_steps)
    throw Error(ExitCode::usage, "LCMScheduler takes at most original_inference_steps = " +
                                     std::to_string(config.lcm_steps) + " steps, not " + std::to_string(steps));
  const int ratio = config.train_steps / config.lcm_steps;
  const double stride = static_cast<double>(config.lcm_steps) / steps;
  Values timesteps;
  for (int i = 0; i < steps; ++i) timesteps.push_back((config.lcm_steps - std::floor(i * stride)) * ratio - 1);
  return timesteps;
}

// The table at a place between levels.
double interpolated(const std::vector<float>& table, double t) {
  const size_t low = std::min(static_cast<size_t>(std::max(t, 0.0)), table.size() - 1);
  if (low + 1 == table.size()) return table.back();
  const double a = table[low], b = table[low + 1];
  return (b - a) * (t - static_cast<double>(low)) + a;
}

// The place in the table whose logarithm is that of sigma, in float32.
double timestep_of_sigma(const std::vector<float>& logs, double sigma) {
  if (logs.size() < 2) return 0;
  const float wanted = static_cast<float>(std::log(std::max(sigma, 1e-10)));
  size_t low = 0;
  for (size_t i = 0; i < logs.size(); ++i) {
    if (wanted - logs[i] >= 0) low = i;
  }
  low = std::min(low, logs.size() - 2);
  const float a = logs[low], b = logs[low + 1];
  const float w = std::min(std::max((a - wanted) / (a - b), 0.0f), 1.0f);
  return static_cast<double>(1.0f - w) * static_cast<double>(low) +
         static_cast<double>(w) * static_cast<double>(low + 1);
}

// Falling sigmas between two ends, as sigma_spacing says.
Values spaced_sigmas(const SchedulerConfig& config, double largest, double smallest, int steps) {
  Values sigmas;
  switch (config.sigma_spacing) {
    case SigmaSpacing::karras: {  // Karras et al. 2022, arXiv 2206.00364, eq. 5
      const double rho = 7, high = std::pow(largest, 1 / rho), low = std::pow(smallest, 1 / rho);
      for (const double ramp : linspace(0, 1, steps)) sigmas.push_back(std::pow(high + ramp * (low - high), rho));
      break;
    }
    case SigmaSpacing::beta:  // Lee et al. 2024, arXiv 2407.12173
      for (const double ramp : linspace(0, 1, steps))
        sigmas.push_back(smallest + beta_quantile(1 - ramp, 0.6, 0.6) * (largest - smallest));
      break;
    default:  // exponential, and evenly spaced lambda, which is the same
      for (const double log_sigma : linspace(std::log(largest), std::log(smallest), steps))
        sigmas.push_back(std::exp(log_sigma));
  }
  return sigmas;
}

// The number of levels whose lambda = log(signal / noise) is not below the configuration's bound, from level 0 on.
int levels_above_lambda(const SchedulerConfig& config, const std::vector<float>& logs) {
  int count = 0;
  while (count < static_cast<int>(logs.size()) && -logs[static_cast<size_t>(count)] >= config.lambda_min_clipped)
    ++count;
  return std::max(count, 1);
}

// DPM-Solver and UniPC tell the network whole numbers.
void make_whole(const SchedulerConfig& config, Values& timesteps) {
  const bool rounds_karras =
      config.kind == SchedulerKind::unipc || config.beta_schedule != BetaSchedule::squaredcos_cap_v2;
  const bool rounds = config.sigma_spacing == SigmaSpacing::karras || config.sigma_spacing == SigmaSpacing::lu;
  rounds&& rounds_karras ? round_all(timesteps) : truncate_all(timesteps);
}

// Written so that NaN fails.
void check_falling(const Values& timesteps) {
  double before = timesteps.front();
  for (const double t : timesteps) {
    if (!(t >= 0 && t <= before))
      throw Error(ExitCode::invalid_input, "the scheduler's settings (sigma_min, sigma_max) give timesteps that rise");
    before = t;
  }
}

// Every evaluation but the first twice: Heun looks at the end of each step, then starts the next there.
void repeat_for_heun(SchedulerVisits& visits) {
  Values timesteps, sigmas;
  for (size_t i = 0; i < visits.timesteps.size(); ++i) {
    for (int copy = i == 0 ? 1 : 0; copy < 2; ++copy) {
      timesteps.push_back(visits.timesteps[i]);
      sigmas.push_back(visits.sigmas[i]);
    }
  }
  sigmas.push_back(visits.sigmas.back());
  visits.timesteps = timesteps;
  visits.sigmas = sigmas;
}

void add_sigmas(const SchedulerConfig& config, const std::vector<float>& levels, int steps, SchedulerVisits& visits) {
  const std::vector<float> table = sigma_table(levels);
  std::vector<float> logs;
  for (const float sigma : table) logs.push_back(std::log(sigma));
  if (config.kind == SchedulerKind::dpm_multistep)
    visits.timesteps = spaced_timesteps(config, levels_above_lambda(config, logs), steps);
  for (const double t : visits.timesteps) visits.sigmas.push_back(interpolated(table, t));
  if (config.log_linear) {
    visits.sigmas = linspace(logs.back(), logs.front(), steps + 1);
    for (double& sigma : visits.sigmas) sigma = std::exp(sigma);
  }
  if (config.sigma_spacing != SigmaSpacing::of_timesteps) {
    // The multistep kinds span the whole table, the others the levels laid above.
    double largest = multistep(config.kind) ? table.back() : visits.sigmas.front();
    double smallest = multistep(config.kind) ? table.front() : visits.sigmas.back();
    if (config.sigma_max >= 0) largest = config.sigma_max;
    if (config.sigma_min >= 0) smallest = config.sigma_min;
    visits.sigmas = spaced_sigmas(config, largest, smallest, steps);
    visits.timesteps.clear();
    for (const double sigma : visits.sigmas) visits.timesteps.push_back(timestep_of_sigma(logs, sigma));
    multistep(config.kind) ? make_whole(config, visits.timesteps) : to_float_all(visits.timesteps);
  }
  const bool keeps_last = config.kind == SchedulerKind::unipc && config.sigma_spacing != SigmaSpacing::of_timesteps;
  visits.sigmas.push_back(config.final_sigma_zero ? 0.0 : keeps_last ? visits.sigmas.back() : double{table.front()});
  to_float_all(visits.sigmas);
  visits.sigmas.resize(visits.timesteps.size() + 1);
}

}  // namespace

std::vector<float> sigma_table(const std::vector<float>& levels) {
  std::vector<float> table;
  for (size_t t = 0; t < levels.size(); ++t) {
    NoiseLevel level = noise_level_from_table(levels[t]);
    if (level.alpha_bar == 0.0f && t + 1 == levels.size()) level = {0x1p-24f, 1.0f - 0x1p-24f};
    table.push_back(std::sqrt(level.one_minus_alpha_bar / level.alpha_bar));
    if (!(table.back() > 0.0f && std::isfinite(table.back())))
      throw Error(ExitCode::invalid_input, "noise level " + std::to_string(t) +
                                               " holds no noise or no picture, and this sampler divides by both: use "
                                               "ddim or ddpm");
  }
  return table;
}

SchedulerVisits scheduler_visits(const SchedulerConfig& config, const std::vector<float>& levels, int steps) {
  if (steps < 1 || steps > config.train_steps)
    throw Error(ExitCode::usage, std::to_string(steps) + " steps are not 1 to the " +
                                     std::to_string(config.train_steps) + " noise levels of the scheduler");
  SchedulerVisits visits;
  visits.timesteps = config.kind == SchedulerKind::lcm ? lcm_timesteps(config, steps)
                                                       : spaced_timesteps(config, config.train_steps, steps);
  const bool sigmas = float_timesteps(config.kind) || multistep(config.kind);
  if (sigmas) add_sigmas(config, levels, steps, visits);
  if (visits.timesteps.empty() || visits.timesteps.front() > config.train_steps - 1)
    throw Error(ExitCode::usage, "timestep_spacing and steps_offset put the first of " + std::to_string(steps) +
                                     " steps beyond the last noise level: take fewer steps");
  check_falling(visits.timesteps);
  if (float_timesteps(config.kind)) {
    const double largest = *std::max_element(visits.sigmas.begin(), visits.sigmas.end());
    const bool scaled = config.spacing == TimestepSpacing::leading;
    visits.init_noise_sigma = scaled ? to_float(std::sqrt(largest * largest + 1)) : largest;
  }
  if (config.kind == SchedulerKind::heun) repeat_for_heun(visits);
  if (config.kind == SchedulerKind::pndm && visits.timesteps.size() > 1)
    visits.timesteps.insert(visits.timesteps.begin() + 1, visits.timesteps[1]);
  return visits;
}

}  // namespace mote::tool
