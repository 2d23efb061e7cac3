// The vectors of int8 convolution: Lanes<8> in AVX2 and, where the compiler may use AVX-512 (BW), Lanes<16> too, with the
// same operations for both; and the blocks of output channels that are computed together.
// Private to conv2d_s8_avx2.cpp, conv2d_s8_avx512.cpp and conv2d_s16_avx2.cpp: each has its own copy of all of this.
#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

MOTE_INLINE int ceil_div(int a, int b) { return (a + b - 1) / b; }
MOTE_INLINE int min_int(int a, int b) { return a < b ? a : b; }
MOTE_INLINE int max_int(int a, int b) { return a > b ? a : b; }
MOTE_INLINE size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

constexpr int lanes32 = 8;  // int32 of a 256-bit vector: what packed channels are rounded up to

MOTE_INLINE __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
MOTE_INLINE __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
MOTE_INLINE void store256(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
MOTE_INLINE void store128(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }
MOTE_INLINE __m128i load_eight(const int8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
MOTE_INLINE void store_eight(int8_t* p, __m128i v) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), v); }

// Vectors of `lanes` int32 or float, or twice as many int16.
template <int lanes>
struct Lanes;

template <>
struct Lanes<8> {
  using Ints = __m256i;
  using Floats = __m256;
  static MOTE_INLINE Ints load(const void* p) { return load256(p); }
  static MOTE_INLINE Floats load_floats(const float* p) { return _mm256_loadu_ps(p); }
  static MOTE_INLINE Ints all(int32_t v) { return _mm256_set1_epi32(v); }
  static MOTE_INLINE Floats all(float v) { return _mm256_set1_ps(v); }
  static MOTE_INLINE Ints load_bytes(const int8_t* p) { return _mm256_cvtepi8_epi32(load_eight(p)); }
};
MOTE_INLINE void store_ints(void* p, __m256i v) { store256(p, v); }
MOTE_INLINE void store_floats(float* p, __m256 v) { _mm256_storeu_ps(p, v); }
MOTE_INLINE __m256i add16(__m256i a, __m256i b) { return _mm256_add_epi16(a, b); }
MOTE_INLINE __m256i sub16(__m256i a, __m256i b) { return _mm256_sub_epi16(a, b); }
MOTE_INLINE __m256i add32(__m256i a, __m256i b) { return _mm256_add_epi32(a, b); }
MOTE_INLINE __m256i sub32(__m256i a, __m256i b) { return _mm256_sub_epi32(a, b); }
MOTE_INLINE __m256i sums_of_pairs(__m256i a, __m256i b) { return _mm256_madd_epi16(a, b); }
MOTE_INLINE __m256 plus(__m256 a, __m256 b) { return _mm256_add_ps(a, b); }
MOTE_INLINE __m256 times(__m256 a, __m256 b) { return _mm256_mul_ps(a, b); }
MOTE_INLINE __m256 to_floats(__m256i v) { return _mm256_cvtepi32_ps(v); }
MOTE_INLINE __m256i times32(__m256i v, int32_t by) { return _mm256_mullo_epi32(v, _mm256_set1_epi32(by)); }
template <int shift>
MOTE_INLINE __m256i left16(__m256i v) {
  return _mm256_slli_epi16(v, shift);
}
template <int shift>
MOTE_INLINE __m256i left32(__m256i v) {
  return _mm256_slli_epi32(v, shift);
}
// acc += products. GCC 12 gives the sum a register other than that of acc and then spills half of a tile, unless told
// like this that they are the same.
MOTE_INLINE void accumulate(__m256i& acc, __m256i products) {
  __asm__("vpaddd %1, %0, %0" : "+x"(acc) : "x"(products));
}

#if defined(__AVX512BW__)
constexpr bool wide = true;

// The mask of all lanes. GCC 12 defines some operations without a mask by those with one and a vector that is not
// initialised, of which it then warns.
constexpr __mmask16 every = 0xFFFF;

template <>
struct Lanes<16> {
  using Ints = __m512i;
  using Floats = __m512;
  static MOTE_INLINE Ints load(const void* p) { return _mm512_loadu_si512(p); }
  static MOTE_INLINE Floats load_floats(const float* p) { return _mm512_loadu_ps(p); }
  static MOTE_INLINE Ints all(int32_t v) { return _mm512_set1_epi32(v); }
  static MOTE_INLINE Floats all(float v) { return _mm512_set1_ps(v); }
  static MOTE_INLINE Ints load_bytes(const int8_t* p) { return _mm512_maskz_cvtepi8_epi32(every, load128(p)); }
};
MOTE_INLINE void store_ints(void* p, __m512i v) { _mm512_storeu_si512(p, v); }
MOTE_INLINE void store_floats(float* p, __m512 v) { _mm512_storeu_ps(p, v); }
MOTE_INLINE __m512i add16(__m512i a, __m512i b) { return _mm512_add_epi16(a, b); }
MOTE_INLINE __m512i sub16(__m512i a, __m512i b) { return _mm512_sub_epi16(a, b); }
MOTE_INLINE __m512i add32(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
MOTE_INLINE __m512i sub32(__m512i a, __m512i b) { return _mm512_sub_epi32(a, b); }
MOTE_INLINE __m512i sums_of_pairs(__m512i a, __m512i b) { return _mm512_madd_epi16(a, b); }
MOTE_INLINE __m512 plus(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
MOTE_INLINE __m512 times(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }
MOTE_INLINE __m512 to_floats(__m512i v) { return _mm512_maskz_cvtepi32_ps(every, v); }
MOTE_INLINE __m512i times32(__m512i v, int32_t by) { return _mm512_mullo_epi32(v, _mm512_set1_epi32(by)); }
template <int shift>
MOTE_INLINE __m512i left16(__m512i v) {
  return _mm512_slli_epi16(v, shift);
}
template <int shift>
MOTE_INLINE __m512i left32(__m512i v) {
  return _mm512_maskz_slli_epi32(every, v, shift);
}
MOTE_INLINE void accumulate(__m512i& acc, __m512i products) {
  __asm__("vpaddd %1, %0, %0" : "+v"(acc) : "v"(products));
}
#else
constexpr bool wide = false;
#endif

// Output channels are computed in blocks of 32 (only in AVX-512), 16, or 8 at the end: NR vectors of `lanes` outputs for
// up to MR pixels or tiles at a time.
constexpr int most_block = wide ? 32 : 16;
template <int block_outputs>
struct Block {
  static constexpr int outputs = block_outputs;
  static constexpr int lanes = wide && outputs > 8 ? 16 : 8;
  static constexpr int NR = outputs / lanes;
  static constexpr int MR = NR == 2 && lanes == 8 ? 6 : 8;
};
// Of the block that comes next, when so many are left.
MOTE_INLINE int next_block(int outputs_left) {
  if (wide && outputs_left > 24) return 32;
  return outputs_left > 8 ? 16 : 8;
}
// What `call` does with the type of the block.
template <class Call>
MOTE_INLINE void with_block(int outputs, const Call& call) {
  if (wide && outputs == 32) return call(Block < wide ? 32 : 16 > ());
  if (outputs == 16) return call(Block<16>());
  call(Block<8>());
}

// acc[i][n] += (or =) products of the pair 2k of each p[i] and the pairs of weights at w, of NR = 1 or 2 vectors.
template <bool first, int lanes, int MR, int NR, class Ints>
MOTE_INLINE void pair_products(Ints (&acc)[MR][NR], const int16_t* const (&p)[MR], int k, const int16_t* w) {
  using L = Lanes<lanes>;
  const Ints b0 = L::load(w), b1 = NR == 2 ? L::load(w + 2 * lanes) : b0;
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    int32_t pair;
    std::memcpy(&pair, p[i] + 2 * k, sizeof pair);
    const Ints x = L::all(pair);
#pragma GCC unroll 2
    for (int n = 0; n < NR; ++n) {
      const Ints products = sums_of_pairs(x, n == 0 ? b0 : b1);
      if (first) {
        acc[i][n] = products;
      } else {
        accumulate(acc[i][n], products);
      }
    }
  }
}

}  // namespace
}  // namespace mote
