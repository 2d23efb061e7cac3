// Attention in AVX-512 (F, VL, DQ, BW): simd/attention_f32.h, compiled for these instructions. Nothing but the kernel
// leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx512.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/attention_f32.h"

namespace mote {

void attention_f32_avx512(const AttentionF32& args, int row_begin, int row_end, float* scratch) {
  attention_run<VecAvx512>(args, row_begin, row_end, scratch);
}

}  // namespace mote
#endif
