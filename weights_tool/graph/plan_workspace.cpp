// Workspaces: memory in the arena that nothing else uses while a quantized convolution runs, for kernels that rearrange
// weights and inputs a block at a time. They cost nothing where they fit beside what lives anyway.
#include <algorithm>

#include "kernels/cortexm/workspace_s8.h"
#include "kernels/cortexm/workspace_s8_mve.h"
#include "weights_tool/graph/plan_parts.h"

namespace mote::tool {
namespace {

struct Range {
  int64_t begin = 0, end = 0;
  int64_t bytes() const { return end - begin; }
};

// What lives at a position, by where it begins.
std::vector<Range> living(const MemoryPlan& plan, int position) {
  std::vector<Range> ranges;
  for (const PlannedBuffer& buffer : plan.buffers) {
    if (buffer.begin <= position && position <= buffer.end)
      ranges.push_back({buffer.offset, buffer.offset + buffer.bytes});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  return ranges;
}

// The largest range below `limit` that touches none of `ranges`.
Range largest_gap(const std::vector<Range>& ranges, int64_t limit) {
  Range best;
  int64_t at = 0;
  const auto offer = [&](int64_t end) {
    if (end - at > best.bytes()) best = {at, end};
  };
  for (const Range& range : ranges) {
    offer(std::min(range.begin, limit));
    at = std::max(at, range.end);
  }
  offer(limit);
  return best;
}

// Moves the plan's buffers so that each convolution finds `share` of what the arena has left at its position in one
// piece, or as much of it as is useful. False if no such layout was found; the plan is then as it was.
bool make_room(const Graph& graph, MemoryPlan& plan, int64_t arena, double share, int64_t placements, uint64_t seed) {
  std::vector<PlannedBuffer> buffers = plan.buffers;
  for (size_t p = 0; p < plan.order.size(); ++p) {
    const int position = static_cast<int>(p);
    int64_t left = arena;
    for (const Range& range : living(plan, position)) left -= range.bytes();
    const int64_t useful = useful_workspace(graph, graph.nodes[static_cast<size_t>(plan.order[p])]);
    const int64_t bytes = std::min(static_cast<int64_t>(static_cast<double>(left) * share), useful) /
                          format::alignment * format::alignment;
    if (bytes > 0) buffers.push_back(plan::scratch_buffer(plan.order[p], true, position, bytes));
  }
  if (plan::find_offsets(buffers, arena, placements, seed) > arena) return false;
  buffers.resize(plan.buffers.size());
  int64_t end = 0;
  for (const PlannedBuffer& buffer : buffers) end = std::max(end, buffer.offset + buffer.bytes);
  plan.buffers = std::move(buffers);
  plan.arena_bytes = std::max(plan.lower_bound, end);
  return true;
}

}  // namespace

namespace plan {

void place_workspaces(const Graph& graph, MemoryPlan& plan, int64_t most, int64_t placements, uint64_t seed) {
  const auto has_use = [&](const Node& node) { return useful_workspace(graph, node) > 0; };
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), has_use)) return;
  const int64_t arena = std::max(plan.arena_bytes, most);
  for (const double share : {1.0, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3}) {
    if (make_room(graph, plan, arena, share, placements, seed)) break;
  }
  for (size_t p = 0; p < plan.order.size(); ++p) {
    const size_t n = static_cast<size_t>(plan.order[p]);
    const int64_t useful = useful_workspace(graph, graph.nodes[n]);
    if (useful == 0) continue;
    const Range gap = largest_gap(living(plan, static_cast<int>(p)), arena);
    const int64_t bytes = std::min(gap.bytes() / format::alignment * format::alignment, useful);
    if (bytes == 0) continue;
    PlannedBuffer workspace = scratch_buffer(static_cast<int>(n), true, static_cast<int>(p), bytes);
    workspace.offset = gap.begin;
    plan.buffers.push_back(workspace);
    plan.arena_bytes = std::max(plan.arena_bytes, gap.begin + bytes);
  }
  copy_offsets(graph, plan);
}

}  // namespace plan

namespace {

// What the kernels of quantized convolutions know of a node's shape.
Conv2dS8 quantized_shape(const Graph& graph, const Node& node) {
  static const int16_t wide = 0;
  Conv2dS8 s = {};
  if (node.kind == OpKind::linear) {
    const LinearF32 shape = linear_shape(graph, node);
    s.channels[0] = shape.in_features;
    s.out_channels = shape.out_features;
    s.in_height = s.out_height = shape.rows;
    s.in_width = s.out_width = 1;
    s.kernel_height = s.kernel_width = s.stride = s.upsample = 1;
  } else {
    const Conv2dF32 shape = conv2d_shape(graph, node);
    for (int i = 0; i < 2; ++i) s.channels[i] = shape.channels[i];
    s.in_height = shape.in_height;
    s.in_width = shape.in_width;
    s.out_height = shape.out_height;
    s.out_width = shape.out_width;
    s.out_channels = shape.out_channels;
    s.kernel_height = shape.kernel_height;
    s.kernel_width = shape.kernel_width;
    s.stride = shape.stride;
    s.pad_top = shape.pad_top;
    s.pad_left = shape.pad_left;
    s.upsample = shape.upsample;
  }
  if (graph.tensors[static_cast<size_t>(node.x[0])].dtype == DType::i16) s.x16 = &wide;
  s.below_2_25 = (node.proofs & format::op_sums_below_2_25) != 0;
  s.below_2_29 = (node.proofs & format::op_sums_below_2_29) != 0;
  return s;
}

// More would go to each worker of a desktop, whose kernels have no use for it.
constexpr int64_t most_useful = 65536;

}  // namespace

int64_t useful_workspace(const Graph& graph, const Node& node) {
  const bool convolves = node.kind == OpKind::conv2d || node.kind == OpKind::linear;
  if (!convolves || graph.tensors[static_cast<size_t>(node.x[0])].dtype == DType::f32) return 0;
  const Conv2dS8 shape = quantized_shape(graph, node);
  const int64_t dsp = static_cast<int64_t>(conv2d_s8_dsp_useful_workspace(shape, shape.out_height));
  const int64_t mve = static_cast<int64_t>(workspace_mve::useful_bytes(shape));
  return std::min((std::max(dsp, mve) + format::alignment - 1) / format::alignment * format::alignment, most_useful);
}

}  // namespace mote::tool
