// verify: the records of model, tensors, schedule, steps and quantisation; each broken rule is found where it is.

#include <functional>

#include "tests/format/verify_support.h"

namespace mote::test {
namespace {

using format::Part;
using format::Rule;

// A broken file by changing the records before they are written.
struct RecordCase {
  Rule rule;
  Part part;
  int index;
  std::function<void(Builder&)> change;
};

void add_rows(Builder& b) {
  for (uint32_t i = 0; i < b.model.default_steps; ++i) b.rows.push_back(plain_row(15 - static_cast<int>(i)));
}

// QUAN with one slot over `values`.
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

TEST_CASE("model, tensors, noise levels, steps, quantisation: each broken rule is found where it is") {
  const RecordCase cases[] = {
      {Rule::picture_size, Part::model, 0, [](Builder& b) { b.model.width = 0; }},
      {Rule::picture_limit, Part::model, 0, [](Builder& b) { b.model.height = 4097; }},
      {Rule::picture_limit, Part::model, 0,
       [](Builder& b) { b.model.height = b.model.width = b.model.channels = 4096; }},
      {Rule::output_channels, Part::model, 0, [](Builder& b) { b.model.out_channels = 3; }},
      {Rule::class_limit, Part::model, 0, [](Builder& b) { b.model.num_classes = 65537; }},
      {Rule::train_steps, Part::model, 0, [](Builder& b) { b.model.train_steps = 0, b.schedule.clear(), add_rows(b); }},
      {Rule::train_steps_limit, Part::model, 0, [](Builder& b) { b.schedule.resize(b.model.train_steps = 16385); }},
      {Rule::prediction, Part::model, 0, [](Builder& b) { b.model.prediction = 3; }},
      {Rule::default_steps, Part::model, 0, [](Builder& b) { b.model.default_steps = 0; }},
      {Rule::default_steps, Part::model, 0, [](Builder& b) { b.model.default_steps = 21; }},
      {Rule::model_flags, Part::model, 0, [](Builder& b) { b.model.flags |= 8; }},
      {Rule::clip, Part::model, 0, [](Builder& b) { b.model.clip = 0; }},
      {Rule::clip, Part::model, 0, [](Builder& b) { b.model.clip = nan_f32; }},
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
      {Rule::operator_order, Part::model, 0,
       [](Builder& b) {
         b.model.output_tensor = b.activation({7, 6, 2});
       }},
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
      {Rule::tensor_fits, Part::tensor, 2,
       [](Builder& b) { b.tensors[2].offset = static_cast<uint32_t>(b.data.size() + 15) / 16 * 16; }},
      {Rule::tensor_shared, Part::tensor, 71,
       [](Builder& b) { b.tensors.push_back(b.tensors[4]), b.tensors.back() = b.tensors[4]; }},
      {Rule::tensor_quant, Part::tensor, 1, [](Builder& b) { b.tensors[1].quant = 0; }},
      {Rule::tensor_quant, Part::tensor, 1, [](Builder& b) { b.tensors[1].dtype = 2, b.tensors[1].bytes /= 4; }},
      {Rule::schedule_value, Part::schedule, 2, [](Builder& b) { b.schedule[2] = nan_f32; }},
      {Rule::schedule_value, Part::schedule, 0, [](Builder& b) { b.schedule[0] = 1.5f; }},
      {Rule::schedule_value, Part::schedule, 7, [](Builder& b) { b.schedule[7] = b.schedule[6] * 1.01f; }},
      {Rule::schedule_value, Part::schedule, 19, [](Builder& b) { b.schedule[19] = -1.5f; }},
      {Rule::schedule_value, Part::schedule, 7, [](Builder& b) { b.schedule[7] = -0.001f; }},
      {Rule::row_timestep, Part::row, 0, [](Builder& b) { add_rows(b), b.rows[0].timestep = 20; }},
      {Rule::row_timestep, Part::row, 3, [](Builder& b) { add_rows(b), b.rows[3].timestep = -1; }},
      {Rule::row_timestep, Part::row, 2, [](Builder& b) { add_rows(b), b.rows[2].timestep = b.rows[1].timestep + 1; }},
      {Rule::row_timestep, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].fraction = 1; }},
      {Rule::row_timestep, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].fraction = -0.25f; }},
      {Rule::row_timestep, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].fraction = nan_f32; }},
      {Rule::row_timestep, Part::row, 2,
       [](Builder& b) { add_rows(b), b.rows[2].timestep = b.rows[1].timestep, b.rows[2].fraction = 0.5f; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].C = infinity_f32; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].H[2] = nan_f32; }},
      {Rule::row_value, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].clip_hi = -2; }},
      {Rule::row_history, Part::row, 1, [](Builder& b) { add_rows(b), b.model.history = 1, b.rows[1].H[1] = 1; }},
      {Rule::row_level, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].signal = -0.5f; }},
      {Rule::row_level, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].signal = nan_f32; }},
      {Rule::row_level, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].noise = infinity_f32; }},
      {Rule::row_level, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].noise = 1024.5f; }},
      {Rule::row_reserved, Part::row, 1, [](Builder& b) { add_rows(b), b.rows[1].reserved = 1; }},
      {Rule::section_length, Part::section, 4, [](Builder& b) { add_rows(b), b.rows.pop_back(); }},
      {Rule::section_length, Part::section, 3, [](Builder& b) { b.quant = {1, 0, 0, 0}; }},
      {Rule::section_length, Part::section, 3, [](Builder& b) { add_quant(b, 1, 0, 1, {{1, 0}}), b.quant[4] = 2; }},
      {Rule::quant_scheme, Part::quant, 0, [](Builder& b) { add_quant(b, 3, 0, 1, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 1, 1, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 0, {{1, 0}}); }},
      {Rule::quant_slot, Part::quant, 0, [](Builder& b) { add_quant(b, 2, 0, 3, {{1, 0}, {1, 0}, {1, 0}}); }},
      {Rule::quant_value, Part::quant, 1, [](Builder& b) { add_quant(b, 1, 0, 2, {{1, 0}, {0, 0}}); }},
      {Rule::quant_value, Part::quant, 0, [](Builder& b) { add_quant(b, 1, 0, 1, {{nan_f32, 0}}); }},
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

TEST_CASE("steps may lie between two noise levels, and visit one more than once") {
  Builder b = smallest();
  b.rows.clear();
  for (uint32_t i = 0; i < b.model.default_steps; ++i) b.rows.push_back(plain_row(3));
  b.rows[0].fraction = 0.999f;
  CHECK(verify_bytes(b.file()).status == MOTE_OK);
}

TEST_CASE("noise levels may be given as what is left to 1") {
  Builder b = smallest();
  b.schedule = {-1e-6f, -1e-3f, -0.5f, 0.4f, 0.3f, 0.2f, -0.9f, 0.05f, 0.0f, 0.0f};
  CHECK(verify_bytes(b.file()).status == MOTE_OK);
}

}  // namespace mote::test
