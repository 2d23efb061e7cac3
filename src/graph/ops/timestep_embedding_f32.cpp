// Sines and cosines of the timestep times a table of frequencies (Vaswani et al. 2017, arXiv 1706.03762, section 3.5).
// Portable only: a few dozen values a step.
#include "core/math.h"
#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band&) {
  const TensorView<const float> frequencies = context.read(op.weights);
  const int half = frequencies.dims[0];
  float* y = context.write(op.y[0]).data;
  const bool cosines_first = (op.flags & format::op_flip_sin_cos) != 0;
  float* sines = cosines_first ? y + half : y;
  float* cosines = cosines_first ? y : y + half;
  for (int i = 0; i < half; ++i) sincos_f32(context.timestep * frequencies.data[i], &sines[i], &cosines[i]);
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
