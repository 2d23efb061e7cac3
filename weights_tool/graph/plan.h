// The memory planner: in which order the operators run and where in the arena every activation and every scratch
// lies, so that the arena is as small as it can be made. Executes nothing and changes no graph.
//
// A buffer is one tensor, several tensors that lie one over the other (an operator that works in place), or the scratch
// of one operator. It lives from the position that writes it to the last one that reads it, both included. Sizes are
// rounded up to format::alignment. x_t (graph.input) and parameters have memory of their own; graph.output lies in the
// arena until the end.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::tool {

struct PlanOptions {
  bool reorder = true;  // false: nodes run as the graph has them
  // How far the searches go in a graph of up to 100 nodes, 200 buffers; in larger ones, where each look costs more, less.
  int64_t order_states = 60000;  // partial orders looked at
  int64_t placements = 100000;   // layouts tried; the search ends when one meets the bound
  uint64_t seed = 1;             // of the layout search; the same seed gives the same plan
  // Workspaces (below) take what the smallest arena has free; with more than its size here they may also make it larger.
  int64_t arena_bytes = 0;
  bool workspaces = true;
};

// Scratch of one node, in bytes; 0 bytes: none, its offset is 0. That of a worker is a workspace for quantized conv2d and
// linear: as large as pays and the arena has free, placed when everything else lies.
struct ScratchPlacement {
  int64_t offset = 0, bytes = 0;                // shared by the workers
  int64_t worker_offset = 0, worker_bytes = 0;  // the first worker's
};

struct PlannedBuffer {
  std::vector<int> tensors;  // those that lie here, in the order they are written; empty: scratch
  int node = -1;             // scratch: whose
  bool worker = false;       // scratch: of one worker
  int begin = 0, end = 0;    // positions in the running order, both included; end == order.size(): the output
  int64_t bytes = 0, offset = 0;
};

struct MemoryPlan {
  std::vector<int> order;                 // indices of graph.nodes
  std::vector<int64_t> tensor_offset;     // for each tensor; -1: not in the arena
  std::vector<ScratchPlacement> scratch;  // for each node, by its index in graph.nodes
  std::vector<PlannedBuffer> buffers;     // everything in the arena
  int64_t arena_bytes = 0;
  int64_t lower_bound = 0;           // the most bytes, scratch included, that live at one position of this order
  int64_t best_order_bound = 0;      // the least such number of all complete orders the search looked at
  int64_t worker_scratch_bytes = 0;  // the largest of one node: what each worker beyond the first needs
  int peak_position = 0;             // where lower_bound is reached first
  std::vector<int> peak_tensors;     // up to ten that live there, largest first
};

// Plans a graph without dropout (strip_training_ops): float32 or quantized, each tensor by its element type and scratch
// as src/format/SPEC.md has it for that type. element_bytes = 1 plans int8_form(graph) (plan_forecast.h) instead, whose
// tensors and nodes the plan then speaks of: what an int8 version would take; no difference for a quantized graph.
// Deterministic. Throws Error(failure) for a graph that is not in running order.
MemoryPlan plan_memory(const Graph& graph, int element_bytes = 4, const PlanOptions& options = {});

// The most bytes that live at one position; `position` (may be null) receives the first such.
int64_t peak_bytes(const std::vector<PlannedBuffer>& buffers, int positions, int* position);

// The most bytes of workspace that a kernel set can use for a node (a multiple of 16; 0: none, or no quantized convolution).
int64_t useful_workspace(const Graph& graph, const Node& node);

// Fills in what a plan read from a file does not say: buffers (with the offsets of the plan), lower_bound and the peak.
// best_order_bound becomes lower_bound: no other order is looked at. Needs order, tensor_offset, scratch and arena_bytes.
void describe_stored_plan(const Graph& graph, MemoryPlan& plan);

}  // namespace mote::tool
