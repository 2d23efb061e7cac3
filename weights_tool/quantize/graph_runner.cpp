#include "weights_tool/quantize/graph_runner.h"

#include <cstring>

#include "format/verify.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr size_t line = 64;  // alignment of everything kernels touch

uint8_t* aligned(std::vector<uint8_t>& storage, size_t bytes) {
  storage.assign(bytes + line, 0);
  return storage.data() + (-reinterpret_cast<uintptr_t>(storage.data()) & (line - 1));
}

// As the writer numbers them: the tensors that nodes name, and the input, in the order of the graph.
std::vector<uint32_t> record_numbers(const Graph& graph) {
  std::vector<bool> used(graph.tensors.size(), false);
  used[static_cast<size_t>(graph.input)] = true;
  for (const Node& node : graph.nodes) {
    for (int t : node_inputs(node)) used[static_cast<size_t>(t)] = true;
    for (int t : node_outputs(node)) used[static_cast<size_t>(t)] = true;
  }
  std::vector<uint32_t> numbers(graph.tensors.size(), format::none);
  uint32_t count = 0;
  for (size_t t = 0; t < used.size(); ++t) {
    if (used[t]) numbers[t] = count++;
  }
  return numbers;
}

}  // namespace

RunnableGraph::RunnableGraph(const Graph& graph, const DiffusionInfo& info) {
  PlanOptions quick;
  quick.reorder = false;
  quick.placements = 1;
  const MemoryPlan plan = plan_memory(graph, 4, quick);
  const std::vector<uint8_t> bytes = write_model(graph, plan, info, Json());
  uint8_t* model = aligned(model_storage_, bytes.size());
  std::memcpy(model, bytes.data(), bytes.size());
  format::Place place;
  if (format::verify(model, bytes.size(), &view_, &place) < 0)
    throw Error(ExitCode::failure, std::string("the network does not verify: ") + format::part_text(place.part) + " " +
                                       std::to_string(place.index) + ": " + format::rule_text(place.rule));
  model_ = {view_, mote_all_operators};
  if (check_operator_table(model_) < 0) throw Error(ExitCode::failure, "the network has an operator without kernels");
  find_kernel_set(nullptr, &kernels_);
  const PackedSizes sizes = measure_packed(model_, kernels_);
  if (sizes.weights != 0) {
    packed_ = aligned(packed_storage_, static_cast<size_t>(sizes.weights));
    pack_weights(model_, kernels_, packed_);
    packed_scratch_bytes_ = static_cast<size_t>(sizes.worker_scratch);
  }
  node_of_operator_ = plan.order;
  record_of_tensor_ = record_numbers(graph);
}

GraphRunner::GraphRunner(const RunnableGraph& graph) : graph_(graph) {
  const size_t arena = graph.view_.model->arena_bytes;
  uint8_t* memory = aligned(storage_, arena + line + graph.packed_scratch_bytes_);
  context_.model = &graph.view_;
  context_.kernels = graph.kernels_;
  context_.arena = memory;
  if (graph.packed_scratch_bytes_ != 0) {
    context_.packed_scratch = memory + (arena + line - 1) / line * line;
    context_.packed_scratch_bytes = graph.packed_scratch_bytes_;
  }
}

void GraphRunner::run(const float* x, float timestep, int step, int class_row,
                      const std::function<void(int node)>& after) {
  context_.input = x;
  context_.timestep = timestep;
  context_.step = static_cast<uint32_t>(step);
  context_.class_index = static_cast<uint32_t>(class_row);
  const format::View& view = graph_.view_;
  const uint8_t* packed = graph_.packed_;
  for (uint32_t i = 0; i < view.operators.count; ++i) {
    const OperatorRecord& op = view.operators[i];
    const mote_operator& implementation = *find_operator(graph_.model_.operators, view, op);
    const uint8_t* own = nullptr;
    if (packed != nullptr && implementation.packed_bytes != nullptr) {
      const size_t bytes = (implementation.packed_bytes(context_, op) + packed_alignment - 1) & ~(packed_alignment - 1);
      if (bytes != 0) own = packed;
      packed += bytes;
    }
    Phase phases[max_phases];
    const uint32_t count = implementation.phases(view, op, phases);
    for (uint32_t p = 0; p < count; ++p) implementation.run(context_, op, {p, 0, phases[p].rows, 0, own});
    after(graph_.node_of_operator_[i]);
  }
}

const void* GraphRunner::data(int tensor) const {
  const format::TensorRecord& record = graph_.view_.tensors[graph_.record_of_tensor_[static_cast<size_t>(tensor)]];
  switch (static_cast<format::Storage>(record.storage)) {
    case format::Storage::constant: return graph_.view_.constant(record);
    case format::Storage::input: return context_.input;
    case format::Storage::arena: break;
  }
  return context_.arena + record.offset;
}

const float* GraphRunner::output() const {
  const format::TensorRecord& record = graph_.view_.tensors[graph_.view_.model->output_tensor];
  return reinterpret_cast<const float*>(context_.arena + record.offset);
}

}  // namespace mote::tool
