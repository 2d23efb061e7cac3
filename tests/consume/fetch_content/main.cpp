// The C++ consumer: the C header included from C++17, and the wrapper where it is of use.
#include <mote/mote.h>

#include <cstdio>

int main() {
  alignas(MOTE_ALIGNMENT) static unsigned char garbage[64] = "no model at all";
  static mote_model model;
  if (mote_version() != MOTE_VERSION) return 1;
  if (mote_open(&model, garbage, sizeof garbage, mote_all_operators) != MOTE_E_NOT_A_MODEL) return 1;
  std::printf("mote %s: linked from C++, fastest kernels: %s\n", mote_version_string(), mote_kernels_name(0));
}
