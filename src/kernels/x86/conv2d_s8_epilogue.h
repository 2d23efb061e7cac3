// What the forms of int8 convolution share: the epilogue of kernels_s8.h in registers, and partial loads. Compiled with
// -ffp-contract=off, so that each multiplication and each addition below is rounded by itself.
#pragma once
#include "kernels/kernels_s8.h"
#include "kernels/x86/conv2d_s8_vectors.h"

namespace mote {
namespace {

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
  float residual_m, low, high;
  bool two;  // inputs
};

MOTE_INLINE Epilogue make_epilogue(const Conv2dS8& args) {
  const int32_t y_min = max_int(-128, args.y_min);
  return {args.residual,
          args.y,
          args.y_f32,
          args.residual_zero,
          args.y_zero,
          y_min,
          args.residual_m,
          static_cast<float>(y_min - args.y_zero),
          static_cast<float>(127 - args.y_zero),
          args.channels[1] != 0};
}

// The constants of a block of channels from o on: those of args, or a copy padded with zeros where the block reaches
// beyond the last channel.
struct ChannelConstants {
  const float* m[2];
  const float* b;
  alignas(64) float padded[3][most_block];
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

template <int lanes, class Ints>
MOTE_INLINE auto scaled(Ints acc, const float* m) {
  return times(to_floats(acc), Lanes<lanes>::load_floats(m));
}

// v + f(residual - zero) * m for a vector of values; residual as int32.
template <int lanes, class Ints, class Floats>
MOTE_INLINE Floats plus_residual(const Epilogue& e, Floats v, Ints residual) {
  const Ints r = sub32(residual, Lanes<lanes>::all(e.residual_zero));
  return plus(v, times(to_floats(r), Lanes<lanes>::all(e.residual_m)));
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

#if defined(__AVX512BW__)
// The outputs of a vector. Here the lower bound comes first: a zero point below 0 could wrap the smallest int32.
MOTE_INLINE __m128i to_bytes(const Epilogue& e, __m512 v) {
  v = _mm512_maskz_max_ps(every, _mm512_maskz_min_ps(every, v, _mm512_set1_ps(e.high)), _mm512_set1_ps(e.low));
  const __m512i codes = _mm512_maskz_cvtps_epi32(every, v);
  return _mm512_maskz_cvtepi32_epi8(every, _mm512_add_epi32(codes, _mm512_set1_epi32(e.y_zero)));
}
#endif

// The outputs from `at` on: 8 of them, or the first `count`. v holds everything but the residual.
MOTE_INLINE void finish_some(const Epilogue& e, __m256 v, ptrdiff_t at, int count) {
  if (e.residual != nullptr) {
    const __m128i r = count == lanes32 ? load_eight(e.residual + at) : load_some(e.residual + at, count);
    v = plus_residual<lanes32>(e, v, _mm256_cvtepi8_epi32(r));
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
      v[0] = plus_residual<lanes32>(e, v[0], _mm256_cvtepi8_epi32(r));
      v[1] = plus_residual<lanes32>(e, v[1], _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(r, r)));
    }
    store128(e.y + at, to_bytes(e, rounded(e, v[0]), rounded(e, v[1])));
  } else {
    if (residual) v[0] = plus_residual<lanes32>(e, v[0], _mm256_cvtepi8_epi32(load_eight(e.residual + at)));
    const __m256i codes = rounded(e, v[0]);
    store_eight(e.y + at, to_bytes(e, codes, codes));
  }
}
#if defined(__AVX512BW__)
template <bool residual, int NR>
MOTE_INLINE void finish_full(const Epilogue& e, __m512 (&v)[NR], ptrdiff_t at) {
#pragma GCC unroll 2
  for (int n = 0; n < NR; ++n, at += 16) {
    if (residual) v[n] = plus_residual<16>(e, v[n], Lanes<16>::load_bytes(e.residual + at));
    store128(e.y + at, to_bytes(e, v[n]));
  }
}
#endif

// Sums of four vectors each: {sum a, sum b, sum c, sum d}.
MOTE_INLINE __m128i sums_of_four(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

}  // namespace
}  // namespace mote
