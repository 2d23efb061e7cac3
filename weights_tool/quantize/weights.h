// Rounding the weights of a convolution or linear layer to int8, symmetric for each output channel, in [-127, 127].
#pragma once
#include <cstdint>
#include <vector>

#include "format/format.h"

namespace mote::tool {

struct RoundedWeights {
  std::vector<int8_t> codes;
  std::vector<format::QuantValue> scales;  // one for each output channel; zero_point 0
  // What rounding adds to the output of each channel in the mean, sum over inputs of (rounded - w) * E[x]: to be taken
  // off the bias.
  std::vector<double> shift;
};

// values: [outputs][taps][inputs]. mean, square: E[x] and E[x^2] of each input channel; the scale of a channel is the one
// with the least sum of (rounded - w)^2 * E[x^2].
RoundedWeights round_weights(const std::vector<float>& values, size_t outputs, size_t taps, size_t inputs,
                             const std::vector<double>& mean, const std::vector<double>& square);

// The largest over output channels of sum |code| over the inputs [first, first + count) and all taps.
int64_t largest_weight_sum(const std::vector<int8_t>& codes, size_t outputs, size_t taps, size_t inputs, size_t first,
                           size_t count);

}  // namespace mote::tool
