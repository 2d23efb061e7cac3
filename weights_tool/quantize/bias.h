// Takes off what quantization does to the outputs of the convolutions in the mean: rounded weights, cut-off ranges and
// the errors of the operators before, all at once, as measured (bias correction; Nagel et al. 2019, arXiv 1906.04721,
// section 4.2, with measured instead of derived means). Also its effect on their size: cutting off ranges shrinks what
// comes after, and a network output that is 0.5 % too small at each step makes pictures of less contrast.
#pragma once
#include "weights_tool/quantize/compare.h"

namespace mote::tool {

// How many passes over the pictures correct_biases makes for this graph: operators are corrected in order, a few at a
// time, so that each sees the ones before it corrected.
int bias_passes(const Graph& quantized);

// Changes the biases of conv2d and linear operators that x_t reaches and, of those without a residual, the scales of the
// weights. progress moves on from `done`.
void correct_biases(const Comparison& comparison, QuantizedGraph& quantized, uint64_t done, Progress& progress);

}  // namespace mote::tool
