#include "weights_tool/train/level_sampler.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/train/loss.h"

namespace mote::tool {
namespace {

constexpr double kUniformShare = 0.001;
constexpr float kNone = -1;

}  // namespace

LevelSampler::LevelSampler(TimestepSampling sampling, int levels) : levels_(levels) {
  if (sampling == TimestepSampling::importance) history_.assign(static_cast<size_t>(levels) * kHistory, kNone);
}

DrawnLevel LevelSampler::draw(int i, int batch, uint32_t lot) const {
  if (ends_.empty()) return {stratified_timestep(i, batch, levels_, lot), 1};
  const double place = (i + lot * 0x1p-32) / batch;
  const auto end = std::upper_bound(ends_.begin(), ends_.end() - 1, place);
  const size_t t = static_cast<size_t>(end - ends_.begin());
  const double part = ends_[t] - (t > 0 ? ends_[t - 1] : 0);
  return {static_cast<int>(t), 1 / (levels_ * part)};
}

void LevelSampler::record(int t, double loss) {
  if (history_.empty()) return;
  float* const first = history_.data() + static_cast<size_t>(t) * kHistory;
  float* const last = first + kHistory;
  float* free = std::find(first, last, kNone);
  if (free == last) free = std::copy(first + 1, last, first);
  *free = static_cast<float>(loss);
}

void LevelSampler::refresh() {
  if (history_.empty() || std::find(history_.begin(), history_.end(), kNone) != history_.end()) return;
  std::vector<double> sizes(static_cast<size_t>(levels_));
  double total = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    double squares = 0;
    for (size_t k = 0; k < kHistory; ++k) {
      const double loss = double{history_[t * kHistory + k]};
      squares += loss * loss;
    }
    sizes[t] = std::sqrt(squares / kHistory);
    total += sizes[t];
  }
  if (!(total > 0) || !std::isfinite(total)) return;
  ends_.resize(sizes.size());
  double end = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    end += (1 - kUniformShare) * sizes[t] / total + kUniformShare / levels_;
    ends_[t] = end;
  }
}

void LevelSampler::set_history(const std::vector<float>& history, const std::string& path) {
  const bool fits = history.size() == history_.size() && std::all_of(history.begin(), history.end(), [](float loss) {
                      return std::isfinite(loss) && (loss >= 0 || loss == kNone);
                    });
  if (!fits) throw Error(ExitCode::invalid_input, path + ": its losses of the noise levels are damaged");
  history_ = history;
  ends_.clear();
  refresh();
}

}  // namespace mote::tool
