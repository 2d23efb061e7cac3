// Plans of quantized graphs, and of the int8 form of float ones.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/graph/arena_check.h"
#include "tests/graph/quantized_graph.h"
#include "weights_tool/graph/plan_forecast.h"

namespace mote::tool {

using test::Arena;
using test::is_permutation_of_nodes;
using test::unet;

TEST_CASE("a quantized graph is planned by the types of its tensors, with the scratch of quantized operators") {
  const Graph graph = test::quantized_graph();
  PlanOptions options;
  options.workspaces = false;
  const MemoryPlan plan = plan_memory(graph, 4, options);
  CHECK(is_permutation_of_nodes(graph, plan));
  CHECK(Arena(graph, plan).run() == "");
  CHECK(plan.arena_bytes == plan.lower_bound);
  // The attention: 8 x 8 x 24 codes, 8 x 8 x 8 of its output and of the residual for later, 16 bytes a token.
  CHECK(plan.lower_bound == 8 * 8 * 24 + 2 * 8 * 8 * 8 + 16 * 64);
  CHECK(plan_memory(graph, 1).arena_bytes == plan.arena_bytes);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    CAPTURE(graph.nodes[n].name);
    int64_t shared = 0, worker = 0;
    switch (graph.nodes[n].kind) {
      case OpKind::conv2d:
      case OpKind::linear: {
        const int out = graph.tensors[static_cast<size_t>(graph.nodes[n].weights)].dims[0];
        shared = out * 4 * (graph.nodes[n].x[1] < 0 ? 3 : 5);  // m, correction and b; the first two twice
        break;
      }
      case OpKind::group_norm: shared = 4 * 8 * 16 + 16; break;  // 4 slices, 16 channels, and the shift
      case OpKind::scale_shift: shared = 8 * 8 + 16; break;      // A and B of 8 channels, and the shift
      case OpKind::attention: worker = 16 * 64; break;
      default: break;
    }
    CHECK(plan.scratch[n].bytes == (shared + 15) / 16 * 16);
    CHECK(plan.scratch[n].worker_bytes == worker);
  }
}

TEST_CASE("workspaces take what is free while a convolution runs, and let the arena grow only as far as they may") {
  const Graph graph = test::quantized_graph();
  PlanOptions options;
  options.workspaces = false;
  const MemoryPlan bare = plan_memory(graph, 4, options);
  const MemoryPlan plan = plan_memory(graph);
  CHECK(plan.arena_bytes == bare.arena_bytes);
  CHECK(plan.lower_bound == bare.lower_bound);  // where the arena is fullest nothing was free
  CHECK(plan.order == bare.order);
  CHECK(Arena(graph, plan).run() == "");
  int convolutions = 0, without = 0;
  int64_t largest = 0;
  const auto look = [&](const MemoryPlan& planned) {
    convolutions = without = 0;
    largest = 0;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      CAPTURE(graph.nodes[n].name);
      const int64_t useful = useful_workspace(graph, graph.nodes[n]), given = planned.scratch[n].worker_bytes;
      if (useful == 0) {
        CHECK(given == bare.scratch[n].worker_bytes);
      } else {
        ++convolutions;
        without += given == 0;
        CHECK(given <= useful);
        CHECK(given % 16 == 0);
      }
      largest = std::max(largest, given);
    }
    CHECK(planned.worker_scratch_bytes == largest);
  };
  look(plan);
  CHECK(convolutions > 0);
  CHECK(without < convolutions);
  for (int64_t more : {16, 1000, 100000}) {
    CAPTURE(more);
    options.workspaces = true;
    options.arena_bytes = bare.arena_bytes + more;
    const MemoryPlan grown = plan_memory(graph, 4, options);
    CHECK(grown.arena_bytes <= options.arena_bytes);
    CHECK(grown.arena_bytes >= bare.arena_bytes);
    CHECK(Arena(graph, grown).run() == "");
    look(grown);
    if (more < 100000) continue;
    CHECK(without == 0);
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      const int64_t useful = useful_workspace(graph, graph.nodes[n]);
      if (useful > 0) CHECK(grown.scratch[n].worker_bytes == useful);
    }
  }
}

TEST_CASE("a buffer of another element type is not taken over in place, even when it is as large once rounded") {
  test::QuantizedMaker m(1, 1, 3);
  const int x = m.quantize(m.graph.input);  // 6 bytes
  Node act = m.of(OpKind::activation, x);
  const int y = m.add(act, {1, 1, 3}, DType::i8, m.quant(1));  // 3 bytes
  const MemoryPlan plan = plan_memory(m.graph);
  CHECK(plan.tensor_offset[static_cast<size_t>(x)] != plan.tensor_offset[static_cast<size_t>(y)]);
}

TEST_CASE("the int8 form of a float graph has int8 activations, a float output, x_t as int16 and no network of time") {
  for (int classes : {0, 10}) {
    CAPTURE(classes);
    const Graph floats =
        unet(R"({"base_channels": 8, "groups": 4, "time_features": 32, "classes": )" + std::to_string(classes) + "}");
    const Graph form = int8_form(floats);
    int convolutions = 0, linears = 0, embeddings = 0;
    for (const Node& node : form.nodes) {
      const Tensor& y = form.tensors[static_cast<size_t>(node.y[0])];
      CAPTURE(node.name);
      convolutions += node.kind == OpKind::conv2d;
      linears += node.kind == OpKind::linear;
      embeddings += node.kind == OpKind::step_embedding;
      CHECK(node.kind != OpKind::timestep_embedding);
      CHECK(node.kind != OpKind::class_embedding);
      const bool small = node.kind == OpKind::quantize || node.kind == OpKind::step_embedding;
      const bool is_float = node.y[0] == form.output || node.kind == OpKind::linear;
      CHECK(y.dtype == (small ? DType::i16 : is_float ? DType::f32 : DType::i8));
      if (node.vector >= 0 && classes == 0)
        CHECK(form.tensors[static_cast<size_t>(node.vector)].role == Role::parameter);
    }
    int blocks = 0;
    for (const Node& node : floats.nodes) {
      convolutions -= node.kind == OpKind::conv2d;
      blocks += node.kind == OpKind::conv2d && node.vector >= 0;
    }
    CHECK(convolutions == 0);
    CHECK(embeddings == (classes > 0 ? 1 : 0));
    CHECK(linears == (classes > 0 ? blocks : 0));
    CHECK(form.nodes[0].kind == OpKind::quantize);
    CHECK(plan_memory(form).arena_bytes == plan_memory(floats, 1).arena_bytes);
  }
}

}  // namespace mote::tool
