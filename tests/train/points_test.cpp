// Made-up points: where they may lie by their definition, and how they become a training set.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/points.h"

namespace mote::tool {
namespace {

// Distance of a point from the curve of its shape, over a fine sampling of the curve.
double distance_to_curve(PointShape shape, double x, double y) {
  constexpr double pi = 3.14159265358979;
  double nearest = 1e9;
  for (int i = 0; i <= 2000; ++i) {
    const double u = i / 2000.0;
    if (shape == PointShape::swiss_roll) {
      const double angle = 1.5 * pi + 3 * pi * u, radius = 0.9 * angle / (4.5 * pi);
      nearest = std::min(nearest, std::hypot(x - radius * std::cos(angle), y - radius * std::sin(angle)));
    } else {
      const double a = 0.5 * (std::cos(pi * u) - 0.5), b = 0.5 * (std::sin(pi * u) - 0.25);
      nearest = std::min({nearest, std::hypot(x - a, y - b), std::hypot(x + a, y + b)});
    }
  }
  return nearest;
}

}  // namespace

TEST_CASE("points: they lie along their curves, as far off as their noise, within [-1, 1]") {
  for (const PointShape shape : {PointShape::swiss_roll, PointShape::two_moons}) {
    const std::vector<float> points = make_points(shape, 500, 4);
    const double noise = shape == PointShape::swiss_roll ? 0.015 : 0.035;
    double mean_distance = 0;
    for (size_t i = 0; i < points.size(); i += 2) {
      const double x = static_cast<double>(points[i]), y = static_cast<double>(points[i + 1]);
      CHECK(std::max(std::fabs(x), std::fabs(y)) <= 1);
      const double d = distance_to_curve(shape, x, y);
      CHECK(d < 6 * noise);
      mean_distance += d / 500;
    }
    // Across the curve the noise is Gaussian: mean |z| = 0.798.
    CHECK(mean_distance == doctest::Approx(0.798 * noise).epsilon(0.15));
  }
}

TEST_CASE("points: both moons and all of the roll are there, and a point is a function of seed and number") {
  const std::vector<float> moons = make_points(PointShape::two_moons, 1000, 1);
  size_t left = 0;
  double mean = 0;
  for (size_t i = 0; i < moons.size(); i += 2) {
    left += moons[i] < 0;
    mean += static_cast<double>(moons[i]) / 1000;
  }
  CHECK(left > 400);
  CHECK(left < 600);
  CHECK(std::fabs(mean) < 0.06);
  const std::vector<float> some = make_points(PointShape::two_moons, 3, 1, 7);
  CHECK(some[0] == moons[14]);
  CHECK(some[5] == moons[19]);
  CHECK(make_points(PointShape::two_moons, 1, 2)[0] != moons[0]);
}

TEST_CASE("points: as a data set, with other points held out, for a model of the plane alone") {
  DatasetNeeds needs;
  needs.height = needs.width = 1;
  needs.channels = 2;
  const Dataset data = load_dataset("points:mixture", needs);
  CHECK(data.images.count == training_points);
  CHECK(data.elements() == 2);
  float point[2];
  data.sample(17, false, point);
  const std::vector<float> same = ring_mixture().sample(1, 0, 17);
  CHECK(point[0] == same[0]);
  CHECK(point[1] == same[1]);
  Dataset held_out;
  REQUIRE(load_validation("points:mixture", needs, &held_out));
  held_out.sample(0, false, point);
  CHECK(point[0] == ring_mixture().sample(1, 0, training_points)[0]);
  CHECK_THROWS_AS(load_dataset("points:circle", needs), Error);
  needs.channels = 3;
  CHECK_THROWS_AS(load_dataset("points:mixture", needs), Error);
  needs.channels = 2;
  needs.classes = 4;
  CHECK_THROWS_AS(load_dataset("points:mixture", needs), Error);
}

}  // namespace mote::tool
