// Runs a graph on this machine one operator at a time, with src's kernels, so that the values between operators can be
// looked at: for calibration and for comparing a quantized network with the float one. Both kinds of graph. Not the way
// pictures are drawn: that is the C API's.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "format/view.h"
#include "graph/run.h"
#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/writer.h"

namespace mote::tool {

// A graph as the bytes of a model, ready to run. Not changed by running; workers share it.
class RunnableGraph {
 public:
  // Throws Error for what cannot be planned, written or verified.
  RunnableGraph(const Graph& graph, const DiffusionInfo& info);
  RunnableGraph(const RunnableGraph&) = delete;
  RunnableGraph& operator=(const RunnableGraph&) = delete;

 private:
  friend class GraphRunner;
  std::vector<uint8_t> model_storage_, packed_storage_;
  format::View view_;
  Model model_;
  KernelSet kernels_ = KernelSet::ref;
  uint8_t* packed_ = nullptr;
  size_t packed_scratch_bytes_ = 0;
  std::vector<int> node_of_operator_;       // of graph.nodes
  std::vector<uint32_t> record_of_tensor_;  // graph tensor -> record in the model
};

// Memory to run it in; one for each thread.
class GraphRunner {
 public:
  explicit GraphRunner(const RunnableGraph& graph);
  GraphRunner(const GraphRunner&) = delete;
  GraphRunner& operator=(const GraphRunner&) = delete;

  // One pass. x: a picture, height * width * channels floats. step: index of the row of a folded graph. class_row: a
  // class, or num_classes for none. after(node) is called when that node of the graph has run.
  void run(const float* x, float timestep, int step, int class_row, const std::function<void(int node)>& after);

  // Where a tensor of the graph lies: its values until another operator writes there.
  const void* data(int tensor) const;
  const float* output() const;

 private:
  const RunnableGraph& graph_;
  std::vector<uint8_t> storage_;
  RunContext context_;
};

}  // namespace mote::tool
