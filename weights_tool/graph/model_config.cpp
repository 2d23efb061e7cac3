#include "weights_tool/graph/model_config.h"

namespace mote::tool {

ModelConfig model_config_from_json(const JsonView& view) {
  if (view.one_of_or("kind", "unet", {"unet", "mlp"}) == "unet") return unet_config_from_json(view);
  ModelConfig config;
  config.kind = ModelKind::mlp;
  config.mlp = mlp_config_from_json(view);
  config.height = config.width = 1;
  config.channels = config.mlp.channels;
  config.classes = config.mlp.classes;
  return config;
}

Json model_config_to_json(const ModelConfig& config) {
  return config.kind == ModelKind::mlp ? mlp_config_to_json(config.mlp) : unet_config_to_json(config);
}

Graph build_model(const ModelConfig& config, uint64_t seed) {
  return config.kind == ModelKind::mlp ? build_mlp(config.mlp, seed) : build_unet(config, seed);
}

}  // namespace mote::tool
