// Files of diffusers that are JSON: any bytes give a network, a list of shards, or an Error of one line. Weights are
// safetensors, which fuzz_safetensors is about.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "weights_tool/diffusers/folder.h"
#include "weights_tool/diffusers/unet_graph.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/io/error.h"

namespace {

using namespace mote::tool;

template <class Action>
void expect_error_or_nothing(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input || std::strchr(error.what(), '\n') != nullptr) abort();
  }
}

// Every parameter of the network is either filled by a checkpoint or has values, and every shape is one.
void check_network(const Json& json) {
  const Unet2DConfig config = parse_unet2d_config(JsonView(json, "input"));
  const int height = config.height > 0 ? config.height : 8, width = config.width > 0 ? config.width : 8;
  const int classes = config.class_embedding == ClassEmbedding::none ? 0 : 3;
  UnetGraph unet = build_diffusers_unet(config, height, width, classes, "input");
  std::vector<bool> filled(unet.graph.tensors.size(), false);
  for (const ExpectedWeight& weight : unet.weights) {
    if (weight.parts.empty()) abort();
    if (weight.tensor >= 0) filled[static_cast<size_t>(weight.tensor)] = true;
  }
  for (size_t t = 0; t < filled.size(); ++t) {
    const Tensor& tensor = unet.graph.tensors[t];
    if (tensor.elements() < 1) abort();
    const bool table = tensor.name == "class_embedding.table";
    if (tensor.role == Role::parameter && !table && filled[t] == !tensor.values.empty()) abort();
  }
  prepare_for_inference(unet.graph);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Json json;
  expect_error_or_nothing([&] {
    json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "input");
    if (json.kind() != Json::Kind::object) return;
    if (json.find("weight_map") != nullptr) {
      for (const std::string& name : shard_names(JsonView(json, "input")))
        if (name.find('/') != std::string::npos || name.find("..") == 0) abort();
    } else {
      check_network(json);
    }
  });
  return 0;
}
