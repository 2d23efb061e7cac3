// The products of conv_winograd_s8_neon.h for one of the 36 places: on aarch64 in assembler, for compilers move sums
// between registers.
//
// Registers: v0..v7 8 channels of tiles 0..7, v8..v11 weights of 8 output channels for four channels, v16 + 2 t and
// v17 + 2 t the sums of tile t.
#pragma once
#include "kernels/arm/conv_rows_s16_neon.h"

namespace mote {
namespace {

#if defined(__aarch64__)

#define MOTE_TILE(t, low, high, u, lane)             \
  "smlal v" #low ".4s, v" #u ".4h, v" #t ".h[" #lane \
  "]\n"                                              \
  "smlal2 v" #high ".4s, v" #u ".8h, v" #t ".h[" #lane "]\n"
#define MOTE_TILES_1(u, lane) MOTE_TILE(0, 16, 17, u, lane)
#define MOTE_TILES_2(u, lane) MOTE_TILES_1(u, lane) MOTE_TILE(1, 18, 19, u, lane)
#define MOTE_TILES_3(u, lane) MOTE_TILES_2(u, lane) MOTE_TILE(2, 20, 21, u, lane)
#define MOTE_TILES_4(u, lane) MOTE_TILES_3(u, lane) MOTE_TILE(3, 22, 23, u, lane)
#define MOTE_TILES_5(u, lane) MOTE_TILES_4(u, lane) MOTE_TILE(4, 24, 25, u, lane)
#define MOTE_TILES_6(u, lane) MOTE_TILES_5(u, lane) MOTE_TILE(5, 26, 27, u, lane)
#define MOTE_TILES_7(u, lane) MOTE_TILES_6(u, lane) MOTE_TILE(6, 28, 29, u, lane)
#define MOTE_TILES_8(u, lane) MOTE_TILES_7(u, lane) MOTE_TILE(7, 30, 31, u, lane)

#define MOTE_WEIGHTS "ld1 {v8.8h-v11.8h}, [%[u]], #64\n"
#define MOTE_PRODUCTS(tiles)                                                                                       \
  MOTE_WEIGHTS tiles(8, 0) tiles(9, 1) tiles(10, 2) tiles(11, 3) MOTE_WEIGHTS tiles(8, 4) tiles(9, 5) tiles(10, 6) \
      tiles(11, 7)

#define MOTE_READ_4 "ld1 {v0.8h-v3.8h}, [%[v]], %[step]\n"
#define MOTE_READ_8 "ld1 {v0.8h-v3.8h}, [%[v]], #64\nld1 {v4.8h-v7.8h}, [%[v]], %[step]\n"

#define MOTE_ZERO(a, b, c, d) "movi v" #a ".4s, #0\nmovi v" #b ".4s, #0\nmovi v" #c ".4s, #0\nmovi v" #d ".4s, #0\n"
#define MOTE_ZERO_2 MOTE_ZERO(16, 17, 18, 19)
#define MOTE_ZERO_4 MOTE_ZERO_2 MOTE_ZERO(20, 21, 22, 23)
#define MOTE_ZERO_6 MOTE_ZERO_4 MOTE_ZERO(24, 25, 26, 27)
#define MOTE_ZERO_8 MOTE_ZERO_6 MOTE_ZERO(28, 29, 30, 31)
#define MOTE_WRITE_2 "st1 {v16.4s-v19.4s}, [%[m]], #64\n"
#define MOTE_WRITE_4 MOTE_WRITE_2 "st1 {v20.4s-v23.4s}, [%[m]], #64\n"
#define MOTE_WRITE_6 MOTE_WRITE_4 "st1 {v24.4s-v27.4s}, [%[m]], #64\n"
#define MOTE_WRITE_8 MOTE_WRITE_6 "st1 {v28.4s-v31.4s}, [%[m]], #64\n"

#define MOTE_PLACE(zero, read, tiles, write)                                                                           \
  __asm__ volatile(zero "1:\n" read "subs %[n], %[n], #8\n" MOTE_PRODUCTS(tiles) "b.gt 1b\n" write                     \
                   : [v] "+&r"(v), [u] "+&r"(u), [m] "+&r"(m), [n] "+&r"(n)                                            \
                   : [step] "r"(step)                                                                                  \
                   : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v16",  \
                     "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", \
                     "v31")

// m[t][8] = the sums over n channels, a multiple of 8, of v[t] * u, for N tiles (and perhaps a next one); 8 channels of
// eight tiles follow each other in v, the next 8 channels lie `pitch` elements further. u is [n][8].
template <int N>
MOTE_INLINE void winograd_products(const int16_t* v, ptrdiff_t pitch, const int16_t* u, int n, int32_t* m) {
  const ptrdiff_t step = 2 * pitch - (N > 4 ? 64 : 0);  // bytes
  if constexpr (N == 8) MOTE_PLACE(MOTE_ZERO_8, MOTE_READ_8, MOTE_TILES_8, MOTE_WRITE_8);
  if constexpr (N == 7) MOTE_PLACE(MOTE_ZERO_8, MOTE_READ_8, MOTE_TILES_7, MOTE_WRITE_8);
  if constexpr (N == 6) MOTE_PLACE(MOTE_ZERO_6, MOTE_READ_8, MOTE_TILES_6, MOTE_WRITE_6);
  if constexpr (N == 5) MOTE_PLACE(MOTE_ZERO_6, MOTE_READ_8, MOTE_TILES_5, MOTE_WRITE_6);
  if constexpr (N == 4) MOTE_PLACE(MOTE_ZERO_4, MOTE_READ_4, MOTE_TILES_4, MOTE_WRITE_4);
  if constexpr (N == 3) MOTE_PLACE(MOTE_ZERO_4, MOTE_READ_4, MOTE_TILES_3, MOTE_WRITE_4);
  if constexpr (N == 2) MOTE_PLACE(MOTE_ZERO_2, MOTE_READ_4, MOTE_TILES_2, MOTE_WRITE_2);
  if constexpr (N == 1) MOTE_PLACE(MOTE_ZERO_2, MOTE_READ_4, MOTE_TILES_1, MOTE_WRITE_2);
}

#else

template <int N>
MOTE_INLINE void winograd_products(const int16_t* v, ptrdiff_t pitch, const int16_t* u, int n, int32_t* m) {
  int32x4_t acc[N][2];
  for (int t = 0; t < N; ++t) acc[t][0] = acc[t][1] = vdupq_n_s32(0);
  multiply_rows<N>(v, 8, pitch, n, u, acc);
  for (int t = 0; t < N; ++t) {
    for (int half = 0; half < 2; ++half) vst1q_s32(m + 8 * t + 4 * half, acc[t][half]);
  }
}

#endif

}  // namespace
}  // namespace mote
