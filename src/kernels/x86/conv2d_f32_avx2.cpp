// Convolution in AVX2 and FMA: simd/conv2d_f32.h, compiled for these instructions. Nothing but the kernel leaves this
// file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx2.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/conv2d_f32.h"

namespace mote {

void conv2d_f32_avx2(const Conv2dF32& args, int row_begin, int row_end, void* scratch) {
  conv_run<VecAvx2>(args, row_begin, row_end, scratch);
}
size_t conv2d_f32_avx2_packed_bytes(const Conv2dF32& args) { return conv_packed_bytes<VecAvx2>(args); }
void conv2d_f32_avx2_pack(const Conv2dF32& args, float* packed) { conv_pack<VecAvx2>(args, packed); }
size_t conv2d_f32_avx2_packed_scratch_bytes(const Conv2dF32& args) { return conv_packed_scratch_bytes<VecAvx2>(args); }

}  // namespace mote
#endif
