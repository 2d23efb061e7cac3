// The quantized form of a float graph (src/format/SPEC.md, "Quantized models"), from what its tensors were seen to hold.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/quantize/fold_time.h"
#include "weights_tool/quantize/observe.h"

namespace mote::tool {

struct GraphOptions {
  bool per_step = true;      // activation scales for each step; false: one for all
  int table_entries = 1024;  // of the activation tables behind normalisations: 256, 512, 1024, 2048 or 4096
  bool bias_correction = true;
  bool keep_network = false;  // the form of the time network (fold_time.h), where it can be kept
};

struct QuantizedGraph {
  Graph graph;
  std::vector<int> float_tensor;  // of each tensor of graph: the float graph's tensor it stands for, or -1
};

// A float constant as quantized models may hold it: 0, or 2^-60 .. 2^20 in magnitude (SPEC.md).
float storable(double value);

// graph: float, activations taken out (split_activations.h). Throws Error(invalid_input) naming the operator for what
// has no quantized form.
QuantizedGraph quantize_graph(const Graph& graph, const Observations& seen, const TimeFold& fold,
                              const GraphOptions& options);

}  // namespace mote::tool
