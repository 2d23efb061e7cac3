// Whether a plan may be run: a simulation of the arena in cells of 16 bytes, which knows nothing of lifetimes. For the
// tests of the planner.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/unet.h"

namespace mote::test {

using namespace tool;  // NOLINT: a header of tests

constexpr int nobody = -1, scratch_mark = -2, worker_mark = -3;

inline bool is_arena(const Graph& graph, int t) {
  return graph.tensors[static_cast<size_t>(t)].role == Role::activation;
}
inline int64_t cells_of(const Graph& graph, int t) {
  const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
  const int bytes = tensor.dtype == DType::f32 ? 4 : tensor.dtype == DType::i16 ? 2 : 1;
  return (tensor.elements() * bytes + 15) / 16;
}

// What kernels.h allows to be written where it is read.
inline bool may_lie_on(const Node& node, int y, int x) {
  switch (node.kind) {
    case OpKind::group_norm: return (y == node.y[0] && x == node.x[0]) || (y == node.y[1] && x == node.x[1]);
    case OpKind::activation:
    case OpKind::scale_shift: return x == node.x[0];
    case OpKind::add: return x == node.x[0] || x == node.x[1];
    default: return false;
  }
}

// The arena, cell by cell: who wrote it last.
class Arena {
 public:
  Arena(const Graph& graph, const MemoryPlan& plan)
      : graph_(graph), plan_(plan), cells_(static_cast<size_t>(plan.arena_bytes / 16), nobody) {}

  // "" or what is wrong.
  std::string run() {
    if (plan_.arena_bytes % 16 != 0) return "the arena is no multiple of 16";
    for (int index : plan_.order) {
      const std::string problem = step(index);
      if (!problem.empty()) return graph_.nodes[static_cast<size_t>(index)].name + " " + problem;
    }
    return holds(graph_.output) ? "" : "the output was overwritten";
  }

 private:
  int64_t first_cell(int t) const { return plan_.tensor_offset[static_cast<size_t>(t)] / 16; }
  bool fill(int64_t offset, int64_t cells, int mark) {
    if (offset % 16 != 0 || offset < 0 || offset / 16 + cells > static_cast<int64_t>(cells_.size())) return false;
    for (int64_t c = 0; c < cells; ++c) cells_[static_cast<size_t>(offset / 16 + c)] = mark;
    return true;
  }
  bool holds(int t) const {
    for (int64_t c = 0; c < cells_of(graph_, t); ++c)
      if (cells_[static_cast<size_t>(first_cell(t) + c)] != t) return false;
    return true;
  }
  std::string step(int index) {
    const Node& node = graph_.nodes[static_cast<size_t>(index)];
    for (int x : node_inputs(node))
      if (is_arena(graph_, x) && !holds(x)) return "reads " + std::to_string(x) + ", which is not there";
    // Everything that is written is written while the inputs are still read.
    std::set<int> overwritten_in_place;
    for (int y : node_outputs(node)) {
      for (int x : node_inputs(node)) {
        if (!is_arena(graph_, x)) continue;
        const int64_t y0 = first_cell(y), y1 = y0 + cells_of(graph_, y);
        const int64_t x0 = first_cell(x), x1 = x0 + cells_of(graph_, x);
        if (y0 >= x1 || x0 >= y1) continue;
        if (y0 != x0 || y1 != x1 || !may_lie_on(node, y, x)) return "writes over what it reads";
        overwritten_in_place.insert(x);
      }
      if (!fill(plan_.tensor_offset[static_cast<size_t>(y)], cells_of(graph_, y), y)) return "writes outside";
    }
    const ScratchPlacement& scratch = plan_.scratch[static_cast<size_t>(index)];
    if (!fill(scratch.offset, scratch.bytes / 16, scratch_mark)) return "has scratch outside";
    if (!fill(scratch.worker_offset, scratch.worker_bytes / 16, worker_mark)) return "has worker scratch outside";
    for (int64_t c = 0; c < scratch.bytes / 16; ++c)
      if (cells_[static_cast<size_t>(scratch.offset / 16 + c)] != scratch_mark) return "has scratch over scratch";
    for (int y : node_outputs(node))
      if (!holds(y)) return "has scratch or outputs that overlap";
    for (int x : node_inputs(node))
      if (is_arena(graph_, x) && overwritten_in_place.count(x) == 0 && !holds(x)) return "has scratch over its input";
    return "";
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  std::vector<int> cells_;
};

inline bool is_permutation_of_nodes(const Graph& graph, const MemoryPlan& plan) {
  std::set<int> seen(plan.order.begin(), plan.order.end());
  return plan.order.size() == graph.nodes.size() && seen.size() == graph.nodes.size() && *seen.begin() == 0 &&
         *seen.rbegin() == static_cast<int>(graph.nodes.size()) - 1;
}

// The graph that a device runs, of the configuration of a network.
inline Graph unet(const std::string& text) {
  const Json json = parse_json(text, "test.json");
  Graph graph = build_unet(unet_config_from_json(JsonView(json, "test.json")), 1);
  prepare_for_inference(graph);
  return graph;
}

}  // namespace mote::test
