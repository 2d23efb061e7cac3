// The continuous noise levels; sde_samplers.cpp runs them backwards.
#include "weights_tool/diffusion/vp_sde.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffusion/rows.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr double least_alpha_bar = 0x1p-40;

// Slopes at the levels, one apart, that keep a cubic monotone: the harmonic mean of the two neighbours, which Fritsch &
// Butland give; at the ends the neighbour's own.
std::vector<double> monotone_slopes(const std::vector<double>& y) {
  const size_t n = y.size();
  std::vector<double> slopes(n);
  slopes[0] = y[1] - y[0];
  slopes[n - 1] = y[n - 1] - y[n - 2];
  for (size_t i = 1; i + 1 < n; ++i) {
    const double before = y[i] - y[i - 1], after = y[i + 1] - y[i];
    slopes[i] = before * after > 0 ? 2 * before * after / (before + after) : 0;
  }
  return slopes;
}

}  // namespace

VpSde::VpSde(std::vector<double> alpha_bar) {
  if (alpha_bar.size() < 2) throw Error(ExitCode::invalid_input, "the SDE needs at least two noise levels");
  double before = 1;
  for (const double level : alpha_bar) {
    // Written so that NaN fails.
    if (!(level >= 0 && level < before))
      throw Error(ExitCode::invalid_input, "the SDE needs noise levels with a falling alpha_bar between 0 and 1");
    before = level;
    log_.push_back(std::log(std::max(level, least_alpha_bar)));
  }
  slope_ = monotone_slopes(log_);
}

VpSde VpSde::of_table(const std::vector<float>& table) {
  std::vector<double> alpha_bar;
  for (const float entry : table)
    alpha_bar.push_back(entry >= 0 ? static_cast<double>(entry) : 1 + static_cast<double>(entry));
  return VpSde(std::move(alpha_bar));
}

VpSde::Cubic VpSde::find(double t) const {
  const double inside = std::clamp(t, 0.0, last());
  const size_t index = std::min(static_cast<size_t>(inside), log_.size() - 2);
  return {index, inside - static_cast<double>(index)};
}

double VpSde::log_alpha_bar(double t) const {
  const auto [i, u] = find(t);
  const double v = 1 - u;
  return v * v * ((1 + 2 * u) * log_[i] + u * slope_[i]) + u * u * ((1 + 2 * v) * log_[i + 1] - v * slope_[i + 1]);
}

double VpSde::alpha_bar(double t) const { return std::exp(log_alpha_bar(t)); }
double VpSde::noise_variance(double t) const { return -std::expm1(log_alpha_bar(t)); }

double VpSde::beta(double t) const {
  const auto [i, u] = find(t);
  const double v = 1 - u;
  return -(6 * u * v * (log_[i + 1] - log_[i]) + v * (1 - 3 * u) * slope_[i] - u * (2 - 3 * u) * slope_[i + 1]);
}

double VpSde::time_of_alpha_bar(double share) const {
  const double wanted = std::log(share);
  if (log_.back() >= wanted) return last();
  double low = 0, high = last();
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (log_alpha_bar(middle) >= wanted ? low : high) = middle;
  }
  return low;
}

}  // namespace mote::tool
