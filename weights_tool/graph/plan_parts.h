// What the parts of the planner share: the sizes of a graph (plan.cpp), the search for an order (plan_order.cpp) and
// the search for offsets (plan_offsets.cpp). Not for other folders: use plan.h.
#pragma once
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "weights_tool/graph/plan.h"

namespace mote::tool::plan {

// How many looks a search may take among n things: a look costs about n^2, so that the time stays the same.
constexpr int64_t scaled_effort(int64_t looks, int64_t n) { return n <= 100 ? looks : looks * 10000 / (n * n) + 1; }

// The graph as the planner sees it.
struct Sizes {
  std::vector<int64_t> tensor_bytes;             // rounded up; 0: not in the arena
  std::vector<std::vector<int>> readers;         // of each tensor: nodes, each once
  std::vector<int> producer;                     // of each tensor: node, or -1
  std::vector<std::vector<int>> inputs;          // of each node: arena tensors it reads, each once
  std::vector<std::vector<int>> outputs;         // of each node: arena tensors it writes
  std::vector<int64_t> scratch, worker_scratch;  // of each node, rounded up
};

Sizes measure(const Graph& graph, int element_bytes);

// Pairs (written, read) that may lie at the same place if nothing reads the second one afterwards. At most two.
std::vector<std::pair<int, int>> in_place_pairs(const Graph& graph, const Sizes& sizes, const Node& node);

// An order with a low peak; never a worse one than that of the graph.
std::vector<int> find_order(const Graph& graph, const Sizes& sizes, const PlanOptions& options);

// Sets the offsets; returns the bytes of the arena. `bound`: where to stop.
int64_t find_offsets(std::vector<PlannedBuffer>& buffers, int64_t bound, const PlanOptions& options);

}  // namespace mote::tool::plan
