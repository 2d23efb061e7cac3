// Group normalisation in AVX-512 (F, VL, DQ, BW): simd/group_norm_f32.h, compiled for these instructions. Nothing but
// the kernel leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx512.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/group_norm_f32.h"

namespace mote {

void group_norm_f32_avx512(const GroupNormF32& args, int phase, int row_begin, int row_end) {
  group_norm_run<VecAvx512>(args, phase, row_begin, row_end);
}

}  // namespace mote
#endif
