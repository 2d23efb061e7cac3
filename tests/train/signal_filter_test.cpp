// Filters against the closed form of the Butterworth gain, and what linear phase, constants and sums demand.
#include "weights_tool/train/signal_filter.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

using namespace mote::tool;

namespace {

constexpr double kPi = 3.14159265358979323846, kRate = 360;

std::vector<double> sine(double frequency, double phase, size_t n) {
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = std::sin(2 * kPi * frequency * static_cast<double>(i) / kRate + phase);
  return out;
}

double largest_difference(const std::vector<double>& a, const std::vector<double>& b, double factor, size_t margin) {
  double largest = 0;
  for (size_t i = margin; i + margin < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - factor * b[i]));
  return largest;
}

// |H|^2 = 1 / (1 + (tan(pi f / rate) / tan(pi fc / rate))^(2 order)): the bilinear transform bends the frequency axis.
double low_pass_gain(int order, double cutoff, double frequency) {
  const double ratio = std::tan(kPi * frequency / kRate) / std::tan(kPi * cutoff / kRate);
  return 1 / std::sqrt(1 + std::pow(ratio, 2 * order));
}

}  // namespace

TEST_CASE("the gain of a Butterworth filter is the closed form") {
  for (const int order : {2, 4, 6, 12}) {
    for (const double cutoff : {0.5, 3.0, 40.0, 150.0}) {
      const std::vector<Biquad> low = butterworth(FilterKind::low_pass, order, cutoff, kRate);
      const std::vector<Biquad> high = butterworth(FilterKind::high_pass, order, cutoff, kRate);
      CHECK(low.size() == static_cast<size_t>(order / 2));
      CHECK(filter_gain(low, cutoff, kRate) == doctest::Approx(std::sqrt(0.5)).epsilon(1e-7));
      for (const double frequency : {0.7, 2.0, 11.0, 39.0, 90.0, 170.0}) {
        const double gain = low_pass_gain(order, cutoff, frequency);
        CHECK(std::fabs(filter_gain(low, frequency, kRate) - gain) < 1e-6);
        // The two are power complementary.
        CHECK(std::fabs(filter_gain(high, frequency, kRate) - std::sqrt(1 - gain * gain)) < 1e-5);
      }
    }
  }
  CHECK_THROWS_AS(butterworth(FilterKind::low_pass, 3, 1, kRate), std::invalid_argument);
  CHECK_THROWS_AS(butterworth(FilterKind::low_pass, 2, 180, kRate), std::invalid_argument);
  CHECK_THROWS_AS(butterworth(FilterKind::high_pass, 2, 0, kRate), std::invalid_argument);
}

TEST_CASE("both ways a sine keeps its phase and has the gain squared") {
  for (const double frequency : {1.0, 8.0, 30.0}) {
    const std::vector<double> x = sine(frequency, 0.4, 7200);
    const std::vector<Biquad> low = butterworth(FilterKind::low_pass, 4, 10, kRate);
    const double gain = low_pass_gain(4, 10, frequency);
    CHECK(largest_difference(filter_both_ways(low, x, filter_padding(10, kRate)), x, gain * gain, 720) < 1e-6);
  }
}

TEST_CASE("constants and slopes: kept by a low-pass, removed by a high-pass, up to the ends") {
  std::vector<double> x(2000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 3 + 0.001 * static_cast<double>(i);
  const std::vector<double> flat(2000, 3.0);
  const std::vector<Biquad> low = butterworth(FilterKind::low_pass, 2, 20, kRate);
  const std::vector<Biquad> high = butterworth(FilterKind::high_pass, 2, 20, kRate);
  CHECK(largest_difference(filter_both_ways(low, flat, 36), flat, 1, 0) < 1e-9);
  CHECK(largest_difference(filter_both_ways(high, flat, 36), flat, 0, 0) < 1e-9);
  CHECK(largest_difference(filter_both_ways(low, x, 200), x, 1, 0) < 1e-4);
  CHECK(largest_difference(filter_both_ways(high, x, 200), x, 0, 0) < 1e-4);
  CHECK(filter_both_ways(low, {}, 10).empty());
  CHECK(filter_both_ways(low, {2.5}, 10)[0] == doctest::Approx(2.5));
}

TEST_CASE("the moving average is the mean around each sample, with as many on either side at the ends") {
  const std::vector<double> x = {1, 2, 6, 4, 9, 3};
  const std::vector<double> three = {1, 3, 4, 19.0 / 3, 16.0 / 3, 3};
  const std::vector<double> five = {1, 3, 22.0 / 5, 24.0 / 5, 16.0 / 3, 3};
  CHECK(largest_difference(moving_average(x, 3), three, 1, 0) < 1e-12);
  CHECK(largest_difference(moving_average(x, 5), five, 1, 0) < 1e-12);
  CHECK(largest_difference(moving_average(x, 1), x, 1, 0) < 1e-12);
  CHECK(largest_difference(moving_average(x, 2), three, 1, 0) < 1e-12);
}
