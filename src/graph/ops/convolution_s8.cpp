#include "graph/ops/convolution_s8.h"

#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

constexpr uint32_t channel_quantum = 16;

bool is_linear(const OperatorRecord& op) { return op.kind == static_cast<uint16_t>(format::OpKind::linear); }

// The shared scratch: for each output channel m and correction of the first input, b, m and correction of the second.
struct Constants {
  float* m[2] = {};
  int32_t* correction[2] = {};
  float* b = nullptr;
};

Constants constants_of(const RunContext& context, const OperatorRecord& op, size_t channels) {
  Constants constants;
  auto* words = static_cast<int32_t*>(context.shared_scratch(op));
  if (words == nullptr) return constants;
  auto* floats = reinterpret_cast<float*>(words);
  constants.m[0] = floats;
  constants.correction[0] = words + channels;
  constants.b = floats + 2 * channels;
  if (op.x[1] != format::none) {
    constants.m[1] = floats + 3 * channels;
    constants.correction[1] = words + 4 * channels;
  }
  return constants;
}

void set_shape(const RunContext& context, const OperatorRecord& op, Conv2dS8* args) {
  const TensorView<const int8_t> x = context.read<int8_t>(op.x[0]), second = context.read<int8_t>(op.x[1]);
  const TensorView<int8_t> y = context.write<int8_t>(op.y[0]);
  args->channels[0] = x.last();
  args->channels[1] = second.rank == 0 ? 0 : second.last();
  args->out_channels = y.last();
  if (is_linear(op)) {
    args->in_height = args->out_height = x.leading();
    args->in_width = args->out_width = 1;
    args->kernel_height = args->kernel_width = args->stride = args->upsample = 1;
    return;
  }
  args->in_height = x.dims[0];
  args->in_width = x.dims[1];
  args->out_height = y.dims[0];
  args->out_width = y.dims[1];
  args->kernel_height = op.kernel_height;
  args->kernel_width = op.kernel_width;
  args->stride = op.stride;
  args->pad_top = op.pad_top;
  args->pad_left = op.pad_left;
  args->upsample = op.upsample;
}

Conv2dS8 arguments(const RunContext& context, const OperatorRecord& op, const void* packed) {
  Conv2dS8 args = {};
  set_shape(context, op, &args);
  if (dtype_of(context, op.x[0]) == DType::i16) {
    args.x16 = context.read<int16_t>(op.x[0]).data;
  } else {
    args.x[0] = context.read<int8_t>(op.x[0]).data;
    args.x[1] = context.read<int8_t>(op.x[1]).data;
  }
  const Constants constants = constants_of(context, op, static_cast<size_t>(args.out_channels));
  for (int i = 0; i < 2; ++i) {
    args.zero[i] = scale_of(context, op.x[i]).zero;
    args.m[i] = constants.m[i];
    args.correction[i] = constants.correction[i];
  }
  args.b = constants.b;
  args.weights = context.read<int8_t>(op.weights).data;
  args.packed = packed;
  const ScaleS8 y = scale_of(context, op.y[0]);
  if (op.residual != format::none) {
    const ScaleS8 residual = scale_of(context, op.residual);
    args.residual = context.read<int8_t>(op.residual).data;
    args.residual_zero = residual.zero;
    args.residual_m = residual.scale * (1.0f / y.scale);
  }
  args.y_zero = y.zero;
  args.y_min = activation_of(op) == Activation::relu ? y.zero : -128;
  if (dtype_of(context, op.y[0]) == DType::f32) {
    args.y_f32 = context.write(op.y[0]).data;
  } else {
    args.y = context.write<int8_t>(op.y[0]).data;
  }
  args.below_2_25 = (op.flags & format::op_sums_below_2_25) != 0;
  args.below_2_29 = (op.flags & format::op_sums_below_2_29) != 0;
  return args;
}

const Conv2dS8Kernel& kernel(const RunContext& context, const OperatorRecord& op) {
  const bool wide = dtype_of(context, op.x[0]) == DType::i16;
  return pick_kernel(wide ? conv2d_s16_kernels : conv2d_s8_kernels, context.kernels);
}

void prepare(const RunContext& context, const OperatorRecord& op, const Conv2dS8& args, int begin, int end) {
  const size_t channels = static_cast<size_t>(args.out_channels);
  const Constants out = constants_of(context, op, channels);
  Conv2dS8Constants constants = {};
  constants.weight_scale = weight_scales(context, op.weights);
  constants.bias = context.read(op.bias).data;
  constants.shift = context.read_vector(op.vector);
  constants.inputs = op.x[1] == format::none ? 1 : 2;
  constants.inv = 1.0f / scale_of(context, op.y[0]).scale;
  constants.b = out.b;
  int32_t* sums[2] = {out.correction[0], out.correction[1]};  // each is read before it is overwritten
  const auto add_up = kernel(context, op).weight_sums;
  if (args.packed == nullptr && add_up != nullptr) add_up(args, begin, end, sums);
  for (int i = 0; i < constants.inputs; ++i) {
    constants.x[i] = scale_of(context, op.x[i]);
    constants.m[i] = out.m[i];
    constants.correction[i] = out.correction[i];
    constants.sums[i] = args.packed != nullptr ? static_cast<const int32_t*>(args.packed) + i * channels
                        : add_up != nullptr    ? sums[i]
                                               : nullptr;
  }
  conv2d_s8_constants(constants, begin, end);
}

}  // namespace

uint32_t convolution_s8_phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const format::TensorRecord& y = view.tensors[op.y[0]];
  const format::TensorRecord& weights = view.tensors[op.weights];
  const uint32_t channels = weights.dims[0], pixels = y.bytes / dtype_bytes(static_cast<DType>(y.dtype)) / channels;
  const uint32_t rows = is_linear(op) ? pixels : y.dims[0];
  phases[0] = {channels, channel_quantum, weights.bytes / channels};
  phases[1] = {rows, row_quantum, uint64_t{pixels / rows} * weights.bytes};
  return 2;
}

void convolution_s8_run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  Conv2dS8 args = arguments(context, op, band.packed);
  args.workspace = context.scratch_of_worker(op, band.worker);
  args.workspace_bytes = op.worker_scratch_bytes;
  const int begin = static_cast<int>(band.row_begin), end = static_cast<int>(band.row_end);
  if (band.phase == 0) {
    prepare(context, op, args, begin, end);
    return;
  }
  void* scratch = nullptr;
  if (band.packed != nullptr && context.packed_scratch != nullptr) {
    scratch = context.packed_scratch + band.worker * context.packed_scratch_bytes;
  }
  kernel(context, op).run(args, begin, end, scratch);
}

size_t convolution_s8_packed_bytes(const RunContext& context, const OperatorRecord& op) {
  const auto bytes = kernel(context, op).packed_bytes;
  return bytes == nullptr ? 0 : bytes(arguments(context, op, nullptr));
}

void convolution_s8_pack(const RunContext& context, const OperatorRecord& op, void* packed) {
  kernel(context, op).pack(arguments(context, op, nullptr), packed);
}

size_t convolution_s8_packed_scratch_bytes(const RunContext& context, const OperatorRecord& op) {
  const auto bytes = kernel(context, op).packed_scratch_bytes;
  return bytes == nullptr ? 0 : bytes(arguments(context, op, nullptr));
}

}  // namespace mote
