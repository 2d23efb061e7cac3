// The affine map of quantized tensors in AVX2, 32 bytes at a time, with or without a table. Nothing but the kernel
// leaves this file.
//
// Where the channels allow it a tensor is one run of bytes, whose A and B repeat after lcm(channels, 32) of them; else
// blocks of channels walk over the pixels.
#if defined(__x86_64__)
#include "kernels/kernels_s8.h"
#include "kernels/x86/bytes_avx2.h"
#include "kernels/x86/x86_s8.h"

namespace mote {
namespace {

constexpr int most_constants = 512;

// A as the lower half of each 32 bits, so that one multiply-add of int16 pairs multiplies by it; B.
struct AffineConstants {
  alignas(32) int32_t A[most_constants];
  alignas(32) int32_t B[most_constants];
};

// Those of `channels` channels, over and over until there are `count`.
void repeat_constants(const int32_t* A, const int32_t* B, int channels, int count, AffineConstants* out) {
  for (int i = 0, c = 0; i < count; ++i, c = c + 1 < channels ? c + 1 : 0) {
    out->A[i] = A[c] & 0xFFFF;
    out->B[i] = B[c];
  }
}

// What is made of 32 values v, and written to y: codes, entries of a table of 256, or indices into a larger one.
struct Saturate {
  MOTE_INLINE void operator()(int8_t* y, const __m256i v[4]) const { store_256(y, pack_s8(v[0], v[1], v[2], v[3])); }
};
struct LookUp {
  Table256 table;
  MOTE_INLINE void operator()(int8_t* y, const __m256i v[4]) const {
    store_256(y, table(pack_u8(v[0], v[1], v[2], v[3])));
  }
};
struct MakeIndices {
  __m256i last;
  MOTE_INLINE void operator()(uint16_t* y, const __m256i v[4]) const {
    for (int half = 0; half < 2; ++half) {
      const __m256i index = _mm256_min_epu16(_mm256_packus_epi32(v[2 * half], v[2 * half + 1]), last);
      store_256(y + 16 * half, _mm256_permute4x64_epi64(index, 0xD8));
    }
  }
};

template <class Out, class Finish>
MOTE_INLINE void affine_32(const int8_t* x, Out* y, const AffineConstants& k, int at, __m128i shift,
                           const Finish& finish) {
  __m256i v[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m256i product = _mm256_madd_epi16(load_8_as_i32(x + 8 * i), load_256(k.A + at + 8 * i));
    v[i] = _mm256_sra_epi32(_mm256_add_epi32(product, load_256(k.B + at + 8 * i)), shift);
  }
  finish(y, v);
}

// `count` bytes, whose constants repeat after `period`, a multiple of 32; returns where in them the next byte would be.
template <class Out, class Finish>
MOTE_INLINE int affine_bytes(const int8_t* x, Out* y, ptrdiff_t count, const AffineConstants& k, int period, int at,
                             __m128i shift, const Finish& finish) {
  for (; count >= 32; count -= 32, x += 32, y += 32) {
    affine_32(x, y, k, at, shift, finish);
    at = at + 32 < period ? at + 32 : 0;
  }
  if (count > 0) {
    int8_t in[32] = {};
    Out out[32];
    memcpy(in, x, static_cast<size_t>(count));
    affine_32(in, out, k, at, shift, finish);
    memcpy(y, out, static_cast<size_t>(count) * sizeof(Out));
  }
  return at;
}

// How a run of bytes is mapped.
template <class Finish>
struct Direct {
  Finish finish;
  MOTE_INLINE void operator()(const int8_t* x, int8_t* y, ptrdiff_t count, const AffineConstants& k, int period,
                              __m128i shift) const {
    affine_bytes(x, y, count, k, period, 0, shift, finish);
  }
};

// Tables too large for shuffles: the indices of some hundred bytes first, then single loads. Gathers would be slower,
// and read bytes beside the entry.
struct LargeTable {
  const int8_t* table;
  int32_t entries;
  void operator()(const int8_t* x, int8_t* y, ptrdiff_t count, const AffineConstants& k, int period,
                  __m128i shift) const {
    constexpr ptrdiff_t batch = 256;
    alignas(32) uint16_t index[batch];
    const MakeIndices finish = {_mm256_set1_epi16(static_cast<short>(entries - 1))};
    for (int at = 0; count > 0; count -= batch, x += batch, y += batch) {
      const ptrdiff_t n = count < batch ? count : batch;
      at = affine_bytes(x, index, n, k, period, at, shift, finish);
      ptrdiff_t i = 0;
      for (; i + 8 <= n; i += 8) {
        uint64_t eight = 0;
#pragma GCC unroll 8
        for (int j = 0; j < 8; ++j) {
          eight |= static_cast<uint64_t>(static_cast<uint8_t>(table[index[i + j]])) << (8 * j);
        }
        memcpy(y + i, &eight, sizeof eight);
      }
      for (; i < n; ++i) y[i] = table[index[i]];
    }
  }
};

template <class Run>
void affine(const AffineS8& args, ptrdiff_t begin, ptrdiff_t end, const Run& run) {
  AffineConstants constants;
  const __m128i shift = _mm_cvtsi32_si128(args.shift);
  const int channels = args.channels;
  int period = channels;  // lcm(channels, 32)
  for (int odd = channels; odd % 32 != 0 && period <= most_constants; odd *= 2) period *= 2;
  if (period <= most_constants) {
    repeat_constants(args.A, args.B, channels, period, &constants);
    run(args.x + begin * channels, args.y + begin * channels, (end - begin) * channels, constants, period, shift);
    return;
  }
  for (int c = 0; c < channels; c += most_constants) {
    const int block = channels - c < most_constants ? channels - c : most_constants;
    const int count = (block + 31) / 32 * 32;
    repeat_constants(args.A + c, args.B + c, block, count, &constants);
    for (ptrdiff_t pixel = begin; pixel < end; ++pixel) {
      const ptrdiff_t at = pixel * channels + c;
      run(args.x + at, args.y + at, block, constants, count, shift);
    }
  }
}

}  // namespace

void affine_s8_avx2(const AffineS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.width;
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.width;
  if (args.table == nullptr) {
    affine(args, begin, end, Direct<Saturate>{Saturate()});
  } else if (args.table_entries == 256) {
    affine(args, begin, end, Direct<LookUp>{LookUp{Table256(args.table)}});
  } else {
    affine(args, begin, end, LargeTable{args.table, args.table_entries});
  }
}

}  // namespace mote
#endif
