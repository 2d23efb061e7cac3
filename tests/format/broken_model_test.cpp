// A model with any bit of its header, tables and records flipped is refused or runs: nothing crashes. Meant to be run
// with AddressSanitizer and UBSan too (make SANITIZE=1), and with NDEBUG.
#include <doctest/doctest.h>

#include "core/crc32.h"
#include "tests/support/model_builder.h"
#include "tests/support/model_exercise.h"
#include "tests/support/quantized_builder.h"

namespace mote::test {
namespace {

struct Outcome {
  int opened = 0, refused = 0;
};

// The checksum is made right again where it is looked at: mote_open does not.
void flip_and_exercise(AlignedBytes* bytes, size_t bit, const char* kernels, Outcome* outcome) {
  const uint8_t mask = static_cast<uint8_t>(1u << (bit % 8));
  (*bytes)[bit / 8] ^= mask;
  mote_model model;
  if (mote_open(&model, bytes->data(), bytes->size(), mote_all_operators) == MOTE_OK) {
    const uint32_t crc = crc32(0, bytes->data() + 16, bytes->size() - 16);
    memcpy(bytes->data() + offsetof(format::Header, crc32), &crc, sizeof crc);
    exercise_model(bytes->data(), bytes->size(), kernels);
    ++outcome->opened;
  } else {
    ++outcome->refused;
  }
  (*bytes)[bit / 8] ^= mask;
}

}  // namespace

TEST_CASE("no flipped bit in header, section table and records of a model makes it crash") {
  const Builder models[] = {every_operator(), every_quantized_operator(true)};
  for (const Builder& builder : models) {
    AlignedBytes bytes = builder.file();
    const size_t structure = bytes.size() - builder.data.size();  // weights lie last
    Outcome outcome;
    // All bits of one, every third of the other, which takes longer to run.
    const size_t stride = builder.slots.empty() ? 1 : 3;
    for (size_t bit = 0; bit < 8 * structure; bit += stride) flip_and_exercise(&bytes, bit, "ref", &outcome);
    CHECK(outcome.refused > 10000);
    CHECK(outcome.opened > 1000);  // names, floats, fields that a kind does not read
  }
}

TEST_CASE("flipped bits do not make any kernel set crash either") {
  const Builder models[] = {every_operator(), every_quantized_operator(true)};
  for (const Builder& builder : models) {
    AlignedBytes bytes = builder.file();
    for (uint32_t set = 0; mote_kernels_name(set) != nullptr; ++set) {
      Outcome outcome;
      const size_t structure = bytes.size() - builder.data.size();
      for (size_t bit = 0; bit < 8 * structure; bit += 11) {
        flip_and_exercise(&bytes, bit, mote_kernels_name(set), &outcome);
      }
      for (size_t bit = 8 * structure; bit < 8 * bytes.size(); bit += 101) {  // weights: infinities and NaN among them
        flip_and_exercise(&bytes, bit, mote_kernels_name(set), &outcome);
      }
      CHECK(outcome.opened > 100);
    }
  }
}

// What `check` would refuse must not harm who never calls it.
TEST_CASE("constants of any bytes do not make a quantized model crash") {
  const QuantizedBuilder builder = every_quantized_operator(false);
  const uint32_t words[] = {0x7FC00000u, 0x7F800000u, 0xFF800000u, 0x7F7FFFFFu, 0xFF7FFFFFu,
                            0x80808080u, 0x00000001u, 0u,          0x7F7F7F7Fu, 0x5F000000u};
  for (uint32_t set = 0; mote_kernels_name(set) != nullptr; ++set) {
    for (uint32_t word : words) {
      for (size_t tensor = 0; tensor <= builder.tensors.size(); ++tensor) {  // one alone, and all of them
        const bool all = tensor == builder.tensors.size();
        Builder broken = builder;
        for (size_t i = 0; i < broken.tensors.size(); ++i) {
          const format::TensorRecord& t = broken.tensors[i];
          if (t.storage != static_cast<uint8_t>(format::Storage::constant) || (i != tensor && !all)) continue;
          for (uint32_t k = 0; k < t.bytes; ++k) broken.data[t.offset + k] = static_cast<uint8_t>(word >> 8 * (k % 4));
        }
        for (format::OperatorRecord& op : broken.operators) {  // false proofs too
          const auto kind = static_cast<format::OpKind>(op.kind);
          const bool has_proofs = kind == format::OpKind::conv2d || kind == format::OpKind::linear;
          if (has_proofs) op.flags = format::op_sums_below_2_25 | format::op_sums_below_2_29;
        }
        const AlignedBytes bytes = broken.file();
        CHECK(exercise_model(bytes.data(), bytes.size(), mote_kernels_name(set)) == MOTE_OK);
      }
    }
  }
}

}  // namespace mote::test
