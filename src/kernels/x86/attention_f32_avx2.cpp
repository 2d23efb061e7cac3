// Attention in AVX2 and FMA: simd/attention_f32.h, compiled for these instructions. Nothing but the kernel leaves this
// file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx2.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/attention_f32.h"

namespace mote {

void attention_f32_avx2(const AttentionF32& args, int row_begin, int row_end, float* scratch) {
  attention_run<VecAvx2>(args, row_begin, row_end, scratch);
}

}  // namespace mote
#endif
