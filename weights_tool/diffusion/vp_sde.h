// The noise levels of a model as a continuous process, the variance-preserving SDE of Song et al. 2021 (arXiv 2011.13456,
// eq. 11), and ways to run it backwards: Euler-Maruyama, predictor-corrector, and the probability-flow ODE with an
// adaptive Runge-Kutta method. Any network that predicts epsilon at a time between levels will do; none is known here.
// Host only: a device runs rows (src/diffusion/rows.h).
//
// Time t counts levels: the table's entry t at t = 0, 1, .. T - 1, log alpha_bar smooth and falling in between (a monotone
// cubic, Fritsch & Carlson 1980). beta(t) = -d log alpha_bar / dt, so
//     dx = -beta/2 x dt + sqrt(beta) dw,      reversed: dx = (-beta/2 x - beta s) dt + sqrt(beta) dw,
//     ODE: dx = -beta/2 (x + s) dt,           s = grad log p_t(x) = -epsilon / sqrt(1 - alpha_bar).
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace mote::tool {

class VpSde {
 public:
  // alpha_bar: falling, in (0, 1) but for a last level of 0, which counts as 2^-40. At least 2 levels, else
  // Error(invalid_input).
  explicit VpSde(std::vector<double> alpha_bar);
  // From the table of a model file (src/diffusion/rows.h, noise_level_from_table).
  static VpSde of_table(const std::vector<float>& table);

  double last() const { return static_cast<double>(log_.size() - 1); }
  double log_alpha_bar(double t) const;  // t in [0, last()]
  double alpha_bar(double t) const;
  double noise_variance(double t) const;  // 1 - alpha_bar, with all digits
  double beta(double t) const;
  // The latest time at which `share` of the picture's variance is left, or last() if all levels hold more: where pure
  // noise may begin, and the equations are not stiff yet.
  double time_of_alpha_bar(double share) const;

 private:
  struct Cubic {
    size_t index;
    double u;  // in [0, 1]
  };
  Cubic find(double t) const;
  std::vector<double> log_, slope_;  // at the levels
};

// epsilon of x at time t. Sizes are equal.
using EpsilonModel = std::function<void(const std::vector<double>& x, double t, std::vector<double>& epsilon)>;
// Fills with unit Gaussian numbers, others at each index.
using NoiseSource = std::function<void(uint32_t index, std::vector<double>& z)>;

struct SdeOptions {
  int steps = 1000;             // from start to 0, evenly spaced in t
  double start = 0;             // time of x; 0 < start <= last()
  int corrector_steps = 0;      // Langevin steps after each predictor step
  double corrector_snr = 0.16;  // r of Song et al. 2021, algorithm 5
};

// Each replaces x at options.start by a sample at t = 0 and then by its expected clean picture (Tweedie), without clipping,
// and returns the number of network evaluations.
// Euler-Maruyama on the reversed SDE; the drift of x is integrated over each step with beta's exact integral.
int euler_maruyama(const VpSde& sde, const EpsilonModel& model, const NoiseSource& noise, const SdeOptions& options,
                   std::vector<double>& x);
// Predictor: reverse diffusion (Song et al. 2021, appendix E), beta of a step = 1 - alpha_bar / alpha_bar of the next;
// corrector: annealed Langevin (algorithm 5).
int predictor_corrector(const VpSde& sde, const EpsilonModel& model, const NoiseSource& noise,
                        const SdeOptions& options, std::vector<double>& x);

struct OdeOptions {
  double atol = 1e-5, rtol = 1e-5;  // the error of a step may be atol + rtol |x|, in the root mean square
  int most_evaluations = 100000;    // then Error(failure)
};
struct OdeCounts {
  int evaluations = 0, accepted = 0, rejected = 0;
};

// Dormand & Prince 1980, order 5(4), with their error estimate: x from time `from` to time `to`, either direction.
OdeCounts integrate_ode(const VpSde& sde, const EpsilonModel& model, double from, double to, const OdeOptions& options,
                        std::vector<double>& x);
// The expected clean picture of x at time t, in place; one evaluation.
void denoise(const VpSde& sde, const EpsilonModel& model, double t, std::vector<double>& x);

}  // namespace mote::tool
