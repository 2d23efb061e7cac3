// The network of a training: a UNet (graph/unet.h), or with "kind": "mlp" a perceptron for points (graph/mlp.h).
#pragma once
#include <cstdint>

#include "weights_tool/graph/mlp.h"
#include "weights_tool/graph/unet.h"

namespace mote::tool {

enum class ModelKind { unet, mlp };

// The sizes of x_t and the number of classes stand in the fields height, width, channels and classes for every kind;
// the other fields of UNetConfig are a UNet's alone.
struct ModelConfig : UNetConfig {
  ModelConfig() = default;
  ModelConfig(const UNetConfig& unet) : UNetConfig(unet) {}  // NOLINT: every UNet is one
  ModelKind kind = ModelKind::unet;
  MlpConfig mlp;  // of that kind
};

// The key "kind" chooses: "unet" (without it) or "mlp"; the other keys are those of the kind. Errors are the kind's.
ModelConfig model_config_from_json(const JsonView&);
Json model_config_to_json(const ModelConfig&);
Graph build_model(const ModelConfig&, uint64_t seed);

}  // namespace mote::tool
