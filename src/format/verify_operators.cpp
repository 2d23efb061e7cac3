// The operators: known kinds, tensors that exist and fit together, scratch of the normative size, and memory: nothing
// is written outside the arena, over something the same operator reads, or read before it was written.
//
// The last rule is checked by looking back from each read to the operator that wrote the tensor, past operators that
// must not touch its bytes. Without memory to mark tensors in, that is quadratic in the operators at worst (4096 by
// limit, half a second on a desktop); in networks a reader is near its writer.
#include "format/verifier.h"

namespace mote::format {
namespace {

// Bytes of the arena. Empty for tensors that are not there.
struct Range {
  uint32_t offset = 0, bytes = 0;
};

bool overlap(Range a, Range b) {
  return a.bytes != 0 && b.bytes != 0 && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

Range arena_range(const TensorRecord* t) {
  if (t == nullptr || t->storage != static_cast<uint8_t>(Storage::arena)) return {};
  return {t->offset, t->bytes};
}

// The four ranges that an operator writes: outputs and scratch.
struct Writes {
  Range range[4];
};
Writes writes_of(const View& view, const OperatorRecord& op) {
  return {{arena_range(operand_tensor(view, op, operand_y0)),
           arena_range(operand_tensor(view, op, operand_y1)),
           {op.scratch_offset, op.scratch_bytes},
           {op.worker_scratch_offset, op.worker_scratch_bytes}}};
}

bool lies(Storage storage, Where where) {
  switch (where) {
    case Where::anywhere: return true;
    case Where::arena: return storage == Storage::arena;
    case Where::constant: return storage == Storage::constant;
    case Where::input: return storage == Storage::input;
  }
  return false;
}

bool scratch_fits(uint32_t offset, uint32_t bytes, uint32_t needed, uint32_t arena_bytes) {
  if (bytes != needed) return false;
  return bytes == 0 || (offset % alignment == 0 && checked_range(offset, bytes, arena_bytes));
}

}  // namespace

Rule Verifier::operands_rule(const OperatorRecord& op, const KindRules& kind) const {
  for (int i = 0; i < operand_count; ++i) {
    const OperandRule& rule = kind.operands[i];
    const uint32_t index = operand_index(op, i);
    if (index == none) {
      if (rule.use == Use::required) return Rule::operator_operands;
      continue;
    }
    if (rule.use == Use::absent) return Rule::operator_operands;
    if (index >= view.tensors.count) return Rule::operator_index;
    const TensorRecord& t = view.tensors[index];
    if ((rule.types >> t.dtype & 1) == 0) return Rule::operator_types;
    if (!lies(static_cast<Storage>(t.storage), rule.where)) return Rule::operator_storage;
  }
  return view.quantized() || op.quant == none ? Rule::kept : Rule::operator_quant;
}

Rule Verifier::memory_rule(const OperatorRecord& op, const KindRules& kind, const OperatorFacts& facts) const {
  const uint32_t arena_bytes = view.model->arena_bytes;
  if (!scratch_fits(op.scratch_offset, op.scratch_bytes, facts.scratch_bytes, arena_bytes) ||
      !scratch_fits(op.worker_scratch_offset, op.worker_scratch_bytes, facts.worker_scratch_bytes, arena_bytes)) {
    return Rule::operator_scratch;
  }
  const Writes writes = writes_of(view, op);
  for (int w = 0; w < 4; ++w) {
    for (int other = 0; other < w; ++other) {
      if (overlap(writes.range[w], writes.range[other])) return Rule::operator_overlap;
    }
    for (int r = 0; r < operand_read_count; ++r) {
      const Range read = arena_range(operand_tensor(view, op, r));
      if (!overlap(writes.range[w], read)) continue;
      // y[0] may lie on operand r, or y[1] on the operand after one that y[0] may lie on.
      const bool may_share = w < 2 && r >= w && (kind.in_place >> (r - w) & 1) != 0;
      if (!may_share || writes.range[w].offset != read.offset || writes.range[w].bytes != read.bytes) {
        return Rule::operator_overlap;
      }
    }
  }
  return Rule::kept;
}

Rule Verifier::order_rule(uint32_t reader, uint32_t tensor) const {
  const Range range = arena_range(&view.tensors[tensor]);
  if (range.bytes == 0) return Rule::kept;
  for (uint32_t i = reader; i-- > 0;) {
    const OperatorRecord& op = view.operators[i];
    if (op.y[0] == tensor || op.y[1] == tensor) return Rule::kept;
    for (const Range& write : writes_of(view, op).range) {
      if (overlap(write, range)) return Rule::operator_order;
    }
  }
  return Rule::operator_order;
}

Rule Verifier::operator_rule(uint32_t index, OperatorFacts* facts) const {
  const OperatorRecord& op = view.operators[index];
  const KindRules* kind = kind_rules(op.kind, view.quantized());
  if (kind == nullptr || op.version != 1 || op.bytes != sizeof(OperatorRecord)) return Rule::operator_known;
  if ((op.flags & ~kind->flags) != 0 || op.activation > 4 || op.reserved0 != 0) return Rule::operator_flags;
  if (kind->activation == (op.activation == 0 ? Use::required : Use::absent)) return Rule::operator_activation;
  Rule broken = operands_rule(op, *kind);
  if (broken != Rule::kept) return broken;
  broken = check_operator_shapes(view, op, facts);
  if (broken != Rule::kept) return broken;
  if (view.quantized()) broken = check_quantized_operator(view, op, facts);
  if (broken != Rule::kept) return broken;
  broken = memory_rule(op, *kind, *facts);
  if (broken != Rule::kept) return broken;
  for (int r = 0; r < operand_read_count; ++r) {
    const uint32_t tensor = operand_index(op, r);
    if (tensor == none) continue;
    broken = order_rule(index, tensor);
    if (broken != Rule::kept) return broken;
  }
  if (op.name == none || view.names.empty()) return Rule::kept;  // names are optional
  const bool ends = view.names[view.names.count - 1] == 0;
  return ends && op.name < view.names.count ? Rule::kept : Rule::operator_name;
}

Status Verifier::operators() {
  if (view.operators.empty()) return file_rule(Rule::operator_count, sizeof(Header));
  if (view.operators.count > max_operators) return file_rule(Rule::operator_limit, sizeof(Header));
  uint32_t worker_scratch = 0;
  for (uint32_t i = 0; i < view.operators.count; ++i) {
    OperatorFacts facts;
    const Rule broken = operator_rule(i, &facts);
    if (broken != Rule::kept) return fail(broken, Part::operation, i, &view.operators[i]);
    if (facts.worker_scratch_bytes > worker_scratch) worker_scratch = facts.worker_scratch_bytes;
    view.macs += facts.macs;  // <= 2^48 + 2^53
    if (view.macs > max_macs) return fail(Rule::macs_limit, Part::operation, i, &view.operators[i]);
  }
  if (view.model->worker_scratch_bytes != worker_scratch) return model_rule(Rule::worker_scratch);
  const Rule broken = order_rule(static_cast<uint32_t>(view.operators.count), view.model->output_tensor);
  return broken == Rule::kept ? MOTE_OK : model_rule(broken);
}

}  // namespace mote::format
