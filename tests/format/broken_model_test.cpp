// A model with any bit of its header, tables and records flipped is refused or runs: nothing crashes. Meant to be run
// with AddressSanitizer and UBSan too (make SANITIZE=1), and with NDEBUG.
#include <doctest/doctest.h>

#include "core/crc32.h"
#include "tests/support/model_builder.h"
#include "tests/support/model_exercise.h"

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
  const Builder builder = every_operator();
  AlignedBytes bytes = builder.file();
  const size_t structure = bytes.size() - builder.data.size();  // weights lie last
  Outcome outcome;
  for (size_t bit = 0; bit < 8 * structure; ++bit) flip_and_exercise(&bytes, bit, "ref", &outcome);
  CHECK(outcome.refused > 20000);
  CHECK(outcome.opened > 1000);  // names, floats, fields that a kind does not read
}

TEST_CASE("flipped bits do not make any kernel set crash either") {
  Builder builder = every_operator();
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

}  // namespace mote::test
