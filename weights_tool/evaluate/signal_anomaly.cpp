#include "weights_tool/evaluate/signal_anomaly.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "diffusion/noise.h"
#include "weights_tool/evaluate/symmetric_eigen.h"
#include "weights_tool/train/signal_filter.h"

namespace mote::tool {
namespace {

constexpr double kBeat = 0.15, kWider = 1.8, kHigher = 1.8, kEarlier = 0.15,
                 kBurst = 0.1;  // seconds either way; factors
constexpr double kBurstHeight = 0.15, kScoreSpan = 0.1;

size_t samples(double seconds, double rate) { return static_cast<size_t>(std::lround(seconds * rate)); }

// The highest point of the middle half.
size_t find_beat(const std::vector<float>& window) {
  const auto first = window.begin() + static_cast<std::ptrdiff_t>(window.size() / 4);
  return static_cast<size_t>(std::max_element(first, window.end() - static_cast<std::ptrdiff_t>(window.size() / 4)) -
                             window.begin());
}

float at_fraction(const std::vector<float>& values, double place) {
  const double bounded = std::clamp(place, 0.0, static_cast<double>(values.size() - 1));
  const size_t low = std::min(static_cast<size_t>(bounded), values.size() - 2);
  const float share = static_cast<float>(bounded - static_cast<double>(low));
  return values[low] + share * (values[low + 1] - values[low]);
}

}  // namespace

const char* anomaly_name(Anomaly anomaly) {
  switch (anomaly) {
    case Anomaly::inverted: return "inverted";
    case Anomaly::widened: return "widened";
    case Anomaly::missing: return "missing";
    case Anomaly::amplified: return "amplified";
    case Anomaly::early: return "early";
    case Anomaly::burst: return "burst";
  }
  return "";
}

void plant_anomaly(Anomaly anomaly, double rate, uint64_t seed, uint32_t sample, std::vector<float>* window) {
  const std::vector<float> before = *window;
  std::vector<float>& w = *window;
  const size_t middle = find_beat(before), reach = samples(anomaly == Anomaly::burst ? kBurst : kBeat, rate);
  const size_t begin = middle > reach ? middle - reach : 0, end = std::min(middle + reach, w.size() - 1);
  const float highest = *std::max_element(before.begin(), before.end());
  std::vector<float> noise(w.size());
  fill_gaussian(noise.data(), 0, static_cast<uint32_t>(noise.size()), seed, 0, sample, noise_forward);
  for (size_t i = begin; i <= end; ++i) {
    const float share = static_cast<float>(i - begin) / static_cast<float>(end - begin);
    const float line = before[begin] + share * (before[end] - before[begin]), above = before[i] - line;
    const double from_middle = static_cast<double>(i) - static_cast<double>(middle);
    switch (anomaly) {
      case Anomaly::inverted: w[i] = line - above; break;
      case Anomaly::widened: w[i] = at_fraction(before, static_cast<double>(middle) + from_middle / kWider); break;
      case Anomaly::missing: w[i] = line; break;
      case Anomaly::amplified: w[i] = line + static_cast<float>(kHigher) * above; break;
      case Anomaly::early: w[i] = line; break;
      case Anomaly::burst: w[i] = before[i] + static_cast<float>(kBurstHeight) * highest * noise[i]; break;
    }
  }
  if (anomaly != Anomaly::early) return;
  // The beat is gone from its place; what stood above its line is added where it comes too early.
  const size_t shift = std::min(samples(kEarlier, rate), begin);
  for (size_t i = begin; i <= end; ++i) {
    const float share = static_cast<float>(i - begin) / static_cast<float>(end - begin);
    w[i - shift] += before[i] - (before[begin] + share * (before[end] - before[begin]));
  }
}

std::vector<float> cut_windows(const std::vector<double>& signal, size_t width, size_t hop) {
  std::vector<float> out;
  for (size_t at = 0; at + width <= signal.size(); at += hop) {
    for (size_t i = 0; i < width; ++i) out.push_back(static_cast<float>(signal[at + i]));
  }
  return out;
}

std::vector<double> residual_scores(const std::vector<float>& residuals, size_t width, double rate) {
  std::vector<double> scores;
  for (size_t at = 0; at + width <= residuals.size(); at += width) {
    std::vector<double> squares(width);
    for (size_t i = 0; i < width; ++i) {
      const double r = static_cast<double>(residuals[at + i]);
      squares[i] = r * r;
    }
    const std::vector<double> smooth = moving_average(squares, samples(kScoreSpan, rate));
    // The ends, where fewer samples are averaged, would be judged by single ones.
    const auto margin = static_cast<std::ptrdiff_t>(samples(kScoreSpan, rate) / 2);
    scores.push_back(*std::max_element(smooth.begin() + margin, smooth.end() - margin));
  }
  return scores;
}

std::vector<float> model_residuals(const SignalModel& model, const std::vector<float>& windows, size_t level, int draws,
                                   uint64_t seed) {
  const SignalModel::Level& noise = model.levels()[level];
  std::vector<float> z(windows.size()), x(windows.size()), out = windows;
  for (int d = 0; d < draws; ++d) {
    fill_gaussian(z.data(), 0, static_cast<uint32_t>(z.size()), seed, static_cast<uint32_t>(d), 7, noise_forward);
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] =
          static_cast<float>(noise.signal * static_cast<double>(windows[i]) + noise.noise * static_cast<double>(z[i]));
    }
    const std::vector<float> back = model.predict(x, level);
    for (size_t i = 0; i < out.size(); ++i) out[i] -= back[i] / static_cast<float>(draws);
  }
  return out;
}

std::vector<float> nearest_residuals(const std::vector<double>& signal, size_t hop, const std::vector<float>& windows,
                                     size_t width) {
  if (signal.size() < width) throw std::invalid_argument("a signal shorter than a window");
  const std::vector<float> known(signal.begin(), signal.end());
  std::vector<float> out(windows.size());
  for (size_t k = 0; k + width <= windows.size(); k += width) {
    const float* window = windows.data() + k;
    float least = INFINITY;
    size_t best = 0;
    for (size_t at = 0; at + width <= known.size(); at += hop) {
      float sum = 0;
      for (size_t i = 0; i < width && sum < least; i += 16) {
        for (size_t j = i; j < std::min(i + 16, width); ++j) {
          const float d = window[j] - known[at + j];
          sum += d * d;
        }
      }
      if (sum < least) {
        least = sum;
        best = at;
      }
    }
    for (size_t i = 0; i < width; ++i) out[k + i] = window[i] - known[best + i];
  }
  return out;
}

PrincipalComponents::PrincipalComponents(const std::vector<float>& windows, size_t width) : width_(width) {
  const size_t count = windows.size() / width;
  mean_.assign(width, 0.0);
  for (size_t k = 0; k < count; ++k) {
    for (size_t i = 0; i < width; ++i)
      mean_[i] += static_cast<double>(windows[k * width + i]) / static_cast<double>(count);
  }
  std::vector<double> covariance(width * width, 0.0), row(width);
  for (size_t k = 0; k < count; ++k) {
    for (size_t i = 0; i < width; ++i) row[i] = static_cast<double>(windows[k * width + i]) - mean_[i];
    for (size_t i = 0; i < width; ++i) {
      for (size_t j = 0; j < width; ++j) covariance[i * width + j] += row[i] * row[j] / static_cast<double>(count);
    }
  }
  axes_ = symmetric_eigen(std::move(covariance), width).vectors;
}

std::vector<float> PrincipalComponents::residuals(const std::vector<float>& windows, size_t count) const {
  std::vector<float> out(windows.size());
  std::vector<double> rest(width_);
  for (size_t at = 0; at + width_ <= windows.size(); at += width_) {
    for (size_t i = 0; i < width_; ++i) rest[i] = static_cast<double>(windows[at + i]) - mean_[i];
    for (size_t c = 0; c < std::min(count, width_); ++c) {
      const double* axis = axes_.data() + c * width_;
      double dot = 0;
      for (size_t i = 0; i < width_; ++i) dot += axis[i] * rest[i];
      for (size_t i = 0; i < width_; ++i) rest[i] -= dot * axis[i];
    }
    for (size_t i = 0; i < width_; ++i) out[at + i] = static_cast<float>(rest[i]);
  }
  return out;
}

}  // namespace mote::tool
