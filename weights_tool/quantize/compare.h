// A quantized network beside the float network it was made of, on the same x_t: what each of its tensors holds and what
// it should hold.
#pragma once
#include <functional>
#include <vector>

#include "weights_tool/io/progress.h"
#include "weights_tool/quantize/quantize_graph.h"

namespace mote::tool {

// What element i of a tensor of a quantized graph stands for at one step.
class QuantizedReader {
 public:
  QuantizedReader(const Graph& graph, int tensor, int step, const void* data);
  double operator()(size_t i) const {
    switch (type_) {
      case DType::i8: return double{value_.scale} * (static_cast<const int8_t*>(data_)[i] - value_.zero_point);
      case DType::i16: return double{value_.scale} * static_cast<const int16_t*>(data_)[i];
      default: return double{static_cast<const float*>(data_)[i]};
    }
  }

 private:
  DType type_;
  const void* data_;
  format::QuantValue value_{1.0f, 0};
};

// An output of a quantized operator just written, and the float network's values for it.
struct Compared {
  const Visit& visit;
  int node, tensor;  // of the quantized graph
  size_t count;
  const float* wanted;
  QuantizedReader got;
};

struct Comparison {
  const Graph& graph;                          // float, activations taken out
  const DiffusionInfo& info;                   // its noise schedule
  const std::vector<format::RowRecord>& rows;  // the steps
  TrajectoryOptions trajectories;              // which pictures
  ThreadPool& pool;
};

// Follows the float network's trajectories and runs both networks at each x_t; the quantized one carries the errors of
// its own earlier operators. see() is called for each output of each operator, by several threads at once, never for the
// same picture. progress moves on from `done` by one for each x_t.
void compare_networks(const Comparison& comparison, const QuantizedGraph& quantized, Progress& progress, uint64_t done,
                      const std::function<void(const Compared&)>& see);

}  // namespace mote::tool
