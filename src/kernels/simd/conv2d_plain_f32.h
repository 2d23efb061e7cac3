// Convolution and linear layers with the weights as stored, [O][KH][KW][I], used where they lie: vectors run over input
// channels, a tile is PM pixels x OM outputs, each with one vector of partial sums that is added up at the end. No
// scratch.
//
// A tap outside the input is read from a row of zeros, or skipped if that holds for all pixels of the tile. With fewer
// input channels than a vector has lanes, the taps of a pixel are gathered into one row first.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/dot_tile_f32.h"
#include "kernels/simd/gemm_tile_f32.h"

namespace mote {
namespace {

constexpr int plain_pixels = 4;     // most pixels of a tile
constexpr int plain_outputs = 4;    // most outputs of a tile
constexpr int plain_chunk = 16;     // outputs whose weights are kept near while all pixels pass
constexpr int zero_channels = 256;  // channels are walked in pieces of this, so that the row of zeros can be short
constexpr int patch_floats = 256;   // most taps x channels that are gathered

alignas(64) constexpr float zero_row[zero_channels] = {};

// The pixels of a tile, and the rows gathered for them if any.
struct PlainTile {
  int count;
  int oy[plain_pixels], ox[plain_pixels];
  bool gathered, inside;
  alignas(64) float patch[plain_pixels][patch_floats];
};

// The stored pixel under tap (kh, kw) of output (oy, ox), or -1.
MOTE_INLINE ptrdiff_t source_pixel(const Conv2dF32& args, int oy, int ox, int kh, int kw) {
  int iy = oy * args.stride + kh - args.pad_top;
  int ix = ox * args.stride + kw - args.pad_left;
  if (args.upsample != 1) {
    if (iy < 0 || ix < 0) return -1;
    if (args.zero_insert && (iy % args.upsample != 0 || ix % args.upsample != 0)) return -1;
    iy /= args.upsample;
    ix /= args.upsample;
  }
  if (static_cast<unsigned>(iy) >= static_cast<unsigned>(args.in_height)) return -1;
  if (static_cast<unsigned>(ix) >= static_cast<unsigned>(args.in_width)) return -1;
  return static_cast<ptrdiff_t>(iy) * args.in_width + ix;
}

// The taps of one kernel row of one input, its channels at distance `channels`: zeros where there is no input.
MOTE_INLINE void gather_row(const Conv2dF32& args, const PlainTile& t, int p, int kh, int input, int channels,
                            float* to) {
  const int count = args.channels[input];
  if (args.upsample == 1) {  // neighbouring columns: the pixels from `first` on, some of them outside
    const int iy = t.oy[p] * args.stride + kh - args.pad_top, first = t.ox[p] * args.stride - args.pad_left;
    const bool outside = iy < 0 || iy >= args.in_height;
    const float* row = args.x[input] + static_cast<ptrdiff_t>(iy) * args.in_width * count;
    if (channels == count && !outside && first >= 0 && first + args.kernel_width <= args.in_width) {
      for (int i = 0; i < args.kernel_width * count; ++i) to[i] = row[first * count + i];
      return;
    }
    for (int kw = 0; kw < args.kernel_width; ++kw, to += channels) {
      const int ix = first + kw;
      const bool zero = outside || ix < 0 || ix >= args.in_width;
      for (int c = 0; c < count; ++c) to[c] = zero ? 0.0f : row[ix * count + c];
    }
    return;
  }
  for (int kw = 0; kw < args.kernel_width; ++kw, to += channels) {
    const ptrdiff_t pixel = source_pixel(args, t.oy[p], t.ox[p], kh, kw);
    for (int c = 0; c < count; ++c) to[c] = pixel < 0 ? 0.0f : args.x[input][pixel * count + c];
  }
}

inline void gather_patch(const Conv2dF32& args, PlainTile& t) {
  const int channels = args.channels[0] + args.channels[1];
  for (int p = 0; p < t.count; ++p) {
    for (int kh = 0; kh < args.kernel_height; ++kh) {
      float* to = t.patch[p] + kh * args.kernel_width * channels;
      gather_row(args, t, p, kh, 0, channels, to);
      if (args.channels[1] != 0) gather_row(args, t, p, kh, 1, channels, to + args.channels[0]);
    }
  }
}

// Whether every tap of every pixel of the tile meets data.
MOTE_INLINE bool is_inside(const Conv2dF32& args, const PlainTile& t) {
  if (args.upsample != 1) return false;
  for (int p = 0; p < t.count; ++p) {
    const int iy = t.oy[p] * args.stride - args.pad_top, ix = t.ox[p] * args.stride - args.pad_left;
    if (iy < 0 || iy + args.kernel_height > args.in_height) return false;
    if (ix < 0 || ix + args.kernel_width > args.in_width) return false;
  }
  return true;
}

// The taps of one tile and OM outputs, all of them inside; w: the weights of the first output; pitch: from output to
// output. The taps of a kernel row are one stretch if that leaves every product in the lane it would otherwise have.
template <class V, int PM, int OM>
MOTE_INLINE void plain_taps_inside(const Conv2dF32& args, const PlainTile& t, const float* w, ptrdiff_t pitch,
                                   V (&acc)[PM][OM]) {
  const int inputs = args.channels[1] != 0 ? 2 : 1;
  const bool joined = inputs == 1 && args.channels[0] % V::width == 0;
  const int runs = joined ? 1 : args.kernel_width;
  ptrdiff_t pixel[PM];
  for (int p = 0; p < PM; ++p) {
    pixel[p] = static_cast<ptrdiff_t>(t.oy[p] * args.stride - args.pad_top) * args.in_width + t.ox[p] * args.stride -
               args.pad_left;
  }
  for (int kh = 0; kh < args.kernel_height; ++kh) {
    for (int kw = 0; kw < runs; ++kw) {
      for (int i = 0; i < inputs; ++i) {
        const int length = joined ? args.kernel_width * args.channels[0] : args.channels[i];
        const float* x[PM];
        for (int p = 0; p < PM; ++p) x[p] = args.x[i] + (pixel[p] + kw) * args.channels[i];
        dot_run<V, PM, OM>(acc, x, w, pitch, length);
        w += length;
      }
    }
    for (int p = 0; p < PM; ++p) pixel[p] += args.in_width;
  }
}

// The same for a tile at the edge or of an upsampled input.
template <class V, int PM, int OM>
MOTE_INLINE void plain_taps(const Conv2dF32& args, const PlainTile& t, const float* w, ptrdiff_t pitch,
                            V (&acc)[PM][OM]) {
  const int channels = args.channels[0] + args.channels[1];
  const int inputs = args.channels[1] != 0 ? 2 : 1;
  for (int kh = 0; kh < args.kernel_height; ++kh) {
    for (int kw = 0; kw < args.kernel_width; ++kw, w += channels) {
      ptrdiff_t pixel[PM];
      bool any = false;
      for (int p = 0; p < PM; ++p) {
        pixel[p] = source_pixel(args, t.oy[p], t.ox[p], kh, kw);
        any |= pixel[p] >= 0;
      }
      if (!any) continue;
      const float* tap = w;
      for (int i = 0; i < inputs; ++i) {
        for (int c = 0; c < args.channels[i]; c += zero_channels) {
          const float* x[PM];
          for (int p = 0; p < PM; ++p) x[p] = pixel[p] < 0 ? zero_row : args.x[i] + pixel[p] * args.channels[i] + c;
          dot_run<V, PM, OM>(acc, x, tap + c, pitch, min_int(zero_channels, args.channels[i] - c));
        }
        tap += args.channels[i];
      }
    }
  }
}

// OM sums of each of PM pixels into sums[p * plain_chunk + o].
template <class V, int PM, int OM>
void plain_tile(const Conv2dF32& args, const PlainTile& t, const float* w, float* sums) {
  const ptrdiff_t pitch =
      static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * (args.channels[0] + args.channels[1]);
  V acc[PM][OM];
#pragma GCC unroll 4
  for (int p = 0; p < PM; ++p) {
#pragma GCC unroll 4
    for (int o = 0; o < OM; ++o) acc[p][o] = V::zero();
  }
  if (t.gathered) {
    const float* x[PM];
    for (int p = 0; p < PM; ++p) x[p] = t.patch[p];
    dot_run<V, PM, OM>(acc, x, w, pitch, static_cast<int>(pitch));
  } else if (t.inside) {
    plain_taps_inside<V, PM, OM>(args, t, w, pitch, acc);
  } else {
    plain_taps<V, PM, OM>(args, t, w, pitch, acc);
  }
  dot_sums(acc, sums, plain_chunk);
}

template <class V, int PM>
MOTE_INLINE void plain_outputs_of(const Conv2dF32& args, const PlainTile& t, const float* w, int outputs, float* sums) {
  switch (outputs) {
    case 1: return plain_tile<V, PM, 1>(args, t, w, sums);
    case 2: return plain_tile<V, PM, 2>(args, t, w, sums);
    case 3: return plain_tile<V, PM, 3>(args, t, w, sums);
    default: return plain_tile<V, PM, 4>(args, t, w, sums);
  }
}

// Sums of outputs [o, o + count) of a tile, then bias, shift, residual and activation.
template <class V>
void plain_chunk_of(const Conv2dF32& args, PlainTile& t, int o, int count) {
  const ptrdiff_t pitch =
      static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * (args.channels[0] + args.channels[1]);
  alignas(64) float sums[plain_pixels * plain_chunk + V::width];
  alignas(64) float start[plain_chunk + V::width];
  for (int i = 0; i < count; i += plain_outputs) {
    const float* w = args.weights + (o + i) * pitch;
    const int outputs = min_int(plain_outputs, count - i);
    switch (t.count) {
      case 1: plain_outputs_of<V, 1>(args, t, w, outputs, sums + i); break;
      case 2: plain_outputs_of<V, 2>(args, t, w, outputs, sums + i); break;
      case 3: plain_outputs_of<V, 3>(args, t, w, outputs, sums + i); break;
      default: plain_outputs_of<V, 4>(args, t, w, outputs, sums + i); break;
    }
  }
  start_values(args.bias, args.shift, o, count, plain_chunk, start);
  ptrdiff_t at[plain_pixels];
  for (int p = 0; p < t.count; ++p) {
    at[p] = (static_cast<ptrdiff_t>(t.oy[p]) * args.out_width + t.ox[p]) * args.out_channels;
    for (int i = 0; i < count; ++i) sums[p * plain_chunk + i] += start[i];
  }
  const Epilogue epilogue = {args.residual != nullptr ? args.residual + o : nullptr, args.y + o, args.activation};
  finish_tile<V>(sums, t.count, plain_chunk, epilogue, at, count);
}

template <class V>
void conv2d_plain(const Conv2dF32& args, int row_begin, int row_end) {
  const int channels = args.channels[0] + args.channels[1];
  const ptrdiff_t depth = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * channels;
  PlainTile t;
  t.gathered = channels < V::width && depth <= patch_floats;
  const int most = V::registers >= 32 ? plain_pixels : plain_pixels / 2;  // sums, inputs and weights in registers
  const int rows = row_end - row_begin;
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(rows) * args.out_width;
  // A gathered tile is used for all outputs; else the weights of a chunk of outputs for all pixels.
  const int chunk = t.gathered ? args.out_channels : plain_chunk;
  for (int o = 0; o < args.out_channels; o += chunk) {
    int y = row_begin, x = 0;
    for (ptrdiff_t done = 0; done < pixels; done += t.count) {
      t.count = pixels - done < most ? static_cast<int>(pixels - done) : most;
      for (int p = 0; p < t.count; ++p) {
        t.oy[p] = y;
        t.ox[p] = x;
        if (++x == args.out_width) {
          x = 0;
          ++y;
        }
      }
      t.inside = is_inside(args, t);
      if (t.gathered) gather_patch(args, t);
      const int end = min_int(args.out_channels, o + chunk);
      for (int i = o; i < end; i += plain_chunk) plain_chunk_of<V>(args, t, i, min_int(plain_chunk, end - i));
    }
  }
}

}  // namespace
}  // namespace mote
