// The Fréchet distance between two sets of features, each taken for a normal distribution: Heusel et al. 2017 (arXiv
// 1706.08500, eq. 6), with the features of mote's own classifier instead of Inception's. Its values compare only with
// values of the same classifier, the same real pictures and the same number of pictures: it falls with that number.
#pragma once
#include <cstddef>
#include <vector>

namespace mote::tool {

struct GaussianFit {
  std::vector<double> mean;        // [features]
  std::vector<double> covariance;  // [features][features], divided by count - 1
};

// values: [count][features]; at least two rows.
GaussianFit fit_gaussian(const float* values, size_t count, size_t features);

// |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a^1/2 C_b C_a^1/2)^1/2): the squared 2-Wasserstein distance of the two (Dowson &
// Landau 1982). Never below 0.
double frechet_distance(const GaussianFit& a, const GaussianFit& b);

}  // namespace mote::tool
