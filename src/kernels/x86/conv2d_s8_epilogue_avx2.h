// What the forms of int8 convolution in AVX2 share: the epilogue of kernels_s8.h in registers, and partial loads.
// Private to conv2d_s8_avx2.cpp and conv2d_s16_avx2.cpp; compiled with -ffp-contract=off, so that each multiplication
// and each addition below is rounded by itself.
#pragma once
#include <immintrin.h>

#include <cstring>

#include "kernels/kernels_s8.h"
#include "kernels/simd/inline.h"

namespace mote {
namespace {

constexpr int lanes32 = 8;  // int32 of a vector: the output channels of one

MOTE_INLINE int ceil_div(int a, int b) { return (a + b - 1) / b; }
MOTE_INLINE int min_int(int a, int b) { return a < b ? a : b; }
MOTE_INLINE int max_int(int a, int b) { return a > b ? a : b; }
MOTE_INLINE size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

MOTE_INLINE __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
MOTE_INLINE __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
MOTE_INLINE void store256(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
MOTE_INLINE void store128(void* p, __m128i v) { _mm_storeu_si128(static_cast<__m128i*>(p), v); }

// acc += products. GCC 12 gives the sum a register other than that of acc and then spills half of a tile, unless told
// like this that they are the same.
MOTE_INLINE void accumulate(__m256i& acc, __m256i products) {
  __asm__("vpaddd %1, %0, %0" : "+x"(acc) : "x"(products));
}

// acc[i][n] += (or =) products of the pair 2k of each p[i] and the pairs of weights b0, b1 of NR = 1 or 2 vectors.
template <bool first, int MR, int NR>
MOTE_INLINE void pair_products(__m256i (&acc)[MR][NR], const int16_t* const (&p)[MR], int k, __m256i b0, __m256i b1) {
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    int32_t pair;
    std::memcpy(&pair, p[i] + 2 * k, sizeof pair);
    const __m256i x = _mm256_set1_epi32(pair);
#pragma GCC unroll 2
    for (int n = 0; n < NR; ++n) {
      const __m256i products = _mm256_madd_epi16(x, n == 0 ? b0 : b1);
      if (first) {
        acc[i][n] = products;
      } else {
        accumulate(acc[i][n], products);
      }
    }
  }
}

// `bytes` bytes (0 to 15), zeros behind them; nothing else is read.
MOTE_INLINE __m128i load_some(const void* from, int bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(from);
  uint64_t low = 0, high = 0;
  if (bytes >= 8) {
    std::memcpy(&low, p, 8);
    if (bytes > 8) {
      std::memcpy(&high, p + bytes - 8, 8);
      high >>= 8 * (16 - bytes);
    }
  } else if (bytes >= 4) {
    uint32_t first, last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + bytes - 4, 4);
    low = first | static_cast<uint64_t>(last) << (8 * (bytes - 4));
  } else if (bytes > 0) {
    low = p[0] | static_cast<uint64_t>(p[bytes / 2]) << (8 * (bytes / 2)) |
          static_cast<uint64_t>(p[bytes - 1]) << (8 * (bytes - 1));
  }
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// The constants of a convolution that do not depend on the channel.
struct Epilogue {
  const int8_t* residual;
  int8_t* y;
  float* y_f32;
  int32_t residual_zero, y_zero, y_min;
  float residual_m, high;
  bool two;  // inputs
};

MOTE_INLINE Epilogue make_epilogue(const Conv2dS8& args) {
  return {args.residual,        args.y,
          args.y_f32,           args.residual_zero,
          args.y_zero,          max_int(-128, args.y_min),
          args.residual_m,      static_cast<float>(127 - args.y_zero),
          args.channels[1] != 0};
}

// The constants of a block of channels from o on: those of args, or a copy padded with zeros where the block reaches
// beyond the last channel.
constexpr int most_block = 32;
struct ChannelConstants {
  const float* m[2];
  const float* b;
  alignas(32) float padded[3][most_block];
};
// The factors m are multiplied by a power of two `m_scale`, which is exact (scales are at least 2^-40, so m is far from
// the smallest float): for sums that come out 1 / m_scale times too large.
inline void channel_constants(const Conv2dS8& args, int o, int block, float m_scale, ChannelConstants* c) {
  const int channels = min_int(block, args.out_channels - o);
  const float* from[3] = {args.m[0] + o, args.channels[1] != 0 ? args.m[1] + o : args.m[0] + o, args.b + o};
  const float* to[3];
  for (int k = 0; k < 3; ++k) {
    to[k] = from[k];
    if (channels < block || m_scale != 1.0f) {
      const float scale = k < 2 ? m_scale : 1.0f;
      for (int i = 0; i < block; ++i) c->padded[k][i] = i < channels ? from[k][i] * scale : 0.0f;
      to[k] = c->padded[k];
    }
  }
  c->m[0] = to[0];
  c->m[1] = to[1];
  c->b = to[2];
}

MOTE_INLINE __m256 scaled(__m256i acc, const float* m) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(m));
}

// v + f(residual - zero) * m for 8 values.
MOTE_INLINE __m256 plus_residual(const Epilogue& e, __m256 v, __m128i residual) {
  const __m256i r = _mm256_sub_epi32(_mm256_cvtepi8_epi32(residual), _mm256_set1_epi32(e.residual_zero));
  return _mm256_add_ps(v, _mm256_mul_ps(_mm256_cvtepi32_ps(r), _mm256_set1_ps(e.residual_m)));
}

// rne(min(v, largest)), the zero point not yet added. Far below the smallest code it is some number below it, or the
// smallest int32, which the saturation of the packing below turns into -128. Rounding is monotone and the bounds are
// whole numbers, so it makes no difference whether they are applied before or after it.
MOTE_INLINE __m256i rounded(const Epilogue& e, __m256 v) {
  return _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(e.high)));
}

// The outputs of two vectors as bytes, 8 of a, 8 of b.
MOTE_INLINE __m128i to_bytes(const Epilogue& e, __m256i a, __m256i b) {
  __m256i v = _mm256_adds_epi16(_mm256_packs_epi32(a, b), _mm256_set1_epi16(static_cast<int16_t>(e.y_zero)));
  v = _mm256_packs_epi16(v, v);  // a0-3 b0-3 .. a4-7 b4-7 ..
  const __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  return _mm_max_epi8(bytes, _mm_set1_epi8(static_cast<int8_t>(e.y_min)));
}

MOTE_INLINE __m128i load_eight(const int8_t* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
MOTE_INLINE void store_eight(int8_t* p, __m128i v) { _mm_storel_epi64(reinterpret_cast<__m128i*>(p), v); }

// The outputs from `at` on: 8 of them, or the first `count`. v holds everything but the residual.
MOTE_INLINE void finish_some(const Epilogue& e, __m256 v, ptrdiff_t at, int count) {
  if (e.residual != nullptr) {
    v = plus_residual(e, v, count == lanes32 ? load_eight(e.residual + at) : load_some(e.residual + at, count));
  }
  if (e.y_f32 != nullptr) {
    if (count == lanes32) return _mm256_storeu_ps(e.y_f32 + at, v);
    alignas(32) float out[lanes32];
    _mm256_store_ps(out, v);
    std::memcpy(e.y_f32 + at, out, static_cast<size_t>(count) * sizeof(float));
    return;
  }
  const __m256i codes = rounded(e, v);
  const __m128i bytes = to_bytes(e, codes, codes);
  if (count == lanes32) return store_eight(e.y + at, bytes);
  alignas(16) int8_t out[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(out), bytes);
  std::memcpy(e.y + at, out, static_cast<size_t>(count));
}

// What few tiles need, out of the way of the others: float outputs and channels that do not fill a vector.
// v: [pixels][pitch]; at: the first output of each pixel.
__attribute__((noinline)) void finish_pixels(const Epilogue& e, const float* v, int pixels, int pitch,
                                             const ptrdiff_t* at, int channels) {
  for (int i = 0; i < pixels; ++i) {
    for (int c = 0; c < channels; c += lanes32) {
      finish_some(e, _mm256_loadu_ps(v + i * pitch + c), at[i] + c, min_int(lanes32, channels - c));
    }
  }
}

// NR vectors of channels of a pixel, all of them, to int8.
template <bool residual, int NR>
MOTE_INLINE void finish_full(const Epilogue& e, __m256 (&v)[NR], ptrdiff_t at) {
  if constexpr (NR == 2) {
    if (residual) {
      const __m128i r = load128(e.residual + at);
      v[0] = plus_residual(e, v[0], r);
      v[1] = plus_residual(e, v[1], _mm_unpackhi_epi64(r, r));
    }
    store128(e.y + at, to_bytes(e, rounded(e, v[0]), rounded(e, v[1])));
  } else {
    if (residual) v[0] = plus_residual(e, v[0], load_eight(e.residual + at));
    const __m256i codes = rounded(e, v[0]);
    store_eight(e.y + at, to_bytes(e, codes, codes));
  }
}

// Sums of four vectors each: {sum a, sum b, sum c, sum d}.
MOTE_INLINE __m128i sums_of_four(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

}  // namespace
}  // namespace mote
