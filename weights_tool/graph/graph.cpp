#include "weights_tool/graph/graph.h"

#include <utility>

#include "format/view.h"

namespace mote::tool {
namespace {

const Tensor& tensor_at(const Graph& graph, int index) { return graph.tensors.at(static_cast<size_t>(index)); }

// An activation seen as height x width x channels; vectors are 1 x 1 x features.
struct Shape {
  int height, width, channels;
};
Shape shape_of(const Graph& graph, int index) {
  const Tensor& t = tensor_at(graph, index);
  if (t.rank == 1) return {1, 1, t.dims[0]};
  if (t.rank == 2) return {1, t.dims[0], t.dims[1]};
  return {t.dims[0], t.dims[1], t.dims[2]};
}

int channels_or_zero(const Graph& graph, int index) { return index < 0 ? 0 : shape_of(graph, index).channels; }

}  // namespace

std::vector<int> node_inputs(const Node& node) {
  std::vector<int> inputs;
  for (int t : {node.x[0], node.x[1], node.residual, node.vector, node.weights, node.bias}) {
    if (t >= 0) inputs.push_back(t);
  }
  return inputs;
}

std::vector<int> node_outputs(const Node& node) {
  std::vector<int> outputs;
  for (int t : node.y) {
    if (t >= 0) outputs.push_back(t);
  }
  return outputs;
}

int64_t node_macs(const Graph& graph, const Node& node) {
  switch (node.kind) {
    case OpKind::conv2d: {
      const Conv2dF32 s = conv2d_shape(graph, node);
      return int64_t{s.out_height} * s.out_width * s.out_channels * s.kernel_height * s.kernel_width *
             (s.channels[0] + s.channels[1]);
    }
    case OpKind::linear: {
      const LinearF32 s = linear_shape(graph, node);
      return int64_t{s.rows} * s.in_features * s.out_features;
    }
    case OpKind::attention: {
      const AttentionF32 s = attention_shape(graph, node);
      return int64_t{2} * s.tokens * s.tokens * s.heads * s.head_dim;
    }
    default: return 0;
  }
}

int64_t graph_macs(const Graph& graph) {
  int64_t macs = 0;
  for (const Node& node : graph.nodes) macs += node_macs(graph, node);
  return macs;
}

int64_t graph_parameters(const Graph& graph) {
  int64_t count = 0;
  for (const Tensor& t : graph.tensors) {
    if (t.role == Role::parameter) count += t.elements();
  }
  return count;
}

void strip_training_ops(Graph& graph) {
  std::vector<int> stands_for(graph.tensors.size());
  for (size_t t = 0; t < stands_for.size(); ++t) stands_for[t] = static_cast<int>(t);
  const auto resolve = [&](int& t) {
    if (t >= 0) t = stands_for[static_cast<size_t>(t)];
  };
  std::vector<Node> kept;
  for (Node& node : graph.nodes) {
    for (int* t : {&node.x[0], &node.x[1], &node.residual, &node.vector}) resolve(*t);
    if (node.kind == op_dropout) {
      stands_for[static_cast<size_t>(node.y[0])] = node.x[0];
    } else {
      kept.push_back(std::move(node));
    }
  }
  resolve(graph.output);
  graph.nodes = std::move(kept);

  // The outputs of the removed nodes go; the rest is renumbered.
  std::vector<int> number(graph.tensors.size(), -1);
  std::vector<Tensor> tensors;
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (stands_for[t] != static_cast<int>(t)) continue;
    number[t] = static_cast<int>(tensors.size());
    tensors.push_back(std::move(graph.tensors[t]));
  }
  graph.tensors = std::move(tensors);
  const auto renumber = [&](int& t) {
    if (t >= 0) t = number[static_cast<size_t>(t)];
  };
  for (Node& node : graph.nodes) {
    for (int* t :
         {&node.x[0], &node.x[1], &node.residual, &node.vector, &node.weights, &node.bias, &node.y[0], &node.y[1]}) {
      renumber(*t);
    }
  }
  renumber(graph.input);
  renumber(graph.output);
}

std::string shape_text(const Tensor& t) {
  std::string text;
  for (int d = 0; d < t.rank; ++d) text += (d ? "x" : "") + std::to_string(t.dims[static_cast<size_t>(d)]);
  return t.rank == 1 ? "[" + text + "]" : text;
}

const char* kind_name(OpKind kind) { return kind == op_dropout ? "dropout" : format::kind_text(kind); }

Conv2dF32 conv2d_shape(const Graph& graph, const Node& node) {
  const Shape x = shape_of(graph, node.x[0]), y = shape_of(graph, node.y[0]);
  Conv2dF32 s = {};
  s.channels[0] = x.channels;
  s.channels[1] = channels_or_zero(graph, node.x[1]);
  s.in_height = x.height;
  s.in_width = x.width;
  s.out_height = y.height;
  s.out_width = y.width;
  s.out_channels = y.channels;
  s.kernel_height = node.kernel_height;
  s.kernel_width = node.kernel_width;
  s.stride = node.stride;
  s.pad_top = node.pad_top;
  s.pad_left = node.pad_left;
  s.upsample = node.upsample;
  s.activation = node.activation;
  return s;
}

LinearF32 linear_shape(const Graph& graph, const Node& node) {
  LinearF32 s = {};
  s.in_features = shape_of(graph, node.x[0]).channels;
  s.out_features = shape_of(graph, node.y[0]).channels;
  s.rows = static_cast<int32_t>(tensor_at(graph, node.x[0]).elements() / s.in_features);
  s.activation = node.activation;
  return s;
}

GroupNormF32 group_norm_shape(const Graph& graph, const Node& node) {
  const Shape x = shape_of(graph, node.x[0]);
  GroupNormF32 s = {};
  s.channels[0] = x.channels;
  s.channels[1] = channels_or_zero(graph, node.x[1]);
  s.height = x.height;
  s.width = x.width;
  s.groups = node.groups;
  s.epsilon = node.epsilon;
  s.activation = node.activation;
  return s;
}

AttentionF32 attention_shape(const Graph& graph, const Node& node) {
  AttentionF32 s = {};
  s.heads = node.heads;
  s.head_dim = node.head_dim;
  s.tokens = static_cast<int32_t>(tensor_at(graph, node.y[0]).elements() / (int64_t{node.heads} * node.head_dim));
  s.scale = node.scale;
  return s;
}

}  // namespace mote::tool
