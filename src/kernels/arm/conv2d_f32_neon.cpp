// Convolution in NEON (aarch64): simd/conv2d_f32.h, compiled for these instructions. Nothing but the kernel leaves this
// file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/vec_neon.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/conv2d_f32.h"

namespace mote {

void conv2d_f32_neon(const Conv2dF32& args, int row_begin, int row_end, void* scratch) {
  conv_run<VecNeon>(args, row_begin, row_end, scratch);
}
size_t conv2d_f32_neon_packed_bytes(const Conv2dF32& args) { return conv_packed_bytes<VecNeon>(args); }
void conv2d_f32_neon_pack(const Conv2dF32& args, float* packed) { conv_pack<VecNeon>(args, packed); }
size_t conv2d_f32_neon_packed_scratch_bytes(const Conv2dF32& args) { return conv_packed_scratch_bytes<VecNeon>(args); }

}  // namespace mote
#endif
