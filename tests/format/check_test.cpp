// check: what verify leaves out.

#include <cmath>

#include "tests/format/verify_support.h"
#include "tests/support/quantized_builder.h"

namespace mote::test {
namespace {

using format::Part;
using format::Place;
using format::Rule;

}  // namespace

TEST_CASE("check finds a wrong checksum and a weight that is not finite") {
  const Builder builder = every_operator();
  AlignedBytes good = builder.file();
  Place place;
  CHECK(format::check(verify_bytes(good).view, nullptr) == MOTE_OK);
  // Any bit behind the checksum field; of those, the ones that leave the structure alone: weights.
  for (size_t bit = 8 * (good.size() - builder.data.size()); bit < 8 * good.size(); bit += 97) {
    AlignedBytes bad = good;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
    const VerifyResult result = verify_bytes(bad);
    REQUIRE(result.status == MOTE_OK);
    REQUIRE(format::check(result.view, &place) == MOTE_E_CHECKSUM);
  }
  for (float value : {nan_f32, infinity_f32, -infinity_f32}) {
    const format::TensorRecord& weights = builder.tensors[builder.operators[op_qkv].weights];
    Builder broken = builder;
    memcpy(broken.data.data() + weights.offset + weights.bytes - 4, &value, 4);
    const AlignedBytes bytes = broken.file();
    const VerifyResult result = verify_bytes(bytes);
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

namespace {

// What check says about a model after a change that verify does not see.
Place checked(const Builder& builder) {
  const AlignedBytes bytes = builder.file();
  const VerifyResult result = verify_bytes(bytes);
  REQUIRE(result.status == MOTE_OK);
  Place place;
  const Status status = format::check(result.view, &place);
  CHECK(status == format::rule_status(place.rule));
  CHECK(place.byte_offset < bytes.size());
  return place;
}

// The first operator of a kind.
uint32_t first_of(const Builder& b, format::OpKind kind) {
  uint32_t i = 0;
  while (b.operators[i].kind != static_cast<uint16_t>(kind)) ++i;
  return i;
}

// x_t through a convolution of 1 x 1 x c with these weights, then through another, of codes with this zero point.
QuantizedBuilder two_layers(uint32_t channels, int8_t weight, uint8_t first_flags, int32_t zero, uint8_t second_flags) {
  QuantizedBuilder b(2, 1, channels, 1, false);
  const uint32_t middle = b.codes({2, 1, channels}, b.slot(0.02f, zero)), out = b.floats({2, 1, channels});
  b.s8_conv({b.x_t()}, middle, 1, 1, 0).flags = first_flags;
  b.s8_conv({middle}, out, 1, 1, 0).flags = second_flags;
  for (size_t i = 1; i < b.operators.size(); ++i) {
    const format::TensorRecord& w = b.tensors[b.operators[i].weights];
    memset(b.data.data() + w.offset, static_cast<uint8_t>(weight), w.bytes);
  }
  b.model.output_tensor = out;
  return b;
}

}  // namespace

TEST_CASE("check finds weights and tables of a quantized model that are out of range") {
  const QuantizedBuilder good = every_quantized_operator(true);
  CHECK(checked(good).rule == Rule::kept);

  QuantizedBuilder b = good;
  const uint32_t weights = b.operators[first_of(b, format::OpKind::conv2d)].weights;
  b.data[b.tensors[weights].offset + 5] = 0x80;
  Place place = checked(b);
  CHECK(place.rule == Rule::weight_range);
  CHECK(place.part == Part::tensor);
  CHECK(place.index == weights);
  CHECK(b.file()[place.byte_offset] == 0x80);

  b = good;
  const uint32_t table = b.operators[first_of(b, format::OpKind::attention)].weights;
  b.data[b.tensors[table].offset] = 0;
  place = checked(b);
  CHECK(place.rule == Rule::weight_range);
  CHECK(place.index == table);
  b.data[b.tensors[table].offset] = 1;
  CHECK(checked(b).rule == Rule::kept);

  b = good;
  const uint32_t codes = b.operators[first_of(b, format::OpKind::activation)].weights;
  b.data[b.tensors[codes].offset] = 0x80;  // -128 is a code like any other
  CHECK(checked(b).rule == Rule::kept);

  const uint32_t bias = good.operators[first_of(good, format::OpKind::conv2d)].bias;
  const struct {
    float value;
    Rule rule;
  } floats[] = {{0x1p20f, Rule::kept},
                {-0x1p20f, Rule::kept},
                {0x1p-60f, Rule::kept},
                {0.0f, Rule::kept},
                {-0.0f, Rule::kept},
                {0x1.000002p20f, Rule::weight_range},
                {-3e38f, Rule::weight_range},
                {0x1.fffffep-61f, Rule::weight_range},
                {-1e-42f, Rule::weight_range},
                {nan_f32, Rule::weight_finite},
                {infinity_f32, Rule::weight_finite}};
  for (const auto& f : floats) {
    b = good;
    memcpy(b.data.data() + b.tensors[bias].offset + 4, &f.value, 4);
    place = checked(b);
    CAPTURE(f.value);
    CHECK(place.rule == f.rule);
    if (f.rule != Rule::kept) CHECK(place.index == bias);
  }
  // A float model may have any finite number.
  Builder plain = smallest();
  const float huge = 3e38f;
  memcpy(plain.data.data(), &huge, 4);
  CHECK(checked(plain).rule == Rule::kept);
}

TEST_CASE("check computes the proofs again") {
  const uint8_t p25 = format::op_sums_below_2_25, p29 = format::op_sums_below_2_29;
  const struct {
    uint32_t channels;
    int8_t weight;
    uint8_t first;  // int16: |x| <= 32767
    int32_t zero;
    uint8_t second;
    int broken;  // operator, or 0
  } cases[] = {
      // 2^25 / 32767 = 1024.03: 8 * 127 = 1016 fit, 9 * 127 = 1143 do not; 1024 fit, 1025 do not.
      {8, 127, p25, 0, 0, 0},
      {9, 127, p25, 0, 0, 1},
      {9, -127, p25, 0, 0, 1},
      {9, 127, p29, 0, 0, 0},
      {9, 127, 0, 0, 0, 0},
      {1024, 1, p25, 0, 0, 0},
      {1025, -1, p25, 0, 0, 1},
      {1025, 1, static_cast<uint8_t>(p25 | p29), 0, 0, 1},
      // 2^29 / 32767 = 16384.5: 129 * 127 = 16383 fit, 130 * 127 do not.
      {129, 127, p29, 0, 0, 0},
      {130, 127, p29, 0, 0, 1},
      // Codes with zero point 0 are at most 128 away, with -128 or 127 at most 255. 2^25 / (127 * 128) = 2064.1;
      // 2^25 / (127 * 255) = 1036.1.
      {1036, 127, 0, -128, p25, 0},
      {1037, 127, 0, -128, p25, 2},
      {1036, 127, 0, 127, p25, 0},
      {1037, 127, 0, 127, p25, 2},
      {1037, 127, 0, 0, p25, 0},
      {2064, 127, 0, 0, p25, 0},
      {2065, 127, 0, 0, p25, 2},
      {2065, 127, 0, 0, p29, 0},
  };
  for (const auto& c : cases) {
    CAPTURE(c.channels);
    CAPTURE(c.zero);
    const Place place = checked(two_layers(c.channels, c.weight, c.first, c.zero, c.second));
    CHECK(place.rule == (c.broken != 0 ? Rule::false_proof : Rule::kept));
    if (c.broken == 0) continue;
    CHECK(place.part == Part::operation);
    CHECK(static_cast<int>(place.index) == c.broken);
  }
}

TEST_CASE("a proof must hold for each input, in each step, and for linear operators too") {
  QuantizedBuilder b(2, 1, 1, 2, true);
  const uint32_t near = b.slot_of(2, {{1, 0}, {1, 0}}), far = b.slot_of(2, {{1, 0}, {1, -100}});
  const uint32_t x = b.codes({2, 1, 1200}, near), second = b.codes({2, 1, 1200}, near), out = b.floats({2, 1, 1});
  b.s8_conv({b.x_t()}, x, 1, 1, 0);
  b.s8_conv({b.x_t()}, second, 1, 1, 0);
  b.s8_conv({x, second}, out, 1, 1, 0);
  const format::TensorRecord w = b.tensors[b.operators[3].weights];
  memset(b.data.data() + w.offset, 127, w.bytes);
  b.operators[3].flags = format::op_sums_below_2_25;  // 1200 * 127 * 128 < 2^25 < 1200 * 127 * 228, of one input alone
  b.model.output_tensor = out;
  CHECK(checked(b).rule == Rule::kept);
  b.tensors[second].quant = far;
  CHECK(checked(b).rule == Rule::false_proof);
  b.tensors[second].quant = near;
  b.tensors[x].quant = far;
  CHECK(checked(b).index == 3);

  QuantizedBuilder flat(2, 1, 1200, 1, false);
  const uint32_t codes = flat.codes({2, 1, 1200}, flat.slot(1, 0)), y = flat.floats({2, 1, 1200});
  flat.s8_conv({flat.x_t()}, codes, 1, 1, 0);
  flat.s8_linear(codes, y).flags = format::op_sums_below_2_25;
  flat.model.output_tensor = y;
  CHECK(checked(flat).rule == Rule::kept);
  flat.values[flat.slots[flat.tensors[codes].quant].first].zero_point = 127;
  const format::TensorRecord v = flat.tensors[flat.operators[2].weights];
  memset(flat.data.data() + v.offset + 1200 * 7, 127, 1200);
  CHECK(checked(flat).rule == Rule::false_proof);
}

}  // namespace mote::test
