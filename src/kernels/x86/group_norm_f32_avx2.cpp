// Group normalisation in AVX2 and FMA: simd/group_norm_f32.h, compiled for these instructions. Nothing but the kernel
// leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx2.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/group_norm_f32.h"

namespace mote {

void group_norm_f32_avx2(const GroupNormF32& args, int phase, int row_begin, int row_end) {
  group_norm_run<VecAvx2>(args, phase, row_begin, row_end);
}

}  // namespace mote
#endif
