#include "weights_tool/evaluate/frechet.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>

#include "tests/evaluate/matrices.h"

using namespace mote::tool;
using mote::test::Matrix;
using mote::test::rotated_diagonal;

namespace {

Matrix diagonal(const std::vector<double>& values) {
  Matrix a(values.size() * values.size(), 0.0);
  for (size_t i = 0; i < values.size(); ++i) a[i * values.size() + i] = values[i];
  return a;
}

std::vector<float> random_rows(size_t count, size_t features, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> rows(count * features);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = 3 + static_cast<float>(i % features + 1) * normal(random);
  return rows;
}

}  // namespace

TEST_CASE("mean and covariance of four corners of a square") {
  const std::vector<float> rows = {0, 0, 2, 0, 0, 2, 2, 2};
  const GaussianFit fit = fit_gaussian(rows.data(), 4, 2);
  CHECK(fit.mean == std::vector<double>{1, 1});
  CHECK(fit.covariance == std::vector<double>{4.0 / 3, 0, 0, 4.0 / 3});
  const std::vector<float> line = {1, -2, 3, -6};
  CHECK(fit_gaussian(line.data(), 2, 2).covariance == std::vector<double>{2, -4, -4, 8});
  CHECK_THROWS_AS(fit_gaussian(rows.data(), 1, 2), std::invalid_argument);
}

TEST_CASE("a covariance far from the origin loses no digits") {
  std::vector<float> rows = random_rows(500, 3, 1), far = rows;
  for (float& value : rows) value = std::round(value * 16) / 16;  // so that adding 2^16 is exact
  for (size_t i = 0; i < rows.size(); ++i) far[i] = rows[i] + 65536;
  const GaussianFit near_fit = fit_gaussian(rows.data(), 500, 3), far_fit = fit_gaussian(far.data(), 500, 3);
  for (size_t i = 0; i < 9; ++i)
    CHECK(far_fit.covariance[i] == doctest::Approx(near_fit.covariance[i]).epsilon(1e-9).scale(1));
}

TEST_CASE("diagonal Gaussians: squared distance of means and of standard deviations") {
  const GaussianFit a = {{1, 2, 3, 0}, diagonal({1, 4, 9, 0})}, b = {{1, 0, 6, 0.5}, diagonal({4, 4, 0.25, 2.25})};
  // Means 0 + 4 + 9 + 0.25; deviations 1 - 2, 2 - 2, 3 - 0.5, 0 - 1.5.
  CHECK(frechet_distance(a, b) == doctest::Approx(13.25 + 1 + 0 + 6.25 + 2.25).epsilon(1e-12));
  CHECK(frechet_distance(b, a) == doctest::Approx(22.75).epsilon(1e-12));
}

TEST_CASE("turning both Gaussians changes nothing") {
  std::vector<double> first, second;
  double expected = 0;
  for (int i = 0; i < 128; ++i) {
    first.push_back(0.01 + 0.1 * i);
    second.push_back(3.0 + std::cos(i));
    const double apart = std::sqrt(first.back()) - std::sqrt(second.back());
    expected += apart * apart;
  }
  const std::vector<double> mean(128, 0.25);
  const GaussianFit a = {mean, rotated_diagonal(first, 5)}, b = {mean, rotated_diagonal(second, 5)};
  CHECK(frechet_distance(a, b) == doctest::Approx(expected).epsilon(1e-10));
}

TEST_CASE("two by two matrices that do not commute") {
  // Of a 2x2 matrix M with eigenvalues >= 0, tr(sqrt(M)) = sqrt(tr(M) + 2 sqrt(det(M))); M = A B has those of
  // sqrt(A) B sqrt(A).
  const Matrix a = {2, 0.5, 0.5, 1}, b = {1, -0.75, -0.75, 3};
  const double trace = a[0] * b[0] + a[1] * b[2] + a[2] * b[1] + a[3] * b[3];
  const double determinant = (a[0] * a[3] - a[1] * a[2]) * (b[0] * b[3] - b[1] * b[2]);
  const double expected = 3 + 4 - 2 * std::sqrt(trace + 2 * std::sqrt(determinant));
  CHECK(frechet_distance({{0, 0}, a}, {{0, 0}, b}) == doctest::Approx(expected).epsilon(1e-12));
  CHECK(frechet_distance({{0, 0}, b}, {{0, 0}, a}) == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("covariances of one direction each: |a|^2 + |b|^2 - 2 |a.b|") {
  const std::vector<double> a = {1, 2, 2}, b = {0, 3, 4};
  Matrix ca, cb;
  for (const double x : a)
    for (const double y : a) ca.push_back(x * y);
  for (const double x : b)
    for (const double y : b) cb.push_back(x * y);
  const std::vector<double> zero(3, 0.0);
  CHECK(frechet_distance({zero, ca}, {zero, cb}) == doctest::Approx(9 + 25 - 2 * 14).epsilon(1e-7));
}

TEST_CASE("a set is at distance 0 from itself, and further features of zeros do not matter") {
  const std::vector<float> rows = random_rows(300, 40, 9);
  const GaussianFit fit = fit_gaussian(rows.data(), 300, 40);
  const double distance = frechet_distance(fit, fit);
  CHECK(distance >= 0);
  CHECK(distance < 1e-8);

  const std::vector<float> other = random_rows(300, 40, 10);
  std::vector<float> padded_rows(300 * 43, 0.0f), padded_other(300 * 43, 0.0f);
  for (size_t i = 0; i < 300 * 40; ++i) {
    padded_rows[i / 40 * 43 + i % 40] = rows[i];
    padded_other[i / 40 * 43 + i % 40] = other[i];
  }
  CHECK(frechet_distance(fit_gaussian(padded_rows.data(), 300, 43), fit_gaussian(padded_other.data(), 300, 43)) ==
        doctest::Approx(frechet_distance(fit, fit_gaussian(other.data(), 300, 40))).epsilon(1e-7));
}

TEST_CASE("fewer pictures than features") {
  // Covariances of rank 4 in 32 dimensions: a shift of the mean is all the difference there is.
  const std::vector<float> rows = random_rows(5, 32, 4);
  std::vector<float> moved = rows;
  for (size_t i = 0; i < moved.size(); i += 32) moved[i] += 2;
  CHECK(frechet_distance(fit_gaussian(rows.data(), 5, 32), fit_gaussian(moved.data(), 5, 32)) ==
        doctest::Approx(4).epsilon(1e-3));
  CHECK_THROWS_AS(frechet_distance({{0}, {1}}, {{0, 0}, {1, 0, 0, 1}}), std::invalid_argument);
}
