// 3x3 convolution of stride 1 by exact Winograd filtering; the numbers are explained in conv2d_s8_winograd_forms.h.
//
// A band of tile rows at a time, in scratch: the windows of conv2d_s8_window.h, for each input
// V[points^2][tiles][channels rounded up to 16] int16, and for one block of output channels and each input
// M[points^2][tiles][block] int32. Packed, after the sums: output channels in the blocks of conv2d_s8_vectors.h; a block
// is, for each input, [points^2][pairs of channels][block][2] int16, an odd last channel with a zero.
#pragma once
#include "kernels/x86/conv2d_s8_direct.h"
#include "kernels/x86/conv2d_s8_winograd_forms.h"

namespace mote {
namespace {

// The weights are asked for so many values before they are used: the processor's own prefetching stops at every page.
// Measured with weights from memory: 1.6 times as fast as without.
constexpr ptrdiff_t wino_ahead = 4096;
constexpr int wino_band_tiles = 16;  // at least so many tiles share each fetch of the weights

// Distance of the planes of V and M in bytes: an odd number of cache lines, so that a tile's values do not all fall
// into the same few sets of the cache.
MOTE_INLINE ptrdiff_t wino_plane(ptrdiff_t bytes) { return ((bytes + 63) / 64 | 1) * 64; }
MOTE_INLINE int wino_pitch(int channels) { return (channels + 15) / 16 * 16; }  // of V
MOTE_INLINE int wino_pairs(int channels) { return ceil_div(channels, 2); }

struct WinoShape {
  Window window;
  int tiles_x, band;  // tiles of a row of tiles, rows of tiles of a band
};

template <class Form>
MOTE_INLINE WinoShape wino_shape(const Conv2dS8& args) {
  WinoShape s;
  s.tiles_x = ceil_div(args.out_width, Form::tile);
  s.band = min_int(ceil_div(wino_band_tiles, s.tiles_x), ceil_div(args.out_height, Form::tile));
  s.window = make_window(args, s.tiles_x * Form::tile);
  if (Form::halved) {  // the input as it is stored
    s.window.half = 0;
    s.window.high = args.in_height;
    s.window.wide = args.in_width;
    s.window.pad_top = (args.pad_top + 1) / 2;
    s.window.pad_left = (args.pad_left + 1) / 2;
    s.window.width = s.tiles_x * Form::step + 2;
  }
  return s;
}

template <class Form>
MOTE_INLINE size_t wino_window_bytes(const WinoShape& s, int channels) {
  return window_bytes(s.window, s.band * Form::step, channels);
}
template <class Form>
MOTE_INLINE size_t wino_input_bytes(const WinoShape& s, int channels) {
  const ptrdiff_t values = static_cast<ptrdiff_t>(s.band) * s.tiles_x * wino_pitch(channels);
  return channels == 0 ? 0 : static_cast<size_t>(Form::points * Form::points * wino_plane(values * 2));
}
template <class Form>
MOTE_INLINE size_t wino_output_bytes(const WinoShape& s) {
  const ptrdiff_t values = static_cast<ptrdiff_t>(s.band) * s.tiles_x * most_block;
  return static_cast<size_t>(Form::points * Form::points * wino_plane(values * 4));
}
template <class Form>
MOTE_INLINE size_t wino_scratch_bytes(const Conv2dS8& args) {
  const WinoShape s = wino_shape<Form>(args);
  size_t bytes = wino_output_bytes<Form>(s) * (args.channels[1] != 0 ? 2 : 1);
  for (int i = 0; i < 2; ++i) {
    bytes += wino_window_bytes<Form>(s, args.channels[i]) + wino_input_bytes<Form>(s, args.channels[i]);
  }
  return bytes;
}
// Of the weights of an input for so many output channels.
template <class Form>
MOTE_INLINE ptrdiff_t wino_weight_values(int channels, int outputs) {
  return static_cast<ptrdiff_t>(Form::points) * Form::points * wino_pairs(channels) * outputs * 2;
}
template <class Form>
MOTE_INLINE size_t wino_packed_bytes(const Conv2dS8& args) {
  const int outputs = ceil_div(args.out_channels, lanes32) * lanes32;
  const ptrdiff_t values =
      wino_weight_values<Form>(args.channels[0], outputs) + wino_weight_values<Form>(args.channels[1], outputs);
  return sums_bytes(args) + whole_lines(static_cast<size_t>(values) * sizeof(int16_t));
}

// Row i of G times the taps.
template <class Form>
MOTE_INLINE __m256i wino_filter(int i, __m256i g0, __m256i g1, __m256i g2) {
  const __m256i first = _mm256_mullo_epi16(g0, _mm256_set1_epi16(static_cast<int16_t>(Form::filter[i][0])));
  const __m256i second = _mm256_mullo_epi16(g1, _mm256_set1_epi16(static_cast<int16_t>(Form::filter[i][1])));
  const __m256i third = _mm256_mullo_epi16(g2, _mm256_set1_epi16(static_cast<int16_t>(Form::filter[i][2])));
  return _mm256_add_epi16(_mm256_add_epi16(first, second), third);
}

// G g G^T of a vector of output channels and a pair of input channels, of which `outputs` and `channels` exist: from the
// weights at w, with these distances, to all points, `next_point` apart.
template <class Form>
void wino_pack_pair(const int8_t* w, ptrdiff_t next_output, ptrdiff_t next_tap, int outputs, int channels, int16_t* to,
                    ptrdiff_t next_point) {
  alignas(16) int8_t taps[9][16] = {};
  for (int o = 0; o < outputs; ++o, w += next_output) {
    for (int tap = 0; tap < 9; ++tap) {
      for (int c = 0; c < channels; ++c) taps[tap][2 * o + c] = w[tap * next_tap + c];
    }
  }
  __m256i g[9];
  for (int tap = 0; tap < 9; ++tap) g[tap] = _mm256_cvtepi8_epi16(load128(taps[tap]));
  for (int i = 0; i < Form::points; ++i) {
    __m256i half[3];
    for (int x = 0; x < 3; ++x) half[x] = wino_filter<Form>(i, g[x], g[3 + x], g[6 + x]);
    for (int j = 0; j < Form::points; ++j, to += next_point) {
      store256(to, wino_filter<Form>(j, half[0], half[1], half[2]));
    }
  }
}

template <class Form>
void wino_pack(const Conv2dS8& args, void* packed) {
  const size_t bytes = wino_packed_bytes<Form>(args);
  std::memset(static_cast<char*>(packed) + bytes - 64, 0, 64);  // the last line may be longer than the weights
  pack_sums(args, packed);
  int16_t* to = reinterpret_cast<int16_t*>(static_cast<char*>(packed) + sums_bytes(args));
  const ptrdiff_t inputs = args.channels[0] + args.channels[1];
  for (int first = 0, outputs; first < args.out_channels; first += outputs) {
    outputs = next_block(args.out_channels - first);
    const int channels = min_int(outputs, args.out_channels - first);
    for (int input = 0; input < 2; ++input) {
      const int count = args.channels[input];
      const ptrdiff_t row = outputs * 2, plane = wino_pairs(count) * row;
      for (int o = 0; o < channels; o += lanes32) {
        const int8_t* w = args.weights + (first + o) * 9 * inputs + (input == 0 ? 0 : args.channels[0]);
        for (int c = 0; c < count; c += 2) {
          wino_pack_pair<Form>(w + c, 9 * inputs, inputs, min_int(lanes32, channels - o), min_int(2, count - c),
                               to + c / 2 * row + o * 2, plane);
        }
      }
      to += wino_weight_values<Form>(count, outputs);
    }
  }
}

constexpr int wino_run = 8;  // tiles transformed together
// B^T d B of 2 * lanes channels of `tiles` (at most wino_run) neighbouring patches. to: of the first, `next` from tile to
// tile, `plane` from point to point.
template <class Form, int lanes>
MOTE_INLINE void wino_input_vector(const int16_t* column, ptrdiff_t pitch, int channels, int tiles, int16_t* to,
                                   ptrdiff_t next, ptrdiff_t plane) {
  using Ints = typename Lanes<lanes>::Ints;
  const int columns = tiles * Form::step + Form::patch - Form::step;
  Ints half[wino_run * Form::step + Form::patch - Form::step][Form::points];
#pragma GCC unroll 1
  for (int x = 0; x < columns; ++x, column += channels) {
    Ints d[Form::patch];
#pragma GCC unroll 6
    for (int y = 0; y < Form::patch; ++y) d[y] = Lanes<lanes>::load(column + y * pitch);
    Form::input(d, half[x]);
  }
#pragma GCC unroll 1
  for (int t = 0; t < tiles; ++t) {
    int16_t* row = to + t * next;
#pragma GCC unroll 1
    for (int y = 0; y < Form::points; ++y, row += Form::points * plane) {
      Ints d[Form::patch], r[Form::points];
#pragma GCC unroll 6
      for (int x = 0; x < Form::patch; ++x) d[x] = half[t * Form::step + x][y];
      Form::input(d, r);
#pragma GCC unroll 6
      for (int x = 0; x < Form::points; ++x) store_ints(row + x * plane, r[x]);
    }
  }
}
// All channels, up to 15 more than there are: what lies behind the last one meets weights of 0. v: plane 0.
template <class Form>
void wino_input_tiles(const int16_t* from, ptrdiff_t pitch, int channels, int tiles, int16_t* v, ptrdiff_t plane) {
  const int next = wino_pitch(channels);
  int c = 0;
  if constexpr (wide) {
    for (; c + 32 <= next; c += 32) {
      wino_input_vector<Form, 16>(from + c, pitch, channels, tiles, v + c, next, plane);
    }
  }
  for (; c < next; c += 16) wino_input_vector<Form, 8>(from + c, pitch, channels, tiles, v + c, next, plane);
}

// m[tile][block] = v[tile][channels] * u[pairs][block][2] for MR tiles.
template <class Block, int MR = Block::MR>
MOTE_INLINE void wino_product(const int16_t* v, ptrdiff_t pitch, const int16_t* u, int pairs, int tiles, int32_t* m) {
  constexpr int NR = Block::NR, lanes = Block::lanes;
  if constexpr (MR > 0) {
    if (tiles != MR) return wino_product<Block, MR - 1>(v, pitch, u, pairs, tiles, m);
    typename Lanes<lanes>::Ints acc[MR][NR];
    const int16_t* p[MR];
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) p[i] = v + i * pitch;
    pair_products<true, lanes>(acc, p, 0, u);
    for (int k = 1; k < pairs; ++k) {
      u += Block::outputs * 2;
      _mm_prefetch(reinterpret_cast<const char*>(u + wino_ahead), _MM_HINT_T1);
      if (Block::outputs > 16) _mm_prefetch(reinterpret_cast<const char*>(u + 32 + wino_ahead), _MM_HINT_T1);
      pair_products<false, lanes>(acc, p, k, u);
    }
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 2
      for (int n = 0; n < NR; ++n) store_ints(m + (i * NR + n) * lanes, acc[i][n]);
    }
  }
}

// The products of all points of a block. Not inlined: GCC 12 then leaves the sums in memory.
template <class Block>
__attribute__((noinline)) void wino_products(const int16_t* v, const int16_t* u, int points, int channels, int tiles,
                                             int32_t* m) {
  const int groups = ceil_div(tiles, Block::MR), pairs = wino_pairs(channels);
  const ptrdiff_t pitch = wino_pitch(channels);
  const ptrdiff_t v_plane = wino_plane(tiles * pitch * 2) / 2, m_plane = wino_plane(tiles * Block::outputs * 4) / 4;
  for (int f = 0; f < points; ++f, v += v_plane, u += pairs * Block::outputs * 2, m += m_plane) {
    const int16_t* from = v;
    int32_t* to = m;
    for (int group = 0; group < groups; ++group) {
      const int count = tiles / groups + (group < tiles % groups ? 1 : 0);
      wino_product<Block>(from, pitch, u, pairs, count, to);
      from += count * pitch;
      to += count * Block::outputs;
    }
  }
}

// The first half of A^T m A: for one vector of output channels of a tile.
template <class Form, int lanes, class Ints>
MOTE_INLINE void wino_output_columns(const int32_t* m, ptrdiff_t plane, Ints (&half)[Form::tile][Form::points]) {
#pragma GCC unroll 1
  for (int x = 0; x < Form::points; ++x, m += plane) {
    Ints column[Form::points], y[Form::tile];
#pragma GCC unroll 6
    for (int i = 0; i < Form::points; ++i) column[i] = Lanes<lanes>::load(m + i * Form::points * plane);
    Form::output(column, y);
#pragma GCC unroll 4
    for (int i = 0; i < Form::tile; ++i) half[i][x] = y[i];
  }
}

// A row of a tile, a vector of channels of each pixel: v holds everything but the residual. `next`: from pixel to pixel.
template <int tile>
MOTE_INLINE void wino_finish_row(const Epilogue& e, __m256 (&v)[tile], ptrdiff_t at, ptrdiff_t next) {
#pragma GCC unroll 4
  for (int x = 0; x < tile; ++x) {
    if (e.residual != nullptr) v[x] = plus_residual<8>(e, v[x], Lanes<8>::load_bytes(e.residual + at + x * next));
  }
#pragma GCC unroll 2
  for (int x = 0; x < tile; x += 2) {
    const __m128i bytes = to_bytes(e, rounded(e, v[x]), rounded(e, v[x + 1]));
    store_eight(e.y + at + x * next, bytes);
    store_eight(e.y + at + (x + 1) * next, _mm_unpackhi_epi64(bytes, bytes));
  }
}
#if defined(__AVX512BW__)
template <int tile>
MOTE_INLINE void wino_finish_row(const Epilogue& e, __m512 (&v)[tile], ptrdiff_t at, ptrdiff_t next) {
#pragma GCC unroll 4
  for (int x = 0; x < tile; ++x, at += next) {
    if (e.residual != nullptr) v[x] = plus_residual<16>(e, v[x], Lanes<16>::load_bytes(e.residual + at));
    store128(e.y + at, to_bytes(e, v[x]));
  }
}
#endif
// Float outputs, and what does not fill a tile or a vector. v: [columns][pitch].
template <int tile>
__attribute__((noinline)) void wino_finish_part(const Epilogue& e, const float* v, int pitch, ptrdiff_t at,
                                                ptrdiff_t next, int columns, int channels) {
  ptrdiff_t place[tile];
  for (int x = 0; x < columns; ++x) place[x] = at + x * next;
  finish_pixels(e, v, columns, pitch, place, channels);
}

// Where a block of output channels of a tile goes.
struct WinoPlace {
  ptrdiff_t at, next_row, next;  // first output, distances of rows and pixels
  int rows, columns, channels;   // that exist
};

// A vector of channels of a tile. m: of each input; constants from channel c of the block on.
template <class Form, int lanes>
void wino_output_vector(const Epilogue& epilogue, const int32_t* const* m, ptrdiff_t plane,
                        const ChannelConstants& constants, int c, const WinoPlace& place) {
  using L = Lanes<lanes>;
  const Epilogue e = epilogue;  // a copy: stores of int8 may change anything that others can see
  typename L::Ints half[Form::tile][Form::points], y[Form::tile];
  alignas(64) float first[Form::tile][Form::tile][lanes];
  if (e.two) {
    wino_output_columns<Form, lanes>(m[1] + c, plane, half);
    for (int i = 0; i < Form::tile; ++i) {
      Form::output(half[i], y);
#pragma GCC unroll 4
      for (int x = 0; x < Form::tile; ++x) {
        store_floats(first[i][x], scaled<lanes>(Form::shifted(y[x]), constants.m[1] + c));
      }
    }
  }
  wino_output_columns<Form, lanes>(m[0] + c, plane, half);
  const typename L::Floats m0 = L::load_floats(constants.m[0] + c), b = L::load_floats(constants.b + c);
  const int channels = min_int(lanes, place.channels - c), rows = place.rows, columns = place.columns;
  const bool whole = columns == Form::tile && channels == lanes && e.y != nullptr;
  alignas(64) float part[Form::tile][lanes];
  const ptrdiff_t at = place.at + c, next_row = place.next_row, next = place.next;
  for (int i = 0; i < rows; ++i) {
    typename L::Floats v[Form::tile];
    Form::output(half[i], y);
#pragma GCC unroll 4
    for (int x = 0; x < Form::tile; ++x) {
      v[x] = times(to_floats(Form::shifted(y[x])), m0);
      if (e.two) v[x] = plus(v[x], L::load_floats(first[i][x]));
      v[x] = plus(v[x], b);
    }
    if (whole) {
      wino_finish_row<Form::tile>(e, v, at + i * next_row, next);
    } else {
      for (int x = 0; x < Form::tile; ++x) store_floats(part[x], v[x]);
      wino_finish_part<Form::tile>(epilogue, part[0], lanes, at + i * next_row, next, columns, channels);
    }
  }
}

template <class Form>
struct WinoBand {
  int tiles, row;  // row: the first output row
  const int16_t* v[2];
  int32_t* m[2];
};

// A block of output channels from o on; returns the weights behind it.
template <class Form, class Block>
const int16_t* wino_block(const Conv2dS8& args, const WinoShape& s, const WinoBand<Form>& band, const Epilogue& e,
                          int o, const int16_t* u) {
  constexpr int outputs = Block::outputs;
  for (int i = 0; i < (e.two ? 2 : 1); ++i) {
    wino_products<Block>(band.v[i], u, Form::points * Form::points, args.channels[i], band.tiles, band.m[i]);
    u += wino_weight_values<Form>(args.channels[i], outputs);
  }
  ChannelConstants constants;
  channel_constants(args, o, outputs, Form::m_scale, &constants);
  const ptrdiff_t plane = wino_plane(static_cast<ptrdiff_t>(band.tiles) * outputs * 4) / 4;
  WinoPlace place;
  place.next = args.out_channels;
  place.next_row = static_cast<ptrdiff_t>(args.out_width) * args.out_channels;
  place.channels = min_int(outputs, args.out_channels - o);
  for (int t = 0; t < band.tiles; ++t) {
    const int oy = band.row + t / s.tiles_x * Form::tile, ox = t % s.tiles_x * Form::tile;
    place.at = oy * place.next_row + ox * place.next + o;
    place.rows = min_int(Form::tile, args.out_height - oy);
    place.columns = min_int(Form::tile, args.out_width - ox);
    const int32_t* m[2] = {band.m[0] + t * outputs, band.m[1] + t * outputs};
    for (int c = 0; c < place.channels; c += Block::lanes) {
      wino_output_vector<Form, Block::lanes>(e, m, plane, constants, c, place);
    }
  }
  return u;
}

template <class Form>
void wino_band(const Conv2dS8& args, const WinoShape& s, int row_begin, int row_end, char* scratch) {
  const int tile_rows = ceil_div(row_end - row_begin, Form::tile), tiles = tile_rows * s.tiles_x;
  WinoBand<Form> band;
  band.tiles = tiles;
  band.row = row_begin;
  for (int i = 0; i < 2; ++i) {
    band.m[i] = reinterpret_cast<int32_t*>(scratch);
    if (i == 0 || args.channels[1] != 0) scratch += wino_output_bytes<Form>(s);
  }
  for (int i = 0; i < (args.channels[1] != 0 ? 2 : 1); ++i) {
    const int channels = args.channels[i];
    int16_t* const v = reinterpret_cast<int16_t*>(scratch);
    scratch += wino_input_bytes<Form>(s, channels);
    int16_t* const window = reinterpret_cast<int16_t*>(scratch);
    scratch += wino_window_bytes<Form>(s, channels);
    band.v[i] = v;
    const int first = Form::halved ? row_begin / 2 : row_begin;
    fill_window(s.window, args.x[i], args.in_width, channels, args.zero[i], first, first + tile_rows * Form::step,
                window);
    const ptrdiff_t pitch = static_cast<ptrdiff_t>(s.window.width) * channels;
    const ptrdiff_t plane = wino_plane(static_cast<ptrdiff_t>(tiles) * wino_pitch(channels) * 2) / 2;
    for (int t = 0; t < tiles;) {
      const int x = t % s.tiles_x, count = min_int(wino_run, s.tiles_x - x);
      const int16_t* from = window + t / s.tiles_x * Form::step * pitch + x * Form::step * channels;
      wino_input_tiles<Form>(from, pitch, channels, count, v + static_cast<ptrdiff_t>(t) * wino_pitch(channels), plane);
      t += count;
    }
  }
  const Epilogue e = make_epilogue(args);
  const int16_t* u = reinterpret_cast<const int16_t*>(static_cast<const char*>(args.packed) + sums_bytes(args));
  for (int o = 0, outputs; o < args.out_channels; o += outputs) {
    outputs = next_block(args.out_channels - o);
    with_block(outputs, [&](auto block) { u = wino_block<Form, decltype(block)>(args, s, band, e, o, u); });
  }
}

template <class Form>
void conv_winograd(const Conv2dS8& args, int row_begin, int row_end, void* scratch) {
  const WinoShape s = wino_shape<Form>(args);
  for (int row = row_begin; row < row_end; row += s.band * Form::tile) {
    wino_band<Form>(args, s, row, min_int(row_end, row + s.band * Form::tile), static_cast<char*>(scratch));
  }
}

}  // namespace
}  // namespace mote
