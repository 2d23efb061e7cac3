// Phase 0: sums of slices of rows, exact. Phase 1: the constants. Phase 2: rows, each input with its own constants.
#include "graph/ops/affine_s8.h"

namespace mote {
namespace {

// The normative scratch (format/quantized_rules.cpp, SPEC.md) is what the constants use.
static_assert(group_norm_s8_stats_bytes(1, 1) == 32 && group_norm_s8_stats_bytes(3, 2) == 64 &&
              group_norm_s8_stats_bytes(8, 4) == 272 && group_norm_s8_stats_bytes(8, 64) == 272);

struct Shape {
  int32_t height, width, channels[2];
  int32_t all() const { return channels[0] + channels[1]; }
};
Shape shape_of(const format::View& view, const OperatorRecord& op) {
  const format::TensorRecord& x = view.tensors[op.x[0]];
  const uint32_t second = op.x[1] == format::none ? 0 : view.tensors[op.x[1]].dims[2];
  return {static_cast<int32_t>(x.dims[0]),
          static_cast<int32_t>(x.dims[1]),
          {static_cast<int32_t>(x.dims[2]), static_cast<int32_t>(second)}};
}

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const Shape shape = shape_of(view, op);
  const uint32_t height = static_cast<uint32_t>(shape.height);
  const uint32_t slices = static_cast<uint32_t>(group_norm_slices(shape.height));
  const uint64_t row = static_cast<uint64_t>(shape.width) * static_cast<uint64_t>(shape.all());
  phases[0] = {slices, 1, row * ((height + slices - 1) / slices)};
  phases[1] = {1, 1, static_cast<uint64_t>(shape.all())};
  phases[2] = {height, row_quantum, row};
  return 3;
}

void add_up_slice(const RunContext& context, const OperatorRecord& op, const Shape& shape, int slice, int32_t* stats) {
  const int slices = group_norm_slices(shape.height);
  int32_t* sums = stats + static_cast<ptrdiff_t>(slice) * 2 * shape.all();
  for (int i = 0; i < 2 && shape.channels[i] != 0; ++i, sums += shape.channels[0]) {
    ChannelSumsS8 args = {};
    args.x = context.read<int8_t>(op.x[i]).data;
    args.width = shape.width;
    args.channels = shape.channels[i];
    args.sum = sums;
    args.squares = reinterpret_cast<uint32_t*>(sums + shape.all());
    pick_kernel(channel_sums_s8_kernels, context.kernels)
        .run(args, slice * shape.height / slices, (slice + 1) * shape.height / slices);
  }
}

void make_constants(const RunContext& context, const OperatorRecord& op, const Shape& shape, int32_t* stats) {
  const AffineOutput output = affine_output(context, op);
  GroupNormS8Constants args = {};
  for (int i = 0; i < 2; ++i) {
    args.x[i] = scale_of(context, op.x[i]);
    args.channels[i] = shape.channels[i];
  }
  args.height = shape.height;
  args.width = shape.width;
  args.groups = static_cast<int32_t>(op.p0);
  args.epsilon = op.f0;
  args.gamma = context.read(op.weights).data;
  args.beta = context.read(op.bias).data;
  args.scale_shift = context.read_vector(op.vector);
  args.out_inv = output.inv;
  args.out_zero = output.zero;
  args.stats = stats;
  args.slices = group_norm_slices(shape.height);
  group_norm_s8_constants(args);
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const Shape shape = shape_of(*context.model, op);
  auto* stats = static_cast<int32_t*>(context.shared_scratch(op));
  if (band.phase == 0) {
    for (uint32_t slice = band.row_begin; slice < band.row_end; ++slice) {
      add_up_slice(context, op, shape, static_cast<int>(slice), stats);
    }
  } else if (band.phase == 1) {
    make_constants(context, op, shape, stats);
  } else {
    const int32_t shift = stats[static_cast<ptrdiff_t>(group_norm_slices(shape.height)) * 2 * shape.all()];
    const int32_t *A = stats, *B = stats + shape.all();
    run_affine(context, op, band, 0, A, B, shift);
    if (shape.channels[1] != 0) run_affine(context, op, band, 1, A + shape.channels[0], B + shape.channels[0], shift);
  }
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_group_norm_s8 = {
    mote::format::OpKind::group_norm, mote::DType::i8, 1, mote::phases, mote::run, nullptr, nullptr, nullptr};
