// A mixture of axis-aligned Gaussians, in which everything a diffusion model learns has a closed form: density and score
// of the noised distribution, and the predictions of the network that no other beats in squared error. With deviations
// of 0 it is the empirical distribution of a set of points. Doubles, any dimension.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// Of the random numbers of points: a stream that src/diffusion/noise.h leaves free.
constexpr uint32_t noise_points = 100;

struct GaussianComponent {
  double weight = 1;                    // relative to the others'
  std::vector<double> mean, deviation;  // [dimension]; deviations may be 0
};

class GaussianMixture {
 public:
  // std::invalid_argument: no component, different dimensions, a weight that is not positive, a negative deviation.
  explicit GaussianMixture(const std::vector<GaussianComponent>& components);
  // The points [count][dimension], each as likely as the others.
  GaussianMixture(const float* points, size_t count, size_t dimension);

  size_t dimension() const { return dimension_; }
  size_t components() const { return log_weight_.size(); }

  // What follows is of x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) epsilon; alpha_bar < 1 where a deviation is 0.
  double log_density(const double* x, double alpha_bar) const;
  // The gradient of log_density by x.
  void score(const double* x, double alpha_bar, double* out) const;
  // E[x_0 | x_t]; also at alpha_bar = 0.
  void mean_x0(const double* x, double alpha_bar, double* out) const;
  // The mean of the target given x_t: E[epsilon | x_t], E[x_0 | x_t] or E[v | x_t].
  void prediction(Prediction prediction, const double* x, double alpha_bar, double* out) const;

  // Points number first .. first + count - 1 of a seed: [count][dimension].
  std::vector<float> sample(size_t count, uint64_t seed, uint32_t first = 0) const;

 private:
  // Probabilities of the components given x_t, to member responsibilities of the caller; returns log_density.
  double responsibilities(const double* x, double alpha_bar, std::vector<double>* out) const;

  size_t dimension_;
  std::vector<double> log_weight_, cumulative_;  // [components]
  std::vector<double> mean_, variance_;          // [components][dimension]
};

// {"components": [{"weight": 1, "mean": [0.5, 0], "deviation": [0.1, 0.2]}, ...]}; "weight" may be left out, "deviation"
// may be one number for all axes. Error(invalid_input) naming the key.
GaussianMixture gaussian_mixture_from_json(const JsonView& view);

}  // namespace mote::tool
