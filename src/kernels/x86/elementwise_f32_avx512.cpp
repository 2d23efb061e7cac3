// Elementwise operators and resampling in AVX-512 (F, VL, DQ, BW): simd/elementwise_f32.h, compiled for these
// instructions. Nothing but the kernel leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx512.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/elementwise_f32.h"

namespace mote {

void activation_f32_avx512(const ActivationF32& args, int row_begin, int row_end) {
  activation_run<VecAvx512>(args, row_begin, row_end);
}
void add_f32_avx512(const AddF32& args, int row_begin, int row_end) { add_run<VecAvx512>(args, row_begin, row_end); }
void scale_shift_f32_avx512(const ScaleShiftF32& args, int row_begin, int row_end) {
  scale_shift_run<VecAvx512>(args, row_begin, row_end);
}
void upsample_f32_avx512(const UpsampleF32& args, int row_begin, int row_end) {
  upsample_run<VecAvx512>(args, row_begin, row_end);
}
void average_pool_f32_avx512(const AveragePoolF32& args, int row_begin, int row_end) {
  average_pool_run<VecAvx512>(args, row_begin, row_end);
}

}  // namespace mote
#endif
