// A float model as a quantized one for a fixed list of steps: calibration, folding of time, rounding, and a measure of
// what it cost. The command is commands/quantize.cpp.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/quantize/quantize_graph.h"
#include "weights_tool/quantize/signal_to_noise.h"

namespace mote::tool {

// What becomes of the layers that see time and class only (fold_time.h).
enum class TimeForm { smaller, folded, network };

struct QuantizeOptions {
  int steps = 10;
  TrajectoryOptions calibration;
  int corrected_pictures = 64, compared_pictures = 16;  // for the correction of biases; for the signal to noise
  GraphOptions graph;                                   // keep_network follows from `time`
  TimeForm time = TimeForm::smaller;
  PlanOptions plan;
  bool quiet = false;  // no progress
  int threads = 0;
};

struct QuantizedModel {
  QuantizedGraph quantized;
  MemoryPlan plan;
  DiffusionInfo diffusion;  // with its rows
  bool keeps_network = false;
  bool bias_corrected = false;  // asked for, and it helped
  // Bytes of the file in each form of the time network; 0: not asked for, or cannot be kept.
  size_t folded_bytes = 0, network_bytes = 0;
  std::vector<LayerNoise> noise;
  Json meta;
  std::vector<uint8_t> bytes;
};

// graph: float, as a device would run it (plan_rewrite.h). meta: of the float model; "quantization" is added.
// Throws Error(invalid_input) for what has no quantized form or no such steps.
QuantizedModel quantize_model(const Graph& graph, const DiffusionInfo& info, const Json& meta,
                              const QuantizeOptions& options);

}  // namespace mote::tool
