// What a quantized model computes, by SPEC.md and src/kernels/kernels_s8.h alone: plain loops, exact integers in 64 bits
// wherever the text says "exact", floats in the order it gives. Results of the library must be equal to the bit. Shares
// no code with src but the activations of core/math.h, whose bits are its contract.
#pragma once
#include <map>
#include <vector>

#include "tests/support/model_builder.h"

namespace mote::test {

// Every tensor that was written, by its number; what is not float is in `codes`.
struct QuantizedTensors {
  std::map<uint32_t, std::vector<int32_t>> codes;
  std::map<uint32_t, std::vector<float>> floats;
};

QuantizedTensors quantized_twin(const Builder& model, const std::vector<float>& x, uint32_t step, uint32_t class_row);

}  // namespace mote::test
