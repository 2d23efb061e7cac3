// Philox4x32-10, the counter-based random bits under all of mote's noise (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A pure function: nothing to seed, store or advance. Not for cryptography.
#pragma once
#include <cstdint>

namespace mote {

struct PhiloxBlock {
  uint32_t word[4];
};

// The four words that belong to a 128-bit counter and a 64-bit key.
PhiloxBlock philox4x32_10(const uint32_t counter[4], const uint32_t key[2]);

}  // namespace mote
