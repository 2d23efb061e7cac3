// verify: the operators; each broken rule is found at the operator that breaks it.

#include <functional>
#include <utility>

#include "tests/format/verify_support.h"

namespace mote::test {
namespace {

using format::OperatorRecord;
using format::OpKind;
using format::Part;
using format::Rule;

}  // namespace

TEST_CASE("operators: each broken rule is found at the operator that breaks it") {
  const auto o = [](Builder& b, Op i) -> OperatorRecord& { return b.operators[i]; };
  const struct {
    Rule rule;
    Op index;
    std::function<void(Builder&, OperatorRecord&)> change;
  } cases[] = {
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.kind = 0; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.kind = 14; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.version = 2; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.bytes = 100; }},
      {Rule::operator_flags, op_join, [](Builder&, OperatorRecord& r) { r.flags = 1; }},
      {Rule::operator_flags, op_sinusoid, [](Builder&, OperatorRecord& r) { r.flags = 2; }},
      {Rule::operator_flags, op_out, [](Builder&, OperatorRecord& r) { r.activation = 5; }},
      {Rule::operator_flags, op_out, [](Builder&, OperatorRecord& r) { r.reserved0 = 1; }},
      {Rule::operator_activation, op_silu, [](Builder&, OperatorRecord& r) { r.activation = 0; }},
      {Rule::operator_activation, op_join, [](Builder&, OperatorRecord& r) { r.activation = 1; }},
      {Rule::operator_dilation, op_out, [](Builder&, OperatorRecord& r) { r.dilation = 2; }},
      {Rule::operator_types, op_out,
       [](Builder& b, OperatorRecord& r) {
         b.tensors[r.bias].dtype = 4;  // int32 has the size of float32 and needs no scale
       }},
      {Rule::operator_index, op_out,
       [](Builder& b, OperatorRecord& r) { r.bias = static_cast<uint32_t>(b.tensors.size()); }},
      {Rule::operator_index, op_out, [](Builder&, OperatorRecord& r) { r.x[1] = format::none - 1; }},
      {Rule::operator_operands, op_out, [](Builder&, OperatorRecord& r) { r.x[0] = format::none; }},
      {Rule::operator_operands, op_out, [](Builder&, OperatorRecord& r) { r.y[0] = format::none; }},
      {Rule::operator_operands, op_out, [](Builder&, OperatorRecord& r) { r.weights = format::none; }},
      {Rule::operator_operands, op_out, [](Builder&, OperatorRecord& r) { r.y[1] = r.y[0]; }},
      {Rule::operator_operands, op_silu, [](Builder&, OperatorRecord& r) { r.bias = 0; }},
      {Rule::operator_storage, op_out, [](Builder& b, OperatorRecord& r) { r.y[0] = b.input(); }},
      {Rule::operator_storage, op_out, [](Builder&, OperatorRecord& r) { r.y[0] = r.weights; }},
      {Rule::operator_storage, op_out, [](Builder&, OperatorRecord& r) { r.bias = r.x[0]; }},
      {Rule::operator_storage, op_plain, [](Builder& b, OperatorRecord& r) { r.weights = b.input(); }},
      {Rule::operator_quant, op_out, [](Builder&, OperatorRecord& r) { r.quant = 0; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.stride = 0; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.stride = 5; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.upsample = 3; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.upsample = 0; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.pad_left = 3; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.kernel_width = 0; }},
      {Rule::operator_geometry, op_out, [](Builder&, OperatorRecord& r) { r.kernel_width = 8; }},
      {Rule::operator_geometry, op_norm, [](Builder&, OperatorRecord& r) { r.p0 = 3; }},
      {Rule::operator_geometry, op_norm, [](Builder&, OperatorRecord& r) { r.p0 = 0; }},
      {Rule::operator_geometry, op_attention, [](Builder&, OperatorRecord& r) { r.p0 = 0; }},
      {Rule::operator_geometry, op_attention, [](Builder&, OperatorRecord& r) { r.p1 = 0x40000000u; }},
      {Rule::operator_geometry, op_pool, [](Builder&, OperatorRecord& r) { r.p0 = 1; }},
      {Rule::operator_geometry, op_large, [](Builder&, OperatorRecord& r) { r.p0 = 9; }},
      {Rule::operator_shapes, op_out, [](Builder&, OperatorRecord& r) { r.stride = 2; }},
      {Rule::operator_shapes, op_out, [](Builder&, OperatorRecord& r) { r.pad_top = 2; }},
      {Rule::operator_shapes, op_out,
       [](Builder&, OperatorRecord& r) { r.kernel_height = 1, r.pad_top = r.pad_bottom = 0; }},
      {Rule::operator_shapes, op_out, [](Builder&, OperatorRecord& r) { r.x[1] = r.x[0]; }},
      {Rule::operator_shapes, op_block, [&](Builder& b, OperatorRecord& r) { r.vector = o(b, op_modulation).y[0]; }},
      {Rule::operator_shapes, op_block, [&](Builder& b, OperatorRecord& r) { r.residual = b.input(); }},
      {Rule::operator_shapes, op_block, [&](Builder& b, OperatorRecord& r) { r.bias = o(b, op_out).bias; }},
      {Rule::operator_shapes, op_hidden, [&](Builder& b, OperatorRecord& r) { r.weights = o(b, op_shift).weights; }},
      {Rule::operator_shapes, op_hidden, [&](Builder& b, OperatorRecord& r) { r.bias = o(b, op_shift).bias; }},
      {Rule::operator_shapes, op_proj, [&](Builder& b, OperatorRecord& r) { r.residual = o(b, op_qkv).y[0]; }},
      {Rule::operator_shapes, op_proj, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_shift).y[0]; }},
      {Rule::operator_shapes, op_norm, [&](Builder& b, OperatorRecord& r) { r.weights = o(b, op_pair).weights; }},
      {Rule::operator_shapes, op_norm, [&](Builder& b, OperatorRecord& r) { r.vector = o(b, op_shift).y[0]; }},
      {Rule::operator_shapes, op_norm, [&](Builder& b, OperatorRecord& r) { r.y[1] = o(b, op_first).y[0]; }},
      {Rule::operator_shapes, op_pair, [](Builder&, OperatorRecord& r) { r.y[1] = r.y[0]; }},
      {Rule::operator_shapes, op_silu, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_shift).y[0]; }},
      {Rule::operator_shapes, op_attention, [](Builder&, OperatorRecord& r) { r.p1 = 5; }},
      {Rule::operator_shapes, op_sum, [&](Builder& b, OperatorRecord& r) { r.x[1] = o(b, op_sinusoid).y[0]; }},
      {Rule::operator_shapes, op_large, [](Builder&, OperatorRecord& r) { r.p0 = 3; }},
      {Rule::operator_shapes, op_pool, [](Builder&, OperatorRecord& r) { r.p0 = 3; }},
      {Rule::operator_shapes, op_sinusoid, [&](Builder& b, OperatorRecord& r) { r.weights = o(b, op_shift).bias; }},
      {Rule::operator_shapes, op_class, [&](Builder& b, OperatorRecord& r) { r.weights = o(b, op_shift).weights; }},
      {Rule::operator_shapes, op_scale, [&](Builder& b, OperatorRecord& r) { r.vector = o(b, op_wide).y[0]; }},
      {Rule::operator_number, op_norm, [](Builder&, OperatorRecord& r) { r.f0 = 0; }},
      {Rule::operator_number, op_norm, [](Builder&, OperatorRecord& r) { r.f0 = nan_f32; }},
      {Rule::operator_number, op_norm, [](Builder&, OperatorRecord& r) { r.f0 = -1; }},
      {Rule::operator_number, op_attention, [](Builder&, OperatorRecord& r) { r.f0 = infinity_f32; }},
      {Rule::operator_number, op_attention, [](Builder&, OperatorRecord& r) { r.f0 = 2e6f; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_bytes -= 16; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_bytes += 16; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_offset += 4; }},
      {Rule::operator_scratch, op_norm, [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.model.arena_bytes; }},
      {Rule::operator_scratch, op_attention, [](Builder&, OperatorRecord& r) { r.worker_scratch_bytes = 0; }},
      {Rule::operator_scratch, op_attention,
       [](Builder&, OperatorRecord& r) { r.worker_scratch_offset = 0xFFFFFFF0u; }},
      {Rule::operator_scratch, op_out, [](Builder&, OperatorRecord& r) { r.scratch_bytes = 16; }},
      {Rule::operator_scratch, op_out, [](Builder&, OperatorRecord& r) { r.worker_scratch_bytes = 16; }},
      {Rule::operator_overlap, op_norm,
       [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_norm,
       [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.y[0]].offset; }},
      {Rule::operator_overlap, op_norm,
       [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.x[0]].offset + 16; }},
      {Rule::operator_overlap, op_attention,
       [](Builder& b, OperatorRecord& r) { r.worker_scratch_offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_block,
       [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_block,
       [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.residual].offset; }},
      {Rule::operator_overlap, op_pair,
       [](Builder& b, OperatorRecord& r) { std::swap(b.tensors[r.y[0]].offset, b.tensors[r.y[1]].offset); }},
      {Rule::operator_overlap, op_join, [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset -= 16; }},
      {Rule::operator_order, op_block,
       [](Builder& b, OperatorRecord& r) {
         r.residual = b.activation({7, 6, 8});
       }},
      {Rule::operator_order, op_hidden, [](Builder& b, OperatorRecord& r) { r.x[0] = b.activation({8}); }},
      {Rule::operator_order, op_scale2, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_proj).y[0]; }},
      {Rule::operator_order, op_up, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_proj).y[0]; }},
      {Rule::operator_order, op_pair,
       [&](Builder& b, OperatorRecord& r) { o(b, op_attention).worker_scratch_offset = b.tensors[r.vector].offset; }},
      {Rule::operator_name, op_out,
       [](Builder& b, OperatorRecord& r) { r.name = static_cast<uint32_t>(b.names.size()); }},
  };
  for (const auto& c : cases) {
    Builder builder = every_operator();
    c.change(builder, builder.operators[c.index]);
    check_rule(builder.file(), c.rule, Part::operation, c.index);
  }
  Builder unended = every_operator();
  unended.names.back() = 'x';
  check_rule(unended.file(), Rule::operator_name, Part::operation, 0);
}

TEST_CASE("a class embedding needs classes") {
  Builder builder = every_operator();
  builder.model.num_classes = 0;
  check_rule(builder.file(), Rule::operator_shapes, Part::operation, op_class);
}

TEST_CASE("vectors by step are for folded models, with rows of whole 16 bytes") {
  Builder folded(4, 4, 1, 10, 3);
  folded.model.flags = format::model_folded;
  for (int i = 0; i < 3; ++i) folded.rows.push_back(plain_row(9 - i));
  const uint32_t y = folded.activation({4, 4, 1});
  const uint32_t vectors = folded.weights({3, 4}, 1), narrow = folded.weights({3, 1}, 1),
                 few = folded.weights({2, 4}, 1);
  folded.conv({0}, y, 3, 3, 1).vector = vectors;
  folded.model.output_tensor = y;
  CHECK(verify_bytes(folded.file()).status == MOTE_OK);
  for (uint32_t wrong : {narrow, few}) {
    Builder other = folded;
    other.operators[0].vector = wrong;
    check_rule(other.file(), Rule::operator_shapes, Part::operation, 0);
  }
  folded.model.flags = 0;
  check_rule(folded.file(), Rule::operator_shapes, Part::operation, 0);
}

TEST_CASE("a signal may be upsampled along its width only, a picture may not") {
  struct {
    uint32_t height, kernel_height, out_height;
    bool allowed;
  } shapes[] = {{1, 1, 1, true},  {1, 1, 2, true},  {1, 1, 3, false}, {1, 2, 1, true},
                {1, 2, 2, false}, {2, 1, 2, false}, {2, 1, 4, true},  {2, 1, 1, false}};
  for (const auto& s : shapes) {
    INFO("height ", s.height, ", kernel ", s.kernel_height, ", out ", s.out_height);
    Builder b(s.height, 12, 2, 10, 3);
    const uint32_t up = b.activation({s.out_height, 24, 3}), y = b.activation({s.height, 12, 2});
    OperatorRecord& op = b.conv({0}, up, s.kernel_height, 5, 0);
    op.pad_left = op.pad_right = 2;
    op.upsample = 2;
    b.conv({0}, y, 1, 1, 0);
    b.model.output_tensor = y;
    CHECK((verify_bytes(b.file()).status == MOTE_OK) == s.allowed);
  }
}

TEST_CASE("resampling of a signal leaves it one row; a picture changes both its sizes") {
  struct {
    OpKind kind;
    uint32_t height, width, out_height, out_width;
    bool allowed;
  } shapes[] = {{OpKind::upsample, 1, 6, 1, 12, true},     {OpKind::upsample, 1, 6, 2, 12, true},
                {OpKind::upsample, 2, 6, 2, 12, false},    {OpKind::upsample, 1, 6, 2, 6, false},
                {OpKind::average_pool, 1, 13, 1, 6, true}, {OpKind::average_pool, 1, 13, 1, 13, false},
                {OpKind::average_pool, 2, 12, 1, 6, true}, {OpKind::average_pool, 2, 12, 2, 6, false}};
  for (const auto& s : shapes) {
    INFO(s.height, "x", s.width, " to ", s.out_height, "x", s.out_width);
    Builder b(s.height, s.width, 2, 10, 3);
    const uint32_t other = b.activation({s.out_height, s.out_width, 2}), y = b.activation({s.height, s.width, 2});
    b.op(s.kind, {0}, {other}).p0 = 2;
    b.conv({0}, y, 1, 1, 0);
    b.model.output_tensor = y;
    CHECK((verify_bytes(b.file()).status == MOTE_OK) == s.allowed);
  }
}

TEST_CASE("in place is allowed exactly where SPEC.md says") {
  struct {
    OpKind kind;
    bool allowed;
  } kinds[] = {{OpKind::activation, true}, {OpKind::group_norm, true}, {OpKind::add, true}, {OpKind::conv2d, false}};
  for (const auto& k : kinds) {
    Builder b(4, 4, 4, 10, 3);
    const uint32_t first = b.activation({4, 4, 4}), second = b.activation_at({4, 4, 4}, b.tensors[first].offset);
    b.conv({0}, first, 3, 3, 1);
    if (k.kind == OpKind::activation) b.op(k.kind, {first}, {second}).activation = 1;
    if (k.kind == OpKind::group_norm) b.group_norm({first}, {second}, 2);
    if (k.kind == OpKind::add) b.op(k.kind, {0, first}, {second});
    if (k.kind == OpKind::conv2d) b.conv({first}, second, 3, 3, 1);
    b.model.output_tensor = second;
    CHECK((verify_bytes(b.file()).status == MOTE_OK) == k.allowed);
  }
}

TEST_CASE("a network beyond 2^48 multiply-accumulates is refused") {
  // No memory is touched: the arena is only a number. 2^24 pixels, 49 * 16 * 8 products each: 2^36.6 a layer.
  Builder b(4096, 4096, 1, 10, 3);
  const uint32_t wide = b.activation({4096, 4096, 16}), narrow = b.activation({4096, 4096, 8});
  b.conv({0}, narrow, 7, 7, 3);
  b.conv({narrow}, wide, 7, 7, 3);
  b.conv({wide}, narrow, 7, 7, 3);
  const OperatorRecord there = b.operators[1], back = b.operators[2];
  while (b.operators.size() < 3200) {
    b.operators.push_back(there);
    b.operators.push_back(back);
  }
  const uint32_t out = b.activation_at({4096, 4096, 1}, b.tensors[wide].offset);
  b.conv({narrow}, out, 1, 1, 0);
  b.model.output_tensor = out;
  const VerifyResult result = verify_bytes(b.file());
  CHECK(result.place.rule == Rule::macs_limit);
  CHECK(result.status == MOTE_E_LIMIT);
}

}  // namespace mote::test
