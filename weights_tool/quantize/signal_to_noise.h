// How far a quantized network's tensors are from the float network's: signal to noise of each operator at each step.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/quantize/compare.h"

namespace mote::tool {

struct LayerNoise {
  std::string name;             // of the operator
  std::vector<double> decibel;  // [step]: 10 log10(sum v^2 / sum (v - quantized)^2); at most 200
};

// Errors of earlier operators included. The last entry is the network's output.
std::vector<LayerNoise> measure_noise(const Comparison& comparison, const QuantizedGraph& quantized,
                                      Progress& progress);

}  // namespace mote::tool
