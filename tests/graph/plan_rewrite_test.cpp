// Constants that are shared: only equal ones, and nothing that is computed changes.
#include "weights_tool/graph/plan_rewrite.h"

#include <doctest/doctest.h>

#include "tests/commands/tiny_model.h"
#include "tests/graph/quantized_graph.h"

namespace mote::tool {
namespace {

// quantize, a convolution, and `tables` activations one after another, each with a table and a scale of its own that
// are equal to the others'.
Graph chain(int tables) {
  test::QuantizedMaker m(4, 4, 1);
  int x = m.conv(m.quantize(m.graph.input), -1, 4, 3, m.quant(1));
  const int first = m.quant(1);
  for (int i = 0; i < tables; ++i) {
    const Quant same = m.graph.quants[static_cast<size_t>(first)];
    m.graph.quants.push_back(same);
    const int q = static_cast<int>(m.graph.quants.size()) - 1;
    Node act = m.of(OpKind::activation, x);
    act.activation = Activation::relu;
    act.weights = m.table(256, q);
    x = m.add(act, {4, 4, 4}, DType::i8, q);
  }
  m.conv(x, -1, 1, 3, -1);
  return m.graph;
}

size_t file_bytes(const Graph& graph) {
  return write_model(graph, plan_memory(graph), test::tiny_diffusion(4), Json()).size();
}

}  // namespace

TEST_CASE("equal tables are stored once") {
  Graph graph = chain(5);
  const size_t before = file_bytes(graph);
  CHECK(share_equal_constants(graph) == 4);
  for (size_t n = 3; n < 7; ++n) CHECK(graph.nodes[n].weights == graph.nodes[2].weights);
  CHECK(file_bytes(graph) == before - 4 * (256 + 32));  // and a tensor record each
  CHECK(share_equal_constants(graph) == 0);
}

TEST_CASE("constants that differ in a byte, their scale, type or shape stay apart, and so do 0 and -0") {
  Graph graph = chain(2);
  Tensor& table = graph.tensors[static_cast<size_t>(graph.nodes[3].weights)];
  SUBCASE("a byte") { table.codes[255] ^= 1; }
  SUBCASE("a scale") { graph.quants[static_cast<size_t>(table.quant)].values[0].scale *= 2; }
  SUBCASE("a zero point") { graph.quants[static_cast<size_t>(table.quant)].values[0].zero_point ^= 1; }
  SUBCASE("the type") { table.dtype = DType::u8; }
  SUBCASE("the shape") { table.rank = 2; }
  SUBCASE("the sign of zero") {
    graph = chain(1);
    // The biases of the two convolutions, made alike but for a sign.
    Tensor& a = graph.tensors[static_cast<size_t>(graph.nodes[1].bias)];
    Tensor& b = graph.tensors[static_cast<size_t>(graph.nodes[3].bias)];
    a.values = {0.0f};
    b.values = {-0.0f};
    a.dims[0] = b.dims[0] = 1;
  }
  CHECK(share_equal_constants(graph) == 0);
}

TEST_CASE("sharing leaves a graph of random constants and one without values alone") {
  Graph graph = test::tiny_graph();
  CHECK(share_equal_constants(graph) == 0);
  for (Tensor& t : graph.tensors) t.values.clear();
  CHECK(share_equal_constants(graph) == 0);
}

}  // namespace mote::tool
