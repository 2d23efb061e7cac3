#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const float> x = context.read(op.x[0]);
  AveragePoolF32 args = {};
  args.x = x.data;
  args.y = context.write(op.y[0]).data;
  args.in_height = x.dims[0];
  args.in_width = x.dims[1];
  args.channels = x.dims[2];
  args.kernel = static_cast<int32_t>(op.p0);
  pick_kernel(average_pool_f32_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_average_pool_f32 = {
    mote::format::OpKind::average_pool, mote::DType::f32, 1, mote::pooling_phase, mote::run, nullptr, nullptr, nullptr};
