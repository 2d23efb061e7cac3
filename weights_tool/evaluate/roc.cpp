#include "weights_tool/evaluate/roc.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "diffusion/noise.h"

namespace mote::tool {
namespace {

void check(const std::vector<double>& normal, const std::vector<double>& anomalous) {
  const auto is_nan = [](double value) { return std::isnan(value); };
  if (normal.empty() || anomalous.empty() || std::any_of(normal.begin(), normal.end(), is_nan) ||
      std::any_of(anomalous.begin(), anomalous.end(), is_nan))
    throw std::invalid_argument("roc: an empty set or a score that is no number");
}

std::vector<double> falling(std::vector<double> scores) {
  std::sort(scores.begin(), scores.end(), std::greater<>());
  return scores;
}

std::vector<double> resampled(const std::vector<double>& scores, uint64_t seed, uint32_t round, uint32_t which) {
  std::vector<double> out(scores.size());
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = scores[uniform_below(static_cast<uint32_t>(scores.size()), static_cast<uint32_t>(i), seed, round, which,
                                  noise_shuffle)];
  }
  return out;
}

}  // namespace

std::vector<RocPoint> roc_curve(const std::vector<double>& normal, const std::vector<double>& anomalous) {
  check(normal, anomalous);
  const std::vector<double> n = falling(normal), a = falling(anomalous);
  std::vector<RocPoint> curve{{0, 0}};
  size_t false_positives = 0, true_positives = 0;
  while (false_positives < n.size() || true_positives < a.size()) {
    const double threshold = false_positives == n.size()  ? a[true_positives]
                             : true_positives == a.size() ? n[false_positives]
                                                          : std::max(n[false_positives], a[true_positives]);
    while (false_positives < n.size() && n[false_positives] == threshold) ++false_positives;
    while (true_positives < a.size() && a[true_positives] == threshold) ++true_positives;
    curve.push_back({static_cast<double>(false_positives) / static_cast<double>(n.size()),
                     static_cast<double>(true_positives) / static_cast<double>(a.size())});
  }
  return curve;
}

double roc_area(const std::vector<double>& normal, const std::vector<double>& anomalous) {
  const std::vector<RocPoint> curve = roc_curve(normal, anomalous);
  double area = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    area += (curve[i].false_positives - curve[i - 1].false_positives) *
            (curve[i].true_positives + curve[i - 1].true_positives) / 2;
  }
  return area;
}

Interval roc_area_interval(const std::vector<double>& normal, const std::vector<double>& anomalous, int rounds,
                           uint64_t seed) {
  check(normal, anomalous);
  if (rounds < 1) throw std::invalid_argument("roc: no rounds");
  std::vector<double> areas;
  for (int round = 0; round < rounds; ++round) {
    const uint32_t r = static_cast<uint32_t>(round);
    areas.push_back(roc_area(resampled(normal, seed, r, 0), resampled(anomalous, seed, r, 1)));
  }
  std::sort(areas.begin(), areas.end());
  const double last = static_cast<double>(areas.size() - 1);
  return {areas[static_cast<size_t>(std::lround(0.025 * last))], areas[static_cast<size_t>(std::lround(0.975 * last))]};
}

}  // namespace mote::tool
