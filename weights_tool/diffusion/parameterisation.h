// What a network predicts: epsilon (Ho et al. 2020), x0, or v = sqrt(alpha_bar) epsilon - sqrt(1 - alpha_bar) x0
// (Salimans & Ho 2022, arXiv 2202.00512, appendix D), and how one is turned into another, given
// x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) epsilon. Elementwise over any layout.
#pragma once
#include <cstddef>
#include <string_view>

#include "diffusion/rows.h"

namespace mote::tool {

using mote::Prediction;

// "epsilon", "x0", "v".
const char* prediction_name(Prediction prediction);
bool find_prediction(std::string_view name, Prediction* prediction);

// A quantity as a linear combination of two others.
struct Mix {
  double first, second;
};

// What the network is asked for, of (x0, epsilon).
Mix target_mix(Prediction prediction, double alpha_bar);
// The predicted x0 and epsilon, of (x_t, network output). Epsilon prediction gives no x0 at alpha_bar = 0 and x0
// prediction no epsilon at alpha_bar = 1: the coefficients are infinite there.
Mix x0_mix(Prediction prediction, double alpha_bar);
Mix epsilon_mix(Prediction prediction, double alpha_bar);
// The output that another parameterisation would have had, of (x_t, output).
Mix convert_mix(Prediction from, Prediction to, double alpha_bar);

// out[i] = float(mix.first) * a[i] + float(mix.second) * b[i], in float; out may be a or b.
void apply_mix(const Mix& mix, const float* a, const float* b, size_t count, float* out);

// How the squared error of a noise level is weighted, in the space the network predicts in.
enum class LossWeight {
  uniform,  // 1: L_simple (Ho et al. 2020, eq. 14) for epsilon prediction, and its counterpart for the others
  epsilon,  // the error of the epsilon that the prediction implies: L_simple whatever the network predicts
  min_snr,  // Hang et al. 2023, arXiv 2303.09556, section 3.4: min(snr, gamma) times the error of the implied x0
};
const char* loss_weight_name(LossWeight weight);
bool find_loss_weight(std::string_view name, LossWeight* weight);
// gamma: of min_snr; the paper's default is 5.
double loss_weight(LossWeight weight, Prediction prediction, double alpha_bar, double gamma = 5.0);

}  // namespace mote::tool
