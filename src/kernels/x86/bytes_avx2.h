// What the int8 kernels share in AVX2: int32 packed to bytes, tables of 256 bytes, and the ragged end of a tensor.
// Everything is in an anonymous namespace: an ISA file must export nothing but its kernels.
#pragma once
#if defined(__AVX2__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/inline.h"

namespace mote {
namespace {

MOTE_INLINE __m256i load_256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
MOTE_INLINE void store_256(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
MOTE_INLINE __m128i load_128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
MOTE_INLINE void store_128(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }

// 8 bytes as int32, 16 bytes as int16.
MOTE_INLINE __m256i load_8_as_i32(const int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
MOTE_INLINE __m256i load_16_as_i16(const int8_t* p) { return _mm256_cvtepi8_epi16(load_128(p)); }

// 16 bytes at p, of which those from `end` on are zeros and not read.
MOTE_INLINE __m128i load_128_before(const int8_t* p, const int8_t* end) {
  if (end - p >= 16) return load_128(p);
  alignas(16) int8_t bytes[16] = {};
  memcpy(bytes, p, static_cast<size_t>(end - p));
  return load_128(bytes);
}

// The 32 values of a, b, c, d in order, clamped to [-128, 127] or to [0, 255].
MOTE_INLINE __m256i in_order(__m256i bytes) {
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
MOTE_INLINE __m256i pack_s8(__m256i a, __m256i b, __m256i c, __m256i d) {
  return in_order(_mm256_packs_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)));
}
MOTE_INLINE __m256i pack_u8(__m256i a, __m256i b, __m256i c, __m256i d) {
  return in_order(_mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)));
}

// table[index] of 32 indices. A byte shuffle looks up 16 entries, and gives 0 where the highest bit of the index is set:
// so two of them, the second with that bit turned round, cover entries 128 apart. Three more bits choose of 8 pairs.
class Table256 {
 public:
  explicit MOTE_INLINE Table256(const void* table) : table_(static_cast<const char*>(table)) {}
  MOTE_INLINE __m256i operator()(__m256i index) const {
    const Index i = {index, _mm256_xor_si256(index, _mm256_set1_epi8(-128)), _mm256_slli_epi16(index, 3),
                     _mm256_slli_epi16(index, 2)};
    return _mm256_blendv_epi8(four_pairs(i, 0), four_pairs(i, 64), _mm256_slli_epi16(index, 1));
  }

 private:
  struct Index {
    __m256i low, high;   // below 128, from 128 on
    __m256i bit4, bit5;  // each where it is the highest of its byte
  };
  MOTE_INLINE __m256i sixteen(int at, __m256i index) const {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(load_128(table_ + at)), index);
  }
  MOTE_INLINE __m256i pair(const Index& i, int at) const {
    return _mm256_or_si256(sixteen(at, i.low), sixteen(at + 128, i.high));
  }
  MOTE_INLINE __m256i two_pairs(const Index& i, int at) const {
    return _mm256_blendv_epi8(pair(i, at), pair(i, at + 16), i.bit4);
  }
  MOTE_INLINE __m256i four_pairs(const Index& i, int at) const {
    return _mm256_blendv_epi8(two_pairs(i, at), two_pairs(i, at + 32), i.bit5);
  }
  const char* table_;
};

}  // namespace
}  // namespace mote
#endif
