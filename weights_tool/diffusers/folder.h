// Where things lie in a folder that diffusers wrote: a pipeline's (model_index.json, unet/, scheduler/), a model's
// alone (config.json and weights), or that of an old repository, which has a pipeline's files at its root. Finds and
// parses; knows no settings and no tensors.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/io/json.h"

namespace mote::tool {

struct DiffusersFolder {
  std::string pipeline_class;  // of model_index.json; "" when there is none
  std::string unet_path;       // of config.json, for messages
  Json unet;
  std::string scheduler_path;        // of scheduler_config.json; "" when there is none
  std::string scheduler_text;        // its bytes: not quite JSON, see scheduler_config.h
  std::vector<std::string> weights;  // paths of the safetensors files: one, or all shards
  std::string name;                  // what messages call the weights
};

// variant: "" takes the plain files, or the only variant there is; "fp16" takes NAME.fp16.safetensors. Throws
// Error(io) for files that are missing or cannot be read, Error(invalid_input) for contents: another pipeline, an
// index that names files outside of the folder, weights that are not safetensors.
DiffusersFolder find_diffusers_files(const std::string& folder, const std::string& variant);

// The files that a "*.safetensors.index.json" names, in order of their names. Throws Error(invalid_input) for names
// that are no plain names of safetensors files ("../x", "/x", "a/b").
std::vector<std::string> shard_names(const JsonView& index);

}  // namespace mote::tool
