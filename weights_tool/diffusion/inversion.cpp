#include "weights_tool/diffusion/inversion.h"

#include <algorithm>
#include <cmath>

#include "diffusion/rows.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr double least_alpha_bar = 0x1p-40;
constexpr VisitedLevel clean{0, 1, 0};

const VisitedLevel& next_of(const std::vector<VisitedLevel>& levels, size_t i) {
  return i + 1 < levels.size() ? levels[i + 1] : clean;
}

}  // namespace

std::vector<VisitedLevel> trailing_levels(const std::vector<float>& table, int steps) {
  const uint32_t train_steps = static_cast<uint32_t>(table.size());
  if (steps < 1 || static_cast<uint32_t>(steps) > train_steps)
    throw Error(ExitCode::usage, std::to_string(steps) + " steps are not 1 to the " + std::to_string(train_steps) +
                                     " noise levels of the model");
  std::vector<VisitedLevel> levels;
  for (int i = 0; i < steps; ++i) {
    const int t = trailing_timestep(train_steps, static_cast<uint32_t>(steps), static_cast<uint32_t>(i));
    const NoiseLevel level = noise_level_from_table(table[static_cast<size_t>(t)]);
    levels.push_back({static_cast<double>(t), std::max(static_cast<double>(level.alpha_bar), least_alpha_bar),
                      static_cast<double>(level.one_minus_alpha_bar)});
  }
  return levels;
}

void ddim_draw(const std::vector<VisitedLevel>& levels, const EpsilonModel& model, std::vector<double>& x) {
  std::vector<double> epsilon(x.size());
  for (size_t i = 0; i < levels.size(); ++i) {
    const VisitedLevel &from = levels[i], &to = next_of(levels, i);
    model(x, from.timestep, epsilon);
    const double grow = std::sqrt(to.alpha_bar / from.alpha_bar);
    const double weight = std::sqrt(to.rest) - grow * std::sqrt(from.rest);
    for (size_t e = 0; e < x.size(); ++e) x[e] = grow * x[e] + weight * epsilon[e];
  }
}

int ddim_invert(const std::vector<VisitedLevel>& levels, const EpsilonModel& model, int iterations,
                std::vector<double>& x) {
  std::vector<double> epsilon(x.size()), arrived(x.size());
  for (size_t i = levels.size(); i-- > 0;) {
    const VisitedLevel &to = levels[i], &from = next_of(levels, i);
    const double shrink = std::sqrt(to.alpha_bar / from.alpha_bar);
    const double weight = std::sqrt(to.rest) - shrink * std::sqrt(from.rest);
    // The step solved for x by epsilon, or by x0: whichever changes little with x.
    const bool mostly_noise = to.rest > 0.5 && from.rest > 0;
    const double signal = std::sqrt(to.alpha_bar), noise = std::sqrt(to.rest);
    arrived = x;
    for (int k = 0; k < iterations; ++k) {
      model(arrived, to.timestep, epsilon);
      if (!mostly_noise) {
        for (size_t e = 0; e < x.size(); ++e) arrived[e] = shrink * x[e] + weight * epsilon[e];
        continue;
      }
      for (size_t e = 0; e < x.size(); ++e) {
        const double x0 = (arrived[e] - noise * epsilon[e]) / signal;
        arrived[e] = signal * x0 + noise / std::sqrt(from.rest) * (x[e] - std::sqrt(from.alpha_bar) * x0);
      }
    }
    x.swap(arrived);
  }
  return iterations * static_cast<int>(levels.size());
}

std::vector<float> slerp(const std::vector<float>& a, const std::vector<float>& b, double share) {
  double aa = 0, bb = 0, ab = 0;
  for (size_t e = 0; e < a.size(); ++e) {
    const double x = static_cast<double>(a[e]), y = static_cast<double>(b[e]);
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const double length_a = std::sqrt(aa), length_b = std::sqrt(bb);
  double of_a = 1 - share, of_b = share;
  if (length_a > 0 && length_b > 0) {
    const double angle = std::acos(std::clamp(ab / (length_a * length_b), -1.0, 1.0)), sine = std::sin(angle);
    if (sine > 1e-6) {
      const double length = (1 - share) * length_a + share * length_b;
      of_a = std::sin((1 - share) * angle) / sine * length / length_a;
      of_b = std::sin(share * angle) / sine * length / length_b;
    }
  }
  std::vector<float> out(a.size());
  for (size_t e = 0; e < a.size(); ++e)
    out[e] = static_cast<float>(of_a * static_cast<double>(a[e]) + of_b * static_cast<double>(b[e]));
  return out;
}

}  // namespace mote::tool
