// Plans of quantized graphs, and of the int8 form of float ones.
#include <doctest/doctest.h>

#include "tests/graph/arena_check.h"
#include "tests/graph/quantized_graph.h"
#include "weights_tool/graph/plan_forecast.h"

namespace mote::tool {

using test::Arena;
using test::is_permutation_of_nodes;
using test::unet;

TEST_CASE("a quantized graph is planned by the types of its tensors, with the scratch of quantized operators") {
  const Graph graph = test::quantized_graph();
  const MemoryPlan plan = plan_memory(graph);
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
