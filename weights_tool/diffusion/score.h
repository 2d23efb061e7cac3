// The score view of a diffusion model (Vincent 2011; Song et al. 2021, arXiv 2011.13456): what a network predicts is, up
// to a factor, the gradient of the log density of x_t,
//     s_theta(x_t, t) = -epsilon_theta(x_t, t) / sqrt(1 - alpha_bar_t).
#pragma once
#include "weights_tool/diffusion/parameterisation.h"

namespace mote::tool {

// The score as a combination of (x_t, network output). No score at alpha_bar = 1: the coefficients are infinite there.
Mix score_mix(Prediction prediction, double alpha_bar);
// The output a network of that prediction has when its score is s, of (x_t, s).
Mix output_of_score_mix(Prediction prediction, double alpha_bar);

}  // namespace mote::tool
