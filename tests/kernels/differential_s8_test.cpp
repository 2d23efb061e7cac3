// Every set of int8 kernels against ref, on random problems of the kind the fuzz target fuzz_kernels_s8 makes.
#include "tests/support/differential_s8.h"

#include <doctest/doctest.h>

#include <vector>

namespace mote::test {

TEST_CASE("every set of int8 kernels solves random problems as ref does") {
  uint64_t state = 20261122;
  const auto next = [&] {  // xorshift64 (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  for (int operation = 0; operation < 12; ++operation) {
    for (int i = 0; i < 250; ++i) {
      std::vector<uint8_t> bytes = {static_cast<uint8_t>(operation)};
      for (size_t n = next() >> 58; n > 0; --n) bytes.push_back(static_cast<uint8_t>(next() >> 32));
      REQUIRE(compare_kernels_s8(bytes.data(), bytes.size()) == "");
    }
  }
}

}  // namespace mote::test
