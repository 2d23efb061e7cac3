// What conv2d and linear of quantized models share: all of it, a linear operator being a 1 x 1 convolution of a picture
// one pixel wide.
// Phase 0: output channels: the constants of this step into the shared scratch (SPEC.md, "Scratch"). Phase 1: rows.
#pragma once
#include "graph/operators.h"

namespace mote {

uint32_t convolution_s8_phases(const format::View& view, const OperatorRecord& op, Phase* phases);
void convolution_s8_run(const RunContext& context, const OperatorRecord& op, const Band& band);
size_t convolution_s8_packed_bytes(const RunContext& context, const OperatorRecord& op);
void convolution_s8_pack(const RunContext& context, const OperatorRecord& op, void* packed);
size_t convolution_s8_packed_scratch_bytes(const RunContext& context, const OperatorRecord& op);

}  // namespace mote
