#include "weights_tool/evaluate/signal_restore.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "weights_tool/evaluate/signal_noise.h"
#include "weights_tool/train/signal_filter.h"

namespace mote::tool {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kWanderOrder = 2, kLowOrder = 2, kHighOrder = 4;

// Where windows begin: every `hop`, and the last one at the very end.
std::vector<size_t> window_starts(size_t length, size_t width, size_t hop) {
  if (length < width || hop == 0) throw std::invalid_argument("a signal shorter than a window");
  std::vector<size_t> starts;
  for (size_t at = 0; at + width < length; at += hop) starts.push_back(at);
  starts.push_back(length - width);
  return starts;
}

std::vector<double> low_pass(const std::vector<double>& y, double cutoff, double rate) {
  return filter_both_ways(butterworth(FilterKind::low_pass, kWanderOrder, cutoff, rate), y,
                          filter_padding(cutoff, rate));
}

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> out(a.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = a[i] - b[i];
  return out;
}

void keep_better(const std::vector<double>& clean, const std::vector<double>& estimate, double first, double second,
                 FilterChoice* best) {
  const double snr = snr_db(clean, estimate);
  if (snr > best->snr) *best = {first, second, snr};
}

}  // namespace

std::vector<double> denoise_signal(const SignalModel& model, const std::vector<double>& y, double sigma, size_t hop) {
  const size_t width = model.width(), level = model.level_of(sigma);
  const std::vector<size_t> starts = window_starts(y.size(), width, hop);
  const double damping = model.levels()[level].signal;
  std::vector<float> windows(starts.size() * width);
  for (size_t k = 0; k < starts.size(); ++k) {
    for (size_t i = 0; i < width; ++i) windows[k * width + i] = static_cast<float>(damping * y[starts[k] + i]);
  }
  const std::vector<float> clean = model.predict(windows, level);
  std::vector<double> sums(y.size(), 0.0), weights(y.size(), 0.0);
  for (size_t k = 0; k < starts.size(); ++k) {
    for (size_t i = 0; i < width; ++i) {
      // A sine arch: nowhere 0.
      const double weight = std::sin(kPi * (static_cast<double>(i) + 0.5) / static_cast<double>(width));
      sums[starts[k] + i] += weight * static_cast<double>(clean[k * width + i]);
      weights[starts[k] + i] += weight;
    }
  }
  for (size_t i = 0; i < sums.size(); ++i) sums[i] /= weights[i];
  return sums;
}

std::vector<double> restore_signal(const SignalModel& model, const std::vector<double>& y,
                                   const RestoreOptions& options) {
  const double sigma = estimate_noise(y);
  if (options.rounds == 0) return denoise_signal(model, y, sigma, options.hop);
  std::vector<double> wander = low_pass(y, 0.5 * options.cutoff, options.rate), x;
  for (int round = 0; round < options.rounds; ++round) {
    x = denoise_signal(model, difference(y, wander), sigma, options.hop);
    if (round + 1 < options.rounds) wander = low_pass(difference(y, x), options.cutoff, options.rate);
  }
  return x;
}

std::vector<double> band_pass(const std::vector<double>& y, double low, double high, double rate) {
  std::vector<double> out =
      filter_both_ways(butterworth(FilterKind::low_pass, kHighOrder, high, rate), y, filter_padding(high, rate));
  if (low == 0) return out;
  return filter_both_ways(butterworth(FilterKind::high_pass, kLowOrder, low, rate), out, filter_padding(low, rate));
}

std::vector<double> smooth_and_level(const std::vector<double>& y, size_t narrow, size_t wide) {
  const std::vector<double> out = moving_average(y, narrow);
  return wide == 0 ? out : difference(out, moving_average(y, wide));
}

FilterChoice tune_band_pass(const std::vector<double>& clean, const std::vector<double>& y, double rate, bool wander) {
  FilterChoice best{0, 0, -INFINITY};
  for (const double high : {10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 90.0}) {
    if (high >= 0.45 * rate) break;
    if (!wander) keep_better(clean, band_pass(y, 0, high, rate), 0, high, &best);
    for (const double low : {0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0})
      keep_better(clean, band_pass(y, low, high, rate), low, high, &best);
  }
  return best;
}

FilterChoice tune_moving_average(const std::vector<double>& clean, const std::vector<double>& y, double rate,
                                 bool wander) {
  FilterChoice best{0, 0, -INFINITY};
  for (const size_t narrow : {1, 3, 5, 7, 9, 11, 13, 15, 19, 23}) {
    if (!wander) keep_better(clean, smooth_and_level(y, narrow, 0), static_cast<double>(narrow), 0, &best);
    for (const double seconds : {0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.5, 2.0}) {
      const size_t wide = static_cast<size_t>(seconds * rate);
      keep_better(clean, smooth_and_level(y, narrow, wide), static_cast<double>(narrow), static_cast<double>(wide),
                  &best);
    }
  }
  return best;
}

double tune_cutoff(const SignalModel& model, const std::vector<double>& clean, const std::vector<double>& y,
                   RestoreOptions options) {
  FilterChoice best{0, 0, -INFINITY};
  for (const double cutoff : {0.5, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0}) {
    options.cutoff = cutoff;
    keep_better(clean, restore_signal(model, y, options), cutoff, 0, &best);
  }
  return best.first;
}

}  // namespace mote::tool
