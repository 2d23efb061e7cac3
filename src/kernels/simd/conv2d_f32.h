// The convolution of a kernel set: chooses, by shape alone, between packed weights, Winograd and weights as stored.
#pragma once
#include "kernels/simd/conv2d_packed_f32.h"
#include "kernels/simd/conv2d_plain_f32.h"
#include "kernels/simd/conv2d_winograd_f32.h"

namespace mote {
namespace {

MOTE_INLINE ptrdiff_t conv_depth(const Conv2dF32& args) {
  return static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width * (args.channels[0] + args.channels[1]);
}

MOTE_INLINE size_t whole_lines(size_t floats) { return (floats * sizeof(float) + 63) / 64 * 64; }

// Whether Winograd's 3x3 convolution is the faster one: it must not waste too much of its 4x4 tiles at the edges, and
// there must be enough tiles for the fourfold weights to be worth fetching (few tiles are enough if all weights stay in
// a cache). Measured on Zen 5 with AVX2 and AVX-512, weights in L2 and from memory; never measured with NEON, where
// tests/bench/kernels_bench.cpp would have to decide.
template <class V>
MOTE_INLINE bool wino_pays(const Conv2dF32& args) {
  constexpr bool measured = V::width >= 8;
  constexpr ptrdiff_t cached_floats = 1024 * 1024, enough_tiles = 16;
  if (!measured || args.kernel_height != 3 || args.kernel_width != 3 || args.stride != 1 || args.zero_insert)
    return false;
  const ptrdiff_t channels = args.channels[0] + args.channels[1];
  if (channels < 16 || args.out_channels < 16) return false;
  const ptrdiff_t pixels = static_cast<ptrdiff_t>(args.out_height) * args.out_width;
  const ptrdiff_t tiles =
      static_cast<ptrdiff_t>(ceil_div(args.out_height, wino_tile)) * ceil_div(args.out_width, wino_tile);
  if (tiles * wino_tile * wino_tile * 5 > pixels * 9) return false;
  return tiles >= enough_tiles || (tiles >= 4 && channels * args.out_channels * wino_points <= cached_floats);
}

template <class V>
MOTE_INLINE size_t conv_packed_bytes(const Conv2dF32& args) {
  if (wino_pays<V>(args)) {
    return packed_weight_bytes<V>(args.out_channels,
                                  static_cast<ptrdiff_t>(wino_points) * (args.channels[0] + args.channels[1]));
  }
  if (few_outputs<V>(args)) return whole_lines(static_cast<size_t>(args.out_channels * conv_depth(args)));
  return packed_weight_bytes<V>(args.out_channels, conv_depth(args));
}

template <class V>
MOTE_INLINE void conv_pack(const Conv2dF32& args, float* packed) {
  if (wino_pays<V>(args)) {
    return wino_pack<V>(args.weights, args.out_channels, args.channels[0] + args.channels[1], packed);
  }
  if (few_outputs<V>(args)) return copy_floats(packed, args.weights, args.out_channels * conv_depth(args));
  pack_weights<V>(args.weights, args.out_channels, conv_depth(args), packed);
}

template <class V>
MOTE_INLINE size_t conv_packed_scratch_bytes(const Conv2dF32& args) {
  if (wino_pays<V>(args)) return whole_lines(wino_scratch_floats<V>(args));
  return whole_lines(window_floats(args, conv_shape(args)));
}

template <class V>
MOTE_INLINE void conv_run(const Conv2dF32& args, int row_begin, int row_end, void* scratch) {
  if (args.packed != nullptr && wino_pays<V>(args)) {
    conv2d_winograd<V>(args, row_begin, row_end, static_cast<float*>(scratch));
  } else if (args.packed != nullptr) {
    conv2d_packed<V>(args, row_begin, row_end, static_cast<float*>(scratch));
  } else {
    conv2d_plain<V>(args, row_begin, row_end);
  }
}

}  // namespace
}  // namespace mote
