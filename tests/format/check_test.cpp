// check: what verify leaves out.

#include <cmath>

#include "tests/format/verify_support.h"

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

}  // namespace mote::test
