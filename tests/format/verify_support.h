// Shared by the tests of verify: running it and expecting a broken rule at a place.
#pragma once
#include <doctest/doctest.h>

#include <limits>

#include "format/verify.h"
#include "tests/support/model_builder.h"

namespace mote::test {

struct VerifyResult {
  Status status;
  format::Place place;
  format::View view;
};

inline VerifyResult verify_bytes(const AlignedBytes& bytes) {
  VerifyResult result{};
  result.status = format::verify(bytes.data(), bytes.size(), &result.view, &result.place);
  return result;
}

inline void check_rule(const AlignedBytes& bytes, format::Rule rule, format::Part part, int index) {
  const VerifyResult result = verify_bytes(bytes);
  INFO("expected: ", std::string(format::rule_text(rule)));
  INFO("got: ", std::string(format::rule_text(result.place.rule)));
  CHECK(result.place.rule == rule);
  CHECK(result.status == format::rule_status(rule));
  CHECK(result.place.part == part);
  CHECK(static_cast<int>(result.place.index) == index);
  CHECK(result.place.byte_offset <= bytes.size());
  CHECK(result.view.bytes == nullptr);  // left as it was
}

constexpr float nan_f32 = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity_f32 = std::numeric_limits<float>::infinity();

inline format::RowRecord plain_row(int timestep) {
  format::RowRecord row{};
  row.timestep = timestep;
  row.A = 1;
  row.clip_lo = -1;
  row.clip_hi = 1;
  return row;
}

// The operators of every_operator(), in order.
enum Op {
  op_sinusoid,
  op_hidden,
  op_class,
  op_sum,
  op_silu,
  op_shift,
  op_modulation,
  op_wide,
  op_first,
  op_norm,
  op_block,
  op_pool,
  op_down,
  op_join,
  op_qkv,
  op_attention,
  op_proj,
  op_scale,
  op_scale2,
  op_up,
  op_large,
  op_tall,
  op_pair,
  op_joined,
  op_plain,
  op_out
};

}  // namespace mote::test
