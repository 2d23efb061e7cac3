// The same problem given to every set of int8 kernels: whatever the bytes, they must agree with `ref` to the byte. For
// the fuzz target and for tests that drive it with random bytes. Says nothing about what is right: ref has tests of its
// own (tests/kernels).
//
// The first bytes choose operator, shape, constants and patterns of values, extremes more often than chance would have
// it; when they run out, numbers follow that depend on all of them. Only problems that checked models can pose.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace mote::test {

// Empty if all sets this processor has agree, with weights as stored and packed, rows in one piece and in several, and
// nothing outside of the outputs was written; else what differs: operator, arguments, set, first element.
std::string compare_kernels_s8(const uint8_t* data, size_t size);

}  // namespace mote::test
