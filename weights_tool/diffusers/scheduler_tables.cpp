#include "weights_tool/diffusers/scheduler_tables.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

// torch.linspace in float32: forwards from `start` in the first half, backwards from `end` in the second; eight values
// at a time are counted from the first of them, sixteen a turn, the rest one by one; each is one fused operation.
std::vector<float> float_linspace(double first, double last, int count) {
  const float start = static_cast<float>(first), end = static_cast<float>(last);
  if (count == 1) return {start};
  const float step = (end - start) / static_cast<float>(count - 1);
  const auto single = [&](int i) {
    return i < count / 2 ? std::fma(step, static_cast<float>(i), start)
                         : std::fma(-step, static_cast<float>(count - i - 1), end);
  };
  constexpr int lanes = 8, turn = 2 * lanes;
  std::vector<float> values;
  for (int i = 0; i < count; ++i) {
    const bool alone = i >= count / turn * turn;
    values.push_back(alone ? single(i) : std::fma(step, static_cast<float>(i % lanes), single(i / lanes * lanes)));
  }
  return values;
}

double alpha_bar_at(BetaSchedule schedule, double t) {
  if (schedule == BetaSchedule::exponential) return std::exp(t * -12.0);
  if (schedule == BetaSchedule::laplace) {
    const double side = 0.5 - t;
    const double lambda = -0.5 * std::copysign(1.0, side) * std::log(1 - 2 * std::fabs(side) + 1e-6);
    const double snr = std::exp(lambda);
    return std::sqrt(snr / (1 + snr));
  }
  const double pi = 3.141592653589793;
  const double c = std::cos((t + 0.008) / 1.008 * pi / 2);  // Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17
  return c * c;
}

std::vector<float> betas_of_alpha_bar(BetaSchedule schedule, int count) {
  std::vector<float> betas;
  for (int i = 0; i < count; ++i) {
    const double before = alpha_bar_at(schedule, static_cast<double>(i) / count);
    const double after = alpha_bar_at(schedule, static_cast<double>(i + 1) / count);
    betas.push_back(static_cast<float>(std::min(1 - after / before, 0.999)));
  }
  return betas;
}

std::vector<float> cumulative_products(const std::vector<float>& betas) {
  std::vector<float> products;
  double product = 1;
  for (const float beta : betas) {
    product *= static_cast<double>(1.0f - beta);
    products.push_back(static_cast<float>(product));
  }
  return products;
}

// Shifts and scales sqrt(alpha_bar) so that it ends at 0 (Lin et al. 2024, arXiv 2305.08891, algorithm 1).
void rescale_to_zero_snr(std::vector<float>& betas) {
  std::vector<float> roots = cumulative_products(betas);
  for (float& root : roots) root = std::sqrt(root);
  const float first = roots.front(), last = roots.back(), scale = first / (first - last);
  for (float& root : roots) root = (root - last) * scale;
  float before = 1;
  for (size_t i = 0; i < betas.size(); ++i) {
    const float alpha_bar = roots[i] * roots[i];
    betas[i] = 1.0f - (i == 0 ? alpha_bar : alpha_bar / before);
    before = alpha_bar;
  }
}

std::vector<float> betas_of(const SchedulerConfig& config) {
  const double start = config.beta_start, end = config.beta_end;
  std::vector<float> betas;
  if (!config.trained_betas.empty()) {
    for (const double beta : config.trained_betas) betas.push_back(static_cast<float>(beta));
    return betas;
  }
  switch (config.beta_schedule) {
    case BetaSchedule::linear: return float_linspace(start, end, config.train_steps);
    case BetaSchedule::scaled_linear:
      betas = float_linspace(std::sqrt(start), std::sqrt(end), config.train_steps);
      for (float& beta : betas) beta = beta * beta;
      return betas;
    case BetaSchedule::sigmoid:
      betas = float_linspace(-6, 6, config.train_steps);
      for (float& beta : betas) {
        const float grown = 1.0f + static_cast<float>(std::exp(-static_cast<double>(beta)));
        beta = (1.0f / grown) * static_cast<float>(end - start);
        beta = beta + static_cast<float>(start);
      }
      return betas;
    default: return betas_of_alpha_bar(config.beta_schedule, config.train_steps);
  }
}

}  // namespace

std::vector<float> scheduler_betas(const SchedulerConfig& config) {
  std::vector<float> betas = betas_of(config);
  if (config.rescale_zero_snr) rescale_to_zero_snr(betas);
  return betas;
}

std::vector<float> scheduler_levels(const SchedulerConfig& config) {
  if (!config.levels.empty()) return config.levels;
  const std::vector<float> levels = cumulative_products(scheduler_betas(config));
  float before = 1;
  for (size_t t = 0; t < levels.size(); ++t) {
    // Written so that NaN fails.
    if (!(levels[t] >= 0 && levels[t] <= before))
      throw Error(ExitCode::invalid_input, "the scheduler's betas give no noise level " + std::to_string(t) +
                                               ": alpha_bar must fall and stay in [0, 1]");
    before = levels[t];
  }
  return levels;
}

}  // namespace mote::tool
