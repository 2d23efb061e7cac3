// The reversed SDE and the probability-flow ODE, step by step.
#include <algorithm>
#include <cmath>

#include "weights_tool/diffusion/vp_sde.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

using Values = std::vector<double>;

double norm(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

double time_of_step(const SdeOptions& options, int step) {
  return options.start * (1 - static_cast<double>(step) / options.steps);
}

}  // namespace

void denoise(const VpSde& sde, const EpsilonModel& model, double t, Values& x) {
  Values epsilon(x.size());
  model(x, t, epsilon);
  const double signal = std::sqrt(sde.alpha_bar(t)), noise = std::sqrt(sde.noise_variance(t));
  for (size_t e = 0; e < x.size(); ++e) x[e] = (x[e] - noise * epsilon[e]) / signal;
}

int euler_maruyama(const VpSde& sde, const EpsilonModel& model, const NoiseSource& noise, const SdeOptions& options,
                   Values& x) {
  Values epsilon(x.size()), z(x.size());
  for (int step = 0; step < options.steps; ++step) {
    const double t = time_of_step(options, step), next = time_of_step(options, step + 1);
    const double integral = sde.log_alpha_bar(next) - sde.log_alpha_bar(t);  // of beta over the step
    const double spread = std::sqrt(integral), score = integral / std::sqrt(sde.noise_variance(t));
    model(x, t, epsilon);
    noise(static_cast<uint32_t>(step), z);
    for (size_t e = 0; e < x.size(); ++e) x[e] += 0.5 * integral * x[e] - score * epsilon[e] + spread * z[e];
  }
  denoise(sde, model, 0, x);
  return options.steps + 1;
}

int predictor_corrector(const VpSde& sde, const EpsilonModel& model, const NoiseSource& noise,
                        const SdeOptions& options, Values& x) {
  Values epsilon(x.size()), z(x.size());
  uint32_t draws = 0;
  int evaluations = 0;
  for (int step = 0; step < options.steps; ++step) {
    const double t = time_of_step(options, step), next = time_of_step(options, step + 1);
    const double kept = std::exp(sde.log_alpha_bar(t) - sde.log_alpha_bar(next)), beta = 1 - kept;
    const double grow = 2 - std::sqrt(kept), score = beta / std::sqrt(sde.noise_variance(t)), spread = std::sqrt(beta);
    model(x, t, epsilon);
    noise(draws++, z);
    for (size_t e = 0; e < x.size(); ++e) x[e] = grow * x[e] - score * epsilon[e] + spread * z[e];
    ++evaluations;
    for (int k = 0; k < options.corrector_steps; ++k) {
      model(x, next, epsilon);
      noise(draws++, z);
      ++evaluations;
      const double deviation = std::sqrt(sde.noise_variance(next));
      const double ratio = options.corrector_snr * norm(z) * deviation / norm(epsilon);
      const double size = 2 * kept * ratio * ratio;
      if (!std::isfinite(size)) continue;  // no score to follow
      const double drift = size / deviation, shake = std::sqrt(2 * size);
      for (size_t e = 0; e < x.size(); ++e) x[e] += shake * z[e] - drift * epsilon[e];
    }
  }
  denoise(sde, model, 0, x);
  return evaluations + 1;
}

// ---- the ODE --------------------------------------------------------------------------------------------------------

namespace {

// Dormand & Prince 1980, table 2: RK5(4)7M. The last row of `stages` is the solution of order 5; `difference` is what it
// has more than that of order 4.
constexpr int stage_count = 7;
constexpr double nodes[stage_count] = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
constexpr double stages[stage_count][stage_count - 1] = {
    {},
    {1. / 5},
    {3. / 40, 9. / 40},
    {44. / 45, -56. / 15, 32. / 9},
    {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
    {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
    {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}};
constexpr double difference[stage_count] = {71. / 57600,      0,         -71. / 16695, 71. / 1920,
                                            -17253. / 339200, 22. / 525, -1. / 40};

class Integrator {
 public:
  Integrator(const VpSde& sde, const EpsilonModel& model, const OdeOptions& options, Values& x)
      : sde_(sde), model_(model), options_(options), x_(x), next_(x.size()), epsilon_(x.size()) {
    for (Values& k : k_) k.resize(x.size());
  }

  OdeCounts run(double from, double to) {
    const double direction = to < from ? -1 : 1, span = std::fabs(to - from);
    double t = from, size = span / 100;
    slope(x_, t, k_[0]);
    while (direction * (to - t) > 1e-9 * span) {
      size = std::min(size, std::fabs(to - t));
      const double error = attempt(t, direction * size);
      if (error <= 1) {
        ++counts_.accepted;
        t += direction * size;
        x_.swap(next_);
        k_[0].swap(k_[stage_count - 1]);  // the last stage is the next one's first
      } else {
        ++counts_.rejected;
      }
      size *= std::clamp(0.9 * std::pow(std::max(error, 1e-10), -0.2), 0.2, 5.0);
      if (!(size > 1e-12 * span)) throw Error(ExitCode::failure, "ODE: the step vanished; raise --atol and --rtol");
    }
    return counts_;
  }

 private:
  void slope(const Values& x, double t, Values& out) {
    if (++counts_.evaluations > options_.most_evaluations)
      throw Error(ExitCode::failure, "ODE: too many evaluations; raise --atol and --rtol");
    model_(x, t, epsilon_);
    const double half = sde_.beta(t) / 2, deviation = std::sqrt(sde_.noise_variance(t));
    for (size_t e = 0; e < x.size(); ++e) out[e] = -half * (x[e] - epsilon_[e] / deviation);
  }

  // A step of h from x_ into next_; its error in units of what is allowed.
  double attempt(double t, double h) {
    for (int s = 1; s < stage_count; ++s) {
      for (size_t e = 0; e < x_.size(); ++e) {
        double sum = 0;
        for (int j = 0; j < s; ++j) sum += stages[s][j] * k_[j][e];
        next_[e] = x_[e] + h * sum;
      }
      slope(next_, t + nodes[s] * h, k_[s]);
    }
    double sum = 0;
    for (size_t e = 0; e < x_.size(); ++e) {
      double error = 0;
      for (int s = 0; s < stage_count; ++s) error += difference[s] * k_[s][e];
      const double allowed = options_.atol + options_.rtol * std::max(std::fabs(x_[e]), std::fabs(next_[e]));
      sum += (h * error / allowed) * (h * error / allowed);
    }
    return std::sqrt(sum / static_cast<double>(x_.size()));
  }

  const VpSde& sde_;
  const EpsilonModel& model_;
  const OdeOptions& options_;
  Values& x_;
  Values next_, epsilon_, k_[stage_count];
  OdeCounts counts_;
};

}  // namespace

OdeCounts integrate_ode(const VpSde& sde, const EpsilonModel& model, double from, double to, const OdeOptions& options,
                        Values& x) {
  return Integrator(sde, model, options, x).run(from, to);
}

}  // namespace mote::tool
