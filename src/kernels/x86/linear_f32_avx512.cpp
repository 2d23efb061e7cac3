// Linear layers in AVX-512 (F, VL, DQ, BW): simd/linear_f32.h, compiled for these instructions. Nothing but the kernel leaves this file.
#if defined(__x86_64__)
#include "kernels/simd/vec_avx512.h"
#include "kernels/x86/x86.h"
// The templates come after the vector they are compiled for.
#include "kernels/simd/linear_f32.h"

namespace mote {

void linear_f32_avx512(const LinearF32& args, int row_begin, int row_end, void*) {
  linear_run<VecAvx512>(args, row_begin, row_end);
}
size_t linear_f32_avx512_packed_bytes(const LinearF32& args) { return linear_packed_bytes<VecAvx512>(args); }
void linear_f32_avx512_pack(const LinearF32& args, float* packed) { linear_pack<VecAvx512>(args, packed); }

}  // namespace mote
#endif
