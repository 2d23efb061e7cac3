// What the tasks of this folder ask of a network of signals: windows in, the clean windows it expects out. The C API
// stands behind it in the program (commands/signal_network.h), closed forms in tests.
#pragma once
#include <cstddef>
#include <vector>

namespace mote::tool {

class SignalModel {
 public:
  struct Level {
    double signal, noise;  // x_t = signal * x0 + noise * epsilon; their squares add up to 1
    double sigma() const { return noise / signal; }
  };

  virtual ~SignalModel() = default;
  virtual size_t width() const = 0;
  // The noise levels it can be asked about, falling noise.
  const std::vector<Level>& levels() const { return levels_; }
  // The predicted x0 of each window of x_t, [count][width].
  virtual std::vector<float> predict(const std::vector<float>& x_t, size_t level) const = 0;

  // The level nearest to this much noise beside an undamped signal, by the logarithm.
  size_t level_of(double sigma) const;
  // About `count` levels from `highest` sigma down to `lowest`, evenly in its logarithm; all between, if there are fewer.
  std::vector<size_t> spread(size_t count, double highest, double lowest) const;

 protected:
  std::vector<Level> levels_;
};

}  // namespace mote::tool
