// Convolution of quantized tensors with SMMLA (aarch64, Armv8.6 int8 matrix products): two pixels and two output
// channels, 8 elements deep, for each instruction. Nothing but the kernels leaves this file.
#if defined(__aarch64__)
#include "kernels/arm/arm_s8.h"

#define MOTE_PAIR(x, a, b, c, d)                                  \
  "smmla v" #a ".4s, v" #x ".16b, v0.16b\nsmmla v" #b ".4s, v" #x \
  ".16b, v1.16b\n"                                                \
  "smmla v" #c ".4s, v" #x ".16b, v2.16b\nsmmla v" #d ".4s, v" #x ".16b, v3.16b\n"
#include "kernels/arm/conv_pairs_s8.h"

namespace mote {
namespace {

// Weights: [8 output channels][8]. The sums of a pair: for every two channels two of the upper pixel, two of the lower.
struct I8mmS8 {
  static constexpr int pairs = 5;
  static int weight_channel(int at) { return at / 8; }
  static int weight_element(int at) { return at % 8; }

  template <int P>
  static MOTE_INLINE void multiply(const int8x16_t* x, const int8_t*& w, int32x4_t acc[P][4]) {
    const int8x16x4_t four = vld1q_s8_x4(w);
    w += 64;
    for (int p = 0; p < P; ++p) {
      acc[p][0] = vmmlaq_s32(acc[p][0], x[p], four.val[0]);
      acc[p][1] = vmmlaq_s32(acc[p][1], x[p], four.val[1]);
      acc[p][2] = vmmlaq_s32(acc[p][2], x[p], four.val[2]);
      acc[p][3] = vmmlaq_s32(acc[p][3], x[p], four.val[3]);
    }
  }
  static MOTE_INLINE int32x4_t twice(int32x2_t v) { return vcombine_s32(v, v); }
  static MOTE_INLINE void spread(int32x4_t low, int32x4_t high, int32x4_t out[4]) {
    out[0] = twice(vget_low_s32(low));
    out[1] = twice(vget_high_s32(low));
    out[2] = twice(vget_low_s32(high));
    out[3] = twice(vget_high_s32(high));
  }
  static MOTE_INLINE void split(const float32x4_t v[4], float32x4_t upper[2], float32x4_t lower[2]) {
    for (int half = 0; half < 2; ++half) {
      upper[half] = vcombine_f32(vget_low_f32(v[2 * half]), vget_low_f32(v[2 * half + 1]));
      lower[half] = vcombine_f32(vget_high_f32(v[2 * half]), vget_high_f32(v[2 * half + 1]));
    }
  }
  // Codes of two channels move together: even pairs of bytes are the upper pixel's, odd ones the lower's.
  static MOTE_INLINE int8x16_t sort(int8x16_t codes) {
    const int8x16_t order = {0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15};
    return vqtbl1q_s8(codes, vreinterpretq_u8_s8(order));
  }
  static MOTE_INLINE int8x16_t unsort(int8x16_t codes) {
    const int8x16_t order = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
    return vqtbl1q_s8(codes, vreinterpretq_u8_s8(order));
  }
};

}  // namespace

void conv2d_s8_i8mm(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) return conv2d_s8_neon(args, row_begin, row_end, scratch);
  ConvPairsS8<I8mmS8>(args, scratch).run(row_begin, row_end);
}
size_t conv2d_s8_i8mm_packed_bytes(const Conv2dS8& args) { return ConvPairsS8<I8mmS8>::packed_bytes(args); }
void conv2d_s8_i8mm_pack(const Conv2dS8& args, void* packed) { ConvPairsS8<I8mmS8>::pack(args, packed); }
size_t conv2d_s8_i8mm_packed_scratch_bytes(const Conv2dS8& args) { return ConvPairsS8<I8mmS8>::scratch_bytes(args); }

}  // namespace mote
#endif
