// Fuzz target: any bytes as a problem for the int8 kernels, which every kernel set must solve alike
// (tests/support/differential_s8.h). Seeds in tests/data/fuzz/kernels_s8.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/support/differential_s8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string difference = mote::test::compare_kernels_s8(data, size);
  if (difference.empty()) return 0;
  fprintf(stderr, "%s\n", difference.c_str());
  abort();
}
