#include "weights_tool/train/executor_plan.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "weights_tool/io/error.h"

namespace mote::tool {

int node_input(const Node& node, int which) {
  switch (which) {
    case input_x0: return node.x[0];
    case input_x1: return node.x[1];
    case input_residual: return node.residual;
    default: return node.vector;
  }
}

bool saves_preactivation(const Node& node) {
  return (node.kind == OpKind::conv2d || node.kind == OpKind::linear) && node.activation != Activation::none;
}

int64_t saved_floats(const Graph& graph, const Node& node, bool training) {
  const auto elements = [&](int t) { return graph.tensors[static_cast<size_t>(t)].elements(); };
  if (node.kind == OpKind::group_norm) {
    const GroupNormF32 shape = group_norm_shape(graph, node);
    return static_cast<int64_t>(group_norm_stats_floats(shape.channels[0] + shape.channels[1], shape.height));
  }
  if (!training) return 0;
  if (saves_preactivation(node)) return elements(node.y[0]);
  if (node.kind == op_dropout) return (elements(node.y[0]) + 15) / 16 * 4;  // blocks of 16 random bytes
  return 0;
}

namespace {

constexpr int64_t round_up(int64_t n) { return (n + 15) / 16 * 16; }

struct Buffer {
  int64_t floats = 0;
  int begin = 1 << 30, end = -1;
  int64_t offset = -1;
  void live(int time) {
    begin = std::min(begin, time);
    end = std::max(end, time);
  }
};

// Places buffers largest first, each at the lowest offset where it overlaps none that lives at the same time.
int64_t place(std::vector<Buffer>& buffers) {
  std::vector<size_t> order(buffers.size()), placed;
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].floats > buffers[b].floats; });
  int64_t total = 0;
  for (size_t index : order) {
    Buffer& buffer = buffers[index];
    if (buffer.end < 0) continue;
    int64_t offset = 0;
    for (size_t other_index : placed) {  // in rising offset
      const Buffer& other = buffers[other_index];
      if (other.end < buffer.begin || buffer.end < other.begin) continue;
      if (offset + buffer.floats <= other.offset) break;
      offset = std::max(offset, other.offset + other.floats);
    }
    buffer.offset = offset;
    total = std::max(total, offset + buffer.floats);
    const auto at = std::upper_bound(placed.begin(), placed.end(), offset,
                                     [&](int64_t o, size_t p) { return o < buffers[p].offset; });
    placed.insert(at, index);
  }
  return total;
}

int64_t most_alive(const std::vector<Buffer>& buffers, int times) {
  std::vector<int64_t> change(static_cast<size_t>(times) + 2, 0);
  for (const Buffer& b : buffers) {
    if (b.end < 0) continue;
    change[static_cast<size_t>(b.begin)] += b.floats;
    change[static_cast<size_t>(b.end) + 1] -= b.floats;
  }
  int64_t alive = 0, most = 0;
  for (int64_t c : change) most = std::max(most, alive += c);
  return most;
}

class Planner {
 public:
  Planner(const Graph& graph, int slice, bool training, bool keep_all, bool input_gradient)
      : graph_(graph),
        slice_(slice),
        training_(training),
        keep_all_(keep_all),
        input_gradient_(input_gradient),
        nodes_(static_cast<int>(graph.nodes.size())),
        activation_(graph.tensors.size(), -1),
        gradient_(graph.tensors.size(), -1),
        readers_(graph.tensors.size(), 0) {}

  ExecutionPlan plan() {
    plan_.stride.resize(graph_.tensors.size());
    for (size_t t = 0; t < graph_.tensors.size(); ++t) plan_.stride[t] = round_up(graph_.tensors[t].elements());
    plan_.saved_stride.assign(graph_.nodes.size(), 0);
    plan_.use.assign(graph_.nodes.size(), {});
    plan_.backward.assign(graph_.nodes.size(), false);
    saved_.assign(graph_.nodes.size(), -1);
    forward();
    if (training_) backward();
    plan_.floats = place(buffers_);
    plan_.lower_bound = most_alive(buffers_, 2 * nodes_ + 1);
    const auto offsets = [&](const std::vector<int>& of) {
      std::vector<int64_t> result;
      for (int b : of) result.push_back(b < 0 ? -1 : buffers_[static_cast<size_t>(b)].offset);
      return result;
    };
    plan_.activation = offsets(activation_);
    plan_.gradient = offsets(gradient_);
    plan_.saved = offsets(saved_);
    return plan_;
  }

 private:
  bool is_parameter(int t) const { return graph_.tensors[static_cast<size_t>(t)].role == Role::parameter; }
  Buffer& buffer(int index) { return buffers_[static_cast<size_t>(index)]; }
  int make(int64_t floats_per_image) {
    Buffer b;
    b.floats = round_up(floats_per_image) * slice_;
    buffers_.push_back(b);
    return static_cast<int>(buffers_.size()) - 1;
  }
  int& activation(int t) { return activation_[static_cast<size_t>(t)]; }
  int& gradient(int t) { return gradient_[static_cast<size_t>(t)]; }

  // Does the backward pass of a node read this input's value?
  static bool backward_reads(const Node& node, int which) {
    switch (node.kind) {
      case OpKind::conv2d:
      case OpKind::linear: return which == input_x0 || which == input_x1;
      case OpKind::group_norm:
      case OpKind::scale_shift:
      case OpKind::activation:
      case OpKind::attention: return true;
      default: return false;
    }
  }

  void forward() {
    for (const Node& node : graph_.nodes) {
      for (int which = 0; which < node_input_count; ++which) {
        const int t = node_input(node, which);
        if (t >= 0 && !is_parameter(t)) ++readers_[static_cast<size_t>(t)];
      }
    }
    activation(graph_.input) = make(plan_.stride[static_cast<size_t>(graph_.input)]);
    buffer(activation(graph_.input)).live(0);
    for (int i = 0; i < nodes_; ++i) forward_node(i);
    if (activation(graph_.output) < 0) throw Error(ExitCode::failure, "graph: no node writes the output");
    buffer(activation(graph_.output)).live(nodes_);
  }

  void forward_node(int i) {
    const Node& node = graph_.nodes[static_cast<size_t>(i)];
    for (int which = 0; which < node_input_count; ++which) {
      const int t = node_input(node, which);
      if (t < 0 || is_parameter(t)) continue;
      if (activation(t) < 0) {
        throw Error(ExitCode::failure, "graph: node " + node.name + " reads " +
                                           graph_.tensors[static_cast<size_t>(t)].name + " before it is written");
      }
      buffer(activation(t)).live(i);
      if (training_ && backward_reads(node, which)) buffer(activation(t)).live(2 * nodes_ - i);
      if (keep_all_) buffer(activation(t)).live(2 * nodes_);
    }
    for (int t : node_outputs(node)) {
      activation(t) = in_place(node) ? activation(node.x[0]) : make(plan_.stride[static_cast<size_t>(t)]);
      buffer(activation(t)).live(i);
      if (keep_all_) buffer(activation(t)).live(2 * nodes_);
    }
    const int64_t floats = saved_floats(graph_, node, training_);
    if (floats == 0) return;
    plan_.saved_stride[static_cast<size_t>(i)] = round_up(floats);
    saved_[static_cast<size_t>(i)] = make(floats);
    buffer(saved_[static_cast<size_t>(i)]).live(i);
    if (training_) buffer(saved_[static_cast<size_t>(i)]).live(2 * nodes_ - i);
  }

  // Dropout may overwrite what nobody else reads: its producer's backward pass reads inputs only.
  bool in_place(const Node& node) const {
    return node.kind == op_dropout && !keep_all_ && node.x[0] != graph_.input && node.x[0] != graph_.output &&
           readers_[static_cast<size_t>(node.x[0])] == 1;
  }

  void backward() {
    std::vector<bool> wanted(graph_.tensors.size(), false);  // depends on a trained parameter (or the input)
    wanted[static_cast<size_t>(graph_.input)] = input_gradient_;
    for (const Node& node : graph_.nodes) {
      bool any = false;
      for (int t : node_inputs(node)) {
        const Tensor& tensor = graph_.tensors[static_cast<size_t>(t)];
        any = any || (tensor.role == Role::parameter ? !tensor.constant : wanted[static_cast<size_t>(t)]);
      }
      for (int t : node_outputs(node)) wanted[static_cast<size_t>(t)] = any;
    }
    gradient(graph_.output) = make(plan_.stride[static_cast<size_t>(graph_.output)]);
    buffer(gradient(graph_.output)).live(nodes_);
    for (int i = nodes_ - 1; i >= 0; --i) backward_node(i, wanted);
    if (!input_gradient_) return;
    if (gradient(graph_.input) < 0) throw Error(ExitCode::failure, "graph: the output does not depend on the input");
    buffer(gradient(graph_.input)).live(2 * nodes_);
  }

  void backward_node(int i, const std::vector<bool>& wanted) {
    const Node& node = graph_.nodes[static_cast<size_t>(i)];
    const int time = 2 * nodes_ - i;
    if (!wanted[static_cast<size_t>(node.y[0])] || gradient(node.y[0]) < 0) return;
    for (int t : node_outputs(node)) {
      if (gradient(t) < 0) throw Error(ExitCode::failure, "graph: an output of node " + node.name + " is never read");
      buffer(gradient(t)).live(time);
    }
    plan_.backward[static_cast<size_t>(i)] = true;
    std::array<bool, 2> taken{false, false};  // the buffer of dy[k] has been passed on
    for (int which = 0; which < node_input_count; ++which) {
      const int t = node_input(node, which);
      if (t < 0 || is_parameter(t) || !wanted[static_cast<size_t>(t)]) continue;
      GradientUse& use = plan_.use[static_cast<size_t>(i)][static_cast<size_t>(which)];
      if (gradient(t) >= 0) {
        use = GradientUse::add;
        buffer(gradient(t)).live(time);
        continue;
      }
      const int source = passes_on(node, which);
      if (source >= 0 && !taken[static_cast<size_t>(source)]) {
        use = GradientUse::keep;
        taken[static_cast<size_t>(source)] = true;
        gradient(t) = gradient(node.y[static_cast<size_t>(source)]);
      } else {
        use = GradientUse::write;
        gradient(t) = make(plan_.stride[static_cast<size_t>(t)]);
        buffer(gradient(t)).live(time);
      }
    }
  }

  // The output whose gradient's buffer may become that of this input, or -1. The executor does that input last.
  static int passes_on(const Node& node, int which) {
    switch (node.kind) {
      case OpKind::conv2d:
      case OpKind::linear: return which == input_residual ? 0 : -1;
      case OpKind::add: return which == input_x1 ? 0 : -1;
      case OpKind::activation:
      case OpKind::scale_shift: return which == input_x0 ? 0 : -1;
      case OpKind::group_norm:
        if (which > input_x1 || (node.x[1] >= 0 && node.y[1] < 0)) return -1;
        return which;
      default: return node.kind == op_dropout && which == input_x0 ? 0 : -1;
    }
  }

  const Graph& graph_;
  int slice_;
  bool training_, keep_all_, input_gradient_;
  int nodes_;
  std::vector<Buffer> buffers_;
  std::vector<int> activation_, gradient_, saved_, readers_;  // buffers of tensors, of nodes; readers of tensors
  ExecutionPlan plan_;
};

}  // namespace

ExecutionPlan plan_execution(const Graph& graph, int slice, bool training, bool keep_all, bool input_gradient) {
  return Planner(graph, slice, training, keep_all, input_gradient).plan();
}

}  // namespace mote::tool
