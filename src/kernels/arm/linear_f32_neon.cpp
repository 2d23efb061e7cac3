// Linear layers in NEON (aarch64): simd/linear_f32.h, compiled for these instructions. Nothing but the kernel leaves this file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/vec_neon.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/linear_f32.h"

namespace mote {

void linear_f32_neon(const LinearF32& args, int row_begin, int row_end, void*) {
  linear_run<VecNeon>(args, row_begin, row_end);
}
size_t linear_f32_neon_packed_bytes(const LinearF32& args) { return linear_packed_bytes<VecNeon>(args); }
void linear_f32_neon_pack(const LinearF32& args, float* packed) { linear_pack<VecNeon>(args, packed); }

}  // namespace mote
#endif
