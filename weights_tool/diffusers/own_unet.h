// A network of mote's own trainer (weights_tool/graph/unet.h) in the terms of UNet2DModel: its configuration, and what
// its operators are called there.
#pragma once
#include <string>

#include "weights_tool/graph/unet.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// The config.json of the same network. "No class" becomes one more class, the last. Throws Error(invalid_input) with
// `name` in front for what UNet2DModel cannot be, with the settings to train with instead.
Json own_unet_config(const UNetConfig& config, const std::string& name);

// "down.0.1.conv1" -> "down_blocks.0.resnets.1.conv1". levels: of the network. Other names stay as they are.
std::string diffusers_operator_name(const std::string& name, int levels);

// The scheduler_config.json of a DDIMScheduler with the model's noise levels. train: the "config" of its meta.
Json own_scheduler_config(const Json& train, const Graph& graph, const DiffusionInfo& info);

}  // namespace mote::tool
