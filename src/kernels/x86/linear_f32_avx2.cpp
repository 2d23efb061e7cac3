// Linear layers in AVX2 and FMA: simd/linear_f32.h, compiled for these instructions. Nothing but the kernel leaves this
// file.
#if defined(__x86_64__)
#include "kernels/simd/linear_f32.h"
#include "kernels/x86/x86.h"

namespace mote {

void linear_f32_avx2(const LinearF32& args, int row_begin, int row_end, void*) {
  conv2d_f32_avx2(linear_as_conv(args), row_begin, row_end, nullptr);
}
size_t linear_f32_avx2_packed_bytes(const LinearF32& args) {
  return linear_packs(args) ? conv2d_f32_avx2_packed_bytes(linear_as_conv(args)) : 0;
}
void linear_f32_avx2_pack(const LinearF32& args, float* packed) {
  if (linear_packs(args)) conv2d_f32_avx2_pack(linear_as_conv(args), packed);
}

}  // namespace mote
#endif
