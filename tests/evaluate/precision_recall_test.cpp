#include "weights_tool/evaluate/precision_recall.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

using namespace mote;
using namespace mote::tool;

namespace {

struct Points {
  size_t count, features;
  std::vector<float> values;
};

Points random_points(size_t count, size_t features, float spread, float offset, unsigned seed) {
  Points points = {count, features, {}};
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < count * features; ++i) points.values.push_back(offset + spread * normal(random));
  return points;
}

Points line(const std::vector<float>& values) { return {values.size(), 1, values}; }

Manifold manifold_of(const Points& points, int k, ThreadPool& pool, double centre = 0, const char* kernels = nullptr) {
  KernelSet set;
  REQUIRE(find_kernel_set(kernels, &set));
  return Manifold(points.values.data(), points.count, points.features, std::vector<double>(points.features, centre), k,
                  set, pool);
}

// The definitions, word by word, in double.
double distance(const Points& a, size_t i, const Points& b, size_t j) {
  double sum = 0;
  for (size_t f = 0; f < a.features; ++f) {
    const double apart =
        static_cast<double>(a.values[i * a.features + f]) - static_cast<double>(b.values[j * b.features + f]);
    sum += apart * apart;
  }
  return sum;
}
std::vector<double> naive_radii(const Points& points, size_t k) {
  std::vector<double> radii;
  for (size_t i = 0; i < points.count; ++i) {
    std::vector<double> all;
    for (size_t j = 0; j < points.count; ++j)
      if (j != i) all.push_back(distance(points, i, points, j));
    std::sort(all.begin(), all.end());
    radii.push_back(all[k - 1]);
  }
  return radii;
}
double naive_share_inside(const Points& manifold, const Points& points, size_t k) {
  const std::vector<double> radii = naive_radii(manifold, k);
  size_t inside = 0;
  for (size_t i = 0; i < points.count; ++i) {
    bool hit = false;
    for (size_t j = 0; j < manifold.count && !hit; ++j) hit = distance(points, i, manifold, j) <= radii[j];
    inside += hit;
  }
  return static_cast<double>(inside) / static_cast<double>(points.count);
}

}  // namespace

TEST_CASE("points of a line: radii and shares by hand") {
  ThreadPool pool(1);
  const Points real = line({0, 1, 2, 3, 10});
  const Manifold one = manifold_of(real, 1, pool);
  CHECK(one.squared_radii() == std::vector<float>{1, 1, 1, 1, 49});  // 10 reaches down to 3
  const Manifold three = manifold_of(real, 3, pool);
  CHECK(three.squared_radii() == std::vector<float>{9, 4, 4, 9, 81});
  // With k = 1 the real balls cover [-1, 17]; the border counts.
  const Points made = line({-1.25f, -1, 4.5f, 16.75f, 17, 17.25f, 40, 41});
  const Manifold generated = manifold_of(made, 1, pool);
  CHECK(one.share_inside(generated) == 0.5);
  // The generated balls reach 0.25 around -1.25 and -1, 5.5 around 4.5, 0.25 around 16.75 to 17.25, 1 around 40 and 41:
  // 0, 1, 2, 3, 10 are in [-1, 10].
  CHECK(generated.share_inside(one) == 1.0);
}

TEST_CASE("precision without recall, recall without precision") {
  ThreadPool pool(2);
  // Real: two far clusters. Generated: one of them only; or both and as much again where nothing is.
  Points real = random_points(60, 4, 1, 0, 1), collapsed = random_points(120, 4, 0.5f, 0, 2), broad = real;
  const Points far = random_points(60, 4, 1, 100, 3), nothing = random_points(120, 4, 1, -100, 4);
  real.values.insert(real.values.end(), far.values.begin(), far.values.end());
  real.count += far.count;
  broad = real;
  broad.values.insert(broad.values.end(), nothing.values.begin(), nothing.values.end());
  broad.count += nothing.count;
  const Manifold of_real = manifold_of(real, 3, pool), of_collapsed = manifold_of(collapsed, 3, pool),
                 of_broad = manifold_of(broad, 3, pool);
  CHECK(of_real.share_inside(of_collapsed) > 0.95);
  CHECK(of_collapsed.share_inside(of_real) <= 0.5);
  CHECK(of_real.share_inside(of_broad) == 0.5);
  CHECK(of_broad.share_inside(of_real) == 1.0);
}

TEST_CASE("a set against itself is 1 and 1, also when all its points are one") {
  ThreadPool pool(1);
  const Points points = random_points(600, 9, 2, 0, 5);
  const Manifold manifold = manifold_of(points, 3, pool);
  CHECK(manifold.share_inside(manifold) == 1.0);
  Points same = {20, 3, {}};
  for (int i = 0; i < 20; ++i) same.values.insert(same.values.end(), {0.1f, 123.4f, -0.7f});
  const Manifold one_point = manifold_of(same, 3, pool, 1.0);
  CHECK(one_point.squared_radii() == std::vector<float>(20, 0.0f));
  CHECK(one_point.share_inside(one_point) == 1.0);
}

TEST_CASE("radii and shares are those of the definition, for every kernel set and with rests of tiles") {
  ThreadPool pool(2);
  KernelSet sets[kernel_set_count];
  const int available = kernel_sets_available(sets);
  for (const size_t features : {1u, 7u, 32u}) {
    const Points real = random_points(1030, features, 1, 0, 21), made = random_points(515, features, 1.3f, 0.2f, 22);
    const std::vector<double> radii = naive_radii(real, 3);
    const double precision = naive_share_inside(real, made, 3), recall = naive_share_inside(made, real, 3);
    for (int s = 0; s < available; ++s) {
      CAPTURE(features);
      CAPTURE(kernel_set_name(sets[s]));
      const Manifold of_real = manifold_of(real, 3, pool, 0, kernel_set_name(sets[s]));
      const Manifold of_made = manifold_of(made, 3, pool, 0, kernel_set_name(sets[s]));
      double worst = 0;
      for (size_t i = 0; i < radii.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(of_real.squared_radii()[i]) / radii[i] - 1));
      }
      CHECK(worst < 1e-3);  // differences that float cannot tell are left
      CHECK(of_real.share_inside(of_made) == doctest::Approx(precision).epsilon(1.0 / 515));
      CHECK(of_made.share_inside(of_real) == doctest::Approx(recall).epsilon(1.0 / 1030));
    }
  }
}

TEST_CASE("a set far from the origin is measured as well as one around it") {
  ThreadPool pool(1);
  Points near = random_points(200, 8, 1, 0, 31), far = near;
  for (float& value : near.values) value = std::round(value * 256) / 256;  // adding 4096 is exact
  for (size_t i = 0; i < far.values.size(); ++i) far.values[i] = near.values[i] + 4096;
  CHECK(manifold_of(far, 3, pool, 4096).squared_radii() == manifold_of(near, 3, pool).squared_radii());
}

TEST_CASE("threads do not change a byte") {
  ThreadPool one(1), three(3);
  const Points real = random_points(300, 16, 1, 0, 41), made = random_points(290, 16, 1.2f, 0, 42);
  const Manifold a = manifold_of(real, 3, one), b = manifold_of(real, 3, three);
  CHECK(a.squared_radii() == b.squared_radii());
  CHECK(a.share_inside(manifold_of(made, 3, one)) == b.share_inside(manifold_of(made, 3, three)));
}

TEST_CASE("too few points or another number of features are refused") {
  ThreadPool pool(1);
  CHECK_THROWS_AS(manifold_of(line({1, 2, 3}), 3, pool), std::invalid_argument);
  CHECK_THROWS_AS(manifold_of(line({1, 2, 3, 4}), 0, pool), std::invalid_argument);
  const Manifold narrow = manifold_of(line({1, 2, 3, 4}), 3, pool),
                 wide = manifold_of(random_points(9, 2, 1, 0, 1), 3, pool);
  CHECK_THROWS_AS(narrow.share_inside(wide), std::invalid_argument);
}
