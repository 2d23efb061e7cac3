#include "weights_tool/diffusion/likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLogRoot2Pi = 0.91893853320467274178;  // log sqrt(2 pi)

double log_density(double z) { return -0.5 * z * z - kLogRoot2Pi; }

// log of the normal distribution's mass above z >= 0. Where erfc nears its underflow: the asymptotic series
// (Abramowitz & Stegun 26.2.12), whose error there is below 1e-12.
double log_upper_tail(double z) {
  if (z == kInfinity) return -kInfinity;
  if (z < 25) return std::log(0.5 * std::erfc(z / std::sqrt(2.0)));
  const double s = 1 / (z * z);
  return log_density(z) - std::log(z) + std::log1p(s * (-1 + s * (3 + s * (-15 + s * 105))));
}

// log of the mass between a < b. The side with the smaller values of the distribution function keeps all digits.
double log_mass(double a, double b) {
  if (a < 0 && b <= 0) return log_mass(-b, -a);
  if (a >= 0) {
    const double upper = log_upper_tail(a), beyond = log_upper_tail(b);
    return upper + std::log(-std::expm1(beyond - upper));
  }
  return std::log(0.5 * (std::erf(-a / std::sqrt(2.0)) + std::erf(b / std::sqrt(2.0))));
}

}  // namespace

std::vector<BoundStep> bound_steps(const std::vector<ChainLevel>& levels) {
  std::vector<BoundStep> steps;
  double alpha_bar = 1, rest = 0;  // of the level before
  for (const ChainLevel& level : levels) {
    const double beta = (level.rest - rest) / alpha_bar;
    if (!(beta > 0 && beta <= 1)) {
      throw Error(ExitCode::invalid_input, "level " + std::to_string(level.timestep) +
                                               " has no more noise than the one before it: no bound can be stated");
    }
    BoundStep step;
    step.timestep = level.timestep;
    step.alpha_bar = level.alpha_bar;
    step.rest = level.rest;
    step.mean_x0 = std::sqrt(alpha_bar) * beta / level.rest;
    step.mean_x = std::sqrt(level.alpha_bar / alpha_bar) * rest / level.rest;
    step.log_high = std::log(beta);
    step.log_low = std::log(rest / level.rest * beta);
    steps.push_back(step);
    alpha_bar = level.alpha_bar;
    rest = level.rest;
  }
  if (!steps.empty()) steps[0].log_low = steps.size() > 1 ? steps[1].log_low : steps[0].log_high;
  return steps;
}

std::vector<BoundStep> bound_steps(const Schedule& schedule) {
  std::vector<ChainLevel> levels;
  for (int t = 0; t < schedule.train_steps(); ++t) {
    const double alpha_bar = schedule.alpha_bar[static_cast<size_t>(t)];
    levels.push_back({t, alpha_bar, 1 - alpha_bar});
  }
  return bound_steps(levels);
}

BoundTerm gaussian_kl(double difference, double log_q, double log_p) {
  const double precision = std::exp(-log_p), share = std::exp(log_q - log_p) + difference * difference * precision;
  return {0.5 * (log_p - log_q - 1 + share), -difference * precision, 0.5 * (1 - share)};
}

double prior_kl(double x0, const BoundStep& last) {
  return 0.5 * (last.alpha_bar * (x0 * x0 - 1) - std::log(last.rest));
}

BoundTerm discretised_gaussian(double x, double difference, double log_variance, double half_bin) {
  const double inverse = std::exp(-0.5 * log_variance), edge = 1 - half_bin / 2;
  const double a = x <= -edge ? -kInfinity : (difference - half_bin) * inverse;
  const double b = x >= edge ? kInfinity : (difference + half_bin) * inverse;
  const double mass = log_mass(a, b);
  // Densities at the ends as shares of the mass; moving the mean up moves both ends down.
  const double at_a = std::isinf(a) ? 0 : std::exp(log_density(a) - mass);
  const double at_b = std::isinf(b) ? 0 : std::exp(log_density(b) - mass);
  const double slope = (at_b == 0 ? 0 : b * at_b) - (at_a == 0 ? 0 : a * at_a);
  return {-mass, (at_b - at_a) * inverse, 0.5 * slope};
}

}  // namespace mote::tool
