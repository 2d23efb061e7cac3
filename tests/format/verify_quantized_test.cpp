// verify: quantized models; each broken rule is found where it is.
#include <functional>
#include <utility>

#include "tests/format/verify_support.h"
#include "tests/support/quantized_builder.h"

namespace mote::test {
namespace {

using format::none;
using format::OperatorRecord;
using format::OpKind;
using format::Part;
using format::QuantSlot;
using format::Rule;

// The operators of every_quantized_operator(), in order.
enum QOp {
  q_quantize,
  q_step,
  q_hidden,
  q_act,
  q_shift,
  q_modulation,
  q_first,
  q_norm,
  q_block,
  q_pool,
  q_down,
  q_add,
  q_qkv,
  q_attention,
  q_proj,
  q_scale,
  q_scale2,
  q_class,
  q_up,
  q_large,
  q_tall,
  q_pair,
  q_joined,
  q_bare,
  q_out
};

QuantSlot& slot_of_tensor(Builder& b, uint32_t tensor) { return b.slots[b.tensors[tensor].quant]; }
OperatorRecord& op_of(Builder& b, QOp i) { return b.operators[i]; }

}  // namespace

TEST_CASE("quantized models that keep the rules are accepted, and their scales seen as they were written") {
  for (bool per_step : {false, true}) {
    const QuantizedBuilder builder = every_quantized_operator(per_step);
    const AlignedBytes bytes = builder.file();
    const VerifyResult result = verify_bytes(bytes);
    INFO(std::string(format::rule_text(result.place.rule)), " ", result.place.index);
    REQUIRE(result.status == MOTE_OK);
    CHECK(format::check(result.view, nullptr) == MOTE_OK);
    CHECK(result.view.quantized());
    const uint32_t slot = builder.tensors[builder.operators[q_first].y[0]].quant;
    for (uint32_t step = 0; step < 3; ++step) {
      const format::QuantValue& expected = builder.values[builder.slots[slot].first + (per_step ? step : 0)];
      CHECK(result.view.quant_value(slot, step).scale == expected.scale);
      CHECK(result.view.quant_value(slot, step).zero_point == expected.zero_point);
    }
    CHECK(builder.slots[slot].scheme == (per_step ? 2 : 1));
  }
  CHECK(verify_bytes(smallest_quantized().file()).status == MOTE_OK);
  CHECK_FALSE(verify_bytes(smallest().file()).view.quantized());
}

TEST_CASE("slots and values: each broken rule is found where it is") {
  // Slot 0 is that of x_t as int16; its value is number 0.
  const struct {
    Rule rule;
    Part part;
    int index;
    std::function<void(Builder&)> change;
  } cases[] = {
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = nan_f32; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = infinity_f32; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = 0; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = -0.0f; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = -0.01f; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = 1e-42f; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = 0x1p-41f; }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { b.values[0].scale = 0x1.000002p20f; }},
      {Rule::quant_value, Part::quant, 5, [](Builder& b) { b.values[5].zero_point = -129; }},
      {Rule::quant_value, Part::quant, 5, [](Builder& b) { b.values[5].zero_point = INT32_MIN; }},
      {Rule::quant_scheme, Part::quant, 2, [](Builder& b) { b.slots[2].scheme = 0; }},
      {Rule::quant_scheme, Part::quant, 2, [](Builder& b) { b.slots[2].scheme = 3; }},
      {Rule::quant_reserved, Part::quant, 2, [](Builder& b) { b.slots[2].reserved[1] = 1; }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].first = static_cast<uint32_t>(b.values.size()); }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].first = 0xFFFFFFFFu; }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].count = 0xFFFFFFFFu; }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].first = 2, b.slots[2].count = 0xFFFFFFFEu; }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].count = 0; }},
      {Rule::quant_slot, Part::quant, 2, [](Builder& b) { b.slots[2].scheme = 2; }},
      {Rule::quant_folded, Part::model, 0, [](Builder& b) { b.model.flags = 0; }},
      {Rule::section_length, Part::section, 3, [](Builder& b) { b.quant = {255, 255, 255, 255, 255, 255, 255, 255}; }},
  };
  for (const auto& c : cases) {
    QuantizedBuilder builder = every_quantized_operator(false);
    c.change(builder);
    check_rule(builder.file(), c.rule, c.part, c.index);
  }
  QuantizedBuilder per_step = every_quantized_operator(true);
  per_step.model.default_steps = 2;
  per_step.rows.pop_back();
  const VerifyResult result = verify_bytes(per_step.file());
  CHECK(result.place.rule == Rule::quant_slot);
}

TEST_CASE("the slot of a tensor has the values its type needs") {
  const struct {
    QOp op;
    int operand;
    bool per_step;
    std::function<void(QuantSlot&, Builder&)> change;
  } cases[] = {
      // int16: one value, zero point 0.
      {q_quantize, format::operand_y0, false, [](QuantSlot& s, Builder& b) { b.values[s.first].zero_point = 1; }},
      {q_quantize, format::operand_y0, false, [](QuantSlot& s, Builder&) { s.count = 2; }},
      {q_quantize, format::operand_y0, false, [](QuantSlot& s, Builder&) { s.scheme = 2, s.count = 3; }},
      // Weights: one for each output channel, zero point 0, the same in all steps.
      {q_first, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.count -= 1; }},
      {q_first, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.count += 1; }},
      {q_first, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.count = 1; }},
      {q_first, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.scheme = 2, s.count = 3; }},
      {q_first, format::operand_weights, false,
       [](QuantSlot& s, Builder& b) { b.values[s.first + s.count - 1].zero_point = -1; }},
      {q_hidden, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.count -= 1; }},
      // Activations: one, or one for each step.
      {q_first, format::operand_y0, false, [](QuantSlot& s, Builder&) { s.count = 2; }},
      {q_first, format::operand_y0, true, [](QuantSlot& s, Builder&) { s.scheme = 1; }},
      // Tables: one.
      {q_attention, format::operand_weights, false, [](QuantSlot& s, Builder& b) { b.values[s.first].zero_point = 1; }},
      {q_attention, format::operand_weights, false, [](QuantSlot& s, Builder&) { s.count = 3, s.scheme = 2; }},
  };
  for (const auto& c : cases) {
    QuantizedBuilder builder = every_quantized_operator(c.per_step);
    const uint32_t tensor = format::operand_index(builder.operators[c.op], c.operand);
    c.change(slot_of_tensor(builder, tensor), builder);
    check_rule(builder.file(), Rule::tensor_slot, Part::tensor, static_cast<int>(tensor));
  }
  QuantizedBuilder missing = every_quantized_operator(false);
  missing.tensors[missing.operators[q_first].y[0]].quant = none;
  check_rule(missing.file(), Rule::tensor_quant, Part::tensor, static_cast<int>(missing.operators[q_first].y[0]));
  missing = every_quantized_operator(false);
  missing.tensors[missing.operators[q_first].y[0]].quant = static_cast<uint32_t>(missing.slots.size());
  check_rule(missing.file(), Rule::tensor_quant, Part::tensor, static_cast<int>(missing.operators[q_first].y[0]));
  missing = every_quantized_operator(false);
  missing.tensors[missing.operators[q_first].bias].quant = 0;
  check_rule(missing.file(), Rule::tensor_quant, Part::tensor, static_cast<int>(missing.operators[q_first].bias));
}

TEST_CASE("quantized operators: each broken rule is found at the operator that breaks it") {
  const auto y = [](Builder& b, QOp i) { return op_of(b, i).y[0]; };
  const struct {
    Rule rule;
    QOp index;
    std::function<void(QuantizedBuilder&, OperatorRecord&)> change;
  } cases[] = {
      // Float operators and types.
      {Rule::operator_types, q_step,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.kind = 9, r.vector = none, r.activation = 0, r.weights = op_of(b, q_first).bias;
       }},
      {Rule::operator_types, q_step,
       [&](QuantizedBuilder&, OperatorRecord& r) { r.kind = 10, r.vector = none, r.activation = 0; }},
      {Rule::operator_types, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.weights = b.s8_weights({8, 3, 3, 4}), r.x[1] = y(b, q_out);
       }},
      {Rule::operator_types, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.x[0] = 0; }},
      {Rule::operator_types, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.weights = r.bias; }},
      {Rule::operator_types, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.bias = r.weights; }},
      {Rule::operator_types, q_block, [&](QuantizedBuilder& b, OperatorRecord& r) { r.vector = y(b, q_hidden); }},
      {Rule::operator_types, q_block, [&](QuantizedBuilder& b, OperatorRecord& r) { r.residual = b.x_t(); }},
      {Rule::operator_types, q_block, [&](QuantizedBuilder& b, OperatorRecord& r) { r.x[1] = b.x_t(); }},
      {Rule::operator_types, q_norm, [&](QuantizedBuilder& b, OperatorRecord& r) { r.y[0] = y(b, q_out); }},
      {Rule::operator_types, q_norm, [&](QuantizedBuilder& b, OperatorRecord& r) { r.x[0] = b.x_t(); }},
      {Rule::operator_types, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.residual = r.bias; }},
      {Rule::operator_types, q_add, [&](QuantizedBuilder& b, OperatorRecord& r) { r.x[1] = y(b, q_out); }},
      {Rule::operator_types, q_attention,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.weights = op_of(b, q_act).weights; }},
      {Rule::operator_types, q_quantize, [&](QuantizedBuilder& b, OperatorRecord& r) { r.y[0] = y(b, q_first); }},
      {Rule::operator_types, q_step, [&](QuantizedBuilder& b, OperatorRecord& r) { r.y[0] = y(b, q_shift); }},
      // Where tensors lie.
      {Rule::operator_storage, q_quantize, [&](QuantizedBuilder& b, OperatorRecord& r) { r.x[0] = y(b, q_out); }},
      {Rule::operator_storage, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.residual = r.x[0]; }},
      {Rule::operator_storage, q_act, [&](QuantizedBuilder&, OperatorRecord& r) { r.weights = r.x[0]; }},
      {Rule::operator_storage, q_proj, [&](QuantizedBuilder&, OperatorRecord& r) { r.x[0] = r.weights; }},
      {Rule::operator_storage, q_step, [&](QuantizedBuilder& b, OperatorRecord& r) { r.vector = y(b, q_shift); }},
      // Operands that depend on others.
      {Rule::operator_operands, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.weights = b.s8_weights({8, 3, 3, 3}), r.x[1] = b.codes({7, 6, 1});
       }},
      {Rule::operator_operands, q_out,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.residual = b.codes({7, 6, 2});
       }},
      {Rule::operator_activation, q_out, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 3; }},
      {Rule::operator_activation, q_block, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 1; }},
      {Rule::operator_activation, q_hidden, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 2; }},
      {Rule::operator_activation, q_act, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 0; }},
      {Rule::operator_operands, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.residual = none; }},
      {Rule::operator_operands, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 0; }},
      {Rule::operator_operands, q_bare, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 1; }},
      {Rule::operator_operands, q_scale, [&](QuantizedBuilder&, OperatorRecord& r) { r.activation = 0; }},
      {Rule::operator_operands, q_step, [&](QuantizedBuilder&, OperatorRecord& r) { r.vector = none; }},
      {Rule::operator_operands, q_act, [&](QuantizedBuilder&, OperatorRecord& r) { r.weights = none; }},
      {Rule::operator_operands, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.weights = none; }},
      // Flags.
      {Rule::operator_flags, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.flags = 1; }},
      {Rule::operator_flags, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.flags = 8; }},
      {Rule::operator_flags, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.flags = 2; }},
      // The operator's own slot.
      {Rule::operator_quant, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = none; }},
      {Rule::operator_quant, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.quant = static_cast<uint32_t>(b.slots.size()); }},
      {Rule::operator_quant, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = none - 1; }},
      {Rule::operator_quant, q_bare, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = 0; }},
      {Rule::operator_quant, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = 0; }},
      {Rule::operator_quant, q_scale, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = none; }},
      {Rule::operator_quant, q_scale2, [&](QuantizedBuilder&, OperatorRecord& r) { r.quant = 0; }},
      {Rule::operator_slots, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.quant = b.slot_of(1, {{1, 0}, {1, 0}});
       }},
      {Rule::operator_slots, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.quant = b.slot_of(2, {{1, 0}, {1, 0}, {1, 0}});
       }},
      // Slots that must be shared, and the same in all steps.
      {Rule::operator_slots, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) { b.tensors[r.residual].quant = b.slot(1, 0); }},
      {Rule::operator_slots, q_act,
       [&](QuantizedBuilder& b, OperatorRecord& r) { b.tensors[r.weights].quant = b.slot(1, 0); }},
      {Rule::operator_slots, q_act,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         b.tensors[r.x[0]].quant = b.slot_of(2, {{1, 0}, {1, 0}, {1, 0}});
       }},
      {Rule::operator_slots, q_pair,
       [&](QuantizedBuilder& b, OperatorRecord& r) { b.tensors[r.y[1]].quant = b.slot(1, 0); }},
      {Rule::operator_slots, q_large,
       [&](QuantizedBuilder& b, OperatorRecord& r) { b.tensors[r.y[0]].quant = b.slot(1, 0); }},
      {Rule::operator_slots, q_scale,
       [&](QuantizedBuilder& b, OperatorRecord& r) { b.tensors[r.residual].quant = b.slot(1, 0); }},
      // Tables.
      {Rule::operator_shapes, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.residual = b.code_table(128, b.tensors[r.y[0]].quant); }},
      {Rule::operator_shapes, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.residual = b.code_table(768, b.tensors[r.y[0]].quant); }},
      {Rule::operator_shapes, q_norm,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.residual = b.code_table(8192, b.tensors[r.y[0]].quant); }},
      {Rule::operator_shapes, q_act,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.weights = b.code_table(255, b.tensors[r.y[0]].quant); }},
      {Rule::operator_shapes, q_act,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.weights = b.code_table(512, b.tensors[r.y[0]].quant); }},
      {Rule::operator_shapes, q_attention,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         const std::vector<uint8_t> short_table(255, 1);
         r.weights = b.typed_constant(DType::u8, {255}, short_table, b.slot(1, 0));
       }},
      // Vectors and shapes.
      {Rule::operator_shapes, q_quantize,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.y[0] = b.wide({7, 6, 1}, 1);
       }},
      {Rule::operator_shapes, q_step,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.vector = b.weights({3, 11}, 1);
       }},
      {Rule::operator_shapes, q_step,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.vector = b.weights({2, 12}, 1);
       }},
      {Rule::operator_shapes, q_step,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.weights = b.weights({3, 11}, 1);
       }},
      {Rule::operator_shapes, q_step,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.weights = b.weights({4, 12}, 1);
       }},
      // A second input of a normalisation has an output of its own.
      {Rule::operator_operands, q_pair,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.y[0] = b.codes({7, 6, 12}, 0), r.y[1] = none;
       }},
      // Numbers.
      {Rule::operator_number, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.f1 = 0; }},
      {Rule::operator_number, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.f1 = nan_f32; }},
      {Rule::operator_number, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.f1 = infinity_f32; }},
      {Rule::operator_number, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.f1 = 0x1p-41f; }},
      {Rule::operator_number, q_attention, [&](QuantizedBuilder&, OperatorRecord& r) { r.f0 = -1; }},
      // Scratch.
      {Rule::operator_scratch, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.scratch_bytes = 0; }},
      {Rule::operator_scratch, q_joined, [&](QuantizedBuilder&, OperatorRecord& r) { r.scratch_bytes -= 16; }},
      {Rule::operator_scratch, q_hidden, [&](QuantizedBuilder&, OperatorRecord& r) { r.scratch_offset += 4; }},
      {Rule::operator_scratch, q_norm, [&](QuantizedBuilder&, OperatorRecord& r) { r.scratch_bytes -= 16; }},
      {Rule::operator_scratch, q_scale,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.scratch_offset = b.model.arena_bytes; }},
      {Rule::operator_scratch, q_attention,
       [&](QuantizedBuilder&, OperatorRecord& r) { r.worker_scratch_offset = 0xFFFFFFF0u; }},
      {Rule::operator_scratch, q_add, [&](QuantizedBuilder&, OperatorRecord& r) { r.scratch_bytes = 16; }},
      // A workspace is of any size, but aligned, in the arena, and over nothing.
      {Rule::operator_scratch, q_first, [&](QuantizedBuilder&, OperatorRecord& r) { r.worker_scratch_bytes = 8; }},
      {Rule::operator_scratch, q_hidden,
       [&](QuantizedBuilder&, OperatorRecord& r) { r.worker_scratch_bytes = 16, r.worker_scratch_offset = 4; }},
      {Rule::operator_scratch, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.worker_scratch_bytes = b.model.arena_bytes + 16; }},
      {Rule::operator_scratch, q_first,
       [&](QuantizedBuilder&, OperatorRecord& r) {
         r.worker_scratch_bytes = 32, r.worker_scratch_offset = 0xFFFFFFF0u;
       }},
      {Rule::operator_overlap, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) {
         r.worker_scratch_bytes = 16, r.worker_scratch_offset = b.tensors[r.y[0]].offset;
       }},
      {Rule::operator_overlap, q_first,
       [&](QuantizedBuilder&, OperatorRecord& r) {
         r.worker_scratch_bytes = 16, r.worker_scratch_offset = r.scratch_offset;
       }},
      {Rule::operator_overlap, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.y[0]].offset; }},
      {Rule::operator_overlap, q_first,
       [&](QuantizedBuilder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.x[0]].offset / 16 * 16; }},
  };
  for (const auto& c : cases) {
    QuantizedBuilder builder = every_quantized_operator(false);
    // The change may add to the builder's vectors, so the record is changed on the side.
    OperatorRecord changed = builder.operators[c.index];
    c.change(builder, changed);
    builder.operators[c.index] = changed;
    check_rule(builder.file(), c.rule, Part::operation, c.index);
  }
}

TEST_CASE("tables of activations are for outputs whose scale is the same in all steps") {
  QuantizedBuilder b = every_quantized_operator(true);
  const uint32_t slot = b.slot_of(2, {{1, 0}, {1, 0}, {1, 0}});
  QuantizedBuilder norm = b;
  norm.tensors[norm.operators[q_scale].y[0]].quant = slot;  // its table cannot have it
  const VerifyResult result = verify_bytes(norm.file());
  CHECK(result.place.rule == Rule::operator_slots);
  CHECK(result.place.index == q_scale);
  norm.tensors[norm.operators[q_scale].residual].quant = slot;
  CHECK(verify_bytes(norm.file()).place.rule == Rule::tensor_slot);
}

TEST_CASE("the class table of a step embedding needs classes") {
  QuantizedBuilder b(4, 4, 1, 3, false);
  const uint32_t embedding = b.wide({5}, 1), y = b.floats({4, 4, 1});
  b.step_embedding(embedding, true, 0);
  b.s8_conv({b.x_t()}, y, 3, 3, 1);
  b.model.output_tensor = y;
  check_rule(b.file(), Rule::operator_shapes, Part::operation, 1);
  b.operators[1].weights = none;
  CHECK(verify_bytes(b.file()).status == MOTE_OK);
}

TEST_CASE("operators whose integer sums could overflow are refused") {
  const auto norm = [](uint32_t height, uint32_t width, uint32_t channels, uint32_t groups) {
    QuantizedBuilder b(height, width, 1, 1, false);
    const uint32_t x = b.codes({height, width, channels}),
                   y = b.codes_at({height, width, channels}, b.tensors[x].offset, 0);
    b.tensors[y].quant = b.random_slot();
    b.s8_conv({b.x_t()}, x, 1, 1, 0);
    b.s8_group_norm({x}, {y}, groups, 256);
    const uint32_t out = b.floats({height, width, 1});
    b.s8_conv({y}, out, 1, 1, 0);
    b.model.output_tensor = out;
    return verify_bytes(b.file());
  };
  CHECK(norm(512, 512, 32, 1).status == MOTE_OK);  // 2^18 pixels, 2^23 elements
  CHECK(norm(512, 512, 33, 1).place.rule == Rule::operator_sums);
  CHECK(norm(512, 513, 1, 1).place.rule == Rule::operator_sums);
  CHECK(norm(512, 512, 66, 2).status == MOTE_E_LIMIT);
  CHECK(norm(512, 512, 64, 2).status == MOTE_OK);

  const auto attention = [](uint32_t height, uint32_t width, uint32_t heads, uint32_t head_dim) {
    QuantizedBuilder b(height, width, 1, 1, false);
    const uint32_t inner = heads * head_dim;
    const uint32_t x = b.codes({height, width, 3 * inner}), y = b.codes({height, width, inner});
    b.s8_conv({b.x_t()}, x, 1, 1, 0);
    b.s8_attention(x, y, heads, head_dim);
    const uint32_t out = b.floats({height, width, 1});
    b.s8_conv({y}, out, 1, 1, 0);
    b.model.output_tensor = out;
    return verify_bytes(b.file());
  };
  CHECK(attention(25, 1321, 1, 1).status == MOTE_OK);  // 33025 tokens
  CHECK(attention(2, 16513, 1, 1).status == MOTE_E_LIMIT);
  CHECK(attention(22, 1502, 1, 1).place.rule == Rule::operator_sums);  // 33044
  CHECK(attention(1, 1, 2, 2730).status == MOTE_OK);
  CHECK(attention(1, 1, 1, 5461).status == MOTE_OK);
  // Pictures have too few channels for a larger head; tensors of other shapes reach the limit.
  QuantizedBuilder b = every_quantized_operator(false);
  const uint32_t x = b.codes({2, 3 * 8193}), y = b.codes({2, 8193});
  const OperatorRecord wide = b.s8_attention(x, y, 1, 8193);
  b.operators.pop_back();
  b.operators[q_attention] = wide;
  check_rule(b.file(), Rule::operator_sums, Part::operation, q_attention);
}

TEST_CASE("quantized operators may lie on their inputs exactly where SPEC.md says") {
  const struct {
    OpKind kind;
    bool allowed;
  } kinds[] = {{OpKind::activation, true},  {OpKind::group_norm, true}, {OpKind::add, true},
               {OpKind::scale_shift, true}, {OpKind::conv2d, false},    {OpKind::upsample, false}};
  for (const auto& k : kinds) {
    QuantizedBuilder b(4, 4, 4, 3, false);
    const uint32_t slot = b.random_slot(), first = b.codes({4, 4, 4}, slot);
    const Shape shape = k.kind == OpKind::upsample ? Shape{8, 8, 4} : Shape{4, 4, 4};
    if (k.kind == OpKind::upsample) b.reserve(4 * 64);
    const uint32_t second = b.codes_at(shape, b.tensors[first].offset, slot), out = b.floats({4, 4, 4});
    b.s8_conv({b.x_t()}, first, 3, 3, 1);
    if (k.kind == OpKind::activation) b.s8_activation(first, second);
    if (k.kind == OpKind::group_norm) b.s8_group_norm({first}, {second}, 2, 0);
    if (k.kind == OpKind::add) b.op(k.kind, {first, first}, {second});
    if (k.kind == OpKind::scale_shift) b.s8_scale_shift(first, second, b.step_vector(8, false, 1), 0);
    if (k.kind == OpKind::conv2d) b.s8_conv({first}, second, 3, 3, 1);
    if (k.kind == OpKind::upsample) b.op(k.kind, {first}, {second}).p0 = 2;
    OperatorRecord& last = b.s8_conv({second}, out, 1, 1, 0);
    if (k.kind == OpKind::upsample) last.stride = 2;
    b.model.output_tensor = out;
    const VerifyResult result = verify_bytes(b.file());
    CHECK((result.status == MOTE_OK) == k.allowed);
    if (!k.allowed) CHECK(result.place.rule == Rule::operator_overlap);
  }
}

}  // namespace mote::test
