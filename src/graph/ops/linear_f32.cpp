#include "graph/ops/shapes.h"

namespace mote {
namespace {

LinearF32 arguments(const RunContext& context, const OperatorRecord& op, const void* packed) {
  const TensorView<const float> x = context.read(op.x[0]);
  const TensorView<float> y = context.write(op.y[0]);
  LinearF32 args = {};
  args.x = x.data;
  args.rows = x.leading();
  args.in_features = x.last();
  args.out_features = y.last();
  args.activation = activation_of(op);
  args.weights = context.read(op.weights).data;
  args.packed = static_cast<const float*>(packed);
  args.bias = context.read(op.bias).data;
  args.residual = context.read(op.residual).data;
  args.y = y.data;
  return args;
}

const LinearF32Kernel& kernel(const RunContext& context) { return pick_kernel(linear_f32_kernels, context.kernels); }

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const format::TensorRecord& weights = view.tensors[op.weights];
  const uint32_t outputs = view.tensors[op.y[0]].bytes / sizeof(float);
  phases[0] = {outputs / weights.dims[0], row_quantum, weights.bytes / sizeof(float)};
  return 1;
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  kernel(context).run(arguments(context, op, band.packed), static_cast<int>(band.row_begin),
                      static_cast<int>(band.row_end), nullptr);
}

size_t packed_bytes(const RunContext& context, const OperatorRecord& op) {
  const auto bytes = kernel(context).packed_bytes;
  return bytes == nullptr ? 0 : bytes(arguments(context, op, nullptr));
}

void pack(const RunContext& context, const OperatorRecord& op, void* packed) {
  kernel(context).pack(arguments(context, op, nullptr), static_cast<float*>(packed));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_linear_f32 = {
    mote::format::OpKind::linear, mote::DType::f32, 1,      mote::phases, mote::run,
    mote::packed_bytes,           mote::pack,       nullptr};
