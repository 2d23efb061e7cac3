#include "weights_tool/evaluate/signal_model.h"

#include <cmath>

namespace mote::tool {

size_t SignalModel::level_of(double sigma) const {
  size_t best = 0;
  double nearest = INFINITY;
  for (size_t i = 0; i < levels_.size(); ++i) {
    const double distance = std::fabs(std::log(levels_[i].sigma() / sigma));
    if (distance < nearest) {
      nearest = distance;
      best = i;
    }
  }
  return best;
}

std::vector<size_t> SignalModel::spread(size_t count, double highest, double lowest) const {
  std::vector<size_t> out;
  for (size_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0 : static_cast<double>(i) / static_cast<double>(count - 1);
    const size_t level = level_of(highest * std::pow(lowest / highest, share));
    if (out.empty() || level > out.back()) out.push_back(level);
  }
  return out;
}

}  // namespace mote::tool
