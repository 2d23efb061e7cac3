// How far a quantized network's tensors are from the float network's, on the same x_t: signal to noise of each operator
// at each step.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/io/progress.h"
#include "weights_tool/quantize/quantize_graph.h"

namespace mote::tool {

struct LayerNoise {
  std::string name;         // of the operator
  std::vector<double> decibel;  // [step]: 10 log10(sum v^2 / sum (v - quantized)^2); at most 200
};

// Along the float network's trajectories: at each x_t both networks run, and what they hold is compared, errors of
// earlier operators included. The last entry is the network's output.
std::vector<LayerNoise> measure_noise(const Graph& graph, const QuantizedGraph& quantized, const DiffusionInfo& info,
                                      const std::vector<format::RowRecord>& rows, const TrajectoryOptions& options,
                                      ThreadPool& pool, Progress& progress);

}  // namespace mote::tool
