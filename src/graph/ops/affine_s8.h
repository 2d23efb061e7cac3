// The end of a quantized group_norm and scale_shift: an affine map of each channel, and a table if there is an activation.
#pragma once
#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {

// What the map writes: codes of y, or the index into the table.
struct AffineOutput {
  float inv, zero;
};
inline AffineOutput affine_output(const RunContext& context, const OperatorRecord& op) {
  if (op.residual == format::none) {
    const ScaleS8 y = scale_of(context, op.y[0]);
    return {1.0f / y.scale, static_cast<float>(y.zero)};
  }
  const ScaleS8 index = scale_of_slot(context, op.quant);
  const int32_t entries_per_code = context.read<int8_t>(op.residual).last() / 256;
  return {1.0f / index.scale, static_cast<float>((index.zero + 128) * entries_per_code)};
}

// Rows of input i, whose channels' constants begin at A and B.
inline void run_affine(const RunContext& context, const OperatorRecord& op, const Band& band, int i, const int32_t* A,
                       const int32_t* B, int32_t shift) {
  const TensorView<const int8_t> x = context.read<int8_t>(op.x[i]), table = context.read<int8_t>(op.residual);
  AffineS8 args = {};
  args.x = x.data;
  args.y = context.write<int8_t>(op.y[i]).data;
  args.width = x.dims[1];
  args.channels = x.dims[2];
  args.A = A;
  args.B = B;
  args.shift = shift;
  args.table = table.data;
  args.table_entries = table.last();
  pick_kernel(affine_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace mote
