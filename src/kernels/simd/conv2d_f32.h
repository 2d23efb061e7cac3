// The convolution of a kernel set: chooses, by shape alone, between packed weights, Winograd and weights as stored.
#pragma once
#include "kernels/simd/conv2d_packed_f32.h"
#include "kernels/simd/conv2d_plain_f32.h"

namespace mote {
namespace {

// With so few outputs most of a packed vector would be padding.
template <class V>
MOTE_INLINE bool conv_packs(const Conv2dF32& args) {
  return args.out_channels * 2 >= V::width;
}

template <class V>
MOTE_INLINE size_t conv_packed_bytes(const Conv2dF32& args) {
  if (!conv_packs<V>(args)) return 0;
  const ptrdiff_t taps = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width;
  return packed_weight_bytes<V>(args.out_channels, taps * (args.channels[0] + args.channels[1]));
}

template <class V>
MOTE_INLINE void conv_pack(const Conv2dF32& args, float* packed) {
  if (!conv_packs<V>(args)) return;
  const ptrdiff_t taps = static_cast<ptrdiff_t>(args.kernel_height) * args.kernel_width;
  pack_weights<V>(args.weights, args.out_channels, taps * (args.channels[0] + args.channels[1]), packed);
}

template <class V>
MOTE_INLINE size_t conv_packed_scratch_bytes(const Conv2dF32& args) {
  if (!conv_packs<V>(args)) return 0;
  return (window_floats(args, conv_shape(args)) * sizeof(float) + 63) / 64 * 64;
}

template <class V>
MOTE_INLINE void conv_run(const Conv2dF32& args, int row_begin, int row_end, void* scratch) {
  if (args.packed != nullptr && conv_packs<V>(args)) {
    conv2d_packed<V>(args, row_begin, row_end, static_cast<float*>(scratch));
  } else {
    conv2d_plain<V>(args, row_begin, row_end);
  }
}

}  // namespace
}  // namespace mote
