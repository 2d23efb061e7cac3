// 3x3 convolution of stride 1 by Winograd's minimal filtering F(4x4, 3x3) (Winograd 1980; Lavin & Gray 2016,
// arXiv 1509.09308): 36 multiplications for each channel and 4x4 outputs instead of 144.
//
// The interpolation points are 0, +-5/8, +-3/2 and infinity. All constants of the data transforms are exact in float,
// and the points being closer to 1 than the usual +-1, +-2 makes errors no larger than those of the direct sum
// (measured: worst 2.4e-7 against 1.5e-7 of sum |x||w|; with +-1, +-2 8.9e-7).
//
// A band of tile rows at a time, in scratch: the window of conv2d_packed_f32.h, V[36][tiles][channels], and for one
// block of output channels M[36][tiles][block]. Packed weights: for each block [36][channels][block vectors * width].
#pragma once
#include "kernels/simd/conv2d_packed_f32.h"

namespace mote {
namespace {

constexpr int wino_tile = 4, wino_patch = 6, wino_points = 36;
constexpr float wino_a = 0.625f, wino_b = 1.5f;
constexpr float wino_a2 = wino_a * wino_a, wino_b2 = wino_b * wino_b;

struct WinoShape {
  Conv2dF32 whole;  // the convolution with its output rounded up to whole tiles
  ConvShape window;
  int channels, tiles_x;  // tiles_x: tiles of a row of tiles
  int band;               // rows of tiles of a band
};

// At least 16 tiles share each fetch of the weights.
MOTE_INLINE WinoShape wino_shape(const Conv2dF32& args) {
  WinoShape s;
  s.whole = args;
  s.whole.out_height = ceil_div(args.out_height, wino_tile) * wino_tile;
  s.whole.out_width = ceil_div(args.out_width, wino_tile) * wino_tile;
  s.window = conv_shape(s.whole);
  s.channels = s.window.channels;
  s.tiles_x = s.whole.out_width / wino_tile;
  s.band = min_int(ceil_div(16, s.tiles_x), s.whole.out_height / wino_tile);
  return s;
}

MOTE_INLINE size_t whole_vectors(size_t floats) { return (floats + 15) / 16 * 16; }

MOTE_INLINE size_t wino_window_floats(const WinoShape& s) {
  if (s.window.direct) return 0;
  const size_t rows = static_cast<size_t>(s.band * wino_tile + 2);
  return whole_vectors(rows * static_cast<size_t>(s.window.width) * static_cast<size_t>(s.channels));
}
// Distance of the 36 planes of V and M: an odd number of cache lines, so that a tile's 36 values do not all fall into
// the same few sets of the cache.
MOTE_INLINE ptrdiff_t wino_plane(int floats) { return ((floats + 15) / 16 | 1) * 16; }

MOTE_INLINE size_t wino_input_floats(const WinoShape& s) {
  return static_cast<size_t>(wino_points * wino_plane(s.band * s.tiles_x * s.channels));
}
template <class V>
MOTE_INLINE size_t wino_scratch_floats(const Conv2dF32& args) {
  const WinoShape s = wino_shape(args);
  const int block = min_int(max_block_vectors, ceil_div(args.out_channels, V::width)) * V::width;
  return wino_window_floats(s) + wino_input_floats(s) +
         static_cast<size_t>(wino_points * wino_plane(s.band * s.tiles_x * block));
}

// G: values of the filter's polynomial at the points, divided by what the data transform leaves out.
template <class V>
MOTE_INLINE void wino_filter_1d(const V (&g)[3], V (&out)[wino_patch]) {
  constexpr float na = 1.0f / (2.0f * wino_a2 * (wino_a2 - wino_b2)),
                  nb = 1.0f / (2.0f * wino_b2 * (wino_b2 - wino_a2));
  const V even_a = fma(V::set1(wino_a2), g[2], g[0]), even_b = fma(V::set1(wino_b2), g[2], g[0]);
  out[0] = mul(g[0], V::set1(1.0f / (wino_a2 * wino_b2)));
  out[1] = mul(fma(V::set1(wino_a), g[1], even_a), V::set1(na));
  out[2] = mul(fnma(V::set1(wino_a), g[1], even_a), V::set1(na));
  out[3] = mul(fma(V::set1(wino_b), g[1], even_b), V::set1(nb));
  out[4] = mul(fnma(V::set1(wino_b), g[1], even_b), V::set1(nb));
  out[5] = g[2];
}

// B^T: the products of (x - point) over all points but one, applied to the input.
template <class V>
MOTE_INLINE void wino_input_1d(const V (&d)[wino_patch], V (&out)[wino_patch]) {
  const V a2 = V::set1(wino_a2), b2 = V::set1(wino_b2), sum = V::set1(wino_a2 + wino_b2);
  const V product = V::set1(wino_a2 * wino_b2);
  const V even_a = fnma(b2, d[2], d[4]), odd_a = fnma(b2, d[1], d[3]);
  const V even_b = fnma(a2, d[2], d[4]), odd_b = fnma(a2, d[1], d[3]);
  out[0] = fma(product, d[0], fnma(sum, d[2], d[4]));
  out[1] = fma(V::set1(wino_a), odd_a, even_a);
  out[2] = fnma(V::set1(wino_a), odd_a, even_a);
  out[3] = fma(V::set1(wino_b), odd_b, even_b);
  out[4] = fnma(V::set1(wino_b), odd_b, even_b);
  out[5] = fma(product, d[1], fnma(sum, d[3], d[5]));
}

// A^T: powers of the points.
template <class V>
MOTE_INLINE void wino_output_1d(const V (&m)[wino_patch], V (&out)[wino_tile]) {
  const V sum_a = add(m[1], m[2]), difference_a = sub(m[1], m[2]);
  const V sum_b = add(m[3], m[4]), difference_b = sub(m[3], m[4]);
  out[0] = add(m[0], add(sum_a, sum_b));
  out[1] = fma(V::set1(wino_a), difference_a, mul(V::set1(wino_b), difference_b));
  out[2] = fma(V::set1(wino_a2), sum_a, mul(V::set1(wino_b2), sum_b));
  out[3] = fma(V::set1(wino_a2 * wino_a), difference_a, fma(V::set1(wino_b2 * wino_b), difference_b, m[5]));
}

// weights [O][3][3][channels] -> packed.
template <class V>
void wino_pack(const float* weights, int outputs, int channels, float* packed) {
  const int vectors = ceil_div(outputs, V::width);
  for (int first = 0; first < vectors; first += block_vectors(vectors - first)) {
    const int block = block_vectors(vectors - first) * V::width;
    float* to = packed + static_cast<ptrdiff_t>(first) * V::width * wino_points * channels;
    for (int c = 0; c < channels; ++c) {
      for (int n = 0; n < block; n += V::width) {
        float taps[9][V::width];
        for (int lane = 0; lane < V::width; ++lane) {
          const int o = first * V::width + n + lane;
          for (int k = 0; k < 9; ++k) {
            taps[k][lane] = o < outputs ? weights[(static_cast<ptrdiff_t>(o) * 9 + k) * channels + c] : 0.0f;
          }
        }
        V half[wino_patch][3];
        for (int kw = 0; kw < 3; ++kw) {
          V out[wino_patch];
          wino_filter_1d<V>({V::load(taps[kw]), V::load(taps[3 + kw]), V::load(taps[6 + kw])}, out);
          for (int i = 0; i < wino_patch; ++i) half[i][kw] = out[i];
        }
        for (int i = 0; i < wino_patch; ++i) {
          V out[wino_patch];
          wino_filter_1d<V>(half[i], out);
          for (int j = 0; j < wino_patch; ++j) {
            out[j].store(to + (static_cast<ptrdiff_t>(i * wino_patch + j) * channels + c) * block + n);
          }
        }
      }
    }
  }
}

// The 6x6 patch at `from` into v[36], `plane` apart: one vector of channels, or the first `lanes` of one.
template <class V, bool whole>
MOTE_INLINE void wino_input_vector(const float* from, ptrdiff_t pitch, int channels, int lanes, float* v,
                                   ptrdiff_t plane) {
  V half[wino_patch][wino_patch];
  for (int x = 0; x < wino_patch; ++x) {
    V d[wino_patch], out[wino_patch];
#pragma GCC unroll 6
    for (int y = 0; y < wino_patch; ++y) {
      const float* p = from + y * pitch + x * channels;
      d[y] = whole ? V::load(p) : V::load_partial(p, lanes);
    }
    wino_input_1d(d, out);
#pragma GCC unroll 6
    for (int y = 0; y < wino_patch; ++y) half[y][x] = out[y];
  }
  for (int y = 0; y < wino_patch; ++y) {
    V out[wino_patch];
    wino_input_1d(half[y], out);
#pragma GCC unroll 6
    for (int x = 0; x < wino_patch; ++x) {
      float* p = v + (y * wino_patch + x) * plane;
      if (whole) {
        out[x].store(p);
      } else {
        out[x].store_partial(p, lanes);
      }
    }
  }
}

template <class V>
void wino_input_tile(const float* from, ptrdiff_t pitch, int channels, float* v, ptrdiff_t plane) {
  int c = 0;
  for (; c + V::width <= channels; c += V::width) {
    wino_input_vector<V, true>(from + c, pitch, channels, V::width, v + c, plane);
  }
  if (c < channels) wino_input_vector<V, false>(from + c, pitch, channels, channels - c, v + c, plane);
}

// m[tile][NR vectors] = v[tile][depth] * u[depth][NR vectors] for MR tiles.
template <class V, int NR, int MR>
MOTE_INLINE void wino_product(const float* v, const float* u, int depth, int tiles, float* m) {
  if constexpr (MR > 0) {
    if (tiles != MR) return wino_product<V, NR, MR - 1>(v, u, depth, tiles, m);
    V acc[MR][NR];
    const float* p[MR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      p[i] = v + static_cast<ptrdiff_t>(i) * depth;
#pragma GCC unroll 4
      for (int n = 0; n < NR; ++n) acc[i][n] = V::zero();
    }
    tile_run(acc, p, u, depth);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int n = 0; n < NR; ++n) acc[i][n].store(m + (i * NR + n) * V::width);
    }
  }
}

// All 36 products of a block of NR vectors.
template <class V, int NR>
void wino_products(const float* v, const float* u, int depth, int tiles, float* m) {
  constexpr int most = tile_pixels<V>(NR), block = NR * V::width;
  const int groups = ceil_div(tiles, most);
  const ptrdiff_t v_plane = wino_plane(tiles * depth), m_plane = wino_plane(tiles * block);
  // The weights of a later point are asked for in time. It pays where a point is short work and all of it used more
  // than once; otherwise the processor's own prefetching of a long stretch does as well, or better.
  const ptrdiff_t stretch = static_cast<ptrdiff_t>(depth) * block;
  const ptrdiff_t share = groups > 1 && stretch <= 4096 ? stretch / groups : 0;
  for (int f = 0; f < wino_points; ++f) {
    const float* from = v + f * v_plane;
    float* to = m + f * m_plane;
    const bool more = f + 2 < wino_points;
    const float* ahead = more ? u + 2 * stretch : u;
    for (int group = 0; group < groups; ++group) {
      const int count = tiles / groups + (group < tiles % groups ? 1 : 0);
      const float* const end = more ? ahead + share : ahead;
      for (; ahead < end; ahead += 16) __builtin_prefetch(ahead, 0, 2);
      wino_product<V, NR, most>(from, u, depth, count, to);
      from += static_cast<ptrdiff_t>(count) * depth;
      to += count * block;
    }
    u += stretch;
  }
}

// One vector of output channels of one tile, without bias, into out[16][width].
template <class V>
MOTE_INLINE void wino_output_vector(const float* m, ptrdiff_t plane, V start, float* out) {
  V half[wino_tile][wino_patch];
  for (int x = 0; x < wino_patch; ++x) {
    V column[wino_patch], y[wino_tile];
#pragma GCC unroll 6
    for (int i = 0; i < wino_patch; ++i) column[i] = V::load(m + (i * wino_patch + x) * plane);
    wino_output_1d(column, y);
#pragma GCC unroll 4
    for (int i = 0; i < wino_tile; ++i) half[i][x] = y[i];
  }
  for (int i = 0; i < wino_tile; ++i) {
    V y[wino_tile];
    wino_output_1d(half[i], y);
#pragma GCC unroll 4
    for (int x = 0; x < wino_tile; ++x) add(y[x], start).store(out + (i * wino_tile + x) * V::width);
  }
}

// A block of output channels of one tile: (oy, ox) is its first pixel, o its first channel.
template <class V>
void wino_output_tile(const Conv2dF32& args, const float* m, ptrdiff_t plane, const float* start, int oy, int ox, int o,
                      int channels) {
  const int rows = min_int(wino_tile, args.out_height - oy), columns = min_int(wino_tile, args.out_width - ox);
  const bool plain = args.residual == nullptr && args.activation == Activation::none;
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.out_width) * args.out_channels;
  const ptrdiff_t first = oy * row + static_cast<ptrdiff_t>(ox) * args.out_channels + o;
  alignas(64) float out[wino_tile * wino_tile * V::width];
  for (int c = 0; c < channels; c += V::width) {
    wino_output_vector<V>(m + c, plane, V::load(start + c), out);
    const int lanes = min_int(V::width, channels - c);
    const bool direct = plain && lanes == V::width;
    ptrdiff_t at[wino_tile * wino_tile];
    int pixels = 0;
    for (int y = 0; y < rows; ++y) {
      for (int x = 0; x < columns; ++x, ++pixels) {
        const V v = V::load(out + (y * wino_tile + x) * V::width);
        at[pixels] = first + c + y * row + x * args.out_channels;
        v.store(direct ? args.y + at[pixels] : out + pixels * V::width);  // else close up the pixels that exist
      }
    }
    if (!direct) finish_tile<V>(out, pixels, V::width, {args.residual, args.y, args.activation}, at, lanes);
  }
}

template <class V>
void wino_band(const Conv2dF32& args, const WinoShape& s, int row_begin, int row_end, float* scratch) {
  float* const v = scratch + wino_window_floats(s);
  float* const m = v + wino_input_floats(s);
  const int tile_rows = ceil_div(row_end - row_begin, wino_tile), tiles = tile_rows * s.tiles_x;
  int first;
  const float* window = fill_window(s.whole, s.window, row_begin, row_begin + tile_rows * wino_tile, scratch, &first);
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(s.window.width) * s.channels;
  if (s.window.direct) window += row_begin * pitch;
  for (int t = 0; t < tiles; ++t) {
    const float* from = window + t / s.tiles_x * wino_tile * pitch;
    wino_input_tile<V>(from + t % s.tiles_x * wino_tile * s.channels, pitch, s.channels,
                       v + static_cast<ptrdiff_t>(t) * s.channels, wino_plane(tiles * s.channels));
  }
  const int vectors = ceil_div(args.out_channels, V::width);
  for (int vector = 0; vector < vectors; vector += block_vectors(vectors - vector)) {
    const int nr = block_vectors(vectors - vector), block = nr * V::width, o = vector * V::width;
    const float* u = args.packed + static_cast<ptrdiff_t>(o) * wino_points * s.channels;
    if (nr == 2) {
      wino_products<V, 2>(v, u, s.channels, tiles, m);
    } else if (nr == 3) {
      wino_products<V, 3>(v, u, s.channels, tiles, m);
    } else {
      wino_products<V, 1>(v, u, s.channels, tiles, m);
    }
    alignas(64) float start[max_block_vectors * V::width];
    const int channels = min_int(block, args.out_channels - o);
    start_values(args.bias, args.shift, o, channels, block, start);
    for (int t = 0; t < tiles; ++t) {
      wino_output_tile<V>(args, m + t * block, wino_plane(tiles * block), start, row_begin + t / s.tiles_x * wino_tile,
                          t % s.tiles_x * wino_tile, o, channels);
    }
  }
}

template <class V>
void conv2d_winograd(const Conv2dF32& args, int row_begin, int row_end, float* scratch) {
  const WinoShape s = wino_shape(args);
  for (int row = row_begin; row < row_end; row += s.band * wino_tile) {
    wino_band<V>(args, s, row, min_int(row_end, row + s.band * wino_tile), scratch);
  }
}

}  // namespace
}  // namespace mote
