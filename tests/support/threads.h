// A mote_parallel_for_fn for tests: real threads, indices handed out as they come.
#pragma once
#include <cstdint>

namespace mote::test {

// context: uint32_t, the number of threads.
void parallel_for_threads(void* context, uint32_t n, void (*fn)(void* arg, uint32_t index, uint32_t worker), void* arg);

// How often it was called so far.
uint32_t parallel_calls();

}  // namespace mote::test
