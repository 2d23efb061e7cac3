// The memory planner: that no byte is overwritten while it is needed, that orders are orders, and how near the plans
// come to what is possible. Quantized graphs: plan_quantized_test.cpp.
#include "weights_tool/graph/plan.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/graph/arena_check.h"
#include "tests/graph/random_graph.h"
#include "tests/train/double_graph.h"
#include "tests/train/graph_maker.h"
#include "weights_tool/graph/arena_map.h"
#include "weights_tool/graph/plan_forecast.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

using test::Arena;
using test::cells_of;
using test::is_arena;
using test::is_permutation_of_nodes;
using test::may_lie_on;
using test::unet;

double excess(const MemoryPlan& plan) {
  return static_cast<double>(plan.arena_bytes - plan.lower_bound) / static_cast<double>(plan.lower_bound);
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
      int64_t bytes = 16 * cells_of(graph_, node.y[0]);
      bool in_place = false;
      for (int t : written) {
        if (!needed_after(t, done)) continue;
        bytes += 16 * cells_of(graph_, t);
        in_place = in_place || (!needed_after(t, after) && may_lie_on(node, node.y[0], t) &&
                                cells_of(graph_, t) == cells_of(graph_, node.y[0]));
      }
      if (in_place) bytes -= 16 * cells_of(graph_, node.y[0]);
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
    const Graph floats = unet(text);
    for (bool int8 : {false, true}) {
      CAPTURE(text);
      CAPTURE(int8);
      const Graph graph = int8 ? int8_form(floats) : floats;
      const MemoryPlan plan = plan_memory(graph);
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
    Graph graph = test::random_graph(seed, 8 + static_cast<int>(seed % 50));
    if (seed % 2 == 0) graph = int8_form(graph);
    PlanOptions options;
    options.order_states = 2000;
    const MemoryPlan plan = plan_memory(graph, 4, options);
    CHECK(is_permutation_of_nodes(graph, plan));
    CHECK(Arena(graph, plan).run() == "");
    CHECK(excess(plan) <= 0.05);
  }
}

TEST_CASE("the plan of a graph of hundreds of nodes is valid and near its bound too") {
  const Graph graph = test::random_graph(5, 400);
  PlanOptions options;
  options.placements = 20000;
  const MemoryPlan plan = plan_memory(graph, 4, options);
  CHECK(is_permutation_of_nodes(graph, plan));
  CHECK(Arena(graph, plan).run() == "");
  CHECK(excess(plan) <= 0.05);
  CHECK(plan.best_order_bound <= plan.lower_bound);
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
