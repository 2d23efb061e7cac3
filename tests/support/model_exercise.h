// What must never crash, whatever the bytes: open, check, a step in pieces, save and restore. For tests with broken
// models and for the fuzz target.
#pragma once
#include <mote/mote.h>

#include <cstdint>

namespace mote::test {

// Models that ask for more working memory or work a step than this are opened and not run.
constexpr size_t exercise_memory = 16u << 20;
constexpr uint64_t exercise_macs = 20u << 20;

// bytes: aligned to MOTE_ALIGNMENT. Returns what mote_open says. kernels: null for the fastest. Aborts if the library
// contradicts itself: a size it states does not do, or a restored sampler differs from the saved one.
mote_status exercise_model(const uint8_t* bytes, size_t size, const char* kernels);

}  // namespace mote::test
