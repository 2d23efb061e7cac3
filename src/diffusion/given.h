// What is asked of pictures that a caller gives.
#pragma once
#include <cstdint>

#include "core/math.h"
#include "core/status.h"

namespace mote {

inline Status check_finite(const float* x, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!is_finite_f32(x[i])) return MOTE_E_NOT_FINITE;
  }
  return MOTE_OK;
}

// Values so small that products with them could be denormal become 0: processors differ there.
inline float without_tiny(float x) { return abs_f32(x) < 0x1p-64f ? 0.0f : x; }

}  // namespace mote
