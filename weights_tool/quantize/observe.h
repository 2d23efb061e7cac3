// What the float network's tensors hold along the sampler's trajectories: samples for choosing ranges, and the channel
// means and squares that weight rounding looks at.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/io/progress.h"
#include "weights_tool/quantize/trajectories.h"

namespace mote::tool {

struct TensorObservation {
  // samples[step]: values drawn at random from the tensor, as many from each picture. Empty: not an activation.
  std::vector<std::vector<float>> samples;
  std::vector<float> low, high;  // [step]: the extremes
  // Over all steps, pictures and positions, for each channel: E[x] and E[x^2].
  std::vector<double> mean, square;
};

struct Observations {
  std::vector<TensorObservation> tensors;  // by tensor of the graph
  double largest_input = 0;                // of |x_t|
};

// Runs the float graph. Deterministic; the result does not depend on the threads.
Observations observe(const Graph& graph, const DiffusionInfo& info, const std::vector<format::RowRecord>& rows,
                     const TrajectoryOptions& options, ThreadPool& pool, Progress& progress);

}  // namespace mote::tool
