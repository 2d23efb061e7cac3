// A quantized graph made by hand, for the tests of planner, writer, reader, inspect and export: every operator of a
// quantized model once at least, scales for each step and shared ones, tables, folded vectors, classes. The numbers are
// arbitrary but allowed; nothing was calibrated.
#pragma once
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::test {

struct QuantizedMaker {
  static constexpr int steps = 4;
  tool::Graph graph;
  std::mt19937 random{4711};

  QuantizedMaker(int height, int width, int channels) {
    graph.folded = true;
    graph.train_steps = 50;
    graph.prediction = tool::Prediction::v;
    graph.input = tensor({height, width, channels}, tool::Role::input, DType::f32, -1);
  }

  int below(int n) { return static_cast<int>(random() % static_cast<uint32_t>(n)); }
  float real() { return static_cast<float>(below(2001) - 1000) / 1000.0f; }

  // Scales: count values, or one for each step.
  int quant(int count, bool per_step = false, bool symmetric = false) {
    tool::Quant q;
    q.per_step = per_step;
    for (int i = 0; i < (per_step ? steps : count); ++i)
      q.values.push_back({0.01f + static_cast<float>(below(1000)) * 1e-5f, symmetric ? 0 : below(200) - 100});
    graph.quants.push_back(q);
    return static_cast<int>(graph.quants.size()) - 1;
  }
  int tensor(std::vector<int> dims, tool::Role role, DType dtype, int quant) {
    tool::Tensor t;
    t.name = "t" + std::to_string(graph.tensors.size());
    t.role = role;
    t.rank = static_cast<int>(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) t.dims[i] = dims[i];
    t.dtype = dtype;
    t.quant = quant;
    graph.tensors.push_back(t);
    return static_cast<int>(graph.tensors.size()) - 1;
  }
  tool::Tensor& at(int t) { return graph.tensors[static_cast<size_t>(t)]; }
  int floats(std::vector<int> dims) {
    const int t = tensor(std::move(dims), tool::Role::parameter, DType::f32, -1);
    for (int64_t i = at(t).elements(); i > 0; --i) at(t).values.push_back(real());
    return t;
  }
  int weights(std::vector<int> dims) {
    const int t = tensor(dims, tool::Role::parameter, DType::i8, quant(dims[0], false, true));
    for (int64_t i = at(t).elements(); i > 0; --i) at(t).codes.push_back(static_cast<int8_t>(below(255) - 127));
    return t;
  }
  int table(int entries, int quant) {
    const int t = tensor({entries}, tool::Role::parameter, DType::i8, quant);
    for (int i = 0; i < entries; ++i) at(t).codes.push_back(static_cast<int8_t>(i * 255 / entries - 128));
    return t;
  }
  std::vector<int> dims(int t) { return {at(t).dims.begin(), at(t).dims.begin() + at(t).rank}; }
  int add(tool::Node node, std::vector<int> out, DType dtype, int quant) {
    node.name = std::string(tool::kind_name(node.kind)) + "." + std::to_string(graph.nodes.size());
    node.y[0] = tensor(std::move(out), tool::Role::activation, dtype, quant);
    graph.output = node.y[0];
    graph.nodes.push_back(node);
    return node.y[0];
  }
  static tool::Node of(tool::OpKind kind, int x0 = -1, int x1 = -1) {
    tool::Node node;
    node.kind = kind;
    node.x = {x0, x1};
    return node;
  }

  int quantize(int x) { return add(of(tool::OpKind::quantize, x), dims(x), DType::i16, quant(1, false, true)); }
  // 3 x 3 or 1 x 1; float32 output with quant -1.
  int conv(int x0, int x1, int out, int kernel, int y_quant, int vector = -1, int residual = -1) {
    tool::Node node = of(tool::OpKind::conv2d, x0, x1);
    const int in = dims(x0)[2] + (x1 < 0 ? 0 : dims(x1)[2]);
    node.weights = weights({out, kernel, kernel, in});
    node.bias = floats({out});
    node.vector = vector;
    node.residual = residual;
    node.kernel_height = node.kernel_width = kernel;
    node.pad_top = node.pad_left = node.pad_bottom = node.pad_right = kernel / 2;
    node.proofs = 9 * in * 127 * 255 < (1 << 25) && at(x0).dtype == DType::i8 ? format::op_sums_below_2_25 : 0;
    return add(node, {dims(x0)[0], dims(x0)[1], out}, y_quant < 0 ? DType::f32 : DType::i8, y_quant);
  }
  int linear(int x, int out, int y_quant, int residual = -1) {
    tool::Node node = of(tool::OpKind::linear, x);
    std::vector<int> shape = dims(x);
    node.weights = weights({out, shape.back()});
    node.bias = floats({out});
    node.residual = residual;
    shape.back() = out;
    return add(node, shape, y_quant < 0 ? DType::f32 : DType::i8, y_quant);
  }
  // Over two inputs, where they lie, with a table.
  std::pair<int, int> group_norm(int x0, int x1, int groups, int vector, int entries) {
    tool::Node node = of(tool::OpKind::group_norm, x0, x1);
    const int channels = dims(x0)[2] + dims(x1)[2], q = quant(1);
    node.groups = groups;
    node.epsilon = 1e-5f;
    node.weights = floats({channels});
    node.bias = floats({channels});
    node.vector = vector;
    node.activation = Activation::silu;
    node.residual = table(entries, q);
    node.quant = quant(1);
    const int y0 = add(node, dims(x0), DType::i8, q);
    const int y1 = tensor(dims(x1), tool::Role::activation, DType::i8, q);
    graph.nodes.back().y[1] = y1;
    return {y0, y1};
  }
  int attention(int qkv, int heads) {
    tool::Node node = of(tool::OpKind::attention, qkv);
    std::vector<int> shape = dims(qkv);
    shape.back() /= 3;
    node.heads = heads;
    node.head_dim = shape.back() / heads;
    node.scale = 0.37f;
    node.table_step = 0.03f;
    graph.quants.push_back({{{1.0f / 255.0f, 0}}, false});
    node.weights = tensor({256}, tool::Role::parameter, DType::u8, static_cast<int>(graph.quants.size()) - 1);
    for (int i = 0; i < 256; ++i)
      at(node.weights)
          .codes.push_back(static_cast<int8_t>(static_cast<uint8_t>(std::lround(255 * std::exp(-0.03 * i)))));
    return add(node, shape, DType::i8, quant(1, true));
  }
};

// 8 x 8, three classes, four steps.
inline tool::Graph quantized_graph(int channels = 1) {
  using tool::OpKind;
  QuantizedMaker m(8, 8, channels);
  m.graph.num_classes = 3;
  tool::Node embedding = m.of(OpKind::step_embedding);
  embedding.activation = Activation::silu;
  embedding.vector = m.floats({m.steps, 8});
  embedding.weights = m.floats({4, 6});
  const int time = m.add(embedding, {6}, DType::i16, m.quant(1, false, true));
  const int x = m.quantize(m.graph.input);
  const int a = m.conv(x, -1, 8, 3, m.quant(1), m.linear(time, 8, -1));
  m.graph.nodes.back().activation = Activation::relu;
  tool::Node pool = m.of(OpKind::average_pool, a), up, sum, scaled, relu;
  pool.factor = 2;
  const int pooled = m.add(pool, {4, 4, 8}, DType::i8, m.quant(1, true));
  up = m.of(OpKind::upsample, pooled);
  up.factor = 2;
  sum = m.of(OpKind::add, m.add(up, {8, 8, 8}, DType::i8, m.at(pooled).quant), a);
  scaled = m.of(OpKind::scale_shift, m.add(sum, {8, 8, 8}, DType::i8, m.quant(1, true)));
  scaled.vector = m.linear(time, 16, -1);
  scaled.activation = Activation::gelu;
  const int q = m.quant(1);
  scaled.residual = m.table(256, q);
  scaled.quant = m.quant(1);
  const int s = m.add(scaled, {8, 8, 8}, DType::i8, q);
  const auto [n0, n1] = m.group_norm(s, a, 4, m.floats({4, m.steps, 32}), 1024);
  const int qkv = m.conv(n0, n1, 24, 1, m.quant(1, true), m.floats({m.steps, 24}));
  const int attended = m.attention(qkv, 2);
  const int mixed = m.linear(attended, 8, m.quant(1), a);
  relu = m.of(OpKind::activation, mixed);
  relu.activation = Activation::relu;
  const int r = m.quant(1);
  relu.weights = m.table(256, r);
  m.conv(m.add(relu, {8, 8, 8}, DType::i8, r), -1, channels, 3, -1);
  return m.graph;
}

}  // namespace mote::test
