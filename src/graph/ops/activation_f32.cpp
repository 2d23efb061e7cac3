#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const Rows rows = rows_of(context.model->tensors[op.y[0]]);
  ActivationF32 args = {};
  args.x = context.read(op.x[0]).data;
  args.y = context.write(op.y[0]).data;
  args.rows = static_cast<int32_t>(rows.rows);
  args.row = static_cast<int32_t>(rows.row);
  args.activation = activation_of(op);
  pick_kernel(activation_f32_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_activation_f32 = {mote::format::OpKind::activation,
                                                         mote::DType::f32,
                                                         1,
                                                         mote::elementwise_phase,
                                                         mote::run,
                                                         nullptr,
                                                         nullptr,
                                                         nullptr};
