// Convolution in AVX-512 (F, VL, DQ, BW): simd/conv2d_f32.h, compiled for these instructions. Nothing but the kernel
// leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx512.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/conv2d_f32.h"

namespace mote {

void conv2d_f32_avx512(const Conv2dF32& args, int row_begin, int row_end, void* scratch) {
  conv_run<VecAvx512>(args, row_begin, row_end, scratch);
}
size_t conv2d_f32_avx512_packed_bytes(const Conv2dF32& args) { return conv_packed_bytes<VecAvx512>(args); }
void conv2d_f32_avx512_pack(const Conv2dF32& args, float* packed) { conv_pack<VecAvx512>(args, packed); }
size_t conv2d_f32_avx512_packed_scratch_bytes(const Conv2dF32& args) {
  return conv_packed_scratch_bytes<VecAvx512>(args);
}

}  // namespace mote
#endif
