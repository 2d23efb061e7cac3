#include "weights_tool/diffusion/score.h"

#include <cmath>

namespace mote::tool {

Mix score_mix(Prediction prediction, double alpha_bar) {
  const Mix epsilon = epsilon_mix(prediction, alpha_bar);
  const double factor = -1 / std::sqrt(1 - alpha_bar);
  return {factor * epsilon.first, factor * epsilon.second};
}

Mix output_of_score_mix(Prediction prediction, double alpha_bar) {
  const Mix of_epsilon = convert_mix(Prediction::epsilon, prediction, alpha_bar);
  return {of_epsilon.first, -std::sqrt(1 - alpha_bar) * of_epsilon.second};
}

}  // namespace mote::tool
