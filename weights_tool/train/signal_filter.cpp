#include "weights_tool/train/signal_filter.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <stdexcept>

namespace mote::tool {
namespace {

constexpr double kPi = 3.14159265358979323846;

// In place, in transposed direct form II, the state that of a signal that has always been its first value.
void run_section(const Biquad& s, std::vector<double>* signal) {
  std::vector<double>& x = *signal;
  const double rest = x[0] * (s.b0 + s.b1 + s.b2) / (1 + s.a1 + s.a2);
  double first = rest - s.b0 * x[0], second = s.b2 * x[0] - s.a2 * rest;
  for (double& value : x) {
    const double out = s.b0 * value + first;
    first = s.b1 * value - s.a1 * out + second;
    second = s.b2 * value - s.a2 * out;
    value = out;
  }
}

}  // namespace

std::vector<Biquad> butterworth(FilterKind kind, int order, double cutoff, double rate) {
  if (order < 2 || order > 12 || order % 2 != 0) throw std::invalid_argument("butterworth: order");
  if (!(cutoff > 0) || !(cutoff < rate / 2)) throw std::invalid_argument("butterworth: cut-off");
  const double k = std::tan(kPi * cutoff / rate);
  std::vector<Biquad> sections;
  for (int i = 0; i < order / 2; ++i) {
    // Poles of the analogue filter lie on the unit circle, (2 i + 1) pi / (2 order) from the imaginary axis.
    const double damping = 2 * std::sin(kPi * (2 * i + 1) / (2 * order));
    const double norm = 1 / (1 + damping * k + k * k);
    const double a1 = 2 * (k * k - 1) * norm, a2 = (1 - damping * k + k * k) * norm;
    const double b = kind == FilterKind::low_pass ? k * k * norm : norm;
    sections.push_back({b, kind == FilterKind::low_pass ? 2 * b : -2 * b, b, a1, a2});
  }
  return sections;
}

double filter_gain(const std::vector<Biquad>& sections, double frequency, double rate) {
  const std::complex<double> back = std::polar(1.0, -2 * kPi * frequency / rate);
  std::complex<double> gain = 1;
  for (const Biquad& s : sections) gain *= (s.b0 + (s.b1 + s.b2 * back) * back) / (1.0 + (s.a1 + s.a2 * back) * back);
  return std::abs(gain);
}

std::vector<double> filter_both_ways(const std::vector<Biquad>& sections, const std::vector<double>& signal,
                                     size_t padding) {
  const size_t n = signal.size();
  if (n == 0) return {};
  const size_t pad = std::min(padding, n - 1);
  std::vector<double> x(n + 2 * pad);
  std::copy(signal.begin(), signal.end(), x.begin() + static_cast<std::ptrdiff_t>(pad));
  for (size_t i = 1; i <= pad; ++i) {
    x[pad - i] = 2 * signal[0] - signal[i];
    x[pad + n - 1 + i] = 2 * signal[n - 1] - signal[n - 1 - i];
  }
  for (int direction = 0; direction < 2; ++direction) {
    for (const Biquad& section : sections) run_section(section, &x);
    std::reverse(x.begin(), x.end());
  }
  const auto first = x.begin() + static_cast<std::ptrdiff_t>(pad);
  return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(n));
}

size_t filter_padding(double cutoff, double rate) { return static_cast<size_t>(std::ceil(2 * rate / cutoff)); }

std::vector<double> moving_average(const std::vector<double>& signal, size_t width) {
  const size_t n = signal.size(), half = width / 2;
  std::vector<double> sums(n + 1), out(n);
  for (size_t i = 0; i < n; ++i) sums[i + 1] = sums[i] + signal[i];
  for (size_t i = 0; i < n; ++i) {
    const size_t reach = std::min(half, std::min(i, n - 1 - i));
    out[i] = (sums[i + reach + 1] - sums[i - reach]) / static_cast<double>(2 * reach + 1);
  }
  return out;
}

}  // namespace mote::tool
