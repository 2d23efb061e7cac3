#include "weights_tool/evaluate/symmetric_eigen.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "tests/evaluate/matrices.h"
#include "weights_tool/io/error.h"

using namespace mote::tool;
using mote::test::Matrix;

namespace {

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::fabs(value));
  return most;
}

// Values fall; vectors are orthonormal; A v = value v.
void check_eigen(const Matrix& a, size_t n, const SymmetricEigen& eigen) {
  const double tolerance = 1e-13 * static_cast<double>(n) * std::max(1.0, largest(a));
  double worst_residual = 0, worst_product = 0;
  for (size_t e = 0; e < n; ++e) {
    const double* v = &eigen.vectors[e * n];
    if (e > 0) CHECK(eigen.values[e - 1] >= eigen.values[e]);
    for (size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (size_t j = 0; j < n; ++j) sum += a[i * n + j] * v[j];
      worst_residual = std::max(worst_residual, std::fabs(sum - eigen.values[e] * v[i]));
    }
    for (size_t f = 0; f <= e; ++f) {
      double product = 0;
      for (size_t i = 0; i < n; ++i) product += v[i] * eigen.vectors[f * n + i];
      worst_product = std::max(worst_product, std::fabs(product - (e == f ? 1.0 : 0.0)));
    }
  }
  CHECK(worst_residual < tolerance);
  CHECK(worst_product < 1e-13 * static_cast<double>(n));
}

}  // namespace

TEST_CASE("eigenvalues that a matrix was built from come back, with their vectors") {
  for (const size_t n : {1u, 2u, 3u, 17u, 128u}) {
    CAPTURE(n);
    std::vector<double> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = 5.0 - 0.37 * static_cast<double>(i);  // falling, some below 0
    const Matrix a = mote::test::rotated_diagonal(values, 7);
    const SymmetricEigen eigen = symmetric_eigen(a, n);
    for (size_t i = 0; i < n; ++i) CHECK(eigen.values[i] == doctest::Approx(values[i]).epsilon(1e-12).scale(50));
    check_eigen(a, n, eigen);
  }
}

TEST_CASE("repeated eigenvalues, zeros and a single direction") {
  const Matrix repeated = mote::test::rotated_diagonal({4, 4, 4, 1, 1, 0, 0, 0}, 3);
  const SymmetricEigen eigen = symmetric_eigen(repeated, 8);
  check_eigen(repeated, 8, eigen);
  CHECK(eigen.values[2] == doctest::Approx(4));
  CHECK(std::fabs(eigen.values[7]) < 1e-14);

  const std::vector<double> v = {3, -4, 12};  // v v^T has |v|^2 = 169 and nothing else
  Matrix one(9);
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 3; ++j) one[i * 3 + j] = v[i] * v[j];
  const SymmetricEigen direction = symmetric_eigen(one, 3);
  CHECK(direction.values[0] == doctest::Approx(169));
  CHECK(std::fabs(direction.values[1]) < 1e-12);
  CHECK(std::fabs(direction.vectors[2]) == doctest::Approx(12.0 / 13.0));
  CHECK(symmetric_eigen(Matrix(16, 0.0), 4).values == std::vector<double>(4, 0.0));
}

TEST_CASE("the second-difference matrix has the eigenvalues 2 - 2 cos(k pi / (n + 1))") {
  const size_t n = 60;
  Matrix a(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) {
    a[i * n + i] = 2;
    if (i > 0) a[i * n + i - 1] = a[(i - 1) * n + i] = -1;
  }
  const SymmetricEigen eigen = symmetric_eigen(a, n);
  for (size_t k = 1; k <= n; ++k) {
    const double expected = 2 - 2 * std::cos(static_cast<double>(k) * std::acos(-1.0) / static_cast<double>(n + 1));
    CHECK(eigen.values[n - k] == doctest::Approx(expected).epsilon(1e-12));
  }
  check_eigen(a, n, eigen);
}

TEST_CASE("eigenvalues of very different size keep their digits in a diagonal matrix") {
  const SymmetricEigen eigen = symmetric_eigen({1e-12, 0, 0, 0, 1e6, 0, 0, 0, 1}, 3);
  CHECK(eigen.values == std::vector<double>{1e6, 1, 1e-12});
}

TEST_CASE("the square root of a covariance times itself is the covariance") {
  const std::vector<double> values = {9, 4, 2.25, 1, 0, 0};
  const Matrix a = mote::test::rotated_diagonal(values, 11), root = symmetric_sqrt(a, 6);
  const Matrix square = matrix_product(root, root, 6);
  for (size_t i = 0; i < a.size(); ++i) CHECK(square[i] == doctest::Approx(a[i]).epsilon(1e-12).scale(10));
  const Matrix expected = mote::test::rotated_diagonal({3, 2, 1.5, 1, 0, 0}, 11);
  for (size_t i = 0; i < a.size(); ++i) CHECK(root[i] == doctest::Approx(expected[i]).epsilon(1e-7).scale(10));
  // What rounding leaves below 0 counts as 0.
  CHECK(symmetric_sqrt({-1e-18, 0, 0, 4}, 2) == std::vector<double>{0, 0, 0, 2});
}

TEST_CASE("a matrix with NaN or infinity is an error") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(symmetric_eigen({1, bad, bad, 1}, 2), Error);
  }
  CHECK_THROWS_AS(symmetric_eigen({1, 2, 3}, 2), std::invalid_argument);
}
