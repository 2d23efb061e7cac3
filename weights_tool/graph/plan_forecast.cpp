#include "weights_tool/graph/plan_forecast.h"

#include <algorithm>
#include <utility>

namespace mote::tool {
namespace {

// The graph without the values of its parameters.
Graph shapes_of(const Graph& graph) {
  Graph form;
  form.input = graph.input;
  form.output = graph.output;
  form.num_classes = graph.num_classes;
  form.train_steps = graph.train_steps;
  form.prediction = graph.prediction;
  form.nodes = graph.nodes;
  for (const Tensor& t : graph.tensors) {
    Tensor shape;
    shape.name = t.name;
    shape.role = t.role;
    shape.rank = t.rank;
    shape.dims = t.dims;
    shape.constant = t.constant;
    form.tensors.push_back(std::move(shape));
  }
  return form;
}

class Forecast {
 public:
  explicit Forecast(const Graph& graph) : form_(shapes_of(graph)) {}

  Graph run() {
    find_time();
    for (Tensor& t : form_.tensors)
      if (t.role == Role::activation) t.dtype = DType::i8;
    fold_time();
    quantize_input();
    for (const Node& node : form_.nodes)
      if ((node.kind == OpKind::conv2d || node.kind == OpKind::linear) && node.weights >= 0)
        tensor(node.weights).dtype = DType::i8;
    tensor(form_.output).dtype = DType::f32;
    return std::move(form_);
  }

 private:
  Tensor& tensor(int index) { return form_.tensors[static_cast<size_t>(index)]; }

  // Marks tensors that do not depend on x_t, with the node that writes them.
  void find_time() {
    time_writer_.assign(form_.tensors.size(), -1);
    for (size_t i = 0; i < form_.nodes.size(); ++i) {
      bool time = true;
      for (int x : node_inputs(form_.nodes[i]))
        time = time && (tensor(x).role == Role::parameter || time_writer_[static_cast<size_t>(x)] >= 0);
      if (!time) continue;
      for (int y : node_outputs(form_.nodes[i])) time_writer_[static_cast<size_t>(y)] = static_cast<int>(i);
    }
  }
  bool is_time(int t) const { return t >= 0 && time_writer_[static_cast<size_t>(t)] >= 0; }

  // The nodes that depend on x_t, each after the projections it needs.
  void fold_time() {
    const std::vector<Node> nodes = std::exchange(form_.nodes, {});
    std::vector<int> made;
    for (const Node& node : nodes) {
      if (is_time(node.y[0])) continue;
      for (int t : node_inputs(node)) {
        if (!is_time(t) || std::find(made.begin(), made.end(), t) != made.end()) continue;
        made.push_back(t);
        keep_or_fold(nodes[static_cast<size_t>(time_writer_[static_cast<size_t>(t)])], t, made);
      }
      form_.nodes.push_back(node);
    }
  }

  // `t`: a vector that `writer` makes and a node that stays reads.
  void keep_or_fold(const Node& writer, int t, std::vector<int>& made) {
    const int embedding = writer.x[0];
    if (form_.num_classes == 0 || writer.kind != OpKind::linear || !is_time(embedding)) {
      tensor(t).role = Role::parameter;
      tensor(t).constant = true;
      tensor(t).dtype = DType::f32;
      return;
    }
    tensor(t).dtype = DType::f32;
    if (std::find(made.begin(), made.end(), embedding) == made.end()) {
      made.push_back(embedding);
      tensor(embedding).dtype = DType::i16;
      Node step;
      step.kind = OpKind::step_embedding;
      step.name = "step_embedding";
      step.y[0] = embedding;
      form_.nodes.push_back(std::move(step));
    }
    form_.nodes.push_back(writer);
  }

  void quantize_input() {
    Tensor copy = tensor(form_.input);
    copy.name += ".int16";
    copy.role = Role::activation;
    copy.dtype = DType::i16;
    const int index = static_cast<int>(form_.tensors.size());
    bool read = false;
    for (Node& node : form_.nodes) {
      for (int* t : {&node.x[0], &node.x[1], &node.residual}) {
        if (*t != form_.input) continue;
        *t = index;
        read = true;
      }
    }
    if (!read) return;
    form_.tensors.push_back(std::move(copy));
    Node quantize;
    quantize.kind = OpKind::quantize;
    quantize.name = "quantize";
    quantize.x[0] = form_.input;
    quantize.y[0] = index;
    form_.nodes.insert(form_.nodes.begin(), std::move(quantize));
  }

  Graph form_;
  std::vector<int> time_writer_;  // of each tensor: the node that makes it from time and class alone, or -1
};

}  // namespace

Graph int8_form(const Graph& graph) {
  if (!graph.quants.empty() || graph.input < 0 || graph.output < 0) return graph;
  return Forecast(graph).run();
}

}  // namespace mote::tool
