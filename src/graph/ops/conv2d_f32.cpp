#include "graph/ops/shapes.h"

namespace mote {
namespace {

Conv2dF32 arguments(const RunContext& context, const OperatorRecord& op, const void* packed) {
  Conv2dF32 args = {};
  for (int i = 0; i < 2; ++i) {
    const TensorView<const float> x = context.read(op.x[i]);
    args.x[i] = x.data;
    args.channels[i] = x.rank == 0 ? 0 : x.dims[2];
    if (i == 0) {
      args.in_height = x.dims[0];
      args.in_width = x.dims[1];
    }
  }
  const TensorView<float> y = context.write(op.y[0]);
  args.y = y.data;
  args.out_height = y.dims[0];
  args.out_width = y.dims[1];
  args.out_channels = y.dims[2];
  args.kernel_height = op.kernel_height;
  args.kernel_width = op.kernel_width;
  args.stride = op.stride;
  args.pad_top = op.pad_top;
  args.pad_left = op.pad_left;
  args.upsample = op.upsample;
  args.activation = activation_of(op);
  args.weights = context.read(op.weights).data;
  args.packed = static_cast<const float*>(packed);
  args.bias = context.read(op.bias).data;
  args.shift = context.read_vector(op.vector);
  args.residual = context.read(op.residual).data;
  return args;
}

const Conv2dF32Kernel& kernel(const RunContext& context) { return pick_kernel(conv2d_f32_kernels, context.kernels); }

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const format::TensorRecord& y = view.tensors[op.y[0]];
  const format::TensorRecord& weights = view.tensors[op.weights];
  phases[0] = {y.dims[0], row_quantum, uint64_t{y.dims[1]} * (weights.bytes / sizeof(float))};
  return 1;
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  void* scratch = nullptr;
  if (band.packed != nullptr && context.packed_scratch != nullptr) {
    scratch = context.packed_scratch + band.worker * context.packed_scratch_bytes;
  }
  kernel(context).run(arguments(context, op, band.packed), static_cast<int>(band.row_begin),
                      static_cast<int>(band.row_end), scratch);
}

size_t packed_bytes(const RunContext& context, const OperatorRecord& op) {
  const auto bytes = kernel(context).packed_bytes;
  return bytes == nullptr ? 0 : bytes(arguments(context, op, nullptr));
}

void pack(const RunContext& context, const OperatorRecord& op, void* packed) {
  kernel(context).pack(arguments(context, op, nullptr), static_cast<float*>(packed));
}

size_t packed_scratch_bytes(const RunContext& context, const OperatorRecord& op) {
  const auto bytes = kernel(context).packed_scratch_bytes;
  return bytes == nullptr ? 0 : bytes(arguments(context, op, nullptr));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_conv2d_f32 = {
    mote::format::OpKind::conv2d, mote::DType::f32, 1, mote::phases, mote::run, mote::packed_bytes, mote::pack,
    mote::packed_scratch_bytes};
