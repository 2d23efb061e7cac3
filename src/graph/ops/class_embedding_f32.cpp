// The row of a table that belongs to the class. Portable only.
#include <cstring>

#include "graph/ops/shapes.h"

namespace mote {
namespace {

void run(const RunContext& context, const OperatorRecord& op, const Band&) {
  const TensorView<const float> table = context.read(op.weights);
  const size_t features = static_cast<size_t>(table.dims[1]);
  memcpy(context.write(op.y[0]).data, table.data + context.class_index * features, features * sizeof(float));
}

}  // namespace
}  // namespace mote

extern "C" const mote_operator mote_op_class_embedding_f32 = {mote::format::OpKind::class_embedding,
                                                              mote::DType::f32,
                                                              1,
                                                              mote::elementwise_phase,
                                                              mote::run,
                                                              nullptr,
                                                              nullptr,
                                                              nullptr};
