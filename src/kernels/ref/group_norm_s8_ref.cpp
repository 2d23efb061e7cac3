// The two passes of a group normalisation over quantized tensors: sums of each channel, and the affine map. What lies
// between them is in constants_s8.cpp.
#include "kernels/ref/ref_s8.h"

namespace mote {

void channel_sums_s8_ref(const ChannelSumsS8& args, int row_begin, int row_end) {
  for (int c = 0; c < args.channels; ++c) {
    args.sum[c] = 0;
    args.squares[c] = 0;
  }
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.width) * args.channels;
  for (const int8_t* x = args.x + row_begin * row; x < args.x + row_end * row; x += args.channels) {
    for (int c = 0; c < args.channels; ++c) {
      args.sum[c] += x[c];
      args.squares[c] += static_cast<uint32_t>(x[c] * x[c]);
    }
  }
}

void affine_s8_ref(const AffineS8& args, int row_begin, int row_end) {
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.width) * args.channels;
  for (ptrdiff_t at = row_begin * row; at < row_end * row; at += args.channels) {
    for (int c = 0; c < args.channels; ++c) {
      const int32_t v = (args.x[at + c] * args.A[c] + args.B[c]) >> args.shift;
      args.y[at + c] = args.table != nullptr ? args.table[clamp_i32(v, 0, args.table_entries - 1)] : sat8(v);
    }
  }
}

}  // namespace mote
