// Reads every byte of a verified model: checksum, weights and the proofs about them.
#include "core/crc32.h"
#include "core/math.h"
#include "format/verify.h"

namespace mote::format {

namespace {

constexpr float least_weight = 0x1p-60f, largest_weight = 0x1p20f;  // of a quantized model, or 0

// The first element of a constant that breaks a rule of its own, or `none`.
struct Flaw {
  Rule rule = Rule::kept;
  uint32_t element = none;
};

Flaw flaw_of_floats(const float* values, uint32_t count, bool quantized) {
  for (uint32_t k = 0; k < count; ++k) {
    const float size = abs_f32(values[k]);
    if (!is_finite_f32(size)) return {Rule::weight_finite, k};
    if (quantized && size != 0.0f && (size < least_weight || size > largest_weight)) return {Rule::weight_range, k};
  }
  return {};
}

Flaw flaw_of_constant(const View& view, const TensorRecord& tensor) {
  const void* bytes = view.constant(tensor);
  if (tensor.dtype == static_cast<uint8_t>(DType::f32)) {
    return flaw_of_floats(static_cast<const float*>(bytes), tensor.bytes / sizeof(float), view.quantized());
  }
  const auto* codes = static_cast<const int8_t*>(bytes);
  for (uint32_t k = 0; view.is_weights(tensor) && k < tensor.bytes; ++k) {
    if (codes[k] == -128) return {Rule::weight_range, k};  // products of pairs would not fit where kernels keep them
  }
  // A table of attention: the largest score has a weight, so that their sum is not 0.
  if (tensor.dtype == static_cast<uint8_t>(DType::u8) && *static_cast<const uint8_t*>(bytes) == 0) {
    return {Rule::weight_range, 0};
  }
  return {};
}

// The largest |x - zero| in any step.
uint64_t largest_distance(const View& view, const TensorRecord& x) {
  if (x.dtype == static_cast<uint8_t>(DType::i16)) return 32767;
  const QuantSlot& slot = view.quant_slots[x.quant];
  int32_t largest = 0;
  for (uint32_t i = 0; i < slot.count; ++i) {
    const int32_t zero = view.quant_values[slot.first + i].zero_point;
    const int32_t distance = zero < 0 ? 127 - zero : zero + 128;
    if (distance > largest) largest = distance;
  }
  return static_cast<uint64_t>(largest);
}

// Whether the sums of each input and output channel stay below `limit`: SPEC.md, "Proofs".
bool sums_below(const View& view, const OperatorRecord& op, uint64_t limit) {
  const TensorRecord& weights = view.tensors[op.weights];
  const TensorRecord* x[2] = {operand_tensor(view, op, operand_x0), operand_tensor(view, op, operand_x1)};
  const uint32_t outputs = weights.dims[0];
  const uint32_t inputs[2] = {x[0]->dims[x[0]->rank - 1], x[1] == nullptr ? 0 : x[1]->dims[2]};
  const uint64_t distance[2] = {largest_distance(view, *x[0]), x[1] == nullptr ? 0 : largest_distance(view, *x[1])};
  const uint32_t taps = weights.bytes / (outputs * (inputs[0] + inputs[1]));
  const auto* w = static_cast<const int8_t*>(view.constant(weights));
  for (uint32_t o = 0; o < outputs; ++o) {
    uint64_t sums[2] = {0, 0};  // <= 2^28 * 128
    for (uint32_t tap = 0; tap < taps; ++tap) {
      for (int i = 0; i < 2; ++i) {
        for (const int8_t* end = w + inputs[i]; w != end; ++w) sums[i] += static_cast<uint64_t>(*w < 0 ? -*w : *w);
      }
    }
    if (sums[0] * distance[0] >= limit || sums[1] * distance[1] >= limit) return false;
  }
  return true;
}

// Whether the flags of an operator say nothing false. The kinds that have others prove nothing.
bool proofs_hold(const View& view, const OperatorRecord& op) {
  if (op.kind != static_cast<uint16_t>(OpKind::conv2d) && op.kind != static_cast<uint16_t>(OpKind::linear)) return true;
  if ((op.flags & op_sums_below_2_25) != 0) return sums_below(view, op, uint64_t{1} << 25);  // implies the other
  return (op.flags & op_sums_below_2_29) == 0 || sums_below(view, op, uint64_t{1} << 29);
}

}  // namespace

Status check(const View& view, Place* place) {
  const auto fail = [&](Rule rule, Part part, uint32_t index, uint32_t offset) {
    if (place != nullptr) *place = {rule, part, index, offset};
    return rule_status(rule);
  };
  constexpr uint32_t unsummed = 16;  // the checksum does not cover itself and what is before it
  if (crc32(0, view.bytes + unsummed, view.header->file_bytes - unsummed) != view.header->crc32) {
    return fail(Rule::checksum, Part::file, 0, offsetof(Header, crc32));
  }
  for (uint32_t i = 0; i < view.tensors.count; ++i) {
    const TensorRecord& tensor = view.tensors[i];
    if (tensor.storage != static_cast<uint8_t>(Storage::constant)) continue;
    const Flaw flaw = flaw_of_constant(view, tensor);
    if (flaw.rule == Rule::kept) continue;
    const uint32_t offset = flaw.element * dtype_bytes(static_cast<DType>(tensor.dtype));
    return fail(flaw.rule, Part::tensor, i, view.file_offset(view.constant(tensor)) + offset);
  }
  for (uint32_t i = 0; i < view.operators.count; ++i) {
    const OperatorRecord& op = view.operators[i];
    if (!proofs_hold(view, op)) return fail(Rule::false_proof, Part::operation, i, view.file_offset(&op));
  }
  return MOTE_OK;
}

}  // namespace mote::format
