#include "graph/ops/shapes.h"

namespace mote {
namespace {

// The normative scratch (format/operator_rules.cpp, SPEC.md) is what the kernels use.
static_assert(attention_scratch_floats(1) * sizeof(float) == 16 && attention_block % row_quantum == 0);

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const uint32_t outputs = view.tensors[op.y[0]].bytes / sizeof(float);
  const uint32_t inner = op.p0 * op.p1;
  const uint32_t tokens = outputs / inner;
  phases[0] = {tokens, row_quantum, uint64_t{2} * tokens * inner};
  return 1;
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const float> qkv = context.read(op.x[0]);
  AttentionF32 args = {};
  args.qkv = qkv.data;
  args.tokens = qkv.leading();
  args.heads = static_cast<int32_t>(op.p0);
  args.head_dim = static_cast<int32_t>(op.p1);
  args.scale = op.f0;
  args.y = context.write(op.y[0]).data;
  pick_kernel(attention_f32_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end),
           static_cast<float*>(context.scratch_of_worker(op, band.worker)));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_attention_f32 = {
    mote::format::OpKind::attention, mote::DType::f32, 1, mote::phases, mote::run, nullptr, nullptr, nullptr};
