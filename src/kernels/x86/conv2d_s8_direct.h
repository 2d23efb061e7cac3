// Convolution with packed weights, any shape: a tile of MR pixels x NR vectors of 8 or 16 output channels in registers,
// and vpmaddwd for a pair of neighbouring input values against the pairs of weights of a vector of channels.
//
// Packed, after the sums: output channels in the blocks of conv2d_s8_vectors.h; a block is, for each input,
// [KH][pairs][block channels][2] int16 (6 % faster than int8, widened as it is loaded). The pairs run along a kernel row,
// [KW][I], the last one filled up with a zero.
// Convolutions of few outputs would leave most of a vector empty: there the weights are, for each output channel and
// input, [KH][KW * I rounded up to 16] int8, and vectors run along the stretches of the window.
#pragma once
#include "kernels/x86/conv2d_s8_window.h"

namespace mote {
namespace {

constexpr int few_outputs_most = 4;

struct DirectShape {
  Window window;
  int band;        // output rows of one window
  int pairs[2];    // of a kernel row
  int vectors[2];  // of 16 values
  bool few;
};

// As many rows as keep the windows within 32 KiB, at least 4.
MOTE_INLINE DirectShape direct_shape(const Conv2dS8& args) {
  DirectShape s;
  s.window = make_window(args, args.out_width);
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(s.window.width) * (args.channels[0] + args.channels[1]) * 2;
  const ptrdiff_t fit = (32768 / pitch - args.kernel_height) / args.stride + 1;
  s.band = fit >= args.out_height ? args.out_height
           : fit < row_quantum    ? min_int(row_quantum, args.out_height)
                                  : static_cast<int>(fit) / row_quantum * row_quantum;
  for (int i = 0; i < 2; ++i) {
    s.pairs[i] = ceil_div(args.kernel_width * args.channels[i], 2);
    s.vectors[i] = ceil_div(args.kernel_width * args.channels[i], 16);
  }
  s.few = args.out_channels <= few_outputs_most;
  return s;
}

MOTE_INLINE size_t sums_bytes(const Conv2dS8& args) {
  return whole_lines(static_cast<size_t>(args.out_channels) * 2 * sizeof(int32_t));
}
// Of one output channel.
MOTE_INLINE ptrdiff_t direct_depth(const Conv2dS8& args, const DirectShape& s) {
  return static_cast<ptrdiff_t>(args.kernel_height) *
         (s.few ? 16 * (s.vectors[0] + s.vectors[1]) : 2 * (s.pairs[0] + s.pairs[1]));
}
MOTE_INLINE size_t direct_packed_bytes(const Conv2dS8& args) {
  const DirectShape s = direct_shape(args);
  const int outputs = s.few ? args.out_channels : ceil_div(args.out_channels, lanes32) * lanes32;
  const size_t values = static_cast<size_t>(direct_depth(args, s)) * static_cast<size_t>(outputs);
  return sums_bytes(args) + whole_lines(values * (s.few ? sizeof(int8_t) : sizeof(int16_t)));
}
MOTE_INLINE size_t direct_scratch_bytes(const Conv2dS8& args) {
  const DirectShape s = direct_shape(args);
  return window_bytes(s.window, s.band, args.channels[0]) + window_bytes(s.window, s.band, args.channels[1]);
}

inline void pack_sums(const Conv2dS8& args, void* packed) {
  int32_t* const first = static_cast<int32_t*>(packed);
  std::memset(first, 0, sums_bytes(args));
  int32_t* sums[2] = {first, first + args.out_channels};
  conv2d_s8_weight_sums(args, 0, args.out_channels, sums);
}

// Weight `k` of a kernel row of input `input`: k counts [KW][I of this input]; 0 behind the last channel and tap.
MOTE_INLINE int8_t weight_at(const Conv2dS8& args, int o, int kh, int input, int k) {
  const int channels = args.channels[input], inputs = args.channels[0] + args.channels[1];
  if (o >= args.out_channels || k >= args.kernel_width * channels) return 0;
  const ptrdiff_t tap = (static_cast<ptrdiff_t>(o) * args.kernel_height + kh) * args.kernel_width + k / channels;
  return args.weights[tap * inputs + (input == 0 ? 0 : args.channels[0]) + k % channels];
}

// n = 16, 32 or 64 weights as they are, or widened; returns the place behind them.
MOTE_INLINE int8_t* store_weights(int8_t* to, const int8_t* values, int n) {
  std::memcpy(to, values, static_cast<size_t>(n));
  return to + n;
}
MOTE_INLINE int16_t* store_weights(int16_t* to, const int8_t* values, int n) {
  for (int i = 0; i < n; i += 16) store256(to + i, _mm256_cvtepi8_epi16(load128(values + i)));
  return to + n;
}

// In blocks of output channels, or one by one; `group` values of a kernel row together.
template <class Weight>
void direct_pack_as(const Conv2dS8& args, bool blocks, int group, const int (&groups)[2], Weight* to) {
  for (int first = 0, count; first < args.out_channels; first += count) {
    count = blocks ? next_block(args.out_channels - first) : 1;
    for (int input = 0; input < 2; ++input) {
      for (int kh = 0; kh < args.kernel_height; ++kh) {
        for (int g = 0; g < groups[input]; ++g) {
          int8_t values[2 * most_block];
          int n = 0;
          for (int o = first; o < first + count; ++o) {
            for (int k = 0; k < group; ++k) values[n++] = weight_at(args, o, kh, input, g * group + k);
          }
          to = store_weights(to, values, n);
        }
      }
    }
  }
}

inline void direct_pack(const Conv2dS8& args, void* packed) {
  pack_sums(args, packed);
  const DirectShape s = direct_shape(args);
  char* const to = static_cast<char*>(packed) + sums_bytes(args);
  if (s.few) {
    direct_pack_as(args, false, 16, s.vectors, reinterpret_cast<int8_t*>(to));
  } else {
    direct_pack_as(args, true, 2, s.pairs, reinterpret_cast<int16_t*>(to));
  }
}

// acc = sums over a kernel of `rows` rows of `pairs` pairs, `pitch` int16 apart; weights as packed, for NR vectors.
template <int lanes, int MR, int NR, class Ints>
MOTE_INLINE void direct_sums(Ints (&acc)[MR][NR], const int16_t* const* a, ptrdiff_t pitch, int rows, int pairs,
                             const int16_t* w) {
  const int16_t* p[MR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) p[i] = a[i];
  pair_products<true, lanes>(acc, p, 0, w);
  int k = 1;
  for (int row = 0;;) {
    for (; k < pairs; ++k) pair_products<false, lanes>(acc, p, k, w + k * NR * 2 * lanes);
    if (++row == rows) return;
    w += pairs * NR * 2 * lanes;
    k = 0;
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) p[i] += pitch;
  }
}

// A block of output channels: its first, how many of them exist, its constants and its weights for each input.
struct DirectBlock {
  int o, channels;
  ChannelConstants constants;
  const int16_t* weights[2];
};
struct DirectPixels {
  const int16_t* a[2][8];  // first value of a pixel in the windows
  ptrdiff_t at[8];         // and its first output
};

// From the sums of the last input to int8. first: of input 0, scaled, if there are two.
template <bool two, bool residual, int lanes, int MR, int NR, class Ints>
MOTE_INLINE void direct_finish(const Epilogue& epilogue, const DirectBlock& block, const Ints (&acc)[MR][NR],
                               const float (*first)[NR * lanes], const ptrdiff_t* pixel_at, bool whole) {
  const Epilogue e = epilogue;  // a copy: stores of int8 may change anything that others can see
  const ptrdiff_t o = block.o;
  using Floats = typename Lanes<lanes>::Floats;
  Floats m[NR], b[NR];
#pragma GCC unroll 2
  for (int n = 0; n < NR; ++n) {
    m[n] = Lanes<lanes>::load_floats(block.constants.m[two ? 1 : 0] + n * lanes);
    b[n] = Lanes<lanes>::load_floats(block.constants.b + n * lanes);
  }
  alignas(64) float tile[MR][NR * lanes];
  ptrdiff_t at[MR];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    Floats v[NR];
#pragma GCC unroll 2
    for (int n = 0; n < NR; ++n) {
      v[n] = times(to_floats(acc[i][n]), m[n]);
      if (two) v[n] = plus(Lanes<lanes>::load_floats(first[i] + n * lanes), v[n]);
      v[n] = plus(v[n], b[n]);
    }
    at[i] = pixel_at[i] + o;
    if (whole) {
      finish_full<residual, NR>(e, v, at[i]);
    } else {
#pragma GCC unroll 2
      for (int n = 0; n < NR; ++n) store_floats(tile[i] + n * lanes, v[n]);
    }
  }
  if (!whole) finish_pixels(epilogue, tile[0], MR, NR * lanes, at, block.channels);
}

template <bool two, class Block, int MR>
void direct_tile(const Epilogue& e, const DirectShape& s, const DirectBlock& block, const DirectPixels& pixels,
                 const ptrdiff_t (&pitch)[2]) {
  constexpr int NR = Block::NR, lanes = Block::lanes;
  typename Lanes<lanes>::Ints acc[MR][NR];
  alignas(64) float first[two ? MR : 1][NR * lanes];
  direct_sums<lanes>(acc, pixels.a[0], pitch[0], s.window.kernel, s.pairs[0], block.weights[0]);
  if constexpr (two) {
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
      for (int n = 0; n < NR; ++n) {
        store_floats(first[i] + n * lanes, scaled<lanes>(acc[i][n], block.constants.m[0] + n * lanes));
      }
    }
    direct_sums<lanes>(acc, pixels.a[1], pitch[1], s.window.kernel, s.pairs[1], block.weights[1]);
  }
  if (block.channels != Block::outputs || e.y == nullptr) {
    direct_finish<two, false, lanes>(e, block, acc, first, pixels.at, false);
  } else if (e.residual != nullptr) {
    direct_finish<two, true, lanes>(e, block, acc, first, pixels.at, true);
  } else {
    direct_finish<two, false, lanes>(e, block, acc, first, pixels.at, true);
  }
}

template <bool two, class Block, int MR = Block::MR>
MOTE_INLINE void direct_tile_of(int count, const Epilogue& e, const DirectShape& s, const DirectBlock& block,
                                const DirectPixels& pixels, const ptrdiff_t (&pitch)[2]) {
  if constexpr (MR > 0) {
    if (count == MR) return direct_tile<two, Block, MR>(e, s, block, pixels, pitch);
    direct_tile_of<two, Block, MR - 1>(count, e, s, block, pixels, pitch);
  }
}

// The windows of a band of output rows.
struct Band {
  const int16_t* window[2];
  ptrdiff_t pitch[2];  // of a row
  int begin, end;
};

// Goes through the pixels of a band.
struct PixelWalk {
  const int16_t* a[2];             // of the pixel to come
  ptrdiff_t at;                    // its first output
  ptrdiff_t step[2], row_step[2];  // from pixel to pixel; besides, at the end of a row
  int outputs, x, width;
};

MOTE_INLINE PixelWalk walk_band(const Conv2dS8& args, const Band& band) {
  PixelWalk walk;
  for (int i = 0; i < 2; ++i) {
    walk.a[i] = band.window[i];
    walk.step[i] = static_cast<ptrdiff_t>(args.stride) * args.channels[i];
    walk.row_step[i] = args.stride * band.pitch[i] - args.out_width * walk.step[i];
  }
  walk.at = static_cast<ptrdiff_t>(band.begin) * args.out_width * args.out_channels;
  walk.outputs = args.out_channels;
  walk.x = 0;
  walk.width = args.out_width;
  return walk;
}

template <bool two>
MOTE_INLINE void next_pixels(PixelWalk* walk, int count, DirectPixels* pixels) {
  for (int i = 0; i < count; ++i) {
    pixels->a[0][i] = walk->a[0];
    if (two) pixels->a[1][i] = walk->a[1];
    pixels->at[i] = walk->at;
    const bool last = ++walk->x == walk->width;
    walk->a[0] += walk->step[0] + (last ? walk->row_step[0] : 0);
    if (two) walk->a[1] += walk->step[1] + (last ? walk->row_step[1] : 0);
    walk->at += walk->outputs;
    if (last) walk->x = 0;
  }
}

// All pixels of a band for a block of output channels, in tiles of nearly equal size.
template <bool two, class Block>
void direct_block(const Conv2dS8& args, const Epilogue& e, const DirectShape& s, const Band& band,
                  const DirectBlock& block) {
  const int pixels = (band.end - band.begin) * args.out_width, tiles = ceil_div(pixels, Block::MR);
  const int least = pixels / tiles, larger = pixels % tiles;
  PixelWalk walk = walk_band(args, band);
  for (int tile = 0; tile < tiles; ++tile) {
    const int count = least + (tile < larger ? 1 : 0);
    DirectPixels placed;
    next_pixels<two>(&walk, count, &placed);
    direct_tile_of<two, Block>(count, e, s, block, placed, band.pitch);
  }
}

template <bool two>
void direct_band(const Conv2dS8& args, const DirectShape& s, const Band& band) {
  const Epilogue e = make_epilogue(args);
  DirectBlock block;
  const int16_t* w = reinterpret_cast<const int16_t*>(static_cast<const char*>(args.packed) + sums_bytes(args));
  block.o = 0;
  for (int outputs; block.o < args.out_channels; block.o += outputs) {
    outputs = next_block(args.out_channels - block.o);
    block.channels = min_int(outputs, args.out_channels - block.o);
    channel_constants(args, block.o, outputs, 1.0f, &block.constants);
    block.weights[0] = w;
    block.weights[1] = w + static_cast<ptrdiff_t>(args.kernel_height) * s.pairs[0] * outputs * 2;
    w += direct_depth(args, s) * outputs;
    with_block(outputs, [&](auto type) { direct_block<two, decltype(type)>(args, e, s, band, block); });
  }
}

// ---- few outputs ----------------------------------------------------------------------------------------------------

// Sums of 4 pixels for OM output channels; weights of the next channel `next` bytes on. sums: [pixel][outputs].
template <int OM>
void few_tile(const int16_t* const* a, ptrdiff_t pitch, int rows, int vectors, const int8_t* w, ptrdiff_t next,
              int outputs, int32_t* sums) {
  __m256i acc[OM][4];
#pragma GCC unroll 4
  for (int o = 0; o < OM; ++o) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) acc[o][i] = _mm256_setzero_si256();
  }
  for (int row = 0; row < rows; ++row) {
    for (int k = 0; k < vectors; ++k, w += 16) {
      __m256i b[OM];
#pragma GCC unroll 4
      for (int o = 0; o < OM; ++o) b[o] = _mm256_cvtepi8_epi16(load128(w + o * next));
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const __m256i x = load256(a[i] + row * pitch + 16 * k);
#pragma GCC unroll 4
        for (int o = 0; o < OM; ++o) accumulate(acc[o][i], _mm256_madd_epi16(x, b[o]));
      }
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < OM; ++o) {
    alignas(16) int32_t sum[4];
    store128(sum, sums_of_four(acc[o][0], acc[o][1], acc[o][2], acc[o][3]));
    for (int i = 0; i < 4; ++i) sums[i * outputs + o] = sum[i];
  }
}

// sums of 8 pixels of input `input`.
inline void few_sums(const Conv2dS8& args, const DirectShape& s, const Band& band, const DirectPixels& pixels,
                     int input, int32_t* sums) {
  const ptrdiff_t depth = direct_depth(args, s);
  const int8_t* w = static_cast<const int8_t*>(args.packed) + sums_bytes(args) +
                    (input == 0 ? 0 : static_cast<ptrdiff_t>(args.kernel_height) * s.vectors[0] * 16);
  const int outputs = args.out_channels, rows = args.kernel_height, vectors = s.vectors[input];
  const ptrdiff_t pitch = band.pitch[input];
  for (int i = 0; i < 8; i += 4, sums += 4 * outputs) {
    const int16_t* const* a = pixels.a[input] + i;
    int o = 0;
    if (outputs == 3) {
      few_tile<3>(a, pitch, rows, vectors, w, depth, outputs, sums);
      continue;
    }
    for (; o + 2 <= outputs; o += 2) few_tile<2>(a, pitch, rows, vectors, w + o * depth, depth, outputs, sums + o);
    if (o < outputs) few_tile<1>(a, pitch, rows, vectors, w + o * depth, depth, outputs, sums + o);
  }
}

// Eight pixels at a time; their outputs follow one another, and so do the constants, repeated.
inline void few_band(const Conv2dS8& args, const DirectShape& s, const Band& band) {
  const Epilogue e = make_epilogue(args);
  const int outputs = args.out_channels, pixels = (band.end - band.begin) * args.out_width;
  float constants[3][8 * few_outputs_most];
  for (int i = 0; i < 8 * outputs; ++i) {
    constants[0][i] = args.m[0][i % outputs];
    constants[1][i] = e.two ? args.m[1][i % outputs] : 0.0f;
    constants[2][i] = args.b[i % outputs];
  }
  PixelWalk walk = walk_band(args, band);
  for (int done = 0; done < pixels; done += 8) {
    const int count = min_int(8, pixels - done);
    DirectPixels placed;
    next_pixels<true>(&walk, count, &placed);
    for (int i = count; i < 8; ++i) {
      placed.a[0][i] = placed.a[0][0];
      placed.a[1][i] = placed.a[1][0];
    }
    alignas(32) int32_t sums[2][8 * few_outputs_most];
    few_sums(args, s, band, placed, 0, sums[0]);
    if (e.two) few_sums(args, s, band, placed, 1, sums[1]);
    for (int i = 0; i < count * outputs; i += lanes32) {
      __m256 v = scaled<lanes32>(load256(sums[0] + i), constants[0] + i);
      if (e.two) v = _mm256_add_ps(v, scaled<lanes32>(load256(sums[1] + i), constants[1] + i));
      v = _mm256_add_ps(v, _mm256_loadu_ps(constants[2] + i));
      finish_some(e, v, placed.at[0] + i, min_int(lanes32, count * outputs - i));
    }
  }
}

template <class X>
void conv_direct(const Conv2dS8& args, const X* x, int row_begin, int row_end, void* scratch) {
  const DirectShape s = direct_shape(args);
  int16_t* const window = static_cast<int16_t*>(scratch);
  int16_t* const second = window + window_bytes(s.window, s.band, args.channels[0]) / sizeof(int16_t);
  for (int begin = row_begin; begin < row_end; begin += s.band) {
    Band band;
    band.begin = begin;
    band.end = min_int(row_end, begin + s.band);
    band.window[0] = window;
    band.window[1] = second;
    for (int i = 0; i < 2; ++i) band.pitch[i] = static_cast<ptrdiff_t>(s.window.width) * args.channels[i];
    fill_window(s.window, x, args.in_width, args.channels[0], args.zero[0], band.begin, band.end, window);
    if (args.channels[1] != 0) {
      fill_window(s.window, args.x[1], args.in_width, args.channels[1], args.zero[1], band.begin, band.end, second);
    }
    if (s.few) {
      few_band(args, s, band);
    } else if (args.channels[1] != 0) {
      direct_band<true>(args, s, band);
    } else {
      direct_band<false>(args, s, band);
    }
  }
}

}  // namespace
}  // namespace mote
