// core/random.h: the known answers of the Random123 distribution and a twin in plain 64-bit arithmetic.
#include "core/random.h"

#include <doctest/doctest.h>

namespace {

struct KnownAnswer {
  uint32_t counter[4], key[2], result[4];
};

// Philox4x32-10 rows of Random123's kat_vectors: all zeros, all ones, digits of pi.
constexpr KnownAnswer known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

}  // namespace

TEST_CASE("Philox4x32-10 gives the published known answers") {
  for (const KnownAnswer& known : known_answers) {
    const mote::PhiloxBlock block = mote::philox4x32_10(known.counter, known.key);
    for (int i = 0; i < 4; ++i) CHECK(block.word[i] == known.result[i]);
  }
}

TEST_CASE("one flipped bit of the counter or the key changes about half of the output bits") {
  for (int bit = 0; bit < 192; ++bit) {
    int changed = 0;
    constexpr int trials = 32;
    for (uint32_t trial = 0; trial < trials; ++trial) {
      uint32_t words[6] = {trial, 7 * trial, 3, trial << 16, 11, 13 + trial};
      const mote::PhiloxBlock before = mote::philox4x32_10(words, words + 4);
      words[bit / 32] ^= 1u << (bit % 32);
      const mote::PhiloxBlock after = mote::philox4x32_10(words, words + 4);
      for (int i = 0; i < 4; ++i) changed += __builtin_popcount(before.word[i] ^ after.word[i]);
    }
    // 4096 fair coins: standard deviation 32.
    REQUIRE(changed > 2048 - 6 * 32);
    REQUIRE(changed < 2048 + 6 * 32);
  }
}
