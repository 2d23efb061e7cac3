// Convolution of quantized tensors in NEON (aarch64, ARMv7): Winograd where it is proved exact, else on rows of int16, or
// directly without packed weights.
// Nothing but the kernels leaves this file.
#if defined(__aarch64__) || (defined(__arm__) && defined(__ARM_NEON))
#include "kernels/arm/arm_s8.h"
#include "kernels/arm/conv_direct_s8_neon.h"
#include "kernels/arm/conv_rows_s16_neon.h"
#include "kernels/arm/conv_winograd_s8_neon.h"

namespace mote {

void conv2d_s8_neon(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) {
    conv_direct_run<int8_t>(args, row_begin, row_end);
  } else if (winograd_fits(args)) {
    WinogradS8(args, scratch).run(row_begin, row_end);
  } else {
    ConvRowsS16<int8_t>(args, scratch).run(row_begin, row_end);
  }
}
size_t conv2d_s8_neon_packed_bytes(const Conv2dS8& args) {
  return winograd_fits(args) ? WinogradS8::packed_bytes(args) : ConvRowsS16<int8_t>::packed_bytes(args);
}
void conv2d_s8_neon_pack(const Conv2dS8& args, void* packed) {
  if (winograd_fits(args)) {
    WinogradS8::pack(args, packed);
  } else {
    ConvRowsS16<int8_t>::pack(args, packed);
  }
}
size_t conv2d_s8_neon_packed_scratch_bytes(const Conv2dS8& args) {
  return winograd_fits(args) ? WinogradS8::scratch_bytes(args) : ConvRowsS16<int8_t>::scratch_bytes(args);
}

void conv2d_s16_neon(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) {
    conv_direct_run<int16_t>(args, row_begin, row_end);
  } else {
    ConvRowsS16<int16_t>(args, scratch).run(row_begin, row_end);
  }
}
size_t conv2d_s16_neon_packed_bytes(const Conv2dS8& args) { return ConvRowsS16<int16_t>::packed_bytes(args); }
void conv2d_s16_neon_pack(const Conv2dS8& args, void* packed) { ConvRowsS16<int16_t>::pack(args, packed); }
size_t conv2d_s16_neon_packed_scratch_bytes(const Conv2dS8& args) { return ConvRowsS16<int16_t>::scratch_bytes(args); }

}  // namespace mote
#endif
