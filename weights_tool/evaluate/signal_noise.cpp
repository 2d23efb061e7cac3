#include "weights_tool/evaluate/signal_noise.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "diffusion/noise.h"

namespace mote::tool {
namespace {

constexpr double kPi = 3.14159265358979323846;
// Samples of stream noise_forward: what is drawn.
constexpr uint32_t kWhite = 1000, kPhases = 1001;

double energy(const std::vector<double>& signal) {
  double sum = 0;
  for (const double value : signal) sum += value * value;
  return sum;
}

}  // namespace

std::vector<double> white_noise(size_t count, double sigma, uint64_t seed) {
  std::vector<float> z(count);
  fill_gaussian(z.data(), 0, static_cast<uint32_t>(count), seed, 0, kWhite, noise_forward);
  std::vector<double> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = sigma * static_cast<double>(z[i]);
  return out;
}

std::vector<double> baseline_wander(size_t count, double rate, double rms, uint64_t seed) {
  constexpr int kSines = 6;
  std::vector<double> out(count, 0.0);
  for (int k = 0; k < kSines; ++k) {
    const double frequency = 0.05 + 0.45 * k / (kSines - 1);
    const double phase =
        2 * kPi * static_cast<double>(uniform_f32(static_cast<uint32_t>(k), seed, 0, kPhases, noise_forward));
    for (size_t i = 0; i < count; ++i)
      out[i] += std::sin(2 * kPi * frequency * static_cast<double>(i) / rate + phase) / (1 + 0.3 * k);
  }
  const double scale = rms / root_mean_square(out);
  for (size_t i = 0; i < count; ++i)
    out[i] = out[i] * scale + 4 * rms * (static_cast<double>(i) / static_cast<double>(count) - 0.5);
  return out;
}

double root_mean_square(const std::vector<double>& signal) {
  return std::sqrt(energy(signal) / static_cast<double>(signal.size()));
}

double snr_db(const std::vector<double>& clean, const std::vector<double>& estimate) {
  if (clean.size() != estimate.size()) throw std::invalid_argument("snr_db: lengths");
  std::vector<double> error(clean.size());
  for (size_t i = 0; i < clean.size(); ++i) error[i] = estimate[i] - clean[i];
  return 10 * std::log10(energy(clean) / energy(error));
}

double estimate_noise(const std::vector<double>& signal) {
  std::vector<double> differences;
  for (size_t i = 1; i + 1 < signal.size(); ++i)
    differences.push_back(std::fabs(signal[i - 1] - 2 * signal[i] + signal[i + 1]));
  if (differences.empty()) return 0;
  const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), middle, differences.end());
  return *middle / (0.6744897501960817 * std::sqrt(6.0));
}

}  // namespace mote::tool
