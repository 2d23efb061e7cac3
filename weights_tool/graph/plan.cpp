// Sizes, lifetimes and the parts of the planner put together. The searches are in plan_order.cpp and plan_offsets.cpp.
#include "weights_tool/graph/plan.h"

#include <algorithm>

#include "kernels/constants_s8.h"
#include "kernels/kernels_s8.h"
#include "weights_tool/graph/plan_forecast.h"
#include "weights_tool/graph/plan_parts.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

namespace plan {
namespace {

int64_t round_up(int64_t bytes) { return (bytes + format::alignment - 1) / format::alignment * format::alignment; }

DType dtype_of(const Graph& graph, int tensor) { return graph.tensors[static_cast<size_t>(tensor)].dtype; }
int64_t channels_of(const Graph& graph, int tensor) {
  const Tensor& t = graph.tensors[static_cast<size_t>(tensor)];
  return t.dims[static_cast<size_t>(t.rank - 1)];
}

// src/format/SPEC.md, "Scratch".
int64_t scratch_bytes(const Graph& graph, const Node& node) {
  switch (node.kind) {
    case OpKind::conv2d:
    case OpKind::linear:
      if (dtype_of(graph, node.x[0]) == DType::f32) return 0;
      return channels_of(graph, node.y[0]) * 4 * (node.x[1] >= 0 ? 5 : 3);
    case OpKind::group_norm: {
      const GroupNormF32 shape = group_norm_shape(graph, node);
      const int channels = shape.channels[0] + shape.channels[1];
      if (dtype_of(graph, node.y[0]) == DType::i8)
        return static_cast<int64_t>(group_norm_s8_stats_bytes(channels, shape.height));
      return static_cast<int64_t>(group_norm_stats_floats(channels, shape.height) * sizeof(float));
    }
    case OpKind::scale_shift:
      return dtype_of(graph, node.y[0]) == DType::i8 ? round_up(8 * channels_of(graph, node.y[0])) + 16 : 0;
    default: return 0;
  }
}

int64_t worker_scratch_bytes(const Graph& graph, const Node& node) {
  if (node.kind != OpKind::attention) return 0;
  const int tokens = attention_shape(graph, node).tokens;
  if (dtype_of(graph, node.y[0]) == DType::i8) return static_cast<int64_t>(attention_s8_scratch_bytes(tokens));
  return static_cast<int64_t>(attention_scratch_floats(tokens) * sizeof(float));
}

void check_node(const Graph& graph, const Sizes& sizes, int index) {
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  const auto fail = [&](const std::string& what) {
    throw Error(ExitCode::failure,
                "cannot plan memory: operator " + std::to_string(index) + " (" + node.name + ") " + what);
  };
  if (node.kind == op_dropout) fail("is dropout, which only training has");
  for (int tensor : node_inputs(node)) {
    const Tensor& t = graph.tensors[static_cast<size_t>(tensor)];
    if (t.role == Role::activation && sizes.producer[static_cast<size_t>(tensor)] < 0)
      fail("reads " + t.name + " before it is written");
  }
  for (int tensor : node_outputs(node)) {
    const Tensor& t = graph.tensors[static_cast<size_t>(tensor)];
    if (t.role != Role::activation) fail("writes " + t.name + ", which is no activation");
    if (sizes.producer[static_cast<size_t>(tensor)] >= 0) fail("writes " + t.name + " a second time");
  }
}

}  // namespace

Sizes measure(const Graph& graph) {
  Sizes sizes;
  const size_t tensors = graph.tensors.size(), nodes = graph.nodes.size();
  sizes.tensor_bytes.resize(tensors);
  sizes.readers.resize(tensors);
  sizes.producer.assign(tensors, -1);
  sizes.inputs.resize(nodes);
  sizes.outputs.resize(nodes);
  for (size_t i = 0; i < tensors; ++i) {
    const Tensor& tensor = graph.tensors[i];
    if (tensor.role == Role::activation)
      sizes.tensor_bytes[i] = round_up(tensor.elements() * dtype_bytes(tensor.dtype));
  }
  for (size_t i = 0; i < nodes; ++i) {
    const Node& node = graph.nodes[i];
    check_node(graph, sizes, static_cast<int>(i));
    for (int tensor : node_inputs(node)) {
      const size_t t = static_cast<size_t>(tensor);
      std::vector<int>& inputs = sizes.inputs[i];
      if (graph.tensors[t].role != Role::activation) continue;
      if (std::find(inputs.begin(), inputs.end(), tensor) != inputs.end()) continue;
      inputs.push_back(tensor);
      sizes.readers[t].push_back(static_cast<int>(i));
    }
    for (int tensor : node_outputs(node)) {
      sizes.outputs[i].push_back(tensor);
      sizes.producer[static_cast<size_t>(tensor)] = static_cast<int>(i);
    }
    sizes.scratch.push_back(round_up(scratch_bytes(graph, node)));
    sizes.worker_scratch.push_back(round_up(worker_scratch_bytes(graph, node)));
  }
  return sizes;
}

// Only what kernels.h promises: "y may be x".
std::vector<std::pair<int, int>> in_place_pairs(const Graph& graph, const Sizes& sizes, const Node& node) {
  std::vector<std::pair<int, int>> pairs;
  const auto offer = [&](int y, int x) {
    if (y < 0 || x < 0 || x == graph.output) return;
    const Tensor &from = graph.tensors[static_cast<size_t>(x)], &to = graph.tensors[static_cast<size_t>(y)];
    if (sizes.tensor_bytes[static_cast<size_t>(x)] == 0) return;
    if (from.elements() == to.elements() && from.dtype == to.dtype) pairs.emplace_back(y, x);
  };
  if (node.kind == OpKind::group_norm) {
    if (node.y[1] >= 0 && node.x[0] != node.x[1]) {
      offer(node.y[0], node.x[0]);
      offer(node.y[1], node.x[1]);
    } else if (node.x[1] < 0) {
      offer(node.y[0], node.x[0]);
    }
  } else if (node.kind == OpKind::activation || node.kind == OpKind::scale_shift) {
    offer(node.y[0], node.x[0]);
  } else if (node.kind == OpKind::add) {
    offer(node.y[0], node.x[0]);
    offer(node.y[0], node.x[1]);
  }
  return pairs;
}

PlannedBuffer scratch_buffer(int node, bool worker, int position, int64_t bytes) {
  PlannedBuffer buffer;
  buffer.node = node;
  buffer.worker = worker;
  buffer.begin = buffer.end = position;
  buffer.bytes = bytes;
  return buffer;
}

void copy_offsets(const Graph& graph, MemoryPlan& plan) {
  plan.tensor_offset.assign(graph.tensors.size(), -1);
  plan.scratch.assign(graph.nodes.size(), ScratchPlacement());
  for (const PlannedBuffer& buffer : plan.buffers) {
    for (int tensor : buffer.tensors) plan.tensor_offset[static_cast<size_t>(tensor)] = buffer.offset;
    if (buffer.node < 0) continue;
    ScratchPlacement& scratch = plan.scratch[static_cast<size_t>(buffer.node)];
    (buffer.worker ? scratch.worker_offset : scratch.offset) = buffer.offset;
    (buffer.worker ? scratch.worker_bytes : scratch.bytes) = buffer.bytes;
    if (buffer.worker) plan.worker_scratch_bytes = std::max(plan.worker_scratch_bytes, buffer.bytes);
  }
}

}  // namespace plan

namespace {

struct Lifetimes {
  std::vector<int> begin, end;  // of each tensor; begin -1: not in the arena
};

Lifetimes lifetimes(const Graph& graph, const plan::Sizes& sizes, const std::vector<int>& order) {
  std::vector<int> position(graph.nodes.size(), 0);
  for (size_t i = 0; i < order.size(); ++i) position[static_cast<size_t>(order[i])] = static_cast<int>(i);
  Lifetimes life;
  life.begin.assign(graph.tensors.size(), -1);
  life.end.assign(graph.tensors.size(), -1);
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (sizes.producer[t] < 0) continue;
    life.begin[t] = life.end[t] = position[static_cast<size_t>(sizes.producer[t])];
    for (int reader : sizes.readers[t]) life.end[t] = std::max(life.end[t], position[static_cast<size_t>(reader)]);
  }
  if (graph.output >= 0) life.end[static_cast<size_t>(graph.output)] = static_cast<int>(order.size());
  return life;
}

void list_peak_tensors(const Graph& graph, const plan::Sizes& sizes, MemoryPlan& plan) {
  const Lifetimes life = lifetimes(graph, sizes, plan.order);
  for (const PlannedBuffer& buffer : plan.buffers) {
    if (buffer.begin > plan.peak_position || plan.peak_position > buffer.end || buffer.tensors.empty()) continue;
    // Of tensors that lie one over the other, name the one that is read last there.
    int shown = buffer.tensors.front();
    for (int tensor : buffer.tensors)
      if (life.begin[static_cast<size_t>(tensor)] <= plan.peak_position) shown = tensor;
    plan.peak_tensors.push_back(shown);
  }
  std::stable_sort(plan.peak_tensors.begin(), plan.peak_tensors.end(), [&](int a, int b) {
    return sizes.tensor_bytes[static_cast<size_t>(a)] > sizes.tensor_bytes[static_cast<size_t>(b)];
  });
  if (plan.peak_tensors.size() > 10) plan.peak_tensors.resize(10);
}

std::vector<PlannedBuffer> buffers_of(const Graph& graph, const plan::Sizes& sizes, const std::vector<int>& order) {
  const Lifetimes life = lifetimes(graph, sizes, order);
  std::vector<PlannedBuffer> buffers;
  std::vector<int> home(graph.tensors.size(), -1);
  for (size_t p = 0; p < order.size(); ++p) {
    const int index = order[p], position = static_cast<int>(p);
    const size_t n = static_cast<size_t>(index);
    for (const auto& [y, x] : plan::in_place_pairs(graph, sizes, graph.nodes[n])) {
      if (home[static_cast<size_t>(y)] >= 0 || life.end[static_cast<size_t>(x)] != position) continue;
      const int shared = home[static_cast<size_t>(y)] = home[static_cast<size_t>(x)];
      PlannedBuffer& buffer = buffers[static_cast<size_t>(shared)];
      buffer.tensors.push_back(y);
      buffer.end = life.end[static_cast<size_t>(y)];
    }
    for (int y : sizes.outputs[n]) {
      const size_t t = static_cast<size_t>(y);
      if (home[t] >= 0) continue;
      home[t] = static_cast<int>(buffers.size());
      PlannedBuffer buffer;
      buffer.tensors = {y};
      buffer.begin = position;
      buffer.end = life.end[t];
      buffer.bytes = sizes.tensor_bytes[t];
      buffers.push_back(buffer);
    }
    if (sizes.scratch[n] > 0) buffers.push_back(plan::scratch_buffer(index, false, position, sizes.scratch[n]));
    if (sizes.worker_scratch[n] > 0)
      buffers.push_back(plan::scratch_buffer(index, true, position, sizes.worker_scratch[n]));
  }
  return buffers;
}

void set_peak(const Graph& graph, const plan::Sizes& sizes, MemoryPlan& plan) {
  plan.lower_bound = peak_bytes(plan.buffers, static_cast<int>(plan.order.size()), &plan.peak_position);
  plan.best_order_bound = plan.lower_bound;
  list_peak_tensors(graph, sizes, plan);
}

// With the workspaces of a plan that was made elsewhere.
std::vector<PlannedBuffer> with_workspaces(const Graph& graph, const MemoryPlan& plan,
                                           std::vector<PlannedBuffer> buffers) {
  for (size_t p = 0; p < plan.order.size(); ++p) {
    const int node = plan.order[p];
    const int64_t bytes = plan.scratch[static_cast<size_t>(node)].worker_bytes;
    if (bytes > 0 && useful_workspace(graph, graph.nodes[static_cast<size_t>(node)]) > 0)
      buffers.push_back(plan::scratch_buffer(node, true, static_cast<int>(p), bytes));
  }
  return buffers;
}

// Whether the tensors of a buffer lie at one offset in a plan that was made elsewhere.
bool lies_together(const MemoryPlan& plan, const PlannedBuffer& buffer) {
  for (int tensor : buffer.tensors)
    if (plan.tensor_offset[static_cast<size_t>(tensor)] != plan.tensor_offset[static_cast<size_t>(buffer.tensors[0])])
      return false;
  return true;
}

}  // namespace

int64_t peak_bytes(const std::vector<PlannedBuffer>& buffers, int positions, int* position) {
  std::vector<int64_t> change(static_cast<size_t>(positions) + 2, 0);
  for (const PlannedBuffer& buffer : buffers) {
    change[static_cast<size_t>(buffer.begin)] += buffer.bytes;
    change[static_cast<size_t>(buffer.end) + 1] -= buffer.bytes;
  }
  int64_t live = 0, most = 0;
  for (int p = 0; p <= positions; ++p) {
    live += change[static_cast<size_t>(p)];
    if (live <= most) continue;
    most = live;
    if (position != nullptr) *position = p;
  }
  return most;
}

MemoryPlan plan_memory(const Graph& graph, int element_bytes, const PlanOptions& options) {
  if (element_bytes == 1 && graph.quants.empty()) return plan_memory(int8_form(graph), 4, options);
  const plan::Sizes sizes = plan::measure(graph);
  MemoryPlan plan;
  if (options.reorder) {
    plan.order = plan::find_order(graph, sizes, options);
  } else {
    for (size_t i = 0; i < graph.nodes.size(); ++i) plan.order.push_back(static_cast<int>(i));
  }
  constexpr int variants = 16;
  const auto place = [&](const std::vector<int>& order, int64_t placements) {
    MemoryPlan placed;
    placed.order = order;
    placed.buffers = buffers_of(graph, sizes, order);
    placed.lower_bound = peak_bytes(placed.buffers, static_cast<int>(order.size()), nullptr);
    placed.arena_bytes = plan::find_offsets(placed.buffers, placed.lower_bound, placements, options.seed);
    return placed;
  };
  plan = place(plan.order, options.placements / 2);
  int64_t bound = plan.lower_bound;
  // Where the layouts of one order do not meet its bound, those of an order like it may, even one of a higher bound.
  for (int variant = 1; variant <= variants && options.reorder && plan.arena_bytes > bound; ++variant) {
    const int64_t most = bound + (plan.arena_bytes - bound) * (variant % 4) / 4;
    const std::vector<int> order =
        plan::vary_order(graph, sizes, plan.order, most, options.seed + static_cast<uint64_t>(variant));
    MemoryPlan other = place(order, options.placements / (2 * variants));
    bound = std::min(bound, other.lower_bound);
    if (other.arena_bytes <= plan.arena_bytes) plan = std::move(other);
  }
  plan::copy_offsets(graph, plan);
  if (options.workspaces)
    plan::place_workspaces(graph, plan, options.arena_bytes, options.placements / 8, options.seed);
  set_peak(graph, sizes, plan);
  plan.best_order_bound = bound;
  return plan;
}

void describe_stored_plan(const Graph& graph, MemoryPlan& plan) {
  const plan::Sizes sizes = plan::measure(graph);
  const Lifetimes life = lifetimes(graph, sizes, plan.order);
  plan.buffers.clear();
  for (PlannedBuffer& buffer : with_workspaces(graph, plan, buffers_of(graph, sizes, plan.order))) {
    if (buffer.node >= 0) {
      const ScratchPlacement& scratch = plan.scratch[static_cast<size_t>(buffer.node)];
      buffer.offset = buffer.worker ? scratch.worker_offset : scratch.offset;
    } else if (lies_together(plan, buffer)) {
      buffer.offset = plan.tensor_offset[static_cast<size_t>(buffer.tensors[0])];
    } else {  // an operator that could work in place does not
      for (int tensor : buffer.tensors) {
        const size_t t = static_cast<size_t>(tensor);
        PlannedBuffer alone = buffer;
        alone.tensors = {tensor};
        alone.begin = life.begin[t];
        alone.end = life.end[t];
        alone.offset = plan.tensor_offset[t];
        plan.buffers.push_back(alone);
      }
      continue;
    }
    plan.buffers.push_back(std::move(buffer));
  }
  set_peak(graph, sizes, plan);
}

}  // namespace mote::tool
