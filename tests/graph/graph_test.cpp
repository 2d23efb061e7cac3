#include "weights_tool/graph/graph.h"

#include <doctest/doctest.h>

#include <cstring>

using namespace mote;
using namespace mote::tool;

namespace {

int add_tensor(Graph& graph, const char* name, Role role, int rank, std::array<int, 4> dims) {
  Tensor t;
  t.name = name;
  t.role = role;
  t.rank = rank;
  t.dims = dims;
  if (role == Role::parameter) t.values.assign(static_cast<size_t>(t.elements()), 1.0f);
  graph.tensors.push_back(t);
  return static_cast<int>(graph.tensors.size()) - 1;
}

// input 8x6x3 -> conv 3x3 stride 2 with a shift, to 4x3x5 -> dropout -> attention's conv 1x1 of (itself, itself) to 24
// -> attention of 2 heads of 4 -> linear to 7.
Graph example() {
  Graph g;
  g.input = add_tensor(g, "x", Role::input, 3, {8, 6, 3, 1});
  Node conv;
  conv.name = "conv";
  conv.x[0] = g.input;
  conv.weights = add_tensor(g, "w", Role::parameter, 4, {5, 3, 3, 3});
  conv.bias = add_tensor(g, "b", Role::parameter, 1, {5, 1, 1, 1});
  conv.vector = add_tensor(g, "shift", Role::parameter, 1, {5, 1, 1, 1});
  conv.kernel_height = conv.kernel_width = 3;
  conv.stride = 2;
  conv.pad_bottom = conv.pad_right = 1;
  conv.activation = Activation::silu;
  conv.y[0] = add_tensor(g, "a", Role::activation, 3, {4, 3, 5, 1});
  Node dropout;
  dropout.kind = op_dropout;
  dropout.name = "dropout";
  dropout.x[0] = conv.y[0];
  dropout.dropout = 0.1f;
  dropout.y[0] = add_tensor(g, "dropped", Role::activation, 3, {4, 3, 5, 1});
  Node both;
  both.name = "both";
  both.x = {dropout.y[0], dropout.y[0]};
  both.weights = add_tensor(g, "w2", Role::parameter, 4, {24, 1, 1, 10});
  both.y[0] = add_tensor(g, "qkv", Role::activation, 3, {4, 3, 24, 1});
  Node attention;
  attention.kind = OpKind::attention;
  attention.name = "attention";
  attention.x[0] = both.y[0];
  attention.heads = 2;
  attention.head_dim = 4;
  attention.scale = 0.5f;
  attention.y[0] = add_tensor(g, "mixed", Role::activation, 3, {4, 3, 8, 1});
  Node linear;
  linear.kind = OpKind::linear;
  linear.name = "linear";
  linear.x[0] = attention.y[0];
  linear.weights = add_tensor(g, "w3", Role::parameter, 2, {7, 8, 1, 1});
  linear.y[0] = add_tensor(g, "y", Role::activation, 3, {4, 3, 7, 1});
  g.output = linear.y[0];
  g.nodes = {conv, dropout, both, attention, linear};
  return g;
}

}  // namespace

TEST_CASE("a node's inputs and outputs are listed without the absent ones") {
  const Graph g = example();
  CHECK(node_inputs(g.nodes[0]) ==
        std::vector<int>{g.nodes[0].x[0], g.nodes[0].vector, g.nodes[0].weights, g.nodes[0].bias});
  CHECK(node_inputs(g.nodes[1]).size() == 1);
  CHECK(node_inputs(g.nodes[2]).size() == 3);
  CHECK(node_outputs(g.nodes[3]) == std::vector<int>{g.nodes[3].y[0]});
}

TEST_CASE("shapes are those the kernels see") {
  const Graph g = example();
  const Conv2dF32 conv = conv2d_shape(g, g.nodes[0]);
  CHECK(conv.in_height == 8);
  CHECK(conv.in_width == 6);
  CHECK(conv.channels[0] == 3);
  CHECK(conv.channels[1] == 0);
  CHECK(conv.out_height == 4);
  CHECK(conv.out_width == 3);
  CHECK(conv.out_channels == 5);
  CHECK(conv.stride == 2);
  CHECK(conv.pad_top == 0);
  CHECK(conv.upsample == 1);
  CHECK(conv.activation == Activation::silu);
  CHECK(conv.x[0] == nullptr);
  CHECK(!conv.zero_insert);
  CHECK(conv2d_shape(g, g.nodes[2]).channels[1] == 5);
  const AttentionF32 attention = attention_shape(g, g.nodes[3]);
  CHECK(attention.tokens == 12);
  CHECK(attention.heads == 2);
  CHECK(attention.head_dim == 4);
  const LinearF32 linear = linear_shape(g, g.nodes[4]);
  CHECK(linear.rows == 12);
  CHECK(linear.in_features == 8);
  CHECK(linear.out_features == 7);
  Node norm;
  norm.kind = OpKind::group_norm;
  norm.x = {g.nodes[0].y[0], g.nodes[2].y[0]};
  norm.groups = 29;
  norm.epsilon = 0.5f;
  const GroupNormF32 shape = group_norm_shape(g, norm);
  CHECK(shape.height == 4);
  CHECK(shape.width == 3);
  CHECK(shape.channels[0] + shape.channels[1] == 29);
  CHECK(shape.epsilon == 0.5f);
}

TEST_CASE("multiply-accumulates and parameters are counted") {
  const Graph g = example();
  const int64_t conv = 4 * 3 * 5 * 3 * 3 * 3, both = 4 * 3 * 24 * 10, attention = 2 * 12 * 12 * 8, linear = 12 * 8 * 7;
  CHECK(node_macs(g, g.nodes[0]) == conv);
  CHECK(node_macs(g, g.nodes[1]) == 0);
  CHECK(graph_macs(g) == conv + both + attention + linear);
  CHECK(graph_parameters(g) == 135 + 5 + 5 + 240 + 56);
}

TEST_CASE("without dropout its input goes to its readers and numbers close up") {
  Graph g = example();
  const size_t tensors = g.tensors.size();
  strip_training_ops(g);
  CHECK(g.nodes.size() == 4);
  CHECK(g.tensors.size() == tensors - 1);
  CHECK(g.nodes[1].x == std::array<int, 2>{g.nodes[0].y[0], g.nodes[0].y[0]});
  const char* names[] = {"qkv", "mixed", "y"};
  for (size_t n = 1; n < 4; ++n) CHECK(g.tensors[static_cast<size_t>(g.nodes[n].y[0])].name == names[n - 1]);
  CHECK(g.tensors[static_cast<size_t>(g.output)].name == "y");
  CHECK(g.tensors[static_cast<size_t>(g.nodes[3].weights)].name == "w3");
  CHECK(g.tensors[static_cast<size_t>(g.nodes[3].weights)].values.size() == 56);
}

TEST_CASE("a dropout at the end hands the output to its input, one after another too") {
  Graph g = example();
  for (int i = 0; i < 2; ++i) {
    Node dropout;
    dropout.kind = op_dropout;
    dropout.x[0] = g.output;
    dropout.y[0] = add_tensor(g, "last", Role::activation, 3, {4, 3, 7, 1});
    g.output = dropout.y[0];
    g.nodes.push_back(dropout);
  }
  strip_training_ops(g);
  CHECK(g.nodes.size() == 4);
  CHECK(g.output == g.nodes[3].y[0]);
}

TEST_CASE("shapes and kinds have texts") {
  const Graph g = example();
  CHECK(shape_text(g.tensors[static_cast<size_t>(g.input)]) == "8x6x3");
  CHECK(shape_text(g.tensors[static_cast<size_t>(g.nodes[0].bias)]) == "[5]");
  CHECK(shape_text(g.tensors[static_cast<size_t>(g.nodes[4].weights)]) == "7x8");
  CHECK(std::strcmp(kind_name(op_dropout), "dropout") == 0);
  for (uint16_t kind = 1; kind <= 11; ++kind) CHECK(std::strcmp(kind_name(static_cast<OpKind>(kind)), "unknown") != 0);
}
