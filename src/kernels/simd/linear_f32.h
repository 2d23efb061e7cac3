// A linear layer as a 1x1 convolution on an image of one column, a row a pixel: the convolution of the set computes it.
// One row is bound by reading the weights, so it takes them as stored; more rows use packed weights if there are any.
// Such a convolution reads its input where it lies: it needs no scratch.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/inline.h"

namespace mote {
namespace {

constexpr int linear_pack_rows = 4;  // from here on packed weights pay

MOTE_INLINE bool linear_packs(const LinearF32& args) { return args.rows >= linear_pack_rows; }

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
  conv.packed = linear_packs(args) ? args.packed : nullptr;
  conv.bias = args.bias;
  conv.residual = args.residual;
  conv.y = args.y;
  return conv;
}

}  // namespace
}  // namespace mote
