// An activation of codes is a table of 256.
#include "graph/ops/shapes.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const Rows rows = rows_of(context.model->tensors[op.y[0]]);
  TableS8 args = {};
  args.x = context.read<int8_t>(op.x[0]).data;
  args.y = context.write<int8_t>(op.y[0]).data;
  args.table = context.read<int8_t>(op.weights).data;
  args.rows = static_cast<int32_t>(rows.rows);
  args.row = static_cast<int32_t>(rows.row);
  pick_kernel(table_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_activation_s8 = {mote::format::OpKind::activation,
                                                        mote::DType::i8,
                                                        1,
                                                        mote::elementwise_phase,
                                                        mote::run,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr};
