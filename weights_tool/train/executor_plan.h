// Where the executor keeps activations, gradients and saved values: lifetimes over forward and backward, and offsets in
// one block. No execution here.
//
// Time: node i runs forward at i; the loss is at N (the number of nodes); node i runs backward at 2N - i. A buffer
// lives from its first write to its last read, both included; buffers that live at once do not overlap.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::tool {

// What a node does in the backward pass with the gradient of one of its inputs.
enum class GradientUse : uint8_t {
  none,   // not wanted
  write,  // the first: nothing is there yet
  add,    // some reader wrote before
  keep,   // the buffer is that of the node's dy, which already holds it (or is turned into it in place)
};

// The inputs of a node that may have gradients.
enum NodeInput { input_x0, input_x1, input_residual, input_vector, node_input_count };
int node_input(const Node&, int which);

struct ExecutionPlan {
  // Of tensors, in floats. stride: one image, rounded up to 16. Offsets into the block, or -1: no such buffer.
  std::vector<int64_t> stride, activation, gradient;
  // Of nodes: offset and floats an image of what the forward pass leaves for the backward pass (group_norm: stats;
  // convolution and linear with an activation: the value before it; dropout: random bytes).
  std::vector<int64_t> saved, saved_stride;
  std::vector<std::array<GradientUse, node_input_count>> use;  // of nodes
  std::vector<bool> backward;                                  // of nodes: has a gradient to pass on or parameters
  int64_t floats = 0;                                          // the block
  int64_t lower_bound = 0;  // floats alive at once at the worst time: no placement needs less
};

// `keep_all`: every activation lives to the end (for tests and calibration). `input_gradient`: the gradient of the graph's
// input is wanted too, and lives to the end. Throws Error(failure) for graphs that are
// not in running order or leave an output of a node unread.
ExecutionPlan plan_execution(const Graph&, int slice, bool training, bool keep_all = false,
                             bool input_gradient = false);

// True if the forward pass of a training executor keeps the value before a fused activation.
bool saves_preactivation(const Node&);
// Floats an image a node saves for the backward pass (or needs in any forward pass: the statistics of group_norm).
int64_t saved_floats(const Graph&, const Node&, bool training);

}  // namespace mote::tool
