// Workspaces: memory in the arena that nothing else uses while a quantized convolution runs, for kernels that rearrange
// weights and inputs a block at a time. They cost nothing where they fit beside what lives anyway.
#include <algorithm>

#include "kernels/kernels_s8.h"
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

}  // namespace

namespace plan {

void place_workspaces(const Graph& graph, MemoryPlan& plan, int64_t most) {
  const int64_t smallest = plan.arena_bytes;
  for (size_t p = 0; p < plan.order.size(); ++p) {
    const size_t n = static_cast<size_t>(plan.order[p]);
    const int64_t useful = useful_workspace(graph, graph.nodes[n]);
    if (useful == 0) continue;
    const std::vector<Range> ranges = living(plan, static_cast<int>(p));
    Range gap = largest_gap(ranges, smallest);
    if (gap.bytes() < useful) gap = largest_gap(ranges, std::max(smallest, most));
    const int64_t bytes = std::min(gap.bytes() / format::alignment * format::alignment, useful);
    if (bytes == 0) continue;
    plan.scratch[n].worker_offset = gap.begin;
    plan.scratch[n].worker_bytes = bytes;
    plan.arena_bytes = std::max(plan.arena_bytes, gap.begin + bytes);
    plan.worker_scratch_bytes = std::max(plan.worker_scratch_bytes, bytes);
  }
}

}  // namespace plan

int64_t useful_workspace(const Graph& graph, const Node& node) {
  const bool convolves = node.kind == OpKind::conv2d || node.kind == OpKind::linear;
  if (!convolves || graph.tensors[static_cast<size_t>(node.weights)].dtype != DType::i8) return 0;
  constexpr int64_t most = 32768;
  return most;
}

}  // namespace mote::tool
