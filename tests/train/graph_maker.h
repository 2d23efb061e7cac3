// Small graphs for tests: each function appends a node with random parameters and returns its output tensor.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::test {

struct GraphMaker {
  tool::Graph graph;
  std::mt19937 random{12345};

  explicit GraphMaker(int height, int width, int channels) {
    graph.input = tensor({height, width, channels}, tool::Role::input);
  }

  int tensor(std::vector<int> dims, tool::Role role = tool::Role::activation) {
    tool::Tensor t;
    t.name = "t" + std::to_string(graph.tensors.size());
    t.role = role;
    t.rank = static_cast<int>(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) t.dims[i] = dims[i];
    graph.tensors.push_back(t);
    return static_cast<int>(graph.tensors.size()) - 1;
  }
  int parameter(std::vector<int> dims, float deviation, float mean = 0) {
    const int t = tensor(std::move(dims), tool::Role::parameter);
    std::normal_distribution<float> normal(mean, deviation);
    for (int64_t i = graph.tensors[static_cast<size_t>(t)].elements(); i > 0; --i) {
      graph.tensors[static_cast<size_t>(t)].values.push_back(normal(random));
    }
    return t;
  }
  const std::array<int, 4>& dims(int t) const { return graph.tensors[static_cast<size_t>(t)].dims; }
  int rank(int t) const { return graph.tensors[static_cast<size_t>(t)].rank; }
  int add(tool::Node node, std::vector<int> out_dims) {
    node.name = "n" + std::to_string(graph.nodes.size());
    node.y[0] = tensor(std::move(out_dims));
    graph.output = node.y[0];
    graph.nodes.push_back(node);
    return node.y[0];
  }

  struct Conv {
    int kernel = 3, stride = 1, upsample = 1, pad_begin = 1, pad_end = 1;
    Activation activation = Activation::none;
    int residual = -1, shift = -1;
    int kernel_width = 0;  // 0: square
    bool signal = false;   // one row: 1 x kernel, pads, stride and upsampling along the width only
  };
  int conv(std::array<int, 2> x, int out, const Conv& c) {
    tool::Node node;
    node.kind = tool::OpKind::conv2d;
    node.x = x;
    const int kw = c.kernel_width ? c.kernel_width : c.kernel, kh = c.signal ? 1 : c.kernel;
    const int in = dims(x[0])[2] + (x[1] >= 0 ? dims(x[1])[2] : 0);
    node.weights = parameter({out, kh, kw, in}, 0.5f / static_cast<float>(c.kernel));
    node.bias = parameter({out}, 0.3f);
    node.kernel_height = kh;
    node.kernel_width = kw;
    node.stride = c.stride;
    node.upsample = c.upsample;
    node.pad_top = node.pad_left = c.pad_begin;
    node.pad_bottom = node.pad_right = c.pad_end;
    node.activation = c.activation;
    node.residual = c.residual;
    node.vector = c.shift;
    const int pad = c.pad_begin + c.pad_end, width = (dims(x[0])[1] * c.upsample + pad - kw) / c.stride + 1;
    if (c.signal) {
      node.pad_top = node.pad_bottom = 0;
      return add(node, {1, width, out});
    }
    return add(node, {(dims(x[0])[0] * c.upsample + pad - kh) / c.stride + 1, width, out});
  }
  int linear(int x, int out, Activation activation = Activation::none, int residual = -1) {
    tool::Node node;
    node.kind = tool::OpKind::linear;
    node.x[0] = x;
    node.activation = activation;
    node.residual = residual;
    std::vector<int> shape(dims(x).begin(), dims(x).begin() + rank(x));
    node.weights = parameter({out, shape.back()}, 0.4f);
    node.bias = parameter({out}, 0.3f);
    shape.back() = out;
    return add(node, shape);
  }
  int group_norm(std::array<int, 2> x, int groups, Activation activation, int vector = -1) {
    tool::Node node;
    node.kind = tool::OpKind::group_norm;
    node.x = x;
    node.groups = groups;
    node.epsilon = 1e-5f;
    node.activation = activation;
    node.vector = vector;
    const int c = dims(x[0])[2] + (x[1] >= 0 ? dims(x[1])[2] : 0);
    node.weights = parameter({c}, 0.3f, 1.0f);
    node.bias = parameter({c}, 0.3f);
    return add(node, {dims(x[0])[0], dims(x[0])[1], c});
  }
  int attention(int qkv, int heads) {
    tool::Node node;
    node.kind = tool::OpKind::attention;
    node.x[0] = qkv;
    node.heads = heads;
    node.head_dim = dims(qkv)[2] / 3 / heads;
    node.scale = 0.37f;
    return add(node, {dims(qkv)[0], dims(qkv)[1], dims(qkv)[2] / 3});
  }
  // activation, add, upsample, average_pool, scale_shift, dropout
  int simple(tool::OpKind kind, int x, int other = -1, Activation activation = Activation::none, int factor = 2) {
    tool::Node node;
    node.kind = kind;
    node.x[0] = x;
    node.activation = activation;
    node.factor = factor;
    node.dropout = 0.3f;
    if (kind == tool::OpKind::add) node.x[1] = other;
    if (kind == tool::OpKind::scale_shift) node.vector = other;
    std::vector<int> shape(dims(x).begin(), dims(x).begin() + rank(x));
    for (size_t d = shape[0] == 1 ? 1 : 0; d < 2; ++d) {  // signals: the width only
      if (kind == tool::OpKind::upsample) shape[d] *= factor;
      if (kind == tool::OpKind::average_pool) shape[d] /= factor;
    }
    return add(node, shape);
  }
  int time_vector(int features) {
    tool::Node node;
    node.kind = tool::OpKind::timestep_embedding;
    node.weights = parameter({features / 2}, 0.5f);
    graph.tensors[static_cast<size_t>(node.weights)].constant = true;
    return add(node, {features});
  }
  int class_vector(int features, int classes) {
    tool::Node node;
    node.kind = tool::OpKind::class_embedding;
    graph.num_classes = classes;
    node.weights = parameter({classes + 1, features}, 0.7f);
    return add(node, {features});
  }
};

}  // namespace mote::test
