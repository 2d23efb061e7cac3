#include "format/view.h"

namespace mote::format {

uint32_t operand_index(const OperatorRecord& op, int operand) {
  switch (operand) {
    case operand_x0: return op.x[0];
    case operand_x1: return op.x[1];
    case operand_residual: return op.residual;
    case operand_vector: return op.vector;
    case operand_weights: return op.weights;
    case operand_bias: return op.bias;
    case operand_y0: return op.y[0];
    case operand_y1: return op.y[1];
    default: return none;
  }
}

const TensorRecord* operand_tensor(const View& view, const OperatorRecord& op, int operand) {
  const uint32_t index = operand_index(op, operand);
  return index == none ? nullptr : &view.tensors[index];
}

DType operator_dtype(const View& view, const OperatorRecord& op) {
  const OpKind kind = static_cast<OpKind>(op.kind);
  const bool weighted = kind == OpKind::conv2d || kind == OpKind::linear;
  return static_cast<DType>(view.tensors[weighted ? op.weights : op.y[0]].dtype);
}

}  // namespace mote::format
