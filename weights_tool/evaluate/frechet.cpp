#include "weights_tool/evaluate/frechet.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "weights_tool/evaluate/symmetric_eigen.h"

namespace mote::tool {

GaussianFit fit_gaussian(const float* values, size_t count, size_t features) {
  if (count < 2 || features == 0) throw std::invalid_argument("fit_gaussian: at least two rows of features");
  GaussianFit fit;
  fit.mean.assign(features, 0.0);
  for (size_t row = 0; row < count; ++row) {
    for (size_t i = 0; i < features; ++i) fit.mean[i] += static_cast<double>(values[row * features + i]);
  }
  for (double& mean : fit.mean) mean /= static_cast<double>(count);
  // Of the centred values, so that nothing cancels; upper triangle first.
  fit.covariance.assign(features * features, 0.0);
  std::vector<double> centred(features);
  for (size_t row = 0; row < count; ++row) {
    for (size_t i = 0; i < features; ++i) centred[i] = static_cast<double>(values[row * features + i]) - fit.mean[i];
    for (size_t i = 0; i < features; ++i) {
      double* sums = &fit.covariance[i * features];
      for (size_t j = i; j < features; ++j) sums[j] += centred[i] * centred[j];
    }
  }
  for (size_t i = 0; i < features; ++i) {
    for (size_t j = i; j < features; ++j) {
      fit.covariance[i * features + j] /= static_cast<double>(count - 1);
      fit.covariance[j * features + i] = fit.covariance[i * features + j];
    }
  }
  return fit;
}

double frechet_distance(const GaussianFit& a, const GaussianFit& b) {
  const size_t n = a.mean.size();
  if (b.mean.size() != n) throw std::invalid_argument("frechet_distance: different numbers of features");
  double distance = 0;
  for (size_t i = 0; i < n; ++i) {
    const double apart = a.mean[i] - b.mean[i];
    distance += apart * apart + a.covariance[i * n + i] + b.covariance[i * n + i];
  }
  // The symmetric form has the eigenvalues of C_a C_b, and real ones whatever rounding does.
  const std::vector<double> root = symmetric_sqrt(a.covariance, n);
  const SymmetricEigen eigen = symmetric_eigen(matrix_product(matrix_product(root, b.covariance, n), root, n), n);
  for (const double value : eigen.values) distance -= 2 * std::sqrt(std::max(0.0, value));
  return std::max(0.0, distance);
}

}  // namespace mote::tool
