// x_t as int16: what the first convolution of a quantized model reads.
#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const Rows rows = rows_of(context.model->tensors[op.y[0]]);
  QuantizeS16 args = {};
  args.x = context.read(op.x[0]).data;
  args.y = context.write<int16_t>(op.y[0]).data;
  args.rows = static_cast<int32_t>(rows.rows);
  args.row = static_cast<int32_t>(rows.row);
  args.inv_scale = 1.0f / scale_of(context, op.y[0]).scale;
  pick_kernel(quantize_s16_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_quantize_s16 = {
    mote::format::OpKind::quantize, mote::DType::i16, 1, mote::elementwise_phase, mote::run, nullptr, nullptr, nullptr};
