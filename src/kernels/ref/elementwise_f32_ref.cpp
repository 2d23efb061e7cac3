// Activation, sum, channel-wise scale and shift, nearest upsampling and average pooling as kernels.h defines them.
#include "kernels/ref/ref.h"

namespace mote {

void activation_f32_ref(const ActivationF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  for (ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row; i < end; ++i) {
    args.y[i] = activate_f32(args.x[i], args.activation);
  }
}

void add_f32_ref(const AddF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.row;
  for (ptrdiff_t i = static_cast<ptrdiff_t>(row_begin) * args.row; i < end; ++i) args.y[i] = args.a[i] + args.b[i];
}

void scale_shift_f32_ref(const ScaleShiftF32& args, int row_begin, int row_end) {
  const ptrdiff_t end = static_cast<ptrdiff_t>(row_end) * args.width;
  for (ptrdiff_t p = static_cast<ptrdiff_t>(row_begin) * args.width; p < end; ++p) {
    for (int c = 0; c < args.channels; ++c) {
      const float scale = 1.0f + (args.scale != nullptr ? args.scale[c] : 0.0f);
      const float shift = args.shift != nullptr ? args.shift[c] : 0.0f;
      args.y[p * args.channels + c] = activate_f32(args.x[p * args.channels + c] * scale + shift, args.activation);
    }
  }
}

void upsample_f32_ref(const UpsampleF32& args, int row_begin, int row_end) {
  const int out_width = args.in_width * args.factor;
  for (int oy = row_begin; oy < row_end; ++oy) {
    const float* row = args.x + static_cast<ptrdiff_t>(oy / args.factor) * args.in_width * args.channels;
    float* y = args.y + static_cast<ptrdiff_t>(oy) * out_width * args.channels;
    for (int ox = 0; ox < out_width; ++ox) {
      const float* x = row + static_cast<ptrdiff_t>(ox / args.factor) * args.channels;
      for (int c = 0; c < args.channels; ++c) *y++ = x[c];
    }
  }
}

void average_pool_f32_ref(const AveragePoolF32& args, int row_begin, int row_end) {
  const int out_width = args.in_width / args.kernel, rows = pool_rows(args.in_height, args.kernel);
  const float share = 1.0f / static_cast<float>(rows * args.kernel);
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < out_width; ++ox) {
      for (int c = 0; c < args.channels; ++c) {
        float sum = 0.0f;
        for (int ky = 0; ky < rows; ++ky) {
          for (int kx = 0; kx < args.kernel; ++kx) {
            const ptrdiff_t pixel =
                static_cast<ptrdiff_t>(oy * args.kernel + ky) * args.in_width + ox * args.kernel + kx;
            sum += args.x[pixel * args.channels + c];
          }
        }
        args.y[(static_cast<ptrdiff_t>(oy) * out_width + ox) * args.channels + c] = sum * share;
      }
    }
  }
}

}  // namespace mote
