// Convolution of int16 tensors (the picture that is sampled, the embedding of a step) in AVX2. Nothing but the kernel
// leaves this file.
#if defined(__x86_64__)
#include "kernels/x86/conv2d_s8_direct.h"
#include "kernels/x86/conv2d_s8_plain.h"
#include "kernels/x86/x86_s8.h"

namespace mote {

void conv2d_s16_avx2(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) {
    conv_plain(args, args.x16, row_begin, row_end);
  } else {
    conv_direct(args, args.x16, row_begin, row_end, scratch);
  }
}
size_t conv2d_s16_avx2_packed_bytes(const Conv2dS8& args) { return direct_packed_bytes(args); }
void conv2d_s16_avx2_pack(const Conv2dS8& args, void* packed) { direct_pack(args, packed); }
size_t conv2d_s16_avx2_packed_scratch_bytes(const Conv2dS8& args) { return direct_scratch_bytes(args); }

}  // namespace mote
#endif
