// Convolution as kernels.h defines it. NHWC, weights [O][KH][KW][I]; one output value at a time, taps outside skipped.
#include "kernels/ref/ref.h"

namespace mote {
namespace {

// The stored row or column under position `at` of the upsampled input of `size` stored ones, or -1: nothing but zeros.
int stored_position(int at, int size, const Conv2dF32& args) {
  if (at < 0 || at >= size * args.upsample) return -1;
  if (args.zero_insert && at % args.upsample != 0) return -1;
  return at / args.upsample;
}

float dot(const float* a, const float* b, int n) {
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

float convolve(const Conv2dF32& args, int oy, int ox, int o) {
  const int inputs = args.channels[0] + args.channels[1];
  const float* weights = args.weights + static_cast<ptrdiff_t>(o) * args.kernel_height * args.kernel_width * inputs;
  float sum = 0.0f;
  for (int kh = 0; kh < args.kernel_height; ++kh) {
    const int iy = stored_position(oy * args.stride + kh - args.pad_top, args.in_height, args);
    if (iy < 0) continue;
    for (int kw = 0; kw < args.kernel_width; ++kw) {
      const int ix = stored_position(ox * args.stride + kw - args.pad_left, args.in_width, args);
      if (ix < 0) continue;
      const ptrdiff_t pixel = static_cast<ptrdiff_t>(iy) * args.in_width + ix;
      const float* tap = weights + static_cast<ptrdiff_t>(kh * args.kernel_width + kw) * inputs;
      sum += dot(args.x[0] + pixel * args.channels[0], tap, args.channels[0]);
      if (args.x[1] != nullptr) {
        sum += dot(args.x[1] + pixel * args.channels[1], tap + args.channels[0], args.channels[1]);
      }
    }
  }
  return sum;
}

}  // namespace

void conv2d_f32_ref(const Conv2dF32& args, int row_begin, int row_end, void*) {
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < args.out_width; ++ox) {
      const ptrdiff_t pixel = (static_cast<ptrdiff_t>(oy) * args.out_width + ox) * args.out_channels;
      for (int o = 0; o < args.out_channels; ++o) {
        const float bias =
            (args.bias != nullptr ? args.bias[o] : 0.0f) + (args.shift != nullptr ? args.shift[o] : 0.0f);
        float sum = convolve(args, oy, ox, o) + bias;
        if (args.residual != nullptr) sum += args.residual[pixel + o];
        args.y[pixel + o] = activate_f32(sum, args.activation);
      }
    }
  }
}

}  // namespace mote
