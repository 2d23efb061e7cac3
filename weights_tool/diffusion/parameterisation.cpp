// Everything follows from two linear equations: x_t = signal x0 + noise epsilon, and the definition of the output.
#include "weights_tool/diffusion/parameterisation.h"

#include <algorithm>
#include <cmath>

namespace mote::tool {

namespace {

struct NamedPrediction {
  const char* name;
  Prediction prediction;
};
constexpr NamedPrediction named_predictions[] = {
    {"epsilon", Prediction::epsilon}, {"x0", Prediction::x0}, {"v", Prediction::v}};

struct NamedLossWeight {
  const char* name;
  LossWeight weight;
};
constexpr NamedLossWeight named_loss_weights[] = {
    {"uniform", LossWeight::uniform}, {"epsilon", LossWeight::epsilon}, {"min_snr", LossWeight::min_snr}};

// Shares of picture and noise in x_t.
struct Shares {
  double signal, noise;
};
Shares shares_of(double alpha_bar) { return {std::sqrt(alpha_bar), std::sqrt(1.0 - alpha_bar)}; }

}  // namespace

const char* prediction_name(Prediction prediction) {
  for (const NamedPrediction& entry : named_predictions) {
    if (entry.prediction == prediction) return entry.name;
  }
  return "unknown";
}

bool find_prediction(std::string_view name, Prediction* prediction) {
  for (const NamedPrediction& entry : named_predictions) {
    if (name == entry.name) {
      *prediction = entry.prediction;
      return true;
    }
  }
  return false;
}

Mix target_mix(Prediction prediction, double alpha_bar) {
  const Shares s = shares_of(alpha_bar);
  switch (prediction) {
    case Prediction::epsilon: return {0.0, 1.0};
    case Prediction::x0: return {1.0, 0.0};
    case Prediction::v: break;
  }
  return {-s.noise, s.signal};
}

Mix x0_mix(Prediction prediction, double alpha_bar) {
  const Shares s = shares_of(alpha_bar);
  switch (prediction) {
    case Prediction::epsilon: return {1.0 / s.signal, -s.noise / s.signal};
    case Prediction::x0: return {0.0, 1.0};
    case Prediction::v: break;
  }
  return {s.signal, -s.noise};
}

Mix epsilon_mix(Prediction prediction, double alpha_bar) {
  const Shares s = shares_of(alpha_bar);
  switch (prediction) {
    case Prediction::epsilon: return {0.0, 1.0};
    case Prediction::x0: return {1.0 / s.noise, -s.signal / s.noise};
    case Prediction::v: break;
  }
  return {s.noise, s.signal};
}

Mix convert_mix(Prediction from, Prediction to, double alpha_bar) {
  if (from == to) return {0.0, 1.0};
  if (to == Prediction::x0) return x0_mix(from, alpha_bar);
  if (to == Prediction::epsilon) return epsilon_mix(from, alpha_bar);
  const Mix x0 = x0_mix(from, alpha_bar), epsilon = epsilon_mix(from, alpha_bar);
  const Mix v = target_mix(Prediction::v, alpha_bar);
  return {v.first * x0.first + v.second * epsilon.first, v.first * x0.second + v.second * epsilon.second};
}

void apply_mix(const Mix& mix, const float* a, const float* b, size_t count, float* out) {
  const float first = static_cast<float>(mix.first), second = static_cast<float>(mix.second);
  for (size_t i = 0; i < count; ++i) out[i] = first * a[i] + second * b[i];
}

const char* loss_weight_name(LossWeight weight) {
  for (const NamedLossWeight& entry : named_loss_weights) {
    if (entry.weight == weight) return entry.name;
  }
  return "unknown";
}

bool find_loss_weight(std::string_view name, LossWeight* weight) {
  for (const NamedLossWeight& entry : named_loss_weights) {
    if (name == entry.name) {
      *weight = entry.weight;
      return true;
    }
  }
  return false;
}

// An error e of the output is an error (mix.second * e) of what is derived from it, so the square of that coefficient
// carries a weight from one space to another.
double loss_weight(LossWeight weight, Prediction prediction, double alpha_bar, double gamma) {
  switch (weight) {
    case LossWeight::uniform: return 1.0;
    case LossWeight::epsilon: {
      const double c = epsilon_mix(prediction, alpha_bar).second;
      return c * c;
    }
    case LossWeight::min_snr: break;
  }
  // min(snr, gamma) * (d x0 / d output)^2, written so that alpha_bar = 0 and 1 give finite numbers.
  const double noise_share = 1.0 - alpha_bar;
  switch (prediction) {
    case Prediction::epsilon:  // times (1 - alpha_bar) / alpha_bar
      return alpha_bar > 0.0 ? std::min(1.0, gamma * noise_share / alpha_bar) : 1.0;
    case Prediction::x0: return noise_share > 0.0 ? std::min(alpha_bar / noise_share, gamma) : gamma;
    case Prediction::v:  // times (1 - alpha_bar)
      break;
  }
  return std::min(alpha_bar, gamma * noise_share);
}

}  // namespace mote::tool
