// Eigenvalues and eigenvectors of dense symmetric matrices in double, for sizes up to a few hundred: covariances of
// features. Matrices are row-major [n][n].
#pragma once
#include <cstddef>
#include <vector>

namespace mote::tool {

struct SymmetricEigen {
  std::vector<double> values;   // [n], falling
  std::vector<double> vectors;  // [n][n], row i: the eigenvector of values[i], of length 1
};

// Cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, 4th ed., section 8.5). Reads the lower triangle too and
// takes the mean of both. Error(failure) if an element is not finite.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, size_t n);

// The square root of a positive semidefinite matrix; eigenvalues below 0, which rounding leaves, count as 0.
std::vector<double> symmetric_sqrt(const std::vector<double>& matrix, size_t n);

// a b for symmetric or other [n][n] matrices.
std::vector<double> matrix_product(const std::vector<double>& a, const std::vector<double>& b, size_t n);

}  // namespace mote::tool
