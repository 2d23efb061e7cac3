// The network that tells real steps from drawn ones (Xiao et al. 2022, arXiv 2112.07804, section 4.1), told the level,
// and what its losses need beside a forward and a backward pass. A Graph of the same operators as every network here; no
// training.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::tool {

struct DiscriminatorOptions {
  int height = 28, width = 28, channels = 1;  // of a picture
  int classes = 0;
  std::vector<int> widths{32, 64, 96};
  int time_features = 64;
};

// Input [height, width, 2 channels]: of each pixel the channels of x_{t-1}, then those of x_t. Output [classes + 1]: a
// logit for each class and one for "no class"; the picture's own counts, the others are not looked at. Two 3x3
// convolutions with SiLU a level, the second of stride 2 (the last level: of stride 1), each shifted by a projection of
// the timestep's embedding; then the mean over the picture and a linear layer, which begins at zero. No normalisation:
// it would hide how large x_{t-1} is.
Graph build_discriminator(const DiscriminatorOptions& options, uint64_t seed);

// x_{t-1} and x_t, [pixels][channels] each, side by side; and what of a gradient belongs to the first of them.
void join_pair(const float* previous, const float* x_t, size_t pixels, size_t channels, float* pair);
void first_of_pair(const float* pair, size_t pixels, size_t channels, float* previous);

// -log sigmoid(l) = log(1 + exp(-l)), and its derivative by l.
double softplus_loss(double logit);
double softplus_slope(double logit);

// The gradient of |g|^2 / 2, g the gradient of D by x_{t-1}, by D's parameters (R1: Mescheder et al. 2018,
// arXiv 1801.04406) without differentiating twice: along the unit vector u of g it is |g| times the change of
// grad_parameters D(x + s u) in s, so the central difference
//   |g| (grad D(x + h u) - grad D(x - h u)) / (2 h),        error O(h^2).
// Fills the two points from a pair and D's gradient by it (entries of x_t count as 0), h = 0.01 sqrt(elements of
// x_{t-1}). Returns |g| / (2 h), the factor of the two gradients, + and -; 0 if g is: plus and minus are the pair then.
// squared: |g|^2.
double r1_probes(const float* pair, const float* gradient, size_t pixels, size_t channels, float* plus, float* minus,
                 double* squared);

}  // namespace mote::tool
