// Linear layers in NEON (aarch64): simd/linear_f32.h, compiled for these instructions. Nothing but the kernel leaves
// this file.
#if defined(__aarch64__)
#include "kernels/arm/arm.h"
#include "kernels/simd/linear_f32.h"

namespace mote {

void linear_f32_neon(const LinearF32& args, int row_begin, int row_end, void*) {
  conv2d_f32_neon(linear_as_conv(args), row_begin, row_end, nullptr);
}
size_t linear_f32_neon_packed_bytes(const LinearF32& args) {
  return linear_packs(args) ? conv2d_f32_neon_packed_bytes(linear_as_conv(args)) : 0;
}
void linear_f32_neon_pack(const LinearF32& args, float* packed) {
  if (linear_packs(args)) conv2d_f32_neon_pack(linear_as_conv(args), packed);
}

}  // namespace mote
#endif
