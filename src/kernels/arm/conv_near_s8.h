// The innermost loop of conv_pairs_s8.h for filters of 3 columns that go on by 1, in assembler: compilers move sums
// between registers or spill them there. A file that includes this defines first
//
//   MOTE_PAIR(x, a, b, c, d)    "..." that adds to the sums v<a>, v<b>, v<c>, v<d> of a pair of pixels, which v<x> holds,
//                               the products with the 64 weights in v0..v3
//
// Registers: v0..v3 weights, v4.. the P + 2 pairs that three taps read, v12 + 4 p .. the sums of pair p.
#pragma once
#include "kernels/arm/vec_s8.h"

namespace mote {
namespace {

// Two parts of a ring, in the order of the weights: so many planes from x on, then from y on.
struct Planes {
  const int8_t *x, *y;
  size_t x_count, y_count;  // x_count > 0
};

#define MOTE_TAP_1(p) "ld1 {v0.16b-v3.16b}, [%[w]], #64\n" MOTE_PAIR(p, 12, 13, 14, 15)
#define MOTE_TAP_2(p, q) MOTE_TAP_1(p) MOTE_PAIR(q, 16, 17, 18, 19)
#define MOTE_TAP_3(p, q, r) MOTE_TAP_2(p, q) MOTE_PAIR(r, 20, 21, 22, 23)
#define MOTE_TAP_4(p, q, r, s) MOTE_TAP_3(p, q, r) MOTE_PAIR(s, 24, 25, 26, 27)
#define MOTE_TAP_5(p, q, r, s, t) MOTE_TAP_4(p, q, r, s) MOTE_PAIR(t, 28, 29, 30, 31)

#define MOTE_BEGIN(a, d) "ld1 {v" #a ".4s-v" #d ".4s}, [%[begin]]\n"
#define MOTE_BEGIN_1 MOTE_BEGIN(12, 15)
#define MOTE_BEGIN_2 MOTE_BEGIN_1 MOTE_BEGIN(16, 19)
#define MOTE_BEGIN_3 MOTE_BEGIN_2 MOTE_BEGIN(20, 23)
#define MOTE_BEGIN_4 MOTE_BEGIN_3 MOTE_BEGIN(24, 27)
#define MOTE_BEGIN_5 MOTE_BEGIN_4 MOTE_BEGIN(28, 31)

// The sums stay in their registers: what follows finds them there.
#define MOTE_SUMS(p, a, b, c, d) \
  register int32x4_t s##p##0 __asm__("v" #a), s##p##1 __asm__("v" #b), s##p##2 __asm__("v" #c), s##p##3 __asm__("v" #d)
#define MOTE_OUT(p) "=w"(s##p##0), "=w"(s##p##1), "=w"(s##p##2), "=w"(s##p##3)
#define MOTE_TAKE(p) acc[p][0] = s##p##0, acc[p][1] = s##p##1, acc[p][2] = s##p##2, acc[p][3] = s##p##3

// x9: where the loop reads; x10: planes left; x11, x12: place and number of the second part.
#define MOTE_NEAR(begin_sums, loads, taps, ...)                                                                       \
  __asm__ volatile(                                                                                                   \
      "ldp x9, x11, [%[planes]]\nldp x10, x12, [%[planes], #16]\n" begin_sums "1:\n" loads "subs x10, x10, #1\n" taps \
      "b.ne 1b\n"                                                                                                     \
      "cbz x12, 2f\n"                                                                                                 \
      "mov x10, x12\n"                                                                                                \
      "mov x9, x11\n"                                                                                                 \
      "mov x12, #0\n"                                                                                                 \
      "b 1b\n2:\n"                                                                                                    \
      : [w] "+&r"(w), __VA_ARGS__                                                                                     \
      : [planes] "r"(&planes), [step] "r"(step), [begin] "r"(begin)                                                   \
      : "cc", "memory", "x9", "x10", "x11", "x12", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10")

// acc[p] = begin + the products of P pairs with all taps and channels. Planes lie `plane` bytes apart.
template <int P>
MOTE_INLINE void multiply_near(const Planes& planes, size_t plane, const int8_t* w, const int32x4_t begin[4],
                               int32x4_t acc[P][4]) {
  const ptrdiff_t step = static_cast<ptrdiff_t>(plane) - (P > 2 ? 64 : 0);
  if constexpr (P == 5) {
    MOTE_SUMS(0, 12, 13, 14, 15);
    MOTE_SUMS(1, 16, 17, 18, 19);
    MOTE_SUMS(2, 20, 21, 22, 23);
    MOTE_SUMS(3, 24, 25, 26, 27);
    MOTE_SUMS(4, 28, 29, 30, 31);
    MOTE_NEAR(MOTE_BEGIN_5, "ld1 {v4.16b-v7.16b}, [x9], #64\nld1 {v8.16b-v10.16b}, [x9], %[step]\n",
              MOTE_TAP_5(4, 5, 6, 7, 8) MOTE_TAP_5(5, 6, 7, 8, 9) MOTE_TAP_5(6, 7, 8, 9, 10), MOTE_OUT(0), MOTE_OUT(1),
              MOTE_OUT(2), MOTE_OUT(3), MOTE_OUT(4));
    MOTE_TAKE(0), MOTE_TAKE(1), MOTE_TAKE(2), MOTE_TAKE(3), MOTE_TAKE(4);
  } else if constexpr (P == 4) {
    MOTE_SUMS(0, 12, 13, 14, 15);
    MOTE_SUMS(1, 16, 17, 18, 19);
    MOTE_SUMS(2, 20, 21, 22, 23);
    MOTE_SUMS(3, 24, 25, 26, 27);
    MOTE_NEAR(MOTE_BEGIN_4, "ld1 {v4.16b-v7.16b}, [x9], #64\nld1 {v8.16b-v9.16b}, [x9], %[step]\n",
              MOTE_TAP_4(4, 5, 6, 7) MOTE_TAP_4(5, 6, 7, 8) MOTE_TAP_4(6, 7, 8, 9), MOTE_OUT(0), MOTE_OUT(1),
              MOTE_OUT(2), MOTE_OUT(3));
    MOTE_TAKE(0), MOTE_TAKE(1), MOTE_TAKE(2), MOTE_TAKE(3);
  } else if constexpr (P == 3) {
    MOTE_SUMS(0, 12, 13, 14, 15);
    MOTE_SUMS(1, 16, 17, 18, 19);
    MOTE_SUMS(2, 20, 21, 22, 23);
    MOTE_NEAR(MOTE_BEGIN_3, "ld1 {v4.16b-v7.16b}, [x9], #64\nld1 {v8.16b}, [x9], %[step]\n",
              MOTE_TAP_3(4, 5, 6) MOTE_TAP_3(5, 6, 7) MOTE_TAP_3(6, 7, 8), MOTE_OUT(0), MOTE_OUT(1), MOTE_OUT(2));
    MOTE_TAKE(0), MOTE_TAKE(1), MOTE_TAKE(2);
  } else if constexpr (P == 2) {
    MOTE_SUMS(0, 12, 13, 14, 15);
    MOTE_SUMS(1, 16, 17, 18, 19);
    MOTE_NEAR(MOTE_BEGIN_2, "ld1 {v4.16b-v7.16b}, [x9], %[step]\n", MOTE_TAP_2(4, 5) MOTE_TAP_2(5, 6) MOTE_TAP_2(6, 7),
              MOTE_OUT(0), MOTE_OUT(1));
    MOTE_TAKE(0), MOTE_TAKE(1);
  } else {
    static_assert(P == 1);
    MOTE_SUMS(0, 12, 13, 14, 15);
    MOTE_NEAR(MOTE_BEGIN_1, "ld1 {v4.16b-v6.16b}, [x9], %[step]\n", MOTE_TAP_1(4) MOTE_TAP_1(5) MOTE_TAP_1(6),
              MOTE_OUT(0));
    MOTE_TAKE(0);
  }
}

}  // namespace
}  // namespace mote
