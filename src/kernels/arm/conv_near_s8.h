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
#define MOTE_END(a, d) "st1 {v" #a ".4s-v" #d ".4s}, [%[acc]], #64\n"
#define MOTE_END_1 MOTE_END(12, 15)
#define MOTE_END_2 MOTE_END_1 MOTE_END(16, 19)
#define MOTE_END_3 MOTE_END_2 MOTE_END(20, 23)
#define MOTE_END_4 MOTE_END_3 MOTE_END(24, 27)
#define MOTE_END_5 MOTE_END_4 MOTE_END(28, 31)

#define MOTE_NEAR(begin_sums, loads, taps, end_sums)                                                                   \
  __asm__ volatile(begin_sums "1:\n" loads "subs %[n], %[n], #1\n" taps                                                \
                              "b.ne 1b\n"                                                                              \
                              "cbz %[more], 2f\n"                                                                      \
                              "mov %[n], %[more]\n"                                                                    \
                              "mov %[x], %[y]\n"                                                                       \
                              "mov %[more], #0\n"                                                                      \
                              "b 1b\n2:\n" end_sums                                                                    \
                   : [x] "+&r"(x), [n] "+&r"(n), [more] "+&r"(more), [w] "+&r"(w), [acc] "+&r"(sums)                   \
                   : [y] "r"(planes.y), [step] "r"(step), [begin] "r"(begin)                                           \
                   : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v12", "v13",  \
                     "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", \
                     "v28", "v29", "v30", "v31")

// acc[p] = begin + the products of P pairs with all taps and channels. Planes lie `plane` bytes apart.
template <int P>
MOTE_INLINE void multiply_near(const Planes& planes, size_t plane, const int8_t* w, const int32x4_t begin[4],
                               int32x4_t acc[P][4]) {
  const int8_t* x = planes.x;
  size_t n = planes.x_count, more = planes.y_count;
  int32x4_t* sums = acc[0];
  const ptrdiff_t step = static_cast<ptrdiff_t>(plane) - (P > 2 ? 64 : 0);
  if constexpr (P == 5) {
    MOTE_NEAR(MOTE_BEGIN_5, "ld1 {v4.16b-v7.16b}, [%[x]], #64\nld1 {v8.16b-v10.16b}, [%[x]], %[step]\n",
              MOTE_TAP_5(4, 5, 6, 7, 8) MOTE_TAP_5(5, 6, 7, 8, 9) MOTE_TAP_5(6, 7, 8, 9, 10), MOTE_END_5);
  } else if constexpr (P == 4) {
    MOTE_NEAR(MOTE_BEGIN_4, "ld1 {v4.16b-v7.16b}, [%[x]], #64\nld1 {v8.16b-v9.16b}, [%[x]], %[step]\n",
              MOTE_TAP_4(4, 5, 6, 7) MOTE_TAP_4(5, 6, 7, 8) MOTE_TAP_4(6, 7, 8, 9), MOTE_END_4);
  } else if constexpr (P == 3) {
    MOTE_NEAR(MOTE_BEGIN_3, "ld1 {v4.16b-v7.16b}, [%[x]], #64\nld1 {v8.16b}, [%[x]], %[step]\n",
              MOTE_TAP_3(4, 5, 6) MOTE_TAP_3(5, 6, 7) MOTE_TAP_3(6, 7, 8), MOTE_END_3);
  } else if constexpr (P == 2) {
    MOTE_NEAR(MOTE_BEGIN_2, "ld1 {v4.16b-v7.16b}, [%[x]], %[step]\n",
              MOTE_TAP_2(4, 5) MOTE_TAP_2(5, 6) MOTE_TAP_2(6, 7), MOTE_END_2);
  } else {
    static_assert(P == 1);
    MOTE_NEAR(MOTE_BEGIN_1, "ld1 {v4.16b-v6.16b}, [%[x]], %[step]\n", MOTE_TAP_1(4) MOTE_TAP_1(5) MOTE_TAP_1(6),
              MOTE_END_1);
  }
}

}  // namespace
}  // namespace mote
