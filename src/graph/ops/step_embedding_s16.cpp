// The embedding of a step, and of the class, from tables, as int16: where a folded model keeps the small network that
// makes the blocks' vectors. Portable only: a few dozen values a step.
#include "core/math.h"
#include "graph/ops/quantized.h"

namespace mote {
namespace {

float activate(Activation activation, float v) {
  switch (activation) {
    case Activation::none: break;
    case Activation::silu: return silu_f32(v);
    case Activation::gelu: return gelu_f32(v);
    case Activation::relu: return v > 0.0f ? v : 0.0f;
    case Activation::mish: return mish_f32(v);
  }
  return v;
}

void run(const RunContext& context, const OperatorRecord& op, const Band&) {
  const TensorView<int16_t> y = context.write<int16_t>(op.y[0]);
  const float* step = context.read_vector(op.vector);
  const float* classes = context.read(op.weights).data;
  const size_t features = static_cast<size_t>(y.dims[0]);
  if (classes != nullptr) classes += context.class_index * features;
  const float inv = 1.0f / scale_of(context, op.y[0]).scale;
  for (size_t i = 0; i < features; ++i) {
    float v = activate(activation_of(op), classes == nullptr ? step[i] : step[i] + classes[i]) * inv;
    v = v > -32767.0f ? v : -32767.0f;  // a NaN becomes the lower bound
    v = v < 32767.0f ? v : 32767.0f;
    y.data[i] = static_cast<int16_t>(round_to_i32(v));
  }
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_step_embedding_s16 = {mote::format::OpKind::step_embedding,
                                                             mote::DType::i16,
                                                             1,
                                                             mote::elementwise_phase,
                                                             mote::run,
                                                             nullptr,
                                                             nullptr,
                                                             nullptr};
