// The memory planner: that no byte is overwritten while it is needed (a simulation of the arena in cells of 16 bytes,
// which knows nothing of lifetimes), that orders are orders, and how near the plans come to what is possible.
#include "weights_tool/graph/plan.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "tests/graph/random_graph.h"
#include "tests/train/double_graph.h"
#include "tests/train/graph_maker.h"
#include "weights_tool/graph/arena_map.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr int nobody = -1, scratch_mark = -2;

bool is_arena(const Graph& graph, int t) { return graph.tensors[static_cast<size_t>(t)].role == Role::activation; }
int64_t cells_of(const Graph& graph, int t, int element_bytes) {
  return (graph.tensors[static_cast<size_t>(t)].elements() * element_bytes + 15) / 16;
}

// What kernels.h allows to be written where it is read.
bool may_lie_on(const Node& node, int y, int x) {
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
    for (int64_t c = 0; c < cells_of(graph_, t, plan_.element_bytes); ++c)
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
        const int64_t y0 = first_cell(y), y1 = y0 + cells_of(graph_, y, plan_.element_bytes);
        const int64_t x0 = first_cell(x), x1 = x0 + cells_of(graph_, x, plan_.element_bytes);
        if (y0 >= x1 || x0 >= y1) continue;
        if (y0 != x0 || y1 != x1 || !may_lie_on(node, y, x)) return "writes over what it reads";
        overwritten_in_place.insert(x);
      }
      if (!fill(plan_.tensor_offset[static_cast<size_t>(y)], cells_of(graph_, y, plan_.element_bytes), y))
        return "writes outside";
    }
    const ScratchPlacement& scratch = plan_.scratch[static_cast<size_t>(index)];
    if (!fill(scratch.offset, scratch.bytes / 16, scratch_mark)) return "has scratch outside";
    if (!fill(scratch.worker_offset, scratch.worker_bytes / 16, scratch_mark)) return "has worker scratch outside";
    if (scratch.bytes > 0 && scratch.worker_bytes > 0) return "has both kinds of scratch, which no operator needs";
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

bool is_permutation_of_nodes(const Graph& graph, const MemoryPlan& plan) {
  std::set<int> seen(plan.order.begin(), plan.order.end());
  return plan.order.size() == graph.nodes.size() && seen.size() == graph.nodes.size() && *seen.begin() == 0 &&
         *seen.rbegin() == static_cast<int>(graph.nodes.size()) - 1;
}

double excess(const MemoryPlan& plan) {
  return static_cast<double>(plan.arena_bytes - plan.lower_bound) / static_cast<double>(plan.lower_bound);
}

Graph unet(const std::string& text) {
  const Json json = parse_json(text, "test.json");
  Graph graph = build_unet(unet_config_from_json(JsonView(json, "test.json")), 1);
  prepare_for_inference(graph);
  return graph;
}

const char* const unets[] = {
    R"({"classes": 10, "multipliers": [1, 2, 3], "attention_levels": [2], "dropout": 0.1})",
    R"({"classes": 10, "level_channels": [16, 40, 64], "blocks": [1, 2, 1], "scale_shift": true})",
    R"({"base_channels": 8, "groups": 4, "blocks": 3, "attention_levels": [1, 2], "reduce_on_upsample": false})",
    // Ho et al. 2020, CIFAR-10: 35.7 M parameters.
    R"({"height": 32, "width": 32, "channels": 3, "base_channels": 128, "multipliers": [1, 2, 2, 2], "blocks": 2,
        "attention_levels": [1], "groups": 32, "time_features": 512, "reduce_on_upsample": false})",
};

// The least peak over all orders, by trying them all: the bytes that live are counted from scratch at every step.
class Exhaustive {
 public:
  explicit Exhaustive(const Graph& graph) : graph_(graph) {}
  int64_t best() {
    search({}, 0);
    return best_;
  }

 private:
  bool needed_after(int t, const std::set<int>& done) const {
    if (t == graph_.output) return true;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const std::vector<int> inputs = node_inputs(graph_.nodes[n]);
      if (done.count(static_cast<int>(n)) == 0 && std::find(inputs.begin(), inputs.end(), t) != inputs.end())
        return true;
    }
    return false;
  }
  void search(const std::set<int>& done, int64_t peak) {
    if (peak >= best_) return;
    if (done.size() == graph_.nodes.size()) {
      best_ = peak;
      return;
    }
    std::set<int> written;
    for (int n : done) written.insert(graph_.nodes[static_cast<size_t>(n)].y[0]);
    for (int n = 0; n < static_cast<int>(graph_.nodes.size()); ++n) {
      const Node& node = graph_.nodes[static_cast<size_t>(n)];
      bool ready = done.count(n) == 0;
      for (int x : node_inputs(node)) ready = ready && (!is_arena(graph_, x) || written.count(x) > 0);
      if (!ready) continue;
      std::set<int> after = done;
      after.insert(n);
      int64_t bytes = 16 * cells_of(graph_, node.y[0], 4);
      bool in_place = false;
      for (int t : written) {
        if (!needed_after(t, done)) continue;
        bytes += 16 * cells_of(graph_, t, 4);
        in_place = in_place || (!needed_after(t, after) && may_lie_on(node, node.y[0], t) &&
                                cells_of(graph_, t, 4) == cells_of(graph_, node.y[0], 4));
      }
      if (in_place) bytes -= 16 * cells_of(graph_, node.y[0], 4);
      if (node.kind == OpKind::group_norm) {
        const GroupNormF32 shape = group_norm_shape(graph_, node);
        const int64_t stats = static_cast<int64_t>(4 * group_norm_stats_floats(shape.channels[0], shape.height));
        bytes += (stats + 15) / 16 * 16;
      }
      search(after, std::max(peak, bytes));
    }
  }

  const Graph& graph_;
  int64_t best_ = INT64_MAX;
};

}  // namespace

TEST_CASE("a plan of a UNet is valid and at most 2 % above its lower bound, at four bytes and at one") {
  for (const char* text : unets) {
    const Graph graph = unet(text);
    for (int element_bytes : {4, 1}) {
      CAPTURE(text);
      CAPTURE(element_bytes);
      const MemoryPlan plan = plan_memory(graph, element_bytes);
      CHECK(is_permutation_of_nodes(graph, plan));
      CHECK(Arena(graph, plan).run() == "");
      CHECK(plan.arena_bytes >= plan.lower_bound);
      CHECK(excess(plan) <= 0.02);
    }
  }
}

TEST_CASE("plans of random graphs are valid, and at most 5 % above their lower bound") {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Graph graph = test::random_graph(seed, 8 + static_cast<int>(seed % 50));
    PlanOptions options;
    options.order_states = 2000;
    const MemoryPlan plan = plan_memory(graph, seed % 2 ? 4 : 1, options);
    CHECK(is_permutation_of_nodes(graph, plan));
    CHECK(Arena(graph, plan).run() == "");
    CHECK(excess(plan) <= 0.05);
  }
}

TEST_CASE("no order of a small graph has a lower peak than the one the planner finds") {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const Graph graph = test::random_graph(1000 + seed, 7);
    CHECK(plan_memory(graph).lower_bound == Exhaustive(graph).best());
  }
}

TEST_CASE("reordering never raises the peak, with few states to look at or many") {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    const Graph graph = test::random_graph(2000 + seed, 40);
    PlanOptions fixed;
    fixed.reorder = false;
    const int64_t given = plan_memory(graph, 4, fixed).lower_bound;
    for (int64_t states : {1, 50, 5000}) {
      PlanOptions options;
      options.order_states = states;
      const MemoryPlan plan = plan_memory(graph, 4, options);
      CHECK(plan.lower_bound <= given);
      CHECK(Arena(graph, plan).run() == "");
    }
  }
}

TEST_CASE("a chain that works in place takes one buffer; without it, two") {
  test::GraphMaker maker(4, 4, 8);
  int x = maker.conv({maker.graph.input, -1}, 8, {});
  for (int i = 0; i < 3; ++i) x = maker.simple(OpKind::activation, x, -1, Activation::silu);
  CHECK(plan_memory(maker.graph).arena_bytes == 4 * 4 * 8 * 4);
  maker.conv({x, -1}, 8, {});
  CHECK(plan_memory(maker.graph).arena_bytes == 2 * 4 * 4 * 8 * 4);
}

TEST_CASE("a tensor that is read again is not overwritten in place, and the output never") {
  test::GraphMaker maker(4, 4, 8);
  const int a = maker.conv({maker.graph.input, -1}, 8, {});
  const int b = maker.simple(OpKind::activation, a, -1, Activation::silu);
  const int c = maker.conv({a, b}, 8, {});
  MemoryPlan plan = plan_memory(maker.graph);
  CHECK(plan.tensor_offset[static_cast<size_t>(a)] != plan.tensor_offset[static_cast<size_t>(b)]);
  maker.simple(OpKind::activation, c, -1, Activation::silu);
  maker.graph.output = c;
  CHECK(Arena(maker.graph, plan_memory(maker.graph)).run() == "");
}

TEST_CASE("scratch is what kernels.h says, rounded up, and counted in the bound") {
  test::GraphMaker maker(6, 5, 9);
  const int a = maker.conv({maker.graph.input, -1}, 9, {});
  const int n = maker.group_norm({a, -1}, 3, Activation::silu);
  const int qkv = maker.conv({n, -1}, 12, {});
  maker.attention(qkv, 2);
  const MemoryPlan plan = plan_memory(maker.graph);
  CHECK(plan.scratch[1].bytes == (4 * (2 * 4 + 2) * 9 + 15) / 16 * 16);  // four slices
  CHECK(plan.scratch[1].worker_bytes == 0);
  CHECK(plan.scratch[3].worker_bytes == 4 * 4 * 30);
  CHECK(plan.worker_scratch_bytes == 480);
  CHECK(Arena(maker.graph, plan).run() == "");
  // The attention: qkv, its output, scratch.
  const int64_t attention = 6 * 5 * 12 * 4 + 6 * 5 * 4 * 4 + 480;
  CHECK(plan.lower_bound == std::max<int64_t>(attention, 6 * 5 * 9 * 4 + 8 + 6 * 5 * 12 * 4));
  CHECK(plan.peak_tensors.front() == qkv);
}

TEST_CASE("the same graph always gives the same plan") {
  const Graph graph = test::random_graph(7, 40);
  const MemoryPlan a = plan_memory(graph), b = plan_memory(graph);
  CHECK(a.order == b.order);
  CHECK(a.tensor_offset == b.tensor_offset);
}

TEST_CASE("a graph that is out of order, writes twice or still has dropout is refused by name") {
  test::GraphMaker maker(4, 4, 8);
  const int a = maker.conv({maker.graph.input, -1}, 8, {});
  maker.simple(OpKind::activation, a, -1, Activation::silu);
  Graph swapped = maker.graph;
  std::swap(swapped.nodes[0], swapped.nodes[1]);
  CHECK_THROWS_WITH_AS(plan_memory(swapped), doctest::Contains("before it is written"), Error);
  Graph twice = maker.graph;
  twice.nodes.push_back(twice.nodes[1]);
  CHECK_THROWS_WITH_AS(plan_memory(twice), doctest::Contains("a second time"), Error);
  maker.simple(op_dropout, a);
  CHECK_THROWS_WITH_AS(plan_memory(maker.graph), doctest::Contains("dropout"), Error);
}

TEST_CASE("splitting a normalised concatenation changes no number and lowers the peak") {
  test::GraphMaker maker(4, 4, 3);
  const int a = maker.conv({maker.graph.input, -1}, 16, {});
  const int b = maker.conv({a, -1}, 8, {});
  const int n = maker.group_norm({a, b}, 4, Activation::silu);
  maker.conv({n, -1}, 4, {});
  Graph split = maker.graph;
  CHECK(split_concat_norms(split) == 1);
  CHECK(split.nodes[2].y[1] == split.nodes[3].x[1]);
  test::DoubleInput input;
  for (int i = 0; i < 4 * 4 * 3; ++i) input.x.push_back(0.1 * i - 2);
  const std::vector<double> before = test::DoubleGraph(maker.graph).run(input);
  CHECK(test::DoubleGraph(split).run(input) == before);
  CHECK(plan_memory(split).arena_bytes < plan_memory(maker.graph).arena_bytes);
  CHECK(split_concat_norms(split) == 0);
}

TEST_CASE("a normalised concatenation that others read too stays whole") {
  test::GraphMaker maker(4, 4, 3);
  const int a = maker.conv({maker.graph.input, -1}, 16, {});
  const int b = maker.conv({a, -1}, 8, {});
  const int n = maker.group_norm({a, b}, 4, Activation::silu);
  maker.conv({n, -1}, 4, {});
  SUBCASE("an activation") { maker.simple(OpKind::activation, n, -1, Activation::relu); }
  SUBCASE("a convolution that has a second input already") { maker.conv({n, a}, 4, {}); }
  SUBCASE("a residual") {
    test::GraphMaker::Conv conv;
    conv.residual = n;
    maker.conv({a, -1}, 24, conv);
  }
  SUBCASE("the caller") { maker.graph.output = n; }
  CHECK(split_concat_norms(maker.graph) == 0);
}

TEST_CASE("the arena map shows every large buffer once in its legend") {
  const Graph graph = unet(unets[0]);
  const std::string map = arena_map_text(graph, plan_memory(graph));
  CHECK(map.find("^ peak") != std::string::npos);
  CHECK(map.find("conv_in") != std::string::npos);
  CHECK(map.find("  A ") != std::string::npos);
}

}  // namespace mote::tool
