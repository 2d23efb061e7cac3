// verify: accepts what SPEC.md allows, refuses each broken rule where it is broken, and survives anything.
#include "format/verify.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <set>

#include "tests/support/model_builder.h"

namespace mote::test {
namespace {

using format::OperatorRecord;
using format::OpKind;
using format::Part;
using format::Place;
using format::Rule;
using format::View;

struct Result {
  Status status;
  Place place;
  View view;
};

Result verify_bytes(const AlignedBytes& bytes) {
  Result result{};
  result.status = format::verify(bytes.data(), bytes.size(), &result.view, &result.place);
  return result;
}

void check_rule(const AlignedBytes& bytes, Rule rule, Part part, int index) {
  const Result result = verify_bytes(bytes);
  CAPTURE(format::rule_text(rule));
  CAPTURE(format::rule_text(result.place.rule));
  CHECK(result.place.rule == rule);
  CHECK(result.status == format::rule_status(rule));
  CHECK(result.place.part == part);
  CHECK(static_cast<int>(result.place.index) == index);
  CHECK(result.place.byte_offset <= bytes.size());
  CHECK(result.view.bytes == nullptr);
}

// A broken file by changing the bytes of a good one.
struct ByteCase {
  Rule rule;
  Part part;
  int index;
  std::function<void(AlignedBytes&)> change;
};

format::Header& header_of(AlignedBytes& b) { return *reinterpret_cast<format::Header*>(b.data()); }
format::Section& section_of(AlignedBytes& b, int i) { return reinterpret_cast<format::Section*>(b.data() + 32)[i]; }

// A broken file by changing the records before they are written. every_operator's operators, in order:
enum Op {
  op_sinusoid, op_hidden, op_class, op_sum, op_silu, op_shift, op_modulation, op_wide, op_first, op_norm, op_block,
  op_pool, op_down, op_join, op_qkv, op_attention, op_proj, op_scale, op_scale2, op_up, op_large, op_tall, op_pair,
  op_joined, op_plain, op_out
};
struct RecordCase {
  Rule rule;
  Part part;
  int index;
  std::function<void(Builder&)> change;
};

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

format::RowRecord plain_row(int timestep) {
  format::RowRecord row{};
  row.timestep = timestep;
  row.A = 1;
  row.clip_lo = -1;
  row.clip_hi = 1;
  return row;
}

void add_rows(Builder& b) {
  for (uint32_t i = 0; i < b.model.default_steps; ++i) b.rows.push_back(plain_row(15 - static_cast<int>(i)));
}

// QUAN with one slot over `values` values of scale 1.
void add_quant(Builder& b, uint8_t scheme, uint32_t first, uint32_t count, std::vector<format::QuantValue> values) {
  const format::QuantHeader header = {1, static_cast<uint32_t>(values.size())};
  const format::QuantSlot slot = {scheme, {}, first, count};
  const auto append = [&](const void* bytes, size_t size) {
    b.quant.insert(b.quant.end(), static_cast<const uint8_t*>(bytes), static_cast<const uint8_t*>(bytes) + size);
  };
  append(&header, sizeof header);
  append(&slot, sizeof slot);
  append(values.data(), values.size() * sizeof values[0]);
}

}  // namespace

TEST_CASE("a model that keeps the rules is accepted and seen as it was written") {
  const Builder builder = every_operator();
  const AlignedBytes bytes = builder.file();
  const Result result = verify_bytes(bytes);
  REQUIRE(result.status == MOTE_OK);
  const View& view = result.view;
  CHECK(view.tensors.count == builder.tensors.size());
  CHECK(view.operators.count == builder.operators.size());
  CHECK(view.data.count == builder.data.size());
  CHECK(view.alpha_bar.count == 20);
  CHECK(view.rows.empty());
  CHECK(view.model->height == 7);
  CHECK(view.picture_elements() == 84);
  CHECK(std::string(view.name(view.operators[3])) == "op3");
  uint32_t parameters = 0;
  for (const format::TensorRecord& t : builder.tensors) parameters += t.storage == 2 ? t.bytes / 4 : 0;
  CHECK(view.parameters == parameters);
  CHECK(verify_bytes(smallest().file()).status == MOTE_OK);
}

TEST_CASE("bytes behind the model are not looked at") {
  const AlignedBytes bytes = smallest().file();
  AlignedBytes longer(bytes.size() + 100);
  memcpy(longer.data(), bytes.data(), bytes.size());
  for (size_t i = bytes.size(); i < longer.size(); ++i) longer[i] = 0xA5;
  CHECK(verify_bytes(longer).status == MOTE_OK);
}

TEST_CASE("a model cut off at any byte is refused without reading past the cut") {
  for (const Builder& builder : {smallest(), every_operator()}) {
    const AlignedBytes bytes = builder.file();
    for (size_t size = 0; size < bytes.size(); ++size) {
      void* exact = nullptr;  // allocated as long as the cut, for AddressSanitizer
      REQUIRE(posix_memalign(&exact, 16, size == 0 ? 1 : size) == 0);
      if (size != 0) memcpy(exact, bytes.data(), size);
      View view;
      const Status status = format::verify(exact, size, &view, nullptr);
      free(exact);
      REQUIRE(status == MOTE_E_TRUNCATED);
    }
  }
}

TEST_CASE("a model must lie at a multiple of 16") {
  const AlignedBytes bytes = smallest().file();
  AlignedBytes moved(bytes.size() + 16);
  for (size_t shift : {1u, 4u, 8u, 15u}) {
    memcpy(moved.data() + shift, bytes.data(), bytes.size());
    View view;
    CHECK(format::verify(moved.data() + shift, bytes.size(), &view, nullptr) == MOTE_E_ALIGNMENT);
  }
}

TEST_CASE("header and section table: each broken rule is found where it is") {
  // smallest() writes MODL, TENS, OPER, SCHD, NAME, DATA.
  const ByteCase cases[] = {
      {Rule::magic, Part::file, 0, [](AlignedBytes& b) { b[0] = 'm'; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).version = 2; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).version = 0; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).header_bytes = 48; }},
      {Rule::header_reserved, Part::file, 0, [](AlignedBytes& b) { header_of(b).reserved[1] = 1; }},
      {Rule::file_bytes_limit, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 0x80000000u; }},
      {Rule::file_complete, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes += 1; }},
      {Rule::section_count, Part::file, 0, [](AlignedBytes& b) { header_of(b).section_count = 33; }},
      {Rule::section_table_fits, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 100; }},
      {Rule::section_table_fits, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 0; }},
      {Rule::section_offset, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).offset += 4; }},
      {Rule::section_offset, Part::section, 0, [](AlignedBytes& b) { section_of(b, 0).offset = 32; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).length += 1; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).length = 0xFFFFFFFFu; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).offset = 0xFFFFFFF0u; }},
      {Rule::section_overlap, Part::section, 2, [](AlignedBytes& b) { section_of(b, 2).offset -= 16; }},
      {Rule::section_once, Part::section, 4, [](AlignedBytes& b) { section_of(b, 4).id = section_of(b, 0).id; }},
      {Rule::section_flags, Part::section, 4, [](AlignedBytes& b) { section_of(b, 4).flags = 2; }},
      {Rule::section_known, Part::section, 1, [](AlignedBytes& b) { section_of(b, 1).version = 2; }},
      {Rule::section_known, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).id ^= 1; }},
      {Rule::section_known, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).version = 2, section_of(b, 3).flags = 0; }},
      {Rule::section_required, Part::file, 0, [](AlignedBytes& b) { section_of(b, 1).id ^= 1, section_of(b, 1).flags = 0; }},
      {Rule::schedule_or_rows, Part::file, 0, [](AlignedBytes& b) { section_of(b, 3).id ^= 1, section_of(b, 3).flags = 0; }},
      {Rule::section_length, Part::section, 0, [](AlignedBytes& b) { section_of(b, 0).length -= 4; }},
      {Rule::section_length, Part::section, 1, [](AlignedBytes& b) { section_of(b, 1).length -= 4; }},
      {Rule::section_length, Part::section, 2, [](AlignedBytes& b) { section_of(b, 2).length -= 4; }},
      {Rule::section_length, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).length -= 4; }},
      {Rule::tensor_count, Part::file, 0, [](AlignedBytes& b) { section_of(b, 1).length = 0; }},
      {Rule::operator_count, Part::file, 0, [](AlignedBytes& b) { section_of(b, 2).length = 0; }},
  };
  for (const ByteCase& c : cases) {
    AlignedBytes bytes = smallest().file();
    c.change(bytes);
    check_rule(bytes, c.rule, c.part, c.index);
  }
}

TEST_CASE("sections this library does not know: refused if critical, else skipped") {
  Builder builder = smallest();
  builder.extra.push_back({{format::fourcc('N', 'E', 'W', '!'), 7, 0, 0, 0}, {1, 2, 3}});
  builder.extra.push_back({{format::section_packed, 2, 0, 0, 0}, {4, 5}});
  CHECK(verify_bytes(builder.file()).status == MOTE_OK);
  builder.extra[0].section.flags = format::section_critical;
  CHECK(verify_bytes(builder.file()).status == MOTE_E_VERSION);
}

TEST_CASE("names of a newer version are skipped, then no operator may have one") {
  AlignedBytes bytes = smallest().file();
  section_of(bytes, 4).version = 2;
  check_rule(bytes, Rule::operator_name, Part::operation, 0);
}

TEST_CASE("model, tensors, schedule, steps, quantisation: each broken rule is found where it is") {
  const RecordCase cases[] = {
      {Rule::picture_size, Part::model, 0, [](Builder& b) { b.model.width = 0; }},
      {Rule::picture_limit, Part::model, 0, [](Builder& b) { b.model.height = 4097; }},
      {Rule::picture_limit, Part::model, 0, [](Builder& b) { b.model.height = b.model.width = b.model.channels = 4096; }},
      {Rule::output_channels, Part::model, 0, [](Builder& b) { b.model.out_channels = 3; }},
      {Rule::class_limit, Part::model, 0, [](Builder& b) { b.model.num_classes = 65537; }},
      {Rule::train_steps, Part::model, 0, [](Builder& b) { b.model.train_steps = 0, b.schedule.clear(), add_rows(b); }},
      {Rule::train_steps_limit, Part::model, 0, [](Builder& b) { b.schedule.resize(b.model.train_steps = 16385); }},
      {Rule::prediction, Part::model, 0, [](Builder& b) { b.model.prediction = 3; }},
      {Rule::default_steps, Part::model, 0, [](Builder& b) { b.model.default_steps = 0; }},
      {Rule::default_steps, Part::model, 0, [](Builder& b) { b.model.default_steps = 21; }},
      {Rule::model_flags, Part::model, 0, [](Builder& b) { b.model.flags |= 8; }},
      {Rule::clip, Part::model, 0, [](Builder& b) { b.model.clip = 0; }},
      {Rule::clip, Part::model, 0, [](Builder& b) { b.model.clip = nan; }},
      {Rule::folded_rows, Part::model, 0, [](Builder& b) { b.model.flags |= format::model_folded; }},
      {Rule::history_limit, Part::model, 0, [](Builder& b) { b.model.history = 4; }},
      {Rule::model_reserved, Part::model, 0, [](Builder& b) { b.model.reserved = 1; }},
      {Rule::arena_bytes, Part::model, 0, [](Builder& b) { b.model.arena_bytes += 8; }},
      {Rule::arena_limit, Part::model, 0, [](Builder& b) { b.model.arena_bytes = 0x80000000u; }},
      {Rule::worker_scratch, Part::model, 0, [](Builder& b) { b.model.worker_scratch_bytes += 16; }},
      {Rule::worker_scratch, Part::model, 0, [](Builder& b) { b.model.worker_scratch_bytes = 0; }},
      {Rule::input_tensor, Part::model, 0, [](Builder& b) { b.model.input_tensor = 1; }},
      {Rule::input_tensor, Part::model, 0, [](Builder& b) { b.model.input_tensor = 9999; }},
      {Rule::output_tensor, Part::model, 0, [](Builder& b) { b.model.output_tensor = b.model.input_tensor; }},
      {Rule::output_tensor, Part::model, 0, [](Builder& b) { b.model.output_tensor = format::none; }},
      {Rule::operator_order, Part::model, 0, [](Builder& b) { b.model.output_tensor = b.activation({7, 6, 2}); }},
      {Rule::tensor_dtype, Part::tensor, 3, [](Builder& b) { b.tensors[3].dtype = 0; }},
      {Rule::tensor_dtype, Part::tensor, 3, [](Builder& b) { b.tensors[3].dtype = 6; }},
      {Rule::tensor_storage, Part::tensor, 3, [](Builder& b) { b.tensors[3].storage = 4; }},
      {Rule::tensor_storage, Part::tensor, 3, [](Builder& b) { b.tensors[3].storage = 0; }},
      {Rule::tensor_reserved, Part::tensor, 3, [](Builder& b) { b.tensors[3].reserved = 1; }},
      {Rule::tensor_dims, Part::tensor, 3, [](Builder& b) { b.tensors[3].rank = 0; }},
      {Rule::tensor_dims, Part::tensor, 3, [](Builder& b) { b.tensors[3].rank = 5; }},
      {Rule::tensor_dims, Part::tensor, 3, [](Builder& b) { b.tensors[3].dims[0] = 0; }},
      {Rule::tensor_dims, Part::tensor, 1, [](Builder& b) { b.tensors[1].dims[3] = 2; }},
      {Rule::tensor_limits, Part::tensor, 1, [](Builder& b) { b.tensors[1].dims[0] = (1u << 20) + 1; }},
      {Rule::tensor_limits, Part::tensor, 0, [](Builder& b) { b.tensors[0].dims[0] = 4097; }},
      {Rule::tensor_limits, Part::tensor, 0, [](Builder& b) { b.tensors[0].dims[2] = 16385; }},
      {Rule::tensor_bytes, Part::tensor, 1, [](Builder& b) { b.tensors[1].bytes -= 4; }},
      {Rule::tensor_bytes, Part::tensor, 1, [](Builder& b) { b.tensors[1].bytes = 0; }},
      {Rule::tensor_offset, Part::tensor, 1, [](Builder& b) { b.tensors[1].offset += 8; }},
      {Rule::tensor_fits, Part::tensor, 1, [](Builder& b) { b.tensors[1].offset = b.model.arena_bytes; }},
      {Rule::tensor_fits, Part::tensor, 1, [](Builder& b) { b.tensors[1].offset = 0xFFFFFFF0u; }},
      {Rule::tensor_fits, Part::tensor, 0, [](Builder& b) { b.tensors[0].offset = 16; }},
      {Rule::tensor_fits, Part::tensor, 2, [](Builder& b) { b.tensors[2].offset = static_cast<uint32_t>(b.data.size() + 15) / 16 * 16; }},
      {Rule::tensor_shared, Part::tensor, 71, [](Builder& b) { b.tensors.push_back(b.tensors[4]), b.tensors.back() = b.tensors[4]; }},
      {Rule::tensor_quant, Part::tensor, 1, [](Builder& b) { b.tensors[1].quant = 0; }},
      {Rule::tensor_quant, Part::tensor, 1, [](Builder& b) { b.tensors[1].dtype = 2, b.tensors[1].bytes /= 4; }},
      {Rule::schedule_value, Part::schedule, 2, [](Builder& b) { b.schedule[2] = nan; }},
      {Rule::schedule_value, Part::schedule, 0, [](Builder& b) { b.schedule[0] = 1.5f; }},
      {Rule::schedule_value, Part::schedule, 7, [](Builder& b) { b.schedule[7] = b.schedule[6] * 1.01f; }},
      {Rule::schedule_value, Part::schedule, 19, [](Builder& b) { b.schedule[19] = -1.5f; }},
      {Rule::schedule_value, Part::schedule, 7, [](Builder& b) { b.schedule[7] = -0.001f; }},
      {Rule::row_timestep, Part::row, 0, [](Builder& b) { add_rows(b), b.rows[0].timestep = 20; }},
      {Rule::row_timestep, Part::row, 3, [](Builder& b) { add_rows(b), b.rows[3].timestep = -1; }},
      {Rule::row_timestep, Part::row, 2, [](Builder& b) { add_rows(b), b.rows[2].timestep = b.rows[1].timestep; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].C = infinity; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].H[2] = nan; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].clip_hi = -2; }},
      {Rule::row_history, Part::row, 1, [](Builder& b) { add_rows(b), b.model.history = 1, b.rows[1].H[1] = 1; }},
      {Rule::row_reserved, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].reserved[3] = 1; }},
      {Rule::section_length, Part::section, 4, [](Builder& b) { add_rows(b), b.rows.pop_back(); }},
      {Rule::section_length, Part::section, 3, [](Builder& b) { b.quant = {1, 0, 0, 0}; }},
      {Rule::section_length, Part::section, 3, [](Builder& b) { add_quant(b, 1, 0, 1, {{1, 0}}), b.quant[4] = 2; }},
      {Rule::quant_scheme, Part::quant, 0, [](Builder& b) { add_quant(b, 3, 0, 1, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 1, 1, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 0, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 2, 0, 3, {{1, 0}, {1, 0}, {1, 0}}); }},
      {Rule::quant_value, Part::quant, 1, [](Builder& b) { add_quant(b, 1, 0, 2, {{1, 0}, {0, 0}}); }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 1, {{nan, 0}}); }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 1, {{2e6f, 0}}); }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 1, {{1, 128}}); }},
  };
  for (const RecordCase& c : cases) {
    Builder builder = every_operator();
    c.change(builder);
    // The last tensor, where the number is not known beforehand.
    const int index = c.rule == Rule::tensor_shared ? static_cast<int>(builder.tensors.size()) - 1 : c.index;
    check_rule(builder.file(), c.rule, c.part, index);
  }
}

TEST_CASE("operators: each broken rule is found at the operator that breaks it") {
  const auto o = [](Builder& b, Op i) -> OperatorRecord& { return b.operators[i]; };
  const struct {
    Rule rule;
    Op index;
    std::function<void(Builder&, OperatorRecord&)> change;
  } cases[] = {
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.kind = 0; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.kind = 12; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.version = 2; }},
      {Rule::operator_known, op_join, [](Builder&, OperatorRecord& r) { r.bytes = 100; }},
      {Rule::operator_flags, op_join, [](Builder&, OperatorRecord& r) { r.flags = 1; }},
      {Rule::operator_flags, op_sinusoid, [](Builder&, OperatorRecord& r) { r.flags = 2; }},
      {Rule::operator_flags, op_out, [](Builder&, OperatorRecord& r) { r.activation = 4; }},
      {Rule::operator_flags, op_out, [](Builder&, OperatorRecord& r) { r.reserved0 = 1; }},
      {Rule::operator_activation, op_silu, [](Builder&, OperatorRecord& r) { r.activation = 0; }},
      {Rule::operator_activation, op_join, [](Builder&, OperatorRecord& r) { r.activation = 1; }},
      {Rule::operator_dilation, op_out, [](Builder&, OperatorRecord& r) { r.dilation = 2; }},
      {Rule::operator_types, op_out, [](Builder& b, OperatorRecord& r) {
         b.tensors[r.bias].dtype = 4;  // int32 has the size of float32 and needs no scale
       }},
      {Rule::operator_index, op_out, [](Builder& b, OperatorRecord& r) { r.bias = static_cast<uint32_t>(b.tensors.size()); }},
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
      {Rule::operator_shapes, op_out, [](Builder&, OperatorRecord& r) { r.kernel_height = 1, r.pad_top = r.pad_bottom = 0; }},
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
      {Rule::operator_number, op_norm, [](Builder&, OperatorRecord& r) { r.f0 = nan; }},
      {Rule::operator_number, op_norm, [](Builder&, OperatorRecord& r) { r.f0 = -1; }},
      {Rule::operator_number, op_attention, [](Builder&, OperatorRecord& r) { r.f0 = infinity; }},
      {Rule::operator_number, op_attention, [](Builder&, OperatorRecord& r) { r.f0 = 2e6f; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_bytes -= 16; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_bytes += 16; }},
      {Rule::operator_scratch, op_norm, [](Builder&, OperatorRecord& r) { r.scratch_offset += 4; }},
      {Rule::operator_scratch, op_norm, [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.model.arena_bytes; }},
      {Rule::operator_scratch, op_attention, [](Builder&, OperatorRecord& r) { r.worker_scratch_bytes = 0; }},
      {Rule::operator_scratch, op_attention, [](Builder&, OperatorRecord& r) { r.worker_scratch_offset = 0xFFFFFFF0u; }},
      {Rule::operator_scratch, op_out, [](Builder&, OperatorRecord& r) { r.scratch_bytes = 16; }},
      {Rule::operator_scratch, op_out, [](Builder&, OperatorRecord& r) { r.worker_scratch_bytes = 16; }},
      {Rule::operator_overlap, op_norm, [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_norm, [](Builder& b, OperatorRecord& r) { r.scratch_offset = b.tensors[r.y[0]].offset; }},
      {Rule::operator_overlap, op_norm, [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.x[0]].offset + 16; }},
      {Rule::operator_overlap, op_attention, [](Builder& b, OperatorRecord& r) { r.worker_scratch_offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_block, [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.x[0]].offset; }},
      {Rule::operator_overlap, op_block, [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset = b.tensors[r.residual].offset; }},
      {Rule::operator_overlap, op_pair, [](Builder& b, OperatorRecord& r) { std::swap(b.tensors[r.y[0]].offset, b.tensors[r.y[1]].offset); }},
      {Rule::operator_overlap, op_join, [](Builder& b, OperatorRecord& r) { b.tensors[r.y[0]].offset -= 16; }},
      {Rule::operator_order, op_block, [](Builder& b, OperatorRecord& r) { r.residual = b.activation({7, 6, 8}); }},
      {Rule::operator_order, op_hidden, [](Builder& b, OperatorRecord& r) { r.x[0] = b.activation({8}); }},
      {Rule::operator_order, op_scale2, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_proj).y[0]; }},
      {Rule::operator_order, op_up, [&](Builder& b, OperatorRecord& r) { r.x[0] = o(b, op_proj).y[0]; }},
      {Rule::operator_order, op_pair, [&](Builder& b, OperatorRecord& r) { o(b, op_attention).worker_scratch_offset = b.tensors[r.vector].offset; }},
      {Rule::operator_name, op_out, [](Builder& b, OperatorRecord& r) { r.name = static_cast<uint32_t>(b.names.size()); }},
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
  const uint32_t vectors = folded.weights({3, 4}, 1), narrow = folded.weights({3, 1}, 1), few = folded.weights({2, 4}, 1);
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
  const Result result = verify_bytes(b.file());
  CHECK(result.place.rule == Rule::macs_limit);
  CHECK(result.status == MOTE_E_LIMIT);
}

TEST_CASE("noise levels may be given as what is left to 1") {
  Builder b = smallest();
  b.schedule = {-1e-6f, -1e-3f, -0.5f, 0.4f, 0.3f, 0.2f, -0.9f, 0.05f, 0.0f, 0.0f};
  CHECK(verify_bytes(b.file()).status == MOTE_OK);
}

TEST_CASE("every rule has a status, every error a text of its own") {
  std::set<std::string> texts;
  int count = 0;
#define MOTE_COUNT(name, status, sentence)                                     \
  ++count;                                                                     \
  texts.insert(format::rule_text(Rule::name));                                 \
  CHECK(format::rule_status(Rule::name) == status);                            \
  CHECK((format::rule_status(Rule::name) == MOTE_OK) == (Rule::name == Rule::kept));
  MOTE_FORMAT_RULES(MOTE_COUNT)
#undef MOTE_COUNT
  CHECK(static_cast<int>(texts.size()) == count);
  std::set<std::string> parts;
  for (int i = 0; i <= static_cast<int>(Part::row); ++i) parts.insert(format::part_text(static_cast<Part>(i)));
  CHECK(static_cast<int>(parts.size()) == static_cast<int>(Part::row) + 1);
}

TEST_CASE("check finds a wrong checksum and a weight that is not finite") {
  const Builder builder = every_operator();
  AlignedBytes good = builder.file();
  Place place;
  CHECK(format::check(verify_bytes(good).view, nullptr) == MOTE_OK);
  // Any bit behind the checksum field; of those, the ones that leave the structure alone: weights.
  for (size_t bit = 8 * (good.size() - builder.data.size()); bit < 8 * good.size(); bit += 97) {
    AlignedBytes bad = good;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
    const Result result = verify_bytes(bad);
    REQUIRE(result.status == MOTE_OK);
    REQUIRE(format::check(result.view, &place) == MOTE_E_CHECKSUM);
  }
  for (float value : {nan, infinity, -infinity}) {
    const format::TensorRecord& weights = builder.tensors[builder.operators[op_qkv].weights];
    Builder broken = builder;
    memcpy(broken.data.data() + weights.offset + weights.bytes - 4, &value, 4);
    const AlignedBytes bytes = broken.file();
    const Result result = verify_bytes(bytes);
    REQUIRE(result.status == MOTE_OK);
    CHECK(format::check(result.view, &place) == MOTE_E_CORRUPT);
    CHECK(place.rule == Rule::weight_finite);
    CHECK(place.part == Part::tensor);
    CHECK(place.index == builder.operators[op_qkv].weights);
    float there;
    memcpy(&there, bytes.data() + place.byte_offset, 4);
    CHECK(!std::isfinite(there));
  }
}

}  // namespace mote::test
