#include "graph/ops/shapes.h"

namespace mote {
namespace {

// The normative scratch (format/operator_rules.cpp, SPEC.md) is what the kernels use, rounded up to 16 bytes.
static_assert(group_norm_stats_floats(1, 1) == 4 && group_norm_stats_floats(3, 2) == 18 &&
              group_norm_stats_floats(8, 4) == 80 && group_norm_stats_floats(8, 64) == 80);

GroupNormF32 arguments(const RunContext& context, const OperatorRecord& op) {
  GroupNormF32 args = {};
  for (int i = 0; i < 2; ++i) {
    const TensorView<const float> x = context.read(op.x[i]);
    args.x[i] = x.data;
    args.channels[i] = x.rank == 0 ? 0 : x.dims[2];
    args.y[i] = context.write(op.y[i]).data;
    if (i == 0) {
      args.height = x.dims[0];
      args.width = x.dims[1];
    }
  }
  args.groups = static_cast<int32_t>(op.p0);
  args.epsilon = op.f0;
  args.activation = activation_of(op);
  args.gamma = context.read(op.weights).data;
  args.beta = context.read(op.bias).data;
  args.scale_shift = context.read_vector(op.vector);
  args.stats = static_cast<float*>(context.shared_scratch(op));
  return args;
}

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const format::TensorRecord& x = view.tensors[op.x[0]];
  const uint32_t channels = x.dims[2] + (op.x[1] == format::none ? 0 : view.tensors[op.x[1]].dims[2]);
  const uint32_t height = x.dims[0];
  const uint32_t slices = static_cast<uint32_t>(group_norm_slices(static_cast<int>(height)));
  const uint64_t row = uint64_t{x.dims[1]} * channels;
  phases[0] = {slices, 1, row * ((height + slices - 1) / slices)};
  phases[1] = {1, 1, channels};
  phases[2] = {height, row_quantum, row};
  return 3;
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  pick_kernel(group_norm_f32_kernels, context.kernels)
      .run(arguments(context, op), static_cast<int>(band.phase), static_cast<int>(band.row_begin),
           static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_group_norm_f32 = {
    mote::format::OpKind::group_norm, mote::DType::f32, 1, mote::phases, mote::run, nullptr, nullptr, nullptr};
