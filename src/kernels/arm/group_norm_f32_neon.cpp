// Group normalisation in NEON (aarch64): simd/group_norm_f32.h, compiled for these instructions. Nothing but the kernel
// leaves this file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/vec_neon.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/group_norm_f32.h"

namespace mote {

void group_norm_f32_neon(const GroupNormF32& args, int phase, int row_begin, int row_end) {
  group_norm_run<VecNeon>(args, phase, row_begin, row_end);
}

}  // namespace mote
#endif
