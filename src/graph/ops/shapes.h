// Shapes as several operators see them.
#pragma once
#include "graph/operators.h"

namespace mote {

// An activation of any rank as rows: the first dimension of a picture or matrix, all of a vector in one row.
struct Rows {
  uint32_t rows, row;
};
inline Rows rows_of(const format::TensorRecord& tensor) {
  const uint32_t elements = tensor.dims[0] * tensor.dims[1] * tensor.dims[2] * tensor.dims[3];
  const uint32_t rows = tensor.rank == 1 ? 1 : tensor.dims[0];
  return {rows, elements / rows};
}

// The phase of an operator that works through the rows of its first output, one unit of work an element.
inline uint32_t elementwise_phase(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const Rows rows = rows_of(view.tensors[op.y[0]]);
  phases[0] = {rows.rows, row_quantum, rows.row};
  return 1;
}

// The same of an average_pool: the work is in the elements read.
inline uint32_t pooling_phase(const format::View& view, const OperatorRecord& op, Phase* phases) {
  elementwise_phase(view, op, phases);
  phases[0].work_per_row *= op.p0 * op.p0;
  return 1;
}

// Whether the vector of a scale_shift has no scales.
inline bool is_shift_only(const RunContext& context, const OperatorRecord& op) {
  const format::TensorRecord& vector = context.model->tensors[op.vector];
  return vector.rank == 1 && vector.dims[0] == context.model->tensors[op.x[0]].dims[2];
}

inline Activation activation_of(const OperatorRecord& op) { return static_cast<Activation>(op.activation); }

}  // namespace mote
