// Convolution of int8 tensors in AVX-512 (F, VL, DQ, BW). Nothing but the kernel leaves this file.
#if defined(__x86_64__)
#include "kernels/x86/conv2d_s8_forms.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

void conv2d_s8_avx512(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  conv_s8(args, row_begin, row_end, scratch);
}
size_t conv2d_s8_avx512_packed_bytes(const Conv2dS8& args) { return conv_s8_packed_bytes(args); }
void conv2d_s8_avx512_pack(const Conv2dS8& args, void* packed) { conv_s8_pack(args, packed); }
size_t conv2d_s8_avx512_packed_scratch_bytes(const Conv2dS8& args) { return conv_s8_packed_scratch_bytes(args); }

}  // namespace mote
#endif
