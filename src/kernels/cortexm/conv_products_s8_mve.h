// The products of a convolution with Helium, in assembly: VMLADAVA adds 16 products of bytes to a scalar register, and
// must find all sums of a tile in the even registers, which no compiler manages without moving them about.
//
// sums3x3_*: kernels of 3 x 3, stride 1. For each of some output channels, 7 or 8 neighbouring pixels of a row: every
// vector of input that is loaded is multiplied by up to three taps. Input: 3 rows of a window that has no edges,
// [channels / 16][rows][columns][16], columns = pixels + 2. Weights lie as in the model, where two taps are `tap` bytes
// apart: a constant in most of these functions, so that they need no instructions to find the next one.
// sums1x1_7: the same for kernels of one tap; input: [channels / 16][7][16].
// Sums of both: [output channel][pixel], added to what is there.
//
// dots_*: any other kernel, as a product of matrices: 4 pixels by 2 output channels. Input: [steps][4][16 bytes];
// weights: steps * 16 elements (8 with 16-bit input) in a row. Sums: [output channel][4], added to what is there.
#pragma once
#include "kernels/cortexm/cortexm.h"

#if defined(MOTE_HAS_MVE)
#include <cstddef>
#include <cstdint>

namespace mote {
namespace {

constexpr int window_rows = 6;  // for 4 rows of output; 8 pixels always take a window of so many

// Read by the assembly: the order counts.
struct ProductsMve {
  const int8_t* weights;  // of the first output channel
  int32_t weight_step;    // from the end of one output channel's, as the function leaves it, to the next channel's
  const void* x;
  int32_t steps;  // 16 channels each
  int32_t* sums;
  const int32_t* sums_end;
  int32_t tap;              // sums3x3_any_*
  const int8_t* weights_1;  // dots_*: of the second output channel
  int32_t skip;             // sums3x3_*_7: bytes from the end of a window of 16 channels to the next one
};
static_assert(sizeof(void*) == 4 && offsetof(ProductsMve, sums_end) == 20 && offsetof(ProductsMve, weights_1) == 28 &&
              offsetof(ProductsMve, skip) == 32);

// r9: the arguments, r11: sums, r1: weights, r5: x; the even registers: sums.
// clang-format off
#define MOTE_MVE_ENTER    \
  "push {r4-r11, lr}\n\t" \
  "mov r9, r0\n\t"        \
  "ldr r1, [r9]\n\t"      \
  "ldr r11, [r9, #16]\n\t"
#define MOTE_MVE_CHANNEL "1:\n\tldr r5, [r9, #8]\n\t"
#define MOTE_MVE_NEXT_CHANNEL \
  "ldr r7, [r9, #20]\n\t"     \
  "cmp r11, r7\n\t"           \
  "bne 1b\n\t"                \
  "pop {r4-r11, pc}\n\t"
#define MOTE_MVE_SUMS_7 "{r0, r2, r4, r6, r8, r10, r12}\n\t"
#define MOTE_MVE_SUMS_8 "{r0, r2, r4, r6, r8, r10, r12, lr}\n\t"

// A row of the window by three taps in q0 to q2.
#define MOTE_MVE_X "vldrw.u32 q3, [r5], #16\n\t"
#define MOTE_MVE_MAC(sum, w) "vmladava.s8 " sum ", q3, " w "\n\t"
#define MOTE_MVE_3(a, b, c) MOTE_MVE_X MOTE_MVE_MAC(a, "q0") MOTE_MVE_MAC(b, "q1") MOTE_MVE_MAC(c, "q2")
#define MOTE_MVE_BEGIN_ROW                                             \
  MOTE_MVE_X MOTE_MVE_MAC("r0", "q0")                                  \
  MOTE_MVE_X MOTE_MVE_MAC("r2", "q0") MOTE_MVE_MAC("r0", "q1")         \
  MOTE_MVE_3("r4", "r2", "r0")                                         \
  MOTE_MVE_3("r6", "r4", "r2")                                         \
  MOTE_MVE_3("r8", "r6", "r4")                                         \
  MOTE_MVE_3("r10", "r8", "r6")                                        \
  MOTE_MVE_3("r12", "r10", "r8")
#define MOTE_MVE_ROW_7 MOTE_MVE_BEGIN_ROW                              \
  MOTE_MVE_X MOTE_MVE_MAC("r12", "q1") MOTE_MVE_MAC("r10", "q2")       \
  MOTE_MVE_X MOTE_MVE_MAC("r12", "q2")
#define MOTE_MVE_ROW_8 MOTE_MVE_BEGIN_ROW                              \
  MOTE_MVE_3("lr", "r12", "r10")                                       \
  MOTE_MVE_X MOTE_MVE_MAC("lr", "q1") MOTE_MVE_MAC("r12", "q2")        \
  MOTE_MVE_X MOTE_MVE_MAC("lr", "q2")

// 16 channels of all taps, `tap` bytes apart: r1 is at the middle one, so that offsets fit up to tap = 112.
#define MOTE_MVE_W(q, offset) "vldrw.u32 " q ", [r1, #(" offset ")]\n\t"
#define MOTE_MVE_TAPS(tap, row)                                                                                \
  MOTE_MVE_W("q0", "-4*" tap) MOTE_MVE_W("q1", "-3*" tap) MOTE_MVE_W("q2", "-2*" tap) row                      \
  MOTE_MVE_W("q0", "-" tap) "vldrw.u32 q1, [r1], #16\n\t" MOTE_MVE_W("q2", tap "-16") row                      \
  MOTE_MVE_W("q0", "2*" tap "-16") MOTE_MVE_W("q1", "3*" tap "-16") MOTE_MVE_W("q2", "4*" tap "-16") row
// The same for any distance, in r3; r1 is at the first one.
#define MOTE_MVE_NEXT(q) "vldrw.u32 " q ", [r1]\n\tadd r1, r1, r3\n\t"
#define MOTE_MVE_ANY_TAPS(row)                                                                                 \
  MOTE_MVE_NEXT("q0") MOTE_MVE_NEXT("q1") MOTE_MVE_NEXT("q2") row                                              \
  MOTE_MVE_NEXT("q0") MOTE_MVE_NEXT("q1") MOTE_MVE_NEXT("q2") row                                              \
  MOTE_MVE_NEXT("q0") MOTE_MVE_NEXT("q1") "vldrw.u32 q2, [r1], #16\n\t" row                                    \
  "sub r1, r1, r3, lsl #3\n\t"

// What is done to the sums of an output channel: lr counts steps where it is not a sum (7 pixels), else r7 does.
#define MOTE_MVE_ONCE_7(taps) "ldm r11, " MOTE_MVE_SUMS_7 taps "stm r11!, " MOTE_MVE_SUMS_7
#define MOTE_MVE_LOOP_7(taps)    \
  "ldr r7, [r9, #12]\n\t"        \
  "ldm r11, " MOTE_MVE_SUMS_7    \
  "dls lr, r7\n\t"               \
  "ldr r7, [r9, #32]\n\t"        \
  "2:\n\t" taps                  \
  "add r5, r5, r7\n\t"           \
  "le lr, 2b\n\t"                \
  "stm r11!, " MOTE_MVE_SUMS_7
#define MOTE_MVE_LOOP_8(taps)    \
  "ldr r7, [r9, #12]\n\t"        \
  "ldm r11, " MOTE_MVE_SUMS_8    \
  "2:\n\t" taps                  \
  "add r5, r5, #480\n\t"         \
  "subs r7, r7, #1\n\t"          \
  "bne 2b\n\t"                   \
  "stm r11!, " MOTE_MVE_SUMS_8
// Of one tap, at r1.
#define MOTE_MVE_POINT_7(...)                                                 \
  "ldr r7, [r9, #12]\n\t"                                                     \
  "ldm r11, " MOTE_MVE_SUMS_7                                                 \
  "dls lr, r7\n\t"                                                            \
  "2:\n\tvldrw.u32 q0, [r1], #16\n\t"                                         \
  MOTE_MVE_X MOTE_MVE_MAC("r0", "q0") MOTE_MVE_X MOTE_MVE_MAC("r2", "q0")     \
  MOTE_MVE_X MOTE_MVE_MAC("r4", "q0") MOTE_MVE_X MOTE_MVE_MAC("r6", "q0")     \
  MOTE_MVE_X MOTE_MVE_MAC("r8", "q0") MOTE_MVE_X MOTE_MVE_MAC("r10", "q0")    \
  MOTE_MVE_X MOTE_MVE_MAC("r12", "q0")                                        \
  "le lr, 2b\n\t"                                                             \
  "stm r11!, " MOTE_MVE_SUMS_7

#define MOTE_MVE_FUNCTION(name, ...)                               \
  __attribute__((naked, noinline)) void name(const ProductsMve*) { \
    __asm__(MOTE_MVE_ENTER __VA_ARGS__ MOTE_MVE_NEXT_CHANNEL);     \
  }
#define MOTE_MVE_WINDOW(name, tap, row, loop)                                                          \
  MOTE_MVE_FUNCTION(name, "ldr r3, [r9, #4]\n\t" MOTE_MVE_CHANNEL loop(MOTE_MVE_TAPS(tap, row))        \
                          "add r1, r1, r3\n\t")
#define MOTE_MVE_WINDOW_ANY(name, row, loop)                                                           \
  MOTE_MVE_FUNCTION(name, "ldr r3, [r9, #24]\n\t" MOTE_MVE_CHANNEL loop(MOTE_MVE_ANY_TAPS(row))        \
                          "ldr r7, [r9, #4]\n\tadd r1, r1, r7\n\t")
// r1 and r3: weights of two output channels.
#define MOTE_MVE_DOT(x, offset, mac, first, second) \
  "vldrw.u32 " x ", [r5" offset "\n\t" mac " " first ", " x ", q0\n\t" mac " " second ", " x ", q1\n\t"
#define MOTE_MVE_DOTS(name, load, bytes, mac)                                                          \
  MOTE_MVE_FUNCTION(name, "ldr r3, [r9, #28]\n\t" MOTE_MVE_CHANNEL                                     \
                          "ldr r7, [r9, #12]\n\t"                                                      \
                          "ldm r11, " MOTE_MVE_SUMS_8                                                  \
                          "2:\n\t"                                                                     \
                          load " q0, [r1], #" bytes "\n\t"                                             \
                          load " q1, [r3], #" bytes "\n\t"                                             \
                          MOTE_MVE_DOT("q2", "], #64", mac, "r0", "r8")                                \
                          MOTE_MVE_DOT("q3", ", #-48]", mac, "r2", "r10")                              \
                          MOTE_MVE_DOT("q2", ", #-32]", mac, "r4", "r12")                              \
                          MOTE_MVE_DOT("q3", ", #-16]", mac, "r6", "lr")                               \
                          "subs r7, r7, #1\n\t"                                                        \
                          "bne 2b\n\t"                                                                 \
                          "stm r11!, " MOTE_MVE_SUMS_8                                                 \
                          "ldr r7, [r9, #4]\n\tadd r1, r1, r7\n\tadd r3, r3, r7\n\t")
// clang-format on

MOTE_MVE_WINDOW(sums3x3_16_7, "16", MOTE_MVE_ROW_7, MOTE_MVE_ONCE_7)
MOTE_MVE_WINDOW(sums3x3_32_7, "32", MOTE_MVE_ROW_7, MOTE_MVE_LOOP_7)
MOTE_MVE_WINDOW(sums3x3_48_7, "48", MOTE_MVE_ROW_7, MOTE_MVE_LOOP_7)
MOTE_MVE_WINDOW(sums3x3_64_7, "64", MOTE_MVE_ROW_7, MOTE_MVE_LOOP_7)
MOTE_MVE_WINDOW(sums3x3_96_7, "96", MOTE_MVE_ROW_7, MOTE_MVE_LOOP_7)
MOTE_MVE_WINDOW_ANY(sums3x3_any_7, MOTE_MVE_ROW_7, MOTE_MVE_LOOP_7)
MOTE_MVE_WINDOW_ANY(sums3x3_any_8, MOTE_MVE_ROW_8, MOTE_MVE_LOOP_8)
MOTE_MVE_WINDOW(sums1x1_7, "0", "", MOTE_MVE_POINT_7)
MOTE_MVE_DOTS(dots_s8, "vldrb.u8", "16", "vmladava.s8")
MOTE_MVE_DOTS(dots_s16, "vldrb.s16", "8", "vmladava.s16")

// The first value of every sum of a tile of 4, 7 or 8 pixels; of 7, writes one more behind.
template <int tile>
inline void begin_sums_of(const int32_t* correction, int channels, int32_t* to) {
  __asm__ volatile(
      "dls lr, %[count]\n\t"
      "1:\n\t"
      "ldr r0, [%[from]], #4\n\t"
      "vdup.32 q0, r0\n\t"
      ".if %c[rest]\n\t"
      "vstrw.32 q0, [%[to]], #16\n\t"
      "vstrw.32 q0, [%[to]], #%c[rest]\n\t"
      ".else\n\t"
      "vstrw.32 q0, [%[to]], #16\n\t"
      ".endif\n\t"
      "le lr, 1b\n\t"
      : [to] "+r"(to), [from] "+r"(correction)
      : [count] "r"(channels), [rest] "n"(4 * tile - 16)
      : "r0", "lr", "q0", "memory");
}
inline void begin_sums(const int32_t* correction, int channels, int tile, int32_t* to) {
  if (tile == 7) return begin_sums_of<7>(correction, channels, to);
  if (tile == 8) return begin_sums_of<8>(correction, channels, to);
  begin_sums_of<4>(correction, channels, to);
}

// Which of them sums `tile` = 7 or 8 pixels, and from which tap on it takes the weights.
struct WindowSumsMve {
  void (*run)(const ProductsMve*);
  int32_t first;  // bytes

  WindowSumsMve(bool pointwise, int tile, int tap)
      : run(pointwise   ? sums1x1_7
            : tile == 8 ? sums3x3_any_8
                        : sums3x3_any_7),
        first(0) {
    if (pointwise || tile == 8) return;
    const auto own = tap == 16   ? sums3x3_16_7
                     : tap == 32 ? sums3x3_32_7
                     : tap == 48 ? sums3x3_48_7
                     : tap == 64 ? sums3x3_64_7
                     : tap == 96 ? sums3x3_96_7
                                 : nullptr;
    if (own == nullptr) return;
    run = own;
    first = 4 * tap;
  }
};

}  // namespace
}  // namespace mote
#endif
