// Linear layers: the convolution kernels on an image of one column, a row a pixel. One row is bound by reading the
// weights, so it takes them as stored; more rows use packed weights if there are any.
#pragma once
#include "kernels/simd/conv2d_packed_f32.h"
#include "kernels/simd/conv2d_plain_f32.h"

namespace mote {
namespace {

constexpr int linear_pack_rows = 4;  // from here on packed weights pay

MOTE_INLINE Conv2dF32 linear_as_conv(const LinearF32& args) {
  Conv2dF32 conv = {};
  conv.x[0] = args.x;
  conv.channels[0] = args.in_features;
  conv.in_height = conv.out_height = args.rows;
  conv.in_width = conv.out_width = 1;
  conv.out_channels = args.out_features;
  conv.kernel_height = conv.kernel_width = conv.stride = conv.upsample = 1;
  conv.activation = args.activation;
  conv.weights = args.weights;
  conv.packed = args.packed;
  conv.bias = args.bias;
  conv.residual = args.residual;
  conv.y = args.y;
  return conv;
}

template <class V>
MOTE_INLINE bool linear_packs(const LinearF32& args) {
  return args.rows >= linear_pack_rows && args.out_features * 2 >= V::width;
}

template <class V>
MOTE_INLINE size_t linear_packed_bytes(const LinearF32& args) {
  return linear_packs<V>(args) ? packed_weight_bytes<V>(args.out_features, args.in_features) : 0;
}

template <class V>
MOTE_INLINE void linear_pack(const LinearF32& args, float* packed) {
  if (linear_packs<V>(args)) pack_weights<V>(args.weights, args.out_features, args.in_features, packed);
}

template <class V>
MOTE_INLINE void linear_run(const LinearF32& args, int row_begin, int row_end) {
  const Conv2dF32 conv = linear_as_conv(args);
  if (args.packed != nullptr && linear_packs<V>(args)) {
    conv2d_packed<V>(conv, row_begin, row_end, nullptr);
  } else {
    conv2d_plain<V>(conv, row_begin, row_end);
  }
}

}  // namespace
}  // namespace mote
