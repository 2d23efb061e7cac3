// Choosing scales and zero points for samples of a tensor: the range with the least squared error, not the extremes.
#pragma once
#include <cstdint>
#include <vector>

#include "format/format.h"
#include "kernels/kernels.h"

namespace mote::tool {

// The int8 scale and zero point for the range [low, high]; zero is always in range and exact.
format::QuantValue affine_int8(double low, double high);

// Least mean squared error over the samples among ranges that cut off one or both ends of [min, max].
format::QuantValue best_int8(const std::vector<float>& samples);

// Mean squared error of samples quantized to int8 with `value`.
double int8_error(const std::vector<float>& samples, const format::QuantValue& value);

// A table of `entries` int8 codes of act(u): entry i stands for u = (i - (zero + 128) * entries / 256) * scale of
// `index`. index: chosen so that act(u), rounded through the table, is nearest to act(sample) for the samples.
struct ActivationTable {
  format::QuantValue index;
  std::vector<int8_t> codes;
};
ActivationTable best_table(const std::vector<float>& before, Activation activation, const format::QuantValue& output,
                           int entries);

// The table of an operator that reads int8 codes themselves: codes[x + 128].
std::vector<int8_t> code_table(Activation activation, const format::QuantValue& input,
                               const format::QuantValue& output);

double activate(double x, Activation activation);

}  // namespace mote::tool
