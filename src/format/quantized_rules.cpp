// The rules of quantized models beyond those of shapes (operator_rules.cpp): SPEC.md, "Quantized models", as code.
#include "core/math.h"
#include "format/operator_rules.h"

namespace mote::format {
namespace {

struct Context {
  const View& view;
  const OperatorRecord& op;

  const TensorRecord* operator[](int operand) const { return operand_tensor(view, op, operand); }
  bool has(int operand) const { return operand_index(op, operand) != none; }
  bool is(int operand, DType type) const { return (*this)[operand]->dtype == static_cast<uint8_t>(type); }
  bool per_step(uint32_t slot) const { return view.quant_slots[slot].scheme == quant_per_step; }
};

constexpr uint8_t relu = 3;

bool is_table(const TensorRecord* t, uint32_t least, uint32_t most) {
  const uint32_t n = t->dims[0];
  return t->rank == 1 && n >= least && n <= most && (n & (n - 1)) == 0;
}

// int16 inputs stand alone; what is added in codes, or clamped there, needs codes to be written.
Rule convolution(const Context& c, OperatorFacts* facts) {
  const bool codes = c.is(operand_y0, DType::i8);
  if ((c.has(operand_x1) && !c.is(operand_x0, DType::i8)) || (c.has(operand_residual) && !codes)) {
    return Rule::operator_operands;
  }
  if (c.op.activation != 0 && (c.op.activation != relu || !codes)) return Rule::operator_activation;
  // m and a correction of each input's sums, and b.
  facts->scratch_bytes = round16(uint64_t{4} * (c.has(operand_x1) ? 5 : 3) * c[operand_weights]->dims[0]);
  // The workspace is as large as the writer wants it.
  facts->worker_scratch_bytes = c.op.worker_scratch_bytes;
  return c.op.worker_scratch_bytes % alignment == 0 ? Rule::kept : Rule::operator_scratch;
}

// An operator that ends in an affine map: its codes are written as they are, or looked up in a table if it has an
// activation. The index into the table has a scale of its own.
Rule affine(const Context& c) {
  if (c.has(operand_residual) != (c.op.activation != 0)) return Rule::operator_operands;
  if ((c.op.quant != none) != c.has(operand_residual)) return Rule::operator_quant;
  if (!c.has(operand_residual)) return Rule::kept;
  if (!is_table(c[operand_residual], 256, 4096)) return Rule::operator_shapes;
  if (c.op.quant >= c.view.quant_slots.count) return Rule::operator_quant;
  const QuantSlot& index = c.view.quant_slots[c.op.quant];
  const uint32_t y = c[operand_y0]->quant;
  return index.scheme == quant_shared && index.count == 1 && c[operand_residual]->quant == y && !c.per_step(y)
             ? Rule::kept
             : Rule::operator_slots;
}

Rule group_norm(const Context& c, OperatorFacts* facts) {
  if (c.has(operand_x1) != c.has(operand_y1)) return Rule::operator_operands;
  if (c.has(operand_y1) && c[operand_y0]->quant != c[operand_y1]->quant) return Rule::operator_slots;
  const TensorRecord* x = c[operand_x0];
  const uint32_t channels = x->dims[2] + (c.has(operand_x1) ? c[operand_x1]->dims[2] : 0);
  const uint32_t height = x->dims[0], pixels = height * x->dims[1];
  if (pixels > max_norm_pixels || uint64_t{pixels} * (channels / c.op.p0) > max_norm_elements) {
    return Rule::operator_sums;
  }
  // Sums and sums of squares of each channel for up to four slices of rows, and the shift. A and B take their place.
  facts->scratch_bytes = round16(uint64_t{8} * (height < 4 ? height : 4) * channels) + 16;
  return affine(c);
}

Rule activation(const Context& c) {
  if (!is_table(c[operand_weights], 256, 256)) return Rule::operator_shapes;
  const uint32_t x = c[operand_x0]->quant, y = c[operand_y0]->quant;
  return c[operand_weights]->quant == y && !c.per_step(x) && !c.per_step(y) ? Rule::kept : Rule::operator_slots;
}

Rule attention(const Context& c) {
  if (!is_table(c[operand_weights], 256, 256)) return Rule::operator_shapes;
  const float step = c.op.f1;
  if (!is_finite_f32(step) || step < min_scale || step > max_scale) return Rule::operator_number;
  const TensorRecord* y = c[operand_y0];
  const uint32_t tokens = y->bytes / (c.op.p0 * c.op.p1);
  return c.op.p1 <= max_s8_head_dim && tokens <= max_s8_tokens ? Rule::kept : Rule::operator_sums;
}

Rule rule_of_kind(const Context& c, OperatorFacts* facts) {
  switch (static_cast<OpKind>(c.op.kind)) {
    case OpKind::conv2d:
    case OpKind::linear: return convolution(c, facts);
    case OpKind::group_norm: return group_norm(c, facts);
    case OpKind::activation: return activation(c);
    case OpKind::attention: return attention(c);
    case OpKind::scale_shift:
      facts->scratch_bytes = round16(uint64_t{8} * c[operand_x0]->dims[2]) + 16;  // A and B of each channel, the shift
      return affine(c);
    case OpKind::upsample: return c[operand_x0]->quant == c[operand_y0]->quant ? Rule::kept : Rule::operator_slots;
    case OpKind::add:
    case OpKind::average_pool:
    case OpKind::quantize:
    case OpKind::step_embedding: return Rule::kept;
    case OpKind::timestep_embedding:
    case OpKind::class_embedding: break;
  }
  return Rule::operator_types;
}

}  // namespace

Rule check_quantized_operator(const View& view, const OperatorRecord& op, OperatorFacts* facts) {
  const OpKind kind = static_cast<OpKind>(op.kind);
  const bool has_index = kind == OpKind::group_norm || kind == OpKind::scale_shift;
  if (op.quant != none && !has_index) return Rule::operator_quant;
  return rule_of_kind({view, op}, facts);
}

}  // namespace mote::format
