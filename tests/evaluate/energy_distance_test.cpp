// The energy distance against cases done by hand and the closed form of two Gaussians.
#include <doctest/doctest.h>

#include <cmath>

#include "weights_tool/diffusion/gaussian_mixture.h"
#include "weights_tool/evaluate/energy_distance.h"

namespace mote::tool {

TEST_CASE("energy distance: by hand for two points each") {
  const float a[] = {0, 0, 3, 4}, b[] = {0, 0, 0, 1};
  // Between: 0, 1, 5, sqrt(18); within: 5 and 1.
  const double expected = 2 * (0 + 1 + 5 + std::sqrt(18.0)) / 4 - 5 - 1;
  CHECK(energy_distance(a, 2, b, 2, 2) == doctest::Approx(expected));
  CHECK(energy_distance(b, 2, a, 2, 2) == doctest::Approx(expected));
}

TEST_CASE("energy distance: of shifted Gaussians it is the closed form, of equal ones about 0") {
  const GaussianMixture near({{1, {0}, {1}}}), far({{1, {2}, {1}}});
  const std::vector<float> a = near.sample(3000, 1), b = far.sample(3000, 2), c = near.sample(3000, 3);
  // X - Y is N(2, 2): E|X - Y| = 2 exp(-1) / sqrt(pi) + 2 erf(1); E|X - X'| = 2 / sqrt(pi).
  const double root_pi = std::sqrt(3.14159265358979), between = 2 * std::exp(-1.0) / root_pi + 2 * std::erf(1.0);
  CHECK(energy_distance(a.data(), 3000, b.data(), 3000, 1) == doctest::Approx(2 * between - 4 / root_pi).epsilon(0.06));
  CHECK(std::fabs(energy_distance(a.data(), 3000, c.data(), 3000, 1)) < 0.003);
}

}  // namespace mote::tool
