// Sums of bytes and of their squares for each channel, in AVX2: blocks of channels walk over the pixels two at a time.
// Nothing but the kernel leaves this file.
#if defined(__x86_64__)
#include "kernels/kernels_s8.h"
#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/x86_s8.h"

namespace mote {
namespace {

// Pairs of pixels whose sums an int16 holds: each adds at most 256.
constexpr ptrdiff_t short_pairs = 127;

// 16 channels: sums of the last few pixels, sums, and squares in the order in which unpacking leaves them.
struct ChannelSums {
  __m256i few, low, high, squares_low, squares_high;
};

MOTE_INLINE void add_pixels(ChannelSums& s, __m256i a, __m256i b) {
  const __m256i low = _mm256_unpacklo_epi16(a, b), high = _mm256_unpackhi_epi16(a, b);
  s.few = _mm256_add_epi16(s.few, _mm256_add_epi16(a, b));
  s.squares_low = _mm256_add_epi32(s.squares_low, _mm256_madd_epi16(low, low));
  s.squares_high = _mm256_add_epi32(s.squares_high, _mm256_madd_epi16(high, high));
}

MOTE_INLINE void widen_sums(ChannelSums& s) {
  s.low = _mm256_add_epi32(s.low, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(s.few)));
  s.high = _mm256_add_epi32(s.high, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(s.few, 1)));
  s.few = _mm256_setzero_si256();
}

// Sums of BLOCKS * 16 bytes at x, x + pitch, ... (`pixels` of them).
template <int BLOCKS>
void sum_block(const int8_t* x, ptrdiff_t pitch, ptrdiff_t pixels, int32_t* sum, uint32_t* squares) {
  const __m256i zero = _mm256_setzero_si256();
  ChannelSums sums[BLOCKS];
  for (ChannelSums& s : sums) s = {zero, zero, zero, zero, zero};
  for (ptrdiff_t pairs = pixels / 2; pairs > 0; pairs -= short_pairs) {
    for (ptrdiff_t i = pairs < short_pairs ? pairs : short_pairs; i > 0; --i, x += 2 * pitch) {
#pragma GCC unroll 4
      for (int k = 0; k < BLOCKS; ++k) {
        add_pixels(sums[k], load_16_as_i16(x + 16 * k), load_16_as_i16(x + pitch + 16 * k));
      }
    }
#pragma GCC unroll 4
    for (int k = 0; k < BLOCKS; ++k) widen_sums(sums[k]);
  }
#pragma GCC unroll 4
  for (int k = 0; k < BLOCKS; ++k) {
    ChannelSums& s = sums[k];
    if (pixels % 2 != 0) {
      add_pixels(s, load_16_as_i16(x + 16 * k), zero);
      widen_sums(s);
    }
    store_256(sum + 16 * k, s.low);
    store_256(sum + 16 * k + 8, s.high);
    store_256(squares + 16 * k, _mm256_permute2x128_si256(s.squares_low, s.squares_high, 0x20));
    store_256(squares + 16 * k + 8, _mm256_permute2x128_si256(s.squares_low, s.squares_high, 0x31));
  }
}

// Fewer than 16 channels: registers hold the first channels of the pixels that follow too, and those are dropped. The
// last pixels, behind which there is too little, one value at a time.
void sum_few_channels(const int8_t* x, ptrdiff_t pixels, const ChannelSumsS8& args) {
  const ptrdiff_t channels = args.channels, bytes = pixels * channels;
  const ptrdiff_t whole = bytes < 16 ? 0 : (bytes - 16) / channels + 1;
  int32_t sum[16];
  uint32_t squares[16];
  sum_block<1>(x, channels, whole, sum, squares);
  memcpy(args.sum, sum, static_cast<size_t>(channels) * sizeof *sum);
  memcpy(args.squares, squares, static_cast<size_t>(channels) * sizeof *squares);
  for (const int8_t* at = x + whole * channels; at < x + bytes; at += channels) {
    for (ptrdiff_t c = 0; c < channels; ++c) {
      args.sum[c] += at[c];
      args.squares[c] += static_cast<uint32_t>(at[c] * at[c]);
    }
  }
}

}  // namespace

void channel_sums_s8_avx2(const ChannelSumsS8& args, int row_begin, int row_end) {
  const ptrdiff_t channels = args.channels, pixels = static_cast<ptrdiff_t>(row_end - row_begin) * args.width;
  const int8_t* x = args.x + static_cast<ptrdiff_t>(row_begin) * args.width * channels;
  if (channels < 16) return sum_few_channels(x, pixels, args);
  ptrdiff_t c = 0;
  for (; c + 32 <= channels; c += 32) sum_block<2>(x + c, channels, pixels, args.sum + c, args.squares + c);
  for (; c < channels; c += 16) {
    const ptrdiff_t at =
        c + 16 <= channels ? c : channels - 16;  // the last block may repeat channels of the one before
    sum_block<1>(x + at, channels, pixels, args.sum + at, args.squares + at);
  }
}

}  // namespace mote
#endif
