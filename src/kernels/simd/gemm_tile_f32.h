// The inner loop of convolution and linear layers with packed weights: a tile of MR pixels x NR vectors of output
// channels held in registers over the whole sum, one broadcast input value against NR vectors of weights.
//
// Packed weights: output channels in vectors of V::width, the last padded with zeros; vectors in blocks of 1 to 3; a
// block is [K][block vectors * width], K in the order of the plain weights ([KH][KW][I]).
// Input: one pointer for each pixel, and a list of runs (`Taps`) that says which stretches after it belong to the sum.
// Every output is bias + shift, then its products in the order of K, whatever tile it falls into.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/math_f32.h"

namespace mote {
namespace {

constexpr int max_block_vectors = 3;

// Vectors of the block that begins with `left` vectors to go. Blocks of one are avoided: they load more than they
// multiply.
MOTE_INLINE int block_vectors(int left) { return left == 1 ? 1 : left == 3 || (left > 3 && left % 2 == 1) ? 3 : 2; }

MOTE_INLINE int ceil_div(int a, int b) { return (a + b - 1) / b; }
MOTE_INLINE int min_int(int a, int b) { return a < b ? a : b; }
MOTE_INLINE int max_int(int a, int b) { return a > b ? a : b; }

// Most pixels of a tile: accumulators + weights + one broadcast fit the registers, and at most 8 pointers are held.
template <class V>
constexpr int tile_pixels(int vectors) {
  return V::registers >= 32 ? 8 : vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

// The sum of an output: `rows` x `runs` stretches of `length` floats, at these distances in input and packed weights
// (weights: distances in positions of K; `first` is where the first stretch begins).
struct Taps {
  int rows, runs, length;
  ptrdiff_t input_row, input_run;
  ptrdiff_t first, weight_row, weight_run;
};

struct Epilogue {
  const float* residual;
  float* y;
  Activation activation;
};

template <class V, int MR, int NR>
MOTE_INLINE void tile_step(V (&acc)[MR][NR], const float* const (&p)[MR], const float* w, int k) {
  V b[NR];
#pragma GCC unroll 4
  for (int n = 0; n < NR; ++n) b[n] = V::load(w + n * V::width);
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
    const V a = V::set1(p[m][k]);
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) acc[m][n] = fma(a, b[n], acc[m][n]);
  }
}

// Four steps with the inputs of a pixel in one register, for processors that multiply by a lane.
template <int lane, class V, int MR, int NR>
MOTE_INLINE void tile_lane_step(V (&acc)[MR][NR], const V (&a)[MR], const float* w) {
  V b[NR];
#pragma GCC unroll 4
  for (int n = 0; n < NR; ++n) b[n] = V::load(w + n * V::width);
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) acc[m][n] = V::template fma_lane<lane>(a[m], b[n], acc[m][n]);
  }
}

template <class V, int MR, int NR>
MOTE_INLINE void tile_run(V (&acc)[MR][NR], const float* const (&p)[MR], const float* w, int length) {
  int k = 0;
  if constexpr (V::has_lane_fma) {
    for (; k + 4 <= length; k += 4, w += 4 * NR * V::width) {
      V a[MR];
#pragma GCC unroll 16
      for (int m = 0; m < MR; ++m) a[m] = V::load(p[m] + k);
      tile_lane_step<0>(acc, a, w);
      tile_lane_step<1>(acc, a, w + NR * V::width);
      tile_lane_step<2>(acc, a, w + 2 * NR * V::width);
      tile_lane_step<3>(acc, a, w + 3 * NR * V::width);
    }
  }
  for (; k < length; ++k, w += NR * V::width) tile_step(acc, p, w, k);
}

// Residual, activation and the last channels of a tile: what not every tile needs, out of the way of the fast path.
template <class V>
__attribute__((noinline)) void finish_tile(const float* tile, int pixels, int pitch, const Epilogue& e,
                                           const ptrdiff_t* at, int channels) {
  with_activation(e.activation, [&](auto tag) {
    for (int m = 0; m < pixels; ++m) {
      for (int c = 0; c < channels; c += V::width) {
        const int n = min_int(V::width, channels - c);
        const float* residual = e.residual != nullptr ? e.residual + at[m] + c : nullptr;
        float* y = e.y + at[m] + c;
        V v = V::load(tile + m * pitch + c);
        if (n == V::width) {
          if (residual != nullptr) v = add(v, V::load(residual));
          activate<decltype(tag)::value>(v).store(y);
        } else {
          if (residual != nullptr) v = add(v, V::load_partial(residual, n));
          activate<decltype(tag)::value>(v).store_partial(y, n);
        }
      }
    }
  });
}

// a[m]: pixel m; at[m]: its first output channel of this block, counted from e.y; start: bias + shift, NR vectors;
// channels: how many of the NR * width exist.
template <class V, int MR, int NR>
void gemm_tile(const float* const* a, const Taps& taps, const float* weights, const float* start, const Epilogue& e,
               const ptrdiff_t* at, int channels) {
  constexpr int pitch = NR * V::width;
  V acc[MR][NR];
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) acc[m][n] = V::load(start + n * V::width);
  }
  for (int row = 0; row < taps.rows; ++row) {
    for (int run = 0; run < taps.runs; ++run) {
      const ptrdiff_t offset = row * taps.input_row + run * taps.input_run;
      const float* p[MR];
#pragma GCC unroll 16
      for (int m = 0; m < MR; ++m) p[m] = a[m] + offset;
      tile_run(acc, p, weights + (taps.first + row * taps.weight_row + run * taps.weight_run) * pitch, taps.length);
    }
  }
  if (channels == pitch && e.residual == nullptr && e.activation == Activation::none) {
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 4
      for (int n = 0; n < NR; ++n) acc[m][n].store(e.y + at[m] + n * V::width);
    }
    return;
  }
  alignas(64) float tile[MR * pitch];
#pragma GCC unroll 16
  for (int m = 0; m < MR; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) acc[m][n].store(tile + m * pitch + n * V::width);
  }
  finish_tile<V>(tile, MR, pitch, e, at, channels);
}

template <class V, int NR, int MR>
MOTE_INLINE void gemm_tile_of(int pixels, const float* const* a, const Taps& taps, const float* weights,
                              const float* start, const Epilogue& e, const ptrdiff_t* at, int channels) {
  if constexpr (MR > 0) {
    if (pixels == MR) return gemm_tile<V, MR, NR>(a, taps, weights, start, e, at, channels);
    gemm_tile_of<V, NR, MR - 1>(pixels, a, taps, weights, start, e, at, channels);
  }
}

// The tile of `pixels` (at most tile_pixels) x `vectors`.
template <class V>
MOTE_INLINE void gemm_any_tile(int vectors, int pixels, const float* const* a, const Taps& taps, const float* weights,
                               const float* start, const Epilogue& e, const ptrdiff_t* at, int channels) {
  if (vectors == 2) return gemm_tile_of<V, 2, tile_pixels<V>(2)>(pixels, a, taps, weights, start, e, at, channels);
  if (vectors == 3) return gemm_tile_of<V, 3, tile_pixels<V>(3)>(pixels, a, taps, weights, start, e, at, channels);
  gemm_tile_of<V, 1, tile_pixels<V>(1)>(pixels, a, taps, weights, start, e, at, channels);
}

// bias + shift of `count` channels from `o`, zeros up to `padded`.
MOTE_INLINE void start_values(const float* bias, const float* shift, int o, int count, int padded, float* start) {
  for (int i = 0; i < padded; ++i) {
    start[i] = i < count ? (bias != nullptr ? bias[o + i] : 0.0f) + (shift != nullptr ? shift[o + i] : 0.0f) : 0.0f;
  }
}

// weights [outputs][depth] -> packed.
template <class V>
void pack_weights(const float* weights, int outputs, ptrdiff_t depth, float* packed) {
  const int vectors = ceil_div(outputs, V::width);
  for (int first = 0; first < vectors;) {
    const int block = block_vectors(vectors - first);
    for (ptrdiff_t k = 0; k < depth; ++k) {
      for (int i = 0; i < block * V::width; ++i) {
        const int o = first * V::width + i;
        *packed++ = o < outputs ? weights[o * depth + k] : 0.0f;
      }
    }
    first += block;
  }
}

template <class V>
MOTE_INLINE size_t packed_weight_bytes(int outputs, ptrdiff_t depth) {
  const size_t floats = static_cast<size_t>(ceil_div(outputs, V::width)) * V::width * static_cast<size_t>(depth);
  return (floats * sizeof(float) + 63) / 64 * 64;
}

}  // namespace
}  // namespace mote
