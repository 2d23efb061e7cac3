// Portable only: a few dozen values a step.
#include "graph/ops/timestep_embedding.h"

#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band&) {
  const TensorView<const float> frequencies = context.read(op.weights);
  const int half = frequencies.dims[0];
  float* y = context.write(op.y[0]).data;
  const bool cosines_first = (op.flags & format::op_flip_sin_cos) != 0;
  embed_timestep(context.timestep, frequencies.data, half, (op.flags & format::op_fourier_time) != 0,
                 cosines_first ? y + half : y, cosines_first ? y : y + half);
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_timestep_embedding_f32 = {mote::format::OpKind::timestep_embedding,
                                                                 mote::DType::f32,
                                                                 1,
                                                                 mote::elementwise_phase,
                                                                 mote::run,
                                                                 nullptr,
                                                                 nullptr,
                                                                 nullptr};
