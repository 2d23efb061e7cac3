// Which noise levels a batch trains: all alike, or in proportion to sqrt(E[L_t^2]), which gives the estimate of the mean
// loss its least variance (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 18). E is over the last ten losses of a level;
// until every level has ten, all are alike. A loss of level t is then divided by T p_t, so that the mean stays that of
// levels drawn alike. As in the paper's code a thousandth of the probability is spread over all levels.
//
// Not thread-safe; a batch asks for its levels before anyone works and reports its losses, in order, afterwards.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/train/train_config.h"

namespace mote::tool {

struct DrawnLevel {
  int t;
  double weight;  // 1 / (T p_t)
};

class LevelSampler {
 public:
  static constexpr int kHistory = 10;

  LevelSampler(TimestepSampling sampling, int levels);

  // Of picture i of a batch, from a uniform 32-bit number: the i-th of `batch` parts of equal probability, as
  // stratified_timestep(). Calls from several threads are fine.
  DrawnLevel draw(int i, int batch, uint32_t lot) const;
  // The loss of a level that was trained, not weighted; takes part from the next refresh() on.
  void record(int t, double loss);
  // Once a step, after its losses.
  void refresh();

  bool importance() const { return !history_.empty(); }
  // What a checkpoint keeps: [T][10] losses, the oldest first, -1 for none yet; empty for uniform levels.
  const std::vector<float>& history() const { return history_; }
  // Error(invalid_input) with `path` in front for a history of another size or with numbers no history has.
  void set_history(const std::vector<float>& history, const std::string& path);

 private:
  int levels_;
  std::vector<float> history_;
  std::vector<double> ends_;  // of the levels' parts of [0, 1); empty: all alike
};

}  // namespace mote::tool
