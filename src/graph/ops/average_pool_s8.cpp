#include "core/math.h"
#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const int8_t> x = context.read<int8_t>(op.x[0]);
  const ScaleS8 in = scale_of(context, op.x[0]), out = scale_of(context, op.y[0]);
  const int32_t kernel = static_cast<int32_t>(op.p0), window = pool_rows(x.dims[0], kernel) * kernel;
  // A sum of `window` codes has that many times their zero point.
  const float factor = (in.scale * (1.0f / out.scale)) / static_cast<float>(window);
  const float offset = static_cast<float>(out.zero);
  AveragePoolS8 args = {};
  args.x = x.data;
  args.y = context.write<int8_t>(op.y[0]).data;
  args.in_height = x.dims[0];
  args.in_width = x.dims[1];
  args.channels = x.dims[2];
  args.kernel = kernel;
  args.shift = fixed_shift(factor, abs_f32(offset));
  fixed_point(factor, offset, window * in.zero, args.shift, &args.A, &args.B);
  pick_kernel(average_pool_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_average_pool_s8 = {
    mote::format::OpKind::average_pool, mote::DType::i8, 1, mote::pooling_phase, mote::run, nullptr, nullptr, nullptr};
