// Attention in NEON (aarch64): simd/attention_f32.h, compiled for these instructions. Nothing but the kernel leaves
// this file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/vec_neon.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/attention_f32.h"

namespace mote {

void attention_f32_neon(const AttentionF32& args, int row_begin, int row_end, float* scratch) {
  attention_run<VecNeon>(args, row_begin, row_end, scratch);
}

}  // namespace mote
#endif
