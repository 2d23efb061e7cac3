// Symmetric matrices with known eigenvalues, for the tests in this folder.
#pragma once
#include <cmath>
#include <random>
#include <vector>

namespace mote::test {

using Matrix = std::vector<double>;  // row-major [n][n]

// Q diag(values) Q^T; Q is a product of reflections 1 - 2 u u^T in random directions, the same for the same seed and size.
inline Matrix rotated_diagonal(const std::vector<double>& values, unsigned seed) {
  const size_t n = values.size();
  Matrix a(n * n, 0.0);
  for (size_t i = 0; i < n; ++i) a[i * n + i] = values[i];
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  for (int reflection = 0; reflection < 4; ++reflection) {
    std::vector<double> u(n);
    double norm = 0;
    for (double& x : u) {
      x = normal(random);
      norm += x * x;
    }
    for (double& x : u) x /= std::sqrt(norm);
    // H A H = A - 2 u w^T - 2 w u^T + 4 (u.w) u u^T, w = A u.
    std::vector<double> w(n, 0.0);
    double uw = 0;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) w[i] += a[i * n + j] * u[j];
      uw += u[i] * w[i];
    }
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) a[i * n + j] += -2 * u[i] * w[j] - 2 * w[i] * u[j] + 4 * uw * u[i] * u[j];
  }
  return a;
}

}  // namespace mote::test
