// How well a score tells anomalies from normal cases: the receiver operating characteristic and the area under it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mote::tool {

struct RocPoint {
  double false_positives, true_positives;  // rates, of all scores at least as high as some threshold
};

// From (0, 0) to (1, 1), a point for each different score. Neither set may be empty and no score NaN, else
// std::invalid_argument.
std::vector<RocPoint> roc_curve(const std::vector<double>& normal, const std::vector<double>& anomalous);

// P(anomalous > normal) + P(equal) / 2: the area under that curve, and Mann and Whitney's U / (n m).
double roc_area(const std::vector<double>& normal, const std::vector<double>& anomalous);

struct Interval {
  double low, high;
};

// The middle 95 % of the area over `rounds` resamplings of either set with replacement (Efron's percentile bootstrap),
// a function of the seed.
Interval roc_area_interval(const std::vector<double>& normal, const std::vector<double>& anomalous, int rounds,
                           uint64_t seed);

}  // namespace mote::tool
