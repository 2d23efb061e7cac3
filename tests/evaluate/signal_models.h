// Models of signals that need no network, for tests of what is built upon one.
#pragma once
#include <cmath>
#include <vector>

#include "weights_tool/evaluate/signal_model.h"

namespace test {

constexpr double kPi = 3.14159265358979323846;

inline std::vector<mote::tool::SignalModel::Level> levels_of(const std::vector<double>& sigmas) {
  std::vector<mote::tool::SignalModel::Level> out;
  for (const double s : sigmas) out.push_back({1 / std::sqrt(1 + s * s), s / std::sqrt(1 + s * s)});
  return out;
}

// White Gaussian signals of variance 1: the mean of x0 given x_t is `signal` x_t.
class WhiteModel : public mote::tool::SignalModel {
 public:
  WhiteModel(size_t width, const std::vector<double>& sigmas) : width_(width) { levels_ = levels_of(sigmas); }
  size_t width() const override { return width_; }
  std::vector<float> predict(const std::vector<float>& x_t, size_t level) const override {
    std::vector<float> out = x_t;
    for (float& value : out) value *= static_cast<float>(levels_[level].signal);
    return out;
  }

 private:
  size_t width_;
};

// Sines of one frequency (whole periods a window), whatever amplitude and phase: the least squares fit.
class SineModel : public mote::tool::SignalModel {
 public:
  SineModel(size_t width, int periods, const std::vector<double>& sigmas) : width_(width), periods_(periods) {
    levels_ = levels_of(sigmas);
  }
  size_t width() const override { return width_; }
  std::vector<float> predict(const std::vector<float>& x_t, size_t level) const override {
    std::vector<float> out(x_t.size());
    for (size_t at = 0; at < x_t.size(); at += width_) {
      double sine = 0, cosine = 0;
      for (size_t i = 0; i < width_; ++i) {
        sine += std::sin(angle(i)) * static_cast<double>(x_t[at + i]);
        cosine += std::cos(angle(i)) * static_cast<double>(x_t[at + i]);
      }
      const double scale = 2 / (static_cast<double>(width_) * levels_[level].signal);
      for (size_t i = 0; i < width_; ++i)
        out[at + i] = static_cast<float>(scale * (sine * std::sin(angle(i)) + cosine * std::cos(angle(i))));
    }
    return out;
  }

 private:
  double angle(size_t i) const { return 2 * kPi * periods_ * static_cast<double>(i) / static_cast<double>(width_); }

  size_t width_;
  int periods_;
};

inline std::vector<double> sine(double frequency, double rate, size_t n, double phase = 0.3) {
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = std::sin(2 * kPi * frequency * static_cast<double>(i) / rate + phase);
  return out;
}

}  // namespace test
