// The inner loop of the convolutions for the DSP extension: products of panels of int16, and how panels are laid out.
//
// A panel holds values in groups of 4 channels a, b, c, d as two words, (a, c) and (b, d), low half first: what SXTB16
// makes of 4 bytes. Words of `lanes` pixels (2) or output channels (4) lie side by side, and 16 channels are a block:
//   pixels   [block][group][(a, c), (b, d)][2]         16 words a block
//   weights  [block][group][(a, c), (b, d)][4]         32 words a block
// so that two LDM bring 2 pixels and 2 outputs for one pair of channels: 3 loads for 8 SMLAD, 16 multiply-accumulates.
#pragma once
#include <cstdint>

#include "kernels/cortexm/dsp.h"

namespace mote {
namespace {

constexpr int block_channels = 16;
constexpr int pixel_lanes = 2, output_lanes = 4;
constexpr int pixel_block_words = block_channels / 2 * pixel_lanes,
              weight_block_words = block_channels / 2 * output_lanes;

#define MOTE_PAIR                                                                                 \
  "ldmia r1!, {r2, r3}\n ldmia r0!, {r12, lr}\n"                                                  \
  "smlad r4, r12, r2, r4\n smlad r8, r12, r3, r8\n smlad r5, lr, r2, r5\n smlad r9, lr, r3, r9\n" \
  "ldmia r0!, {r12, lr}\n"                                                                        \
  "smlad r6, r12, r2, r6\n smlad r10, r12, r3, r10\n smlad r7, lr, r2, r7\n smlad r11, lr, r3, r11\n"
#define MOTE_PAIRS_4 MOTE_PAIR MOTE_PAIR MOTE_PAIR MOTE_PAIR

// Products of one panel of weights with `runs` panels of pixels. Sums: [2 pixels][4 outputs].
struct Products {
  int32_t* sums;
  const int32_t* pixels;
  int32_t step;  // bytes from the sums of a block to those of the next: 0 adds up
  const int32_t* weights;
  int32_t next_pixels;  // bytes from the end of a run to the next
  int32_t bytes;        // of the pixels of a run
  int32_t next_sums;    // bytes from where a run ends to the sums of the next
  int32_t runs;
};

// sums += products. On the stack: as Products, with the end of the run for `pixels`.
MOTE_DSP_ASSEMBLY void multiply_panels(const Products*) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "ldmia r0, {r2-r9}\n"
      "mov r1, r3\n"
      "add r3, r1, r7\n"
      "mov r0, r5\n"
      "push {r2-r9}\n"
      "1: ldmia r2, {r4-r11}\n"  //
      MOTE_PAIRS_4 MOTE_PAIRS_4
      "ldmia sp, {r2, r3, r12}\n"
      "stmia r2, {r4-r11}\n"
      "add r2, r2, r12\n"
      "str r2, [sp]\n"
      "cmp r1, r3\n"
      "bne 1b\n"
      "add r3, sp, #12\n"
      "ldmia r3, {r0, r4-r7}\n"
      "add r1, r1, r4\n"
      "add r3, r1, r5\n"
      "add r2, r2, r6\n"
      "strd r2, r3, [sp]\n"
      "subs r7, r7, #1\n"
      "str r7, [sp, #28]\n"
      "bne 1b\n"
      "add sp, sp, #32\n"
      "pop {r4-r11, pc}\n");
}

// 8 words, `count` times.
MOTE_DSP_ASSEMBLY void clear(void* /*to*/, int /*count*/) {
  __asm__ volatile(
      "push {r4-r8, lr}\n"
      "movs r2, #0\n movs r3, #0\n movs r4, #0\n movs r5, #0\n movs r6, #0\n movs r7, #0\n"
      "mov r8, r2\n mov r12, r2\n"
      "1: stmia r0!, {r2-r8, r12}\n"
      "subs r1, r1, #1\n"
      "bne 1b\n"
      "pop {r4-r8, pc}\n");
}

#undef MOTE_PAIRS_4
#undef MOTE_PAIR

}  // namespace
}  // namespace mote
