// The area against counting pairs, and against the closed form of two Gaussians.
#include "weights_tool/evaluate/roc.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "diffusion/noise.h"

using namespace mote::tool;

namespace {

std::vector<double> gaussians(size_t count, double mean, uint32_t sample) {
  std::vector<float> z(count);
  mote::fill_gaussian(z.data(), 0, static_cast<uint32_t>(count), 5, 0, sample, mote::noise_forward);
  std::vector<double> out;
  for (const float value : z) out.push_back(mean + static_cast<double>(value));
  return out;
}

}  // namespace

TEST_CASE("a curve of a few scores, by hand") {
  // Falling: 5 (a), 4 (n), 3 (a and n), 1 (a).
  const std::vector<RocPoint> curve = roc_curve({3, 4}, {1, 3, 5});
  REQUIRE(curve.size() == 5);
  const double expected[5][2] = {{0, 0}, {0, 1.0 / 3}, {0.5, 1.0 / 3}, {1, 2.0 / 3}, {1, 1}};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(curve[i].false_positives == doctest::Approx(expected[i][0]));
    CHECK(curve[i].true_positives == doctest::Approx(expected[i][1]));
  }
  // Of the six pairs 5 wins both, 3 one half, 1 none.
  CHECK(roc_area({3, 4}, {1, 3, 5}) == doctest::Approx(2.5 / 6));
  CHECK(roc_area({1, 2}, {3, 4}) == 1.0);
  CHECK(roc_area({3, 4}, {1, 2}) == 0.0);
  CHECK(roc_area({2, 2}, {2}) == 0.5);
  CHECK_THROWS_AS(roc_area({}, {1}), std::invalid_argument);
  CHECK_THROWS_AS(roc_area({1}, {std::nan("")}), std::invalid_argument);
}

TEST_CASE("of two Gaussians one apart the area is Phi(1 / sqrt 2), and the interval holds it") {
  const double exact = 0.5 * std::erfc(-1 / std::sqrt(2.0) / std::sqrt(2.0));
  const std::vector<double> normal = gaussians(2000, 0, 0), anomalous = gaussians(2000, 1, 1);
  CHECK(roc_area(normal, anomalous) == doctest::Approx(exact).epsilon(0.02));
  const Interval interval = roc_area_interval(normal, anomalous, 200, 1);
  CHECK(interval.low < exact);
  CHECK(interval.high > exact);
  // Hanley and McNeil 1982: the standard error is about 0.0076 here, the interval 3.9 of them.
  CHECK(interval.high - interval.low == doctest::Approx(3.92 * 0.0076).epsilon(0.25));
  const Interval again = roc_area_interval(normal, anomalous, 200, 1);
  CHECK(again.low == interval.low);
  CHECK(again.high == interval.high);
}
