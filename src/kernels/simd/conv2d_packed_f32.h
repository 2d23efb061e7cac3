// Convolution with packed weights (gemm_tile_f32.h): a band of input rows is copied into scratch, padded, upsampled and
// with both inputs joined, so that every pixel of a tile is a pointer and every tap of a kernel row one stretch of
// floats. The copy costs one load and store for each KH * KW * O / width multiplications, and nothing at all where the
// input can be used as it lies (one input, no padding, no upsampling).
//
// Scratch: [rows of the window][columns][channels]. Transposed convolution (zero_insert) splits the output into
// upsample x upsample classes by position; within a class the same taps meet data, the others are left out.
#pragma once
#include "kernels/simd/dot_tile_f32.h"
#include "kernels/simd/gemm_tile_f32.h"

#include <cstring>

namespace mote {
namespace {

MOTE_INLINE int floor_div(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

// Where the taps of one dimension fall. Positions count window rows (or columns); `step` taps lie between two that meet
// the same class: 1, or the upsampling factor of a transposed convolution.
struct Axis {
  int stride, pad, kernel, step, repeat;  // repeat: nearest upsampling
  int stored;                             // rows of the stored input

  MOTE_INLINE int first_position(int out) const { return -floor_div(pad - out * stride, step); }
  MOTE_INLINE int last_position(int out) const { return floor_div(out * stride - pad + kernel - 1, step); }
  // The first tap that meets data for outputs of this class, and how many do.
  MOTE_INLINE int first_tap(int out) const { return first_position(out) * step - (out * stride - pad); }
  MOTE_INLINE int taps(int out) const { return (kernel - first_tap(out) + step - 1) / step; }
  // The stored row at a position, or -1: zeros.
  MOTE_INLINE int source(int position) const {
    if (position < 0 || position >= stored * repeat) return -1;
    return repeat == 1 ? position : position / repeat;
  }
};

struct ConvShape {
  Axis rows, columns;
  int channels;      // of both inputs
  int first_column;  // window column 0
  int width;         // of the window; 0 with no tap at all
  bool direct;       // the input itself is the window
};

MOTE_INLINE ConvShape conv_shape(const Conv2dF32& args) {
  ConvShape s;
  const int step = args.zero_insert ? args.upsample : 1;
  const int repeat = args.zero_insert ? 1 : args.upsample;
  s.rows = {args.stride, args.pad_top, args.kernel_height, step, repeat, args.in_height};
  s.columns = {args.stride, args.pad_left, args.kernel_width, step, repeat, args.in_width};
  s.channels = args.channels[0] + args.channels[1];
  s.first_column = s.columns.first_position(0);
  s.width = max_int(0, s.columns.last_position(args.out_width - 1) - s.first_column + 1);
  s.direct = args.channels[1] == 0 && args.upsample == 1 && args.pad_top == 0 && args.pad_left == 0 &&
             s.rows.last_position(args.out_height - 1) < args.in_height &&
             s.columns.last_position(args.out_width - 1) < args.in_width;
  if (s.direct) s.width = args.in_width;
  return s;
}

// Rows of outputs computed from one window: as many as keep it within 16 KiB, at least 4. Larger windows were not
// faster.
MOTE_INLINE int window_output_rows(const Conv2dF32& args, const ConvShape& s) {
  const ptrdiff_t pitch = max_int(1, s.width) * static_cast<ptrdiff_t>(s.channels);
  const ptrdiff_t fit = (4096 / pitch - args.kernel_height) * s.rows.step / args.stride;
  if (fit >= args.out_height) return args.out_height;
  return fit < row_quantum ? row_quantum : static_cast<int>(fit) / row_quantum * row_quantum;
}

MOTE_INLINE size_t window_floats(const Conv2dF32& args, const ConvShape& s) {
  if (s.direct) return 0;
  const int out_rows = min_int(window_output_rows(args, s), args.out_height);
  const int rows = ((out_rows - 1) * args.stride + args.kernel_height - 1) / s.rows.step + 1;
  return static_cast<size_t>(rows) * static_cast<size_t>(s.width) * static_cast<size_t>(s.channels);
}

MOTE_INLINE void copy_floats(float* to, const float* from, ptrdiff_t n) {
  std::memcpy(to, from, static_cast<size_t>(n) * sizeof(float));
}
MOTE_INLINE void clear_floats(float* to, ptrdiff_t n) { std::memset(to, 0, static_cast<size_t>(n) * sizeof(float)); }

// One window row from stored row `row` of both inputs.
inline void fill_row(const Conv2dF32& args, const ConvShape& s, int row, float* to) {
  const ptrdiff_t c0 = args.channels[0], c1 = args.channels[1];
  const float* x0 = args.x[0] + row * args.in_width * c0;
  const float* x1 = c1 != 0 ? args.x[1] + row * args.in_width * c1 : nullptr;
  const int before = min_int(s.width, max_int(0, -s.first_column));
  const int end = max_int(before, min_int(s.width, args.in_width * s.columns.repeat - s.first_column));
  clear_floats(to, before * (c0 + c1));
  float* at = to + before * (c0 + c1);
  if (c1 == 0 && s.columns.repeat == 1) {
    copy_floats(at, x0 + (before + s.first_column) * c0, (end - before) * c0);
  } else {
    for (int column = before; column < end; ++column, at += c0 + c1) {
      const int ix = s.columns.source(column + s.first_column);
      copy_floats(at, x0 + ix * c0, c0);
      if (c1 != 0) copy_floats(at + c0, x1 + ix * c1, c1);
    }
  }
  clear_floats(to + end * (c0 + c1), (s.width - end) * (c0 + c1));
}

// The window under output rows [begin, end); *first is its first position.
inline const float* fill_window(const Conv2dF32& args, const ConvShape& s, int begin, int end, float* scratch,
                                int* first) {
  *first = s.direct ? 0 : s.rows.first_position(begin);
  if (s.direct) return args.x[0];
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(s.width) * s.channels;
  const int last = s.rows.last_position(end - 1);
  int filled = -1;  // position of the row before, if it came from the same stored row
  for (int position = *first; position <= last; ++position) {
    float* to = scratch + (position - *first) * pitch;
    const int row = s.rows.source(position);
    if (row < 0) {
      clear_floats(to, pitch);
    } else if (filled >= 0 && s.rows.source(filled) == row) {
      copy_floats(to, to - pitch, pitch);
    } else {
      fill_row(args, s, row, to);
    }
    filled = row < 0 ? -1 : position;
  }
  return scratch;
}

constexpr int few_outputs_most = 8;
template <class V>
MOTE_INLINE bool few_outputs(const Conv2dF32& args) {
  return args.out_channels * 2 < V::width && args.out_channels <= few_outputs_most;
}

// The outputs of one class in rows [begin, end): a grid of pixels whose taps are alike.
struct PixelGrid {
  int row, column, rows, columns, step;  // output rows row, row + step, ...
  int stride;                            // window positions from one to the next
  Taps taps;
  const float* window;                  // position of the first pixel's first tap
  ptrdiff_t window_row, window_column;  // from pixel to pixel
};

MOTE_INLINE PixelGrid pixel_grid(const Conv2dF32& args, const ConvShape& s, int row, int column, int end,
                                 const float* window, int first) {
  PixelGrid g;
  g.step = s.rows.step;
  g.row = row;
  g.column = column;
  g.rows = (end - row + g.step - 1) / g.step;
  g.columns = (args.out_width - column + g.step - 1) / g.step;
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(s.width) * s.channels;
  const int tap_row = s.rows.first_tap(row), tap_column = s.columns.first_tap(column);
  g.taps.rows = max_int(0, s.rows.taps(row));
  g.taps.runs = max_int(0, s.columns.taps(column));
  g.taps.length = s.channels;
  g.taps.input_row = pitch;
  g.taps.input_run = s.channels;
  g.taps.first = (static_cast<ptrdiff_t>(tap_row) * args.kernel_width + tap_column) * s.channels;
  g.taps.weight_row = static_cast<ptrdiff_t>(g.step) * args.kernel_width * s.channels;
  g.taps.weight_run = static_cast<ptrdiff_t>(g.step) * s.channels;
  if (g.step == 1) {  // the taps of a kernel row follow one another, in the window and in the weights
    g.taps.length *= g.taps.runs;
    g.taps.runs = 1;
  }
  g.window = window;
  if (g.taps.rows > 0 && g.taps.runs > 0) {
    g.window +=
        (s.rows.first_position(row) - first) * pitch +
        (s.columns.first_position(column) - (s.direct ? 0 : s.first_column)) * static_cast<ptrdiff_t>(s.channels);
  }
  g.window_row = args.stride * pitch;
  g.window_column = static_cast<ptrdiff_t>(args.stride) * s.channels;
  return g;
}

// Pixel (*y, *x) of a grid: its place in the window and in the output; then the next pixel.
MOTE_INLINE void place_pixel(const Conv2dF32& args, const PixelGrid& g, int* y, int* x, const float** a,
                             ptrdiff_t* at) {
  *a = g.window + *y * g.window_row + *x * g.window_column;
  const ptrdiff_t row = g.row + static_cast<ptrdiff_t>(*y) * g.step;
  *at = (row * args.out_width + g.column + *x * g.step) * args.out_channels;
  if (++*x == g.columns) {
    *x = 0;
    ++*y;
  }
}

// One block of output channels for all pixels of a grid, in tiles of nearly equal size.
template <class V>
void conv_block(const Conv2dF32& args, const PixelGrid& g, const float* weights, int o, int vectors) {
  constexpr int most = 8;
  alignas(64) float start[max_block_vectors * V::width];
  const int channels = min_int(vectors * V::width, args.out_channels - o);
  start_values(args.bias, args.shift, o, channels, vectors * V::width, start);
  const Epilogue epilogue = {args.residual != nullptr ? args.residual + o : nullptr, args.y + o, args.activation};
  const int pixels = g.rows * g.columns;
  const int tiles = ceil_div(pixels, tile_pixels<V>(vectors));
  int y = 0, x = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    const int count = pixels / tiles + (tile < pixels % tiles ? 1 : 0);
    const float* a[most];
    ptrdiff_t at[most];
    for (int i = 0; i < count; ++i) place_pixel(args, g, &y, &x, &a[i], &at[i]);
    gemm_any_tile<V>(vectors, count, a, g.taps, weights, start, epilogue, at, channels);
  }
}

// The same with few outputs, where most of a packed vector would be padding: the weights are packed as they are stored,
// [O][K], and vectors run along the stretches of the window.
template <class V, int PM, int OM>
void few_outputs_tile(const float* const* a, const Taps& taps, const float* w, ptrdiff_t depth, float* sums) {
  V acc[PM][OM];
  dot_clear(acc);
  for (int row = 0; row < taps.rows; ++row) {
    for (int run = 0; run < taps.runs; ++run) {
      const ptrdiff_t offset = row * taps.input_row + run * taps.input_run;
      const float* x[PM];
      for (int p = 0; p < PM; ++p) x[p] = a[p] + offset;
      dot_run<V, PM, OM>(acc, x, w + taps.first + row * taps.weight_row + run * taps.weight_run, depth, taps.length);
    }
  }
  dot_sums(acc, sums, few_outputs_most);
}

template <class V, int PM>
MOTE_INLINE void few_outputs_sums(const float* const* a, const Taps& taps, const float* w, ptrdiff_t depth, int outputs,
                                  float* sums) {
  for (int o = 0; o < outputs; o += 4) {
    switch (outputs - o) {
      case 1: few_outputs_tile<V, PM, 1>(a, taps, w + o * depth, depth, sums + o); break;
      case 2: few_outputs_tile<V, PM, 2>(a, taps, w + o * depth, depth, sums + o); break;
      case 3: few_outputs_tile<V, PM, 3>(a, taps, w + o * depth, depth, sums + o); break;
      default: few_outputs_tile<V, PM, 4>(a, taps, w + o * depth, depth, sums + o); break;
    }
  }
}

template <class V>
void conv_few_outputs(const Conv2dF32& args, const PixelGrid& g, ptrdiff_t depth) {
  constexpr int together = 4;
  const Epilogue epilogue = {args.residual, args.y, args.activation};
  const int outputs = args.out_channels;
  float start[few_outputs_most];
  start_values(args.bias, args.shift, 0, outputs, few_outputs_most, start);
  const int pixels = g.rows * g.columns;
  int y = 0, x = 0;
  for (int done = 0; done < pixels; done += together) {
    const int count = min_int(together, pixels - done);
    const float* a[together];
    ptrdiff_t at[together];
    for (int i = 0; i < count; ++i) place_pixel(args, g, &y, &x, &a[i], &at[i]);
    alignas(64) float sums[together * few_outputs_most + V::width] = {};
    if (count == together) {
      few_outputs_sums<V, together>(a, g.taps, args.packed, depth, outputs, sums);
    } else {
      for (int i = 0; i < count; ++i) {
        few_outputs_sums<V, 1>(a + i, g.taps, args.packed, depth, outputs, sums + i * few_outputs_most);
      }
    }
    for (int i = 0; i < count; ++i) {
      for (int o = 0; o < outputs; ++o) sums[i * few_outputs_most + o] += start[o];
    }
    if (epilogue.residual == nullptr && epilogue.activation == Activation::none) {
      for (int i = 0; i < count; ++i) {
        for (int o = 0; o < outputs; ++o) args.y[at[i] + o] = sums[i * few_outputs_most + o];
      }
    } else {
      finish_tile<V>(sums, count, few_outputs_most, epilogue, at, outputs);
    }
  }
}

template <class V>
void conv2d_packed(const Conv2dF32& args, int row_begin, int row_end, float* scratch) {
  const ConvShape s = conv_shape(args);
  const int band = window_output_rows(args, s);
  const int vectors = ceil_div(args.out_channels, V::width);
  const ptrdiff_t depth = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * s.channels;
  for (int begin = row_begin; begin < row_end; begin += band) {
    const int end = min_int(row_end, begin + band);
    int first;
    const float* window = fill_window(args, s, begin, end, scratch, &first);
    for (int row = 0; row < s.rows.step && begin + row < end; ++row) {
      for (int column = 0; column < s.rows.step && column < args.out_width; ++column) {
        const PixelGrid grid = pixel_grid(args, s, begin + row, column, end, window, first);
        if (few_outputs<V>(args)) {
          conv_few_outputs<V>(args, grid, depth);
          continue;
        }
        for (int v = 0; v < vectors; v += block_vectors(vectors - v)) {
          conv_block<V>(args, grid, args.packed + v * depth * V::width, v * V::width, block_vectors(vectors - v));
        }
      }
    }
  }
}

}  // namespace
}  // namespace mote
