// Convolution of quantized tensors with SDOT (aarch64, Armv8.2 dot product). Nothing but the kernels leaves this file.
#if defined(__aarch64__)
#include "kernels/arm/arm_s8.h"

// Lanes 0 and 1 of v<x> are the upper pixel's channels, 2 and 3 the lower's.
#define MOTE_PAIR(x, a, b, c, d)                                          \
  "sdot v" #a ".4s, v0.16b, v" #x ".4b[0]\nsdot v" #b ".4s, v1.16b, v" #x \
  ".4b[0]\n"                                                              \
  "sdot v" #c ".4s, v0.16b, v" #x ".4b[2]\nsdot v" #d ".4s, v1.16b, v" #x \
  ".4b[2]\n"                                                              \
  "sdot v" #a ".4s, v2.16b, v" #x ".4b[1]\nsdot v" #b ".4s, v3.16b, v" #x \
  ".4b[1]\n"                                                              \
  "sdot v" #c ".4s, v2.16b, v" #x ".4b[3]\nsdot v" #d ".4s, v3.16b, v" #x ".4b[3]\n"
#include "kernels/arm/conv_pairs_s8.h"

namespace mote {
namespace {

// Weights: [2 times 4 channels][8 output channels][4]. The sums of a pair: upper pixel, channels 0..3 and 4..7, lower.
struct DotprodS8 {
  static constexpr int pairs = 5;
  static int weight_channel(int at) { return at % 32 / 4; }
  static int weight_element(int at) { return at / 32 * 4 + at % 4; }

  template <int P>
  static MOTE_INLINE void multiply(const int8x16_t* x, const int8_t*& w, int32x4_t acc[P][4]) {
    const int8x16x4_t four = vld1q_s8_x4(w);
    w += 64;
    for (int p = 0; p < P; ++p) {
      acc[p][0] = vdotq_laneq_s32(acc[p][0], four.val[0], x[p], 0);
      acc[p][1] = vdotq_laneq_s32(acc[p][1], four.val[1], x[p], 0);
      acc[p][2] = vdotq_laneq_s32(acc[p][2], four.val[0], x[p], 2);
      acc[p][3] = vdotq_laneq_s32(acc[p][3], four.val[1], x[p], 2);
    }
    for (int p = 0; p < P; ++p) {
      acc[p][0] = vdotq_laneq_s32(acc[p][0], four.val[2], x[p], 1);
      acc[p][1] = vdotq_laneq_s32(acc[p][1], four.val[3], x[p], 1);
      acc[p][2] = vdotq_laneq_s32(acc[p][2], four.val[2], x[p], 3);
      acc[p][3] = vdotq_laneq_s32(acc[p][3], four.val[3], x[p], 3);
    }
  }
  static MOTE_INLINE void spread(int32x4_t low, int32x4_t high, int32x4_t out[4]) {
    out[0] = out[2] = low;
    out[1] = out[3] = high;
  }
  static MOTE_INLINE void split(const float32x4_t v[4], float32x4_t upper[2], float32x4_t lower[2]) {
    for (int half = 0; half < 2; ++half) {
      upper[half] = v[half];
      lower[half] = v[2 + half];
    }
  }
  static MOTE_INLINE int8x16_t sort(int8x16_t codes) { return codes; }
  static MOTE_INLINE int8x16_t unsort(int8x16_t codes) { return codes; }
};

}  // namespace

void conv2d_s8_dotprod(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  if (args.packed == nullptr) return conv2d_s8_neon(args, row_begin, row_end, scratch);
  ConvPairsS8<DotprodS8>(args, scratch).run(row_begin, row_end);
}
size_t conv2d_s8_dotprod_packed_bytes(const Conv2dS8& args) { return ConvPairsS8<DotprodS8>::packed_bytes(args); }
void conv2d_s8_dotprod_pack(const Conv2dS8& args, void* packed) { ConvPairsS8<DotprodS8>::pack(args, packed); }
size_t conv2d_s8_dotprod_packed_scratch_bytes(const Conv2dS8& args) {
  return ConvPairsS8<DotprodS8>::scratch_bytes(args);
}

}  // namespace mote
#endif
