// Sampler steps that no row of a table can say, so that only the host does them: dynamic thresholding, whose bound
// depends on the whole picture, and a variance that the network itself predicts. Elementwise otherwise, in the order of
// the arrays.
#pragma once
#include <cstddef>

#include "diffusion/rows.h"

namespace mote::tool {

struct HostStep {
  format::RowRecord row;
  // Dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3): the predicted x0 is clipped to the
  // `threshold_ratio` quantile s of its absolute values, s in [1, threshold_max], and divided by s. Replaces row's clip.
  bool threshold = false;
  double threshold_ratio = 0.995, threshold_max = 1;
  // The network predicts the variance: itself, or where its logarithm lies between two bounds, -1 the lower, 1 the upper
  // (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 15). Replaces row's noise.
  enum class Variance { of_row, value, log_between } variance = Variance::of_row;
  double log_variance_low = 0, log_variance_high = 0;
  bool adds_noise = true;
  // Classifier guidance: what is added to the predicted x0 before it is clipped, and to x', for each unit of the gradient
  // of log p(class | x_t, t). In units of the variance that the step adds where guide_of_noise is set (Dhariwal & Nichol 2021,
  // arXiv 2105.05233, algorithm 1); epsilon - sqrt(1 - alpha_bar) s gradient is the others' (algorithm 2).
  double guide_x0 = 0, guide_x = 0;
  bool guide_of_noise = false;
};

// One step of a picture of `count` elements, in place. m: the network's output; v: its variance output, null when the
// step has none; z: the noise, null when the step adds none; g: the classifier's gradient at x, null: none. history: planes of `count` floats, newest first, as
// sampler_update keeps them. Without thresholding and learned variance this is sampler_update.
void host_step(const HostStep& step, float* x, const float* m, const float* v, const float* z, float* history,
               uint32_t history_count, size_t count, const float* g = nullptr);

// The quantile of n > 0 values, linear between neighbours; reorders them.
double quantile(float* values, size_t n, double ratio);

}  // namespace mote::tool
