#include "graph/operators.h"

namespace mote {

const void* RunContext::address(uint32_t index) const {
  if (index == format::none) return nullptr;
  const format::TensorRecord& tensor = model->tensors[index];
  switch (static_cast<format::Storage>(tensor.storage)) {
    case format::Storage::constant: return model->constant(tensor);
    case format::Storage::input: return input;
    case format::Storage::arena: break;
  }
  return arena_address(index);
}

void* RunContext::arena_address(uint32_t index) const {
  return index == format::none || arena == nullptr ? nullptr : arena + model->tensors[index].offset;
}

const float* RunContext::read_vector(uint32_t index) const {
  const TensorView<const float> vector = read(index);
  if (vector.rank < 2) return vector.data;
  // A constant of a folded model: [steps][pitch] or [classes + 1][steps][pitch].
  const uint32_t row = vector.rank == 2 ? step : class_index * static_cast<uint32_t>(vector.dims[1]) + step;
  return vector.data + static_cast<size_t>(row) * static_cast<size_t>(vector.last());
}

void* RunContext::shared_scratch(const OperatorRecord& op) const {
  return op.scratch_bytes == 0 || arena == nullptr ? nullptr : arena + op.scratch_offset;
}

void* RunContext::scratch_of_worker(const OperatorRecord& op, uint32_t worker) const {
  if (op.worker_scratch_bytes == 0) return nullptr;
  if (worker == 0) return arena + op.worker_scratch_offset;
  return worker_scratch + static_cast<size_t>(worker - 1) * model->model->worker_scratch_bytes;
}

const mote_operator* find_operator(const mote_operator* const* table, const format::View& view,
                                   const OperatorRecord& op) {
  const DType dtype = format::operator_dtype(view, op);
  for (; *table != nullptr; ++table) {
    const mote_operator& candidate = **table;
    if (static_cast<uint16_t>(candidate.kind) == op.kind && candidate.dtype == dtype &&
        candidate.version == op.version) {
      return &candidate;
    }
  }
  return nullptr;
}

}  // namespace mote
