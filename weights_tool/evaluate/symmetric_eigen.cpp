#include "weights_tool/evaluate/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr int kMostSweeps = 60;  // convergence is quadratic; ten are many

struct Rotation {
  double c, s;
};

// The rotation that makes element (p, q) zero: Golub & Van Loan, eq. 8.5.2, with the smaller of the two angles.
Rotation rotation_for(double app, double aqq, double apq) {
  const double tau = (aqq - app) / (2 * apq);
  const double t = (tau >= 0 ? 1.0 : -1.0) / (std::fabs(tau) + std::hypot(1.0, tau));
  const double c = 1 / std::hypot(1.0, t);
  return {c, t * c};
}

void rotate_rows(double* x, double* y, size_t n, Rotation r) {
  for (size_t k = 0; k < n; ++k) {
    const double a = x[k], b = y[k];
    x[k] = r.c * a - r.s * b;
    y[k] = r.s * a + r.c * b;
  }
}

// a = J^T a J for the rotation in the plane (p, q).
void rotate(std::vector<double>& a, size_t n, size_t p, size_t q, Rotation r) {
  rotate_rows(&a[p * n], &a[q * n], n, r);
  for (size_t k = 0; k < n; ++k) {
    double* row = &a[k * n];
    const double x = row[p], y = row[q];
    row[p] = r.c * x - r.s * y;
    row[q] = r.s * x + r.c * y;
  }
  a[p * n + q] = a[q * n + p] = 0;
}

// Goes through all planes once; false when there was nothing left to rotate.
bool sweep(std::vector<double>& a, std::vector<double>& vectors, size_t n, double negligible) {
  bool rotated = false;
  for (size_t p = 0; p + 1 < n; ++p) {
    for (size_t q = p + 1; q < n; ++q) {
      const double apq = a[p * n + q];
      if (std::fabs(apq) <= negligible) continue;
      const Rotation r = rotation_for(a[p * n + p], a[q * n + q], apq);
      rotate(a, n, p, q, r);
      rotate_rows(&vectors[p * n], &vectors[q * n], n, r);
      rotated = true;
    }
  }
  return rotated;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::vector<double> a, size_t n) {
  if (a.size() != n * n) throw std::invalid_argument("symmetric_eigen: not an n x n matrix");
  double squares = 0;
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
      squares += (i == j ? 1 : 2) * a[i * n + j] * a[i * n + j];
    }
  }
  if (!std::isfinite(squares)) throw Error(ExitCode::failure, "a covariance matrix holds numbers that are not finite");
  std::vector<double> vectors(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  // Elements that no longer show beside the matrix's norm, shared among n^2 of them.
  const double negligible =
      std::numeric_limits<double>::epsilon() * std::sqrt(squares) / (16 * static_cast<double>(std::max<size_t>(n, 1)));
  for (int i = 0; i < kMostSweeps && sweep(a, vectors, n, negligible); ++i) {
  }
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return a[i * n + i] > a[j * n + j]; });
  SymmetricEigen result;
  for (const size_t i : order) {
    result.values.push_back(a[i * n + i]);
    result.vectors.insert(result.vectors.end(), vectors.begin() + static_cast<ptrdiff_t>(i * n),
                          vectors.begin() + static_cast<ptrdiff_t>((i + 1) * n));
  }
  return result;
}

std::vector<double> symmetric_sqrt(const std::vector<double>& matrix, size_t n) {
  const SymmetricEigen eigen = symmetric_eigen(matrix, n);
  std::vector<double> root(n * n, 0.0);
  for (size_t e = 0; e < n; ++e) {
    const double value = std::sqrt(std::max(0.0, eigen.values[e]));
    const double* v = &eigen.vectors[e * n];
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) root[i * n + j] += value * v[i] * v[j];
    }
  }
  return root;
}

std::vector<double> matrix_product(const std::vector<double>& a, const std::vector<double>& b, size_t n) {
  std::vector<double> product(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < n; ++k) {
      const double factor = a[i * n + k];
      for (size_t j = 0; j < n; ++j) product[i * n + j] += factor * b[k * n + j];
    }
  }
  return product;
}

}  // namespace mote::tool
