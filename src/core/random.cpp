// Philox4x32-10: ten rounds of two 32 x 32 -> 64 bit products; the key moves by a constant between rounds.
#include "core/random.h"

namespace mote {

PhiloxBlock philox4x32_10(const uint32_t counter[4], const uint32_t key[2]) {
  constexpr uint32_t multiplier0 = 0xD2511F53u, multiplier1 = 0xCD9E8D57u;  // table 2 of the paper
  constexpr uint32_t bump0 = 0x9E3779B9u, bump1 = 0xBB67AE85u;              // golden ratio, sqrt(3) - 1
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(multiplier0) * c0;
    const uint64_t product1 = static_cast<uint64_t>(multiplier1) * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(product0);
    k0 += bump0;
    k1 += bump1;
  }
  return {{c0, c1, c2, c3}};
}

}  // namespace mote
