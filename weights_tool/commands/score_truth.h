// What a model of points is measured against: a distribution whose score is known, and fresh points of it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "weights_tool/diffusion/gaussian_mixture.h"

namespace mote::tool {

struct PointTruth {
  GaussianMixture distribution;  // its score is the true one at every noise level
  bool exact = false;            // false: it is the empirical distribution of many points
  // `count` points number `first` and on that neither training nor `distribution` has seen: [count][dimension].
  std::function<std::vector<float>(size_t count, uint32_t first)> fresh;
};

// `data`: "points:NAME" (train/points.h), a mixture as gaussian_mixture_from_json takes it, or (N, dimension) as .npy, of
// which the last tenth counts as fresh. Error(invalid_input) for anything else.
PointTruth load_point_truth(const std::string& data);

}  // namespace mote::tool
