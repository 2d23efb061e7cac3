#include "graph/ops/quantized.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

// The normative scratch (format/operator_rules.cpp, SPEC.md) is what the kernels use, and the limits are theirs.
static_assert(attention_s8_scratch_bytes(1) == 16 && attention_block % row_quantum == 0);
static_assert(uint64_t{format::max_s8_tokens} * 255 * 255 < uint64_t{1} << 31);

uint32_t phases(const format::View& view, const OperatorRecord& op, Phase* phases) {
  const uint32_t inner = op.p0 * op.p1, tokens = view.tensors[op.y[0]].bytes / inner;
  phases[0] = {tokens, row_quantum, uint64_t{2} * tokens * inner};
  return 1;
}

void run(const RunContext& context, const OperatorRecord& op, const Band& band) {
  const TensorView<const int8_t> qkv = context.read<int8_t>(op.x[0]);
  const ScaleS8 x = scale_of(context, op.x[0]), y = scale_of(context, op.y[0]);
  AttentionS8 args = {};
  args.qkv = qkv.data;
  args.tokens = qkv.leading();
  args.heads = static_cast<int32_t>(op.p0);
  args.head_dim = static_cast<int32_t>(op.p1);
  args.zero = x.zero;
  args.score_m = (op.f0 * (x.scale * x.scale)) / op.f1;
  args.table = context.read<uint8_t>(op.weights).data;
  args.m = x.scale / y.scale;
  args.y_zero = y.zero;
  args.y = context.write<int8_t>(op.y[0]).data;
  pick_kernel(attention_s8_kernels, context.kernels)
      .run(args, static_cast<int>(band.row_begin), static_cast<int>(band.row_end),
           context.scratch_of_worker(op, band.worker));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_attention_s8 = {
    mote::format::OpKind::attention, mote::DType::i8, 1, mote::phases, mote::run, nullptr, nullptr, nullptr};
