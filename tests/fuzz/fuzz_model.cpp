// Fuzz target: any bytes as a model. Opened and, if that is allowed, checked, run for a step in pieces, saved, restored.
// Seeds in tests/data/fuzz/model are written by make_model_seeds.cpp.
#include <cstdint>
#include <cstring>

#include "tests/support/model_builder.h"
#include "tests/support/model_exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mote::test::AlignedBytes bytes(size);
  if (size != 0) memcpy(bytes.data(), data, size);
  mote::test::exercise_model(bytes.data(), size, nullptr);
  return 0;
}
