#include "graph/ops/shapes.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const int8_t> x = context.read<int8_t>(op.x[0]);
  UpsampleS8 args = {};
  args.x = x.data;
  args.y = context.write<int8_t>(op.y[0]).data;
  args.in_height = x.dims[0];
  args.in_width = x.dims[1];
  args.channels = x.dims[2];
  args.factor = static_cast<int32_t>(op.p0);
  pick_kernel(upsample_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_upsample_s8 = {
    mote::format::OpKind::upsample, mote::DType::i8, 1, mote::elementwise_phase, mote::run, nullptr, nullptr, nullptr};
