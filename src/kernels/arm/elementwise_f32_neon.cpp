// Elementwise operators and resampling in NEON (aarch64): simd/elementwise_f32.h, compiled for these instructions.
// Nothing but the kernel leaves this file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/vec_neon.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/elementwise_f32.h"

namespace mote {

void activation_f32_neon(const ActivationF32& args, int row_begin, int row_end) {
  activation_run<VecNeon>(args, row_begin, row_end);
}
void add_f32_neon(const AddF32& args, int row_begin, int row_end) { add_run<VecNeon>(args, row_begin, row_end); }
void scale_shift_f32_neon(const ScaleShiftF32& args, int row_begin, int row_end) {
  scale_shift_run<VecNeon>(args, row_begin, row_end);
}
void upsample_f32_neon(const UpsampleF32& args, int row_begin, int row_end) {
  upsample_run<VecNeon>(args, row_begin, row_end);
}
void average_pool_f32_neon(const AveragePoolF32& args, int row_begin, int row_end) {
  average_pool_run<VecNeon>(args, row_begin, row_end);
}

}  // namespace mote
#endif
