#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const float> x = context.read(op.x[0]);
  const float* vector = context.read_vector(op.vector);
  const bool shift_only = is_shift_only(context, op);
  ScaleShiftF32 args = {};
  args.x = x.data;
  args.scale = shift_only ? nullptr : vector;
  args.shift = shift_only ? vector : vector + x.dims[2];
  args.y = context.write(op.y[0]).data;
  args.height = x.dims[0];
  args.width = x.dims[1];
  args.channels = x.dims[2];
  args.activation = activation_of(op);
  pick_kernel(scale_shift_f32_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_scale_shift_f32 = {mote::format::OpKind::scale_shift,
                                                          mote::DType::f32,
                                                          1,
                                                          mote::elementwise_phase,
                                                          mote::run,
                                                          nullptr,
                                                          nullptr,
                                                          nullptr};
