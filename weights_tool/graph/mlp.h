// Builds a multilayer perceptron with residual blocks for points of a few dimensions: x_t is [1, 1, channels], every
// layer a 1x1 convolution, so that it trains, quantizes and runs on the device as a UNet does. Defines the
// configuration's keys; knows nothing of training.
#pragma once
#include <cstdint>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// JSON: {"kind": "mlp", "channels": 2, "classes": 0, "width": 128, "layers": 3, "activation": "silu",
//  "time_features": 64, "sinusoid_features": 32}
struct MlpConfig {
  int channels = 2;                          // coordinates of a point
  int classes = 0;                           // 0: unconditional; else a null class is added as number `classes`
  int width = 128;                           // features between the blocks and in them
  int layers = 3;                            // residual blocks of two linear maps each
  Activation activation = Activation::silu;  // "silu", "relu", "gelu"
  int time_features = 64;                    // width of the time embedding's MLP
  int sinusoid_features = 32;                // sines and cosines of the timestep together
};

// Throws Error(invalid_input) naming the key for wrong types, unknown keys and values out of range.
MlpConfig mlp_config_from_json(const JsonView&);
Json mlp_config_to_json(const MlpConfig&);

// x -> linear -> blocks of [activation, linear + projected time, activation, linear] + x -> activation -> linear.
// Parameters are uniform in +-1/sqrt(fan_in); the last linear map of every block and of the network start at zero.
Graph build_mlp(const MlpConfig&, uint64_t seed);

}  // namespace mote::tool
