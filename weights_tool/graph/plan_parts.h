// What the parts of the planner share: the sizes of a graph (plan.cpp), the search for an order (plan_order.cpp) and
// the search for offsets (plan_offsets.cpp). Not for other folders: use plan.h.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "weights_tool/graph/plan.h"

namespace mote::tool::plan {

class Random {  // xorshift64*: the same numbers everywhere
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  size_t below(size_t n) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<size_t>((state_ * 0x2545F4914F6CDD1Du >> 20) % n);
  }

 private:
  uint64_t state_;
};

// How many looks a search may take among n things: beyond `cheap` things a look costs about n^2, so that the time stays
// the same.
constexpr int64_t scaled_effort(int64_t looks, int64_t n, int64_t cheap) {
  return n <= cheap ? looks : looks * cheap * cheap / (n * n) + 1;
}

// The graph as the planner sees it.
struct Sizes {
  std::vector<int64_t> tensor_bytes;             // rounded up; 0: not in the arena
  std::vector<std::vector<int>> readers;         // of each tensor: nodes, each once
  std::vector<int> producer;                     // of each tensor: node, or -1
  std::vector<std::vector<int>> inputs;          // of each node: arena tensors it reads, each once
  std::vector<std::vector<int>> outputs;         // of each node: arena tensors it writes
  std::vector<int64_t> scratch, worker_scratch;  // of each node, rounded up
};

Sizes measure(const Graph& graph);

// Pairs (written, read) that may lie at the same place if nothing reads the second one afterwards. At most two.
std::vector<std::pair<int, int>> in_place_pairs(const Graph& graph, const Sizes& sizes, const Node& node);

// An order with a low peak; never a worse one than that of the graph.
std::vector<int> find_order(const Graph& graph, const Sizes& sizes, const PlanOptions& options);

// Another order, by random moves of nodes that leave the peak at most `peak`.
std::vector<int> vary_order(const Graph& graph, const Sizes& sizes, std::vector<int> order, int64_t peak,
                            uint64_t seed);

// Sets the offsets; returns the bytes of the arena. `bound`: where to stop. `placements`: how many layouts to try, fewer
// for many buffers.
int64_t find_offsets(std::vector<PlannedBuffer>& buffers, int64_t bound, int64_t placements, uint64_t seed);

// Gives convolutions their workspaces, and moves buffers so that what is free lies together. The arena grows up to
// `most` bytes where one gets more that way. `placements`, `seed`: as for find_offsets.
void place_workspaces(const Graph& graph, MemoryPlan& plan, int64_t most, int64_t placements, uint64_t seed);

PlannedBuffer scratch_buffer(int node, bool worker, int position, int64_t bytes);

// The offsets of the buffers into the plan's tables.
void copy_offsets(const Graph& graph, MemoryPlan& plan);

}  // namespace mote::tool::plan
