#include "core/math.h"
#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

// Both factors at one shift; the offset, and the half that rounds, once.
void set_constants(const RunContext& context, const OperatorRecord& op, AddS8* args) {
  const ScaleS8 a = scale_of(context, op.x[0]), b = scale_of(context, op.x[1]), y = scale_of(context, op.y[0]);
  const float inv = 1.0f / y.scale, offset = static_cast<float>(y.zero);
  const float factor0 = a.scale * inv, factor1 = b.scale * inv;
  args->shift = fixed_shift(factor0 > factor1 ? factor0 : factor1, abs_f32(offset));
  int32_t B0 = 0, B1 = 0;
  fixed_point(factor0, offset, a.zero, args->shift, &args->A0, &B0);
  fixed_point(factor1, 0.0f, b.zero, args->shift, &args->A1, &B1);
  args->B = B0 + (B1 - (args->shift > 0 ? int32_t{1} << (args->shift - 1) : 0));
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const Rows rows = rows_of(context.model->tensors[op.y[0]]);
  AddS8 args = {};
  args.a = context.read<int8_t>(op.x[0]).data;
  args.b = context.read<int8_t>(op.x[1]).data;
  args.y = context.write<int8_t>(op.y[0]).data;
  args.rows = static_cast<int32_t>(rows.rows);
  args.row = static_cast<int32_t>(rows.row);
  set_constants(context, op, &args);
  pick_kernel(add_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_add_s8 = {
    mote::format::OpKind::add, mote::DType::i8, 1, mote::elementwise_phase, mote::run, nullptr, nullptr, nullptr};
