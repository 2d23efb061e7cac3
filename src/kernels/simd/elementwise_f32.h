// Activation, sum, scale and shift, nearest upsampling and average pooling on vectors of neighbouring elements.
#pragma once
#include "kernels/kernels.h"
#include "kernels/simd/math_f32.h"

namespace mote {
namespace {

template <class V>
MOTE_INLINE void activation_run(const ActivationF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  with_activation(args.activation, [&](auto tag) {
    ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row;
    for (; i + V::width <= end; i += V::width) activate<decltype(tag)::value>(V::load(args.x + i)).store(args.y + i);
    const int rest = static_cast<int>(end - i);
    if (rest > 0) activate<decltype(tag)::value>(V::load_partial(args.x + i, rest)).store_partial(args.y + i, rest);
  });
}

template <class V>
MOTE_INLINE void add_run(const AddF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row;
  for (; i + V::width <= end; i += V::width) add(V::load(args.a + i), V::load(args.b + i)).store(args.y + i);
  const int rest = static_cast<int>(end - i);
  if (rest > 0)
    add(V::load_partial(args.a + i, rest), V::load_partial(args.b + i, rest)).store_partial(args.y + i, rest);
}

template <class V>
MOTE_INLINE void scale_shift_run(const ScaleShiftF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.width;
  with_activation(args.activation, [&](auto tag) {
    for (ptrdiff_t p = static_cast<ptrdiff_t>(row_begin) * args.width; p < end; ++p) {
      for (int c = 0; c < args.channels; c += V::width) {
        const int n = args.channels - c < V::width ? args.channels - c : V::width;
        V v = V::load_partial(args.x + p * args.channels + c, n);
        V factor = V::set1(1.0f), offset = V::zero();
        if (args.scale != nullptr) factor = add(factor, V::load_partial(args.scale + c, n));
        if (args.shift != nullptr) offset = V::load_partial(args.shift + c, n);
        v = fma(v, factor, offset);
        activate<decltype(tag)::value>(v).store_partial(args.y + p * args.channels + c, n);
      }
    }
  });
}

template <class V>
MOTE_INLINE void copy_pixel(const float* x, float* y, int channels) {
  int c = 0;
  for (; c + V::width <= channels; c += V::width) V::load(x + c).store(y + c);
  if (c < channels) V::load_partial(x + c, channels - c).store_partial(y + c, channels - c);
}

template <class V>
MOTE_INLINE void upsample_run(const UpsampleF32& args, int row_begin, int row_end) {
  const ptrdiff_t pixel = args.channels;
  for (int oy = row_begin; oy < row_end; ++oy) {
    const float* x = args.x + static_cast<ptrdiff_t>(oy / args.factor) * args.in_width * pixel;
    float* y = args.y + static_cast<ptrdiff_t>(oy) * args.in_width * args.factor * pixel;
    for (int ix = 0; ix < args.in_width; ++ix, x += pixel) {
      for (int copy = 0; copy < args.factor; ++copy, y += pixel) copy_pixel<V>(x, y, args.channels);
    }
  }
}

template <class V>
MOTE_INLINE void average_pool_run(const AveragePoolF32& args, int row_begin, int row_end) {
  const int out_width = args.in_width / args.kernel, rows = pool_rows(args.in_height, args.kernel);
  const ptrdiff_t pixel = args.channels;
  const V share = V::set1(1.0f / static_cast<float>(rows * args.kernel));
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < out_width; ++ox) {
      const float* x = args.x + (static_cast<ptrdiff_t>(oy) * args.kernel * args.in_width + ox * args.kernel) * pixel;
      float* y = args.y + (static_cast<ptrdiff_t>(oy) * out_width + ox) * pixel;
      for (int c = 0; c < args.channels; c += V::width) {
        const int n = args.channels - c < V::width ? args.channels - c : V::width;
        V sum = V::zero();
        for (int ky = 0; ky < rows; ++ky) {
          for (int kx = 0; kx < args.kernel; ++kx) {
            sum = add(sum, V::load_partial(x + (static_cast<ptrdiff_t>(ky) * args.in_width + kx) * pixel + c, n));
          }
        }
        mul(sum, share).store_partial(y + c, n);
      }
    }
  }
}

}  // namespace
}  // namespace mote
