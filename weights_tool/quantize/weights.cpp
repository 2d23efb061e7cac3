#include "weights_tool/quantize/weights.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/math.h"

namespace mote::tool {
namespace {

constexpr double largest_code = 127.0;
constexpr int clips = 32;           // scales tried
constexpr double least_clip = 0.5;  // the smallest, as a share of the one that cuts nothing off

int8_t code_of(double w, double scale) {
  return static_cast<int8_t>(std::clamp(std::nearbyint(w / scale), -largest_code, largest_code));
}

double weighted_error(const float* w, size_t taps, size_t inputs, double scale, const std::vector<double>& square) {
  const float inverse = static_cast<float>(1.0 / scale), step = static_cast<float>(scale);
  constexpr float largest = static_cast<float>(largest_code);
  double error = 0;
  for (size_t tap = 0; tap < taps; ++tap) {
    for (size_t c = 0; c < inputs; ++c, ++w) {
      const float code = round_f32(std::min(std::max(*w * inverse, -largest), largest));
      const float difference = code * step - *w;
      error += double{difference} * difference * square[c];
    }
  }
  return error;
}

double best_scale(const float* w, size_t taps, size_t inputs, const std::vector<double>& square) {
  double largest = 0;
  for (size_t i = 0; i < taps * inputs; ++i) largest = std::max(largest, std::fabs(double{w[i]}));
  // Scales are stored as floats: what is searched is what is stored.
  const auto stored = [](double scale) {
    return double{static_cast<float>(std::clamp(scale, double{format::min_scale}, double{format::max_scale}))};
  };
  double best = stored(largest / largest_code), least = weighted_error(w, taps, inputs, best, square);
  for (int k = 1; k <= clips; ++k) {
    const double scale = stored(largest * (1.0 - (1.0 - least_clip) * k / clips) / largest_code);
    const double error = weighted_error(w, taps, inputs, scale, square);
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

}  // namespace

RoundedWeights round_weights(const std::vector<float>& values, size_t outputs, size_t taps, size_t inputs,
                             const std::vector<double>& mean, const std::vector<double>& square) {
  RoundedWeights out;
  out.codes.resize(values.size());
  // Channels that were always zero still get their share, lest their weights be rounded without care.
  std::vector<double> importance = square;
  double total = 0;
  for (double s : square) total += s;
  for (double& s : importance) s += 1e-3 * total / static_cast<double>(inputs) + 1e-30;
  for (size_t o = 0; o < outputs; ++o) {
    const float* w = values.data() + o * taps * inputs;
    const double scale = best_scale(w, taps, inputs, importance);
    double shift = 0;
    for (size_t i = 0; i < taps * inputs; ++i) {
      const int8_t code = code_of(w[i], scale);
      out.codes[o * taps * inputs + i] = code;
      shift += (code * scale - w[i]) * mean[i % inputs];
    }
    out.scales.push_back({static_cast<float>(scale), 0});
    out.shift.push_back(shift);
  }
  return out;
}

int64_t largest_weight_sum(const std::vector<int8_t>& codes, size_t outputs, size_t taps, size_t inputs, size_t first,
                           size_t count) {
  int64_t largest = 0;
  for (size_t o = 0; o < outputs; ++o) {
    int64_t sum = 0;
    for (size_t tap = 0; tap < taps; ++tap) {
      const int8_t* at = codes.data() + (o * taps + tap) * inputs + first;
      for (size_t c = 0; c < count; ++c) sum += std::abs(int{at[c]});
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

}  // namespace mote::tool
