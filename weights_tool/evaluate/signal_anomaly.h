// Planted anomalies in windows of an ECG, and scores that should find them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/evaluate/signal_model.h"

namespace mote::tool {

// Done to the beat nearest the middle of a window (its highest point there); the rest stays as it is.
enum class Anomaly {
  inverted,   // the beat upside down about the line through its ends
  widened,    // drawn out in time, 1.8 times as slow
  missing,    // the line through its ends
  amplified,  // 1.8 times as high above that line
  early,      // 0.15 s too early
  burst,      // Gaussian noise of 0.15 times the window's largest value for 0.2 s
};
constexpr Anomaly all_anomalies[] = {Anomaly::inverted,  Anomaly::widened, Anomaly::missing,
                                     Anomaly::amplified, Anomaly::early,   Anomaly::burst};
const char* anomaly_name(Anomaly anomaly);

void plant_anomaly(Anomaly anomaly, double rate, uint64_t seed, uint32_t sample, std::vector<float>* window);

// Windows of a signal, one every `hop` samples: [count][width].
std::vector<float> cut_windows(const std::vector<double>& signal, size_t width, size_t hop);

// Scores of windows [count][width] from what is left of them, also [count][width]: the highest mean square of 0.1 s.
std::vector<double> residual_scores(const std::vector<float>& residuals, size_t width, double rate);

// What the network does not give back: noise of a level is added to a window and taken away again, `draws` times, and the
// mean subtracted from the window (Wyatt et al. 2022, "AnoDDPM", with one evaluation for the way back and Gaussian noise).
std::vector<float> model_residuals(const SignalModel& model, const std::vector<float>& windows, size_t level, int draws,
                                   uint64_t seed);

// The difference to the nearest window of a signal, among those that begin every `hop` samples.
std::vector<float> nearest_residuals(const std::vector<double>& signal, size_t hop, const std::vector<float>& windows,
                                     size_t width);

// Principal components of windows, for what `count` of them leave of a window.
class PrincipalComponents {
 public:
  PrincipalComponents(const std::vector<float>& windows, size_t width);
  std::vector<float> residuals(const std::vector<float>& windows, size_t count) const;

 private:
  size_t width_;
  std::vector<double> mean_, axes_;
};

}  // namespace mote::tool
