// Scales of quantized tensors as the operators on them need them.
#pragma once
#include "graph/ops/shapes.h"
#include "kernels/constants_s8.h"

namespace mote {

// A slot's values are read as ScaleS8 where they lie.
static_assert(sizeof(ScaleS8) == sizeof(format::QuantValue) &&
              offsetof(ScaleS8, scale) == offsetof(format::QuantValue, scale) &&
              offsetof(ScaleS8, zero) == offsetof(format::QuantValue, zero_point));

// Of a slot, in the step that runs.
inline ScaleS8 scale_of_slot(const RunContext& context, uint32_t slot) {
  const format::QuantValue& value = context.model->quant_value(slot, context.step);
  return {value.scale, value.zero_point};
}
// Of a tensor; {1, 0} if there is none, or it is float.
inline ScaleS8 scale_of(const RunContext& context, uint32_t tensor) {
  const uint32_t slot = tensor == format::none ? format::none : context.model->tensors[tensor].quant;
  return slot == format::none ? ScaleS8{1.0f, 0} : scale_of_slot(context, slot);
}
// Of each output channel of weights.
inline const ScaleS8* weight_scales(const RunContext& context, uint32_t tensor) {
  const format::View& model = *context.model;
  return reinterpret_cast<const ScaleS8*>(&model.quant_value(model.tensors[tensor].quant, 0));
}

inline DType dtype_of(const RunContext& context, uint32_t tensor) {
  return static_cast<DType>(context.model->tensors[tensor].dtype);
}

}  // namespace mote
