// Elementwise operators and resampling of quantized tensors as kernels_s8.h defines them.
#include <cstring>

#include "kernels/ref/ref_s8.h"

namespace mote {

void add_s8_ref(const AddS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.row,
                  end = static_cast<ptrdiff_t>(row_end) * args.row;
  for (ptrdiff_t i = begin; i < end; ++i) {
    args.y[i] = sat8((args.a[i] * args.A0 + args.b[i] * args.A1 + args.B) >> args.shift);
  }
}

void table_s8_ref(const TableS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.row,
                  end = static_cast<ptrdiff_t>(row_end) * args.row;
  for (ptrdiff_t i = begin; i < end; ++i) args.y[i] = args.table[args.x[i] + 128];
}

void average_pool_s8_ref(const AveragePoolS8& args, int row_begin, int row_end) {
  const int out_width = args.in_width / args.kernel, rows = pool_rows(args.in_height, args.kernel);
  for (int oy = row_begin; oy < row_end; ++oy) {
    for (int ox = 0; ox < out_width; ++ox) {
      int8_t* y = args.y + (static_cast<ptrdiff_t>(oy) * out_width + ox) * args.channels;
      for (int c = 0; c < args.channels; ++c) {
        int32_t sum = 0;
        for (int ky = 0; ky < rows; ++ky) {
          for (int kx = 0; kx < args.kernel; ++kx) {
            const ptrdiff_t pixel =
                static_cast<ptrdiff_t>(oy * args.kernel + ky) * args.in_width + ox * args.kernel + kx;
            sum += args.x[pixel * args.channels + c];
          }
        }
        y[c] = sat8((sum * args.A + args.B) >> args.shift);
      }
    }
  }
}

void upsample_s8_ref(const UpsampleS8& args, int row_begin, int row_end) {
  const ptrdiff_t channels = args.channels;
  for (int oy = row_begin; oy < row_end; ++oy) {
    const int8_t* x = args.x + static_cast<ptrdiff_t>(oy / args.factor) * args.in_width * channels;
    int8_t* y = args.y + static_cast<ptrdiff_t>(oy) * args.in_width * args.factor * channels;
    for (int ix = 0; ix < args.in_width; ++ix, x += channels) {
      for (int k = 0; k < args.factor; ++k, y += channels) memcpy(y, x, static_cast<size_t>(channels));
    }
  }
}

void quantize_s16_ref(const QuantizeS16& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.row,
                  end = static_cast<ptrdiff_t>(row_end) * args.row;
  for (ptrdiff_t i = begin; i < end; ++i) {
    float v = args.x[i] * args.inv_scale;
    v = v > -32767.0f ? v : -32767.0f;  // a NaN becomes the lower bound
    v = v < 32767.0f ? v : 32767.0f;
    args.y[i] = static_cast<int16_t>(round_to_i32(v));
  }
}

}  // namespace mote
