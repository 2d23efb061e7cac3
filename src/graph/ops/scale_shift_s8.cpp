// Phase 0: the constants: A and B of each channel, then the shift. Phase 1: rows.
#include "graph/ops/affine_s8.h"

namespace mote {
namespace {

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  phases[0] = {1, 1, view.tensors[op.x[0]].dims[2]};
  return 1 + elementwise_phase(view, op, phases + 1);
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const int32_t channels = context.read<int8_t>(op.x[0]).dims[2];
  auto* A = static_cast<int32_t*>(context.shared_scratch(op));
  int32_t *B = A + channels, *shift = B + channels;
  if (band.phase == 1) {
    run_affine(context, op, band, 0, A, B, *shift);
    return;
  }
  const float* vector = context.read_vector(op.vector);
  const bool shift_only = is_shift_only(context, op);
  const AffineOutput output = affine_output(context, op);
  ScaleShiftS8Constants args = {};
  args.x = scale_of(context, op.x[0]);
  args.channels = channels;
  args.scale = shift_only ? nullptr : vector;
  args.shift = shift_only ? vector : vector + channels;
  args.out_inv = output.inv;
  args.out_zero = output.zero;
  args.A = A;
  args.B = B;
  args.fixed_shift = shift;
  scale_shift_s8_constants(args);
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_scale_shift_s8 = {
    mote::format::OpKind::scale_shift, mote::DType::i8, 1, mote::phases, mote::run, nullptr, nullptr, nullptr};
