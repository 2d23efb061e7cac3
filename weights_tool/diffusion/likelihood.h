// The variational bound on the likelihood of a picture (Ho et al. 2020, arXiv 2006.11239, eq. 5), in nats and for one
// element at a time: L_T + sum of L_{t-1} + L_0. All terms are closed forms but for the expectation over x_t, which the
// caller samples. Used to measure models (commands/eval_nll.cpp) and to train variances (train/loss.h).
//
// Variances. log sigma^2 = f log beta + (1 - f) log beta-tilde with f = (v + 1) / 2 (Nichol & Dhariwal 2021, arXiv
// 2102.09672, eq. 15). v is the second half of a network's output: -1 is the lower bound, 1 the upper one. Nothing holds
// it in between, as in the paper; no training in it needed that. beta-tilde of the last step to the picture is 0 and its
// logarithm none: that of the level before it is taken, as the paper's code does.
#pragma once
#include <vector>

#include "weights_tool/diffusion/schedules.h"

namespace mote::tool {

// A level of a chain: all levels of training, or those that a sampler visits.
struct ChainLevel {
  int timestep;
  double alpha_bar, rest;  // rest = 1 - alpha_bar
};

// The step from a level to the one before it (less noisy; the first one's leads to the picture).
struct BoundStep {
  int timestep;
  double alpha_bar, rest;
  double mean_x0, mean_x;    // mean of q(x_before | x_t, x0) = mean_x0 x0 + mean_x x_t (Ho et al., eq. 7)
  double log_low, log_high;  // log beta-tilde, log beta; of the first level see above
};

// Rising levels: alpha_bar falls. Throws Error(invalid_input) where two levels hold the same noise or the first none.
std::vector<BoundStep> bound_steps(const std::vector<ChainLevel>& levels);
std::vector<BoundStep> bound_steps(const Schedule& schedule);

inline double log_variance_between(const BoundStep& step, double v) {
  const double f = (v + 1) / 2;
  return f * step.log_high + (1 - f) * step.log_low;
}

// A term and its derivatives by the model's mean and log variance.
struct BoundTerm {
  double nats, by_mean, by_log_variance;
};

// KL(N(mean_q, e^log_q) || N(mean_q - difference, e^log_p)), p the model's: L_{t-1}.
BoundTerm gaussian_kl(double difference, double log_q, double log_p);
// KL(q(x_T | x0) || N(0, 1)) of an element x0: L_T.
double prior_kl(double x0, const BoundStep& last);
// -log of the mass that N(x - difference, e^log_variance) has on [x - half_bin, x + half_bin], whose side is moved to
// infinity where x is the lowest (-1) or highest (1) value: L_0 (Ho et al., eq. 13). Exact far out in the tails too.
BoundTerm discretised_gaussian(double x, double difference, double log_variance, double half_bin);

constexpr double half_bin_of_bytes = 1.0 / 255;  // bytes are 2/255 apart on [-1, 1]

}  // namespace mote::tool
