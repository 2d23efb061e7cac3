// The way back: a float model as a folder that diffusers loads. The tensors of an imported model are those it came with,
// to the last bit; a model of mote's own trainer becomes a UNet2DModel if its configuration has an equal there.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/diffusers/unet_config.h"
#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct DiffusersTensor {
  std::string name;
  std::vector<uint64_t> shape;
  std::vector<float> values;
};

struct DiffusersModel {
  Json index, unet, scheduler;           // model_index.json, unet/config.json, scheduler/scheduler_config.json
  std::vector<DiffusersTensor> tensors;  // by name
};

// graph, info and meta as they are in a model file (meta says what the network is). `name` stands in front of errors:
// Error(invalid_input) for quantized models, for those whose meta does not say, and for settings that UNet2DModel has not.
DiffusersModel to_diffusers(const Graph& graph, const DiffusionInfo& info, const Json& meta, const std::string& name);

// Writes model_index.json, unet/ and scheduler/ below `folder`, which is made if it is not there. Refuses to replace
// files without `force`. Throws Error(io).
void write_diffusers_folder(const std::string& folder, const DiffusersModel& model, bool force);

}  // namespace mote::tool
