#include "weights_tool/diffusers/export.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>

#include "weights_tool/diffusers/own_unet.h"
#include "weights_tool/diffusers/unet_graph.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/safetensors.h"

namespace mote::tool {
namespace {

uint64_t elements_of(const std::vector<uint64_t>& shape) {
  uint64_t n = 1;
  for (const uint64_t d : shape) n *= d;
  return n;
}

// [o, h, w, i] -> [o, i, h, w], times a factor.
std::vector<float> unpermuted(const std::vector<uint64_t>& shape, const float* from, float factor) {
  std::vector<float> to(elements_of(shape));
  const size_t in = shape[1], pixels = shape[2] * shape[3];
  for (size_t o = 0; o < shape[0]; ++o)
    for (size_t p = 0; p < pixels; ++p)
      for (size_t i = 0; i < in; ++i) to[(o * in + i) * pixels + p] = from[(o * pixels + p) * in + i] * factor;
  return to;
}

// A bias that was multiplied by reciprocal_factors() when it came in. Division alone may be a last bit off, but of the
// neighbours only one gives both products.
float undo_over_time(const float* stored) {
  const std::array<float, 2> factors = reciprocal_factors();
  const float near = stored[0] / factors[0];
  for (const float candidate : {near, std::nextafter(near, -INFINITY), std::nextafter(near, INFINITY)})
    if (candidate * factors[0] == stored[0] && candidate * factors[1] == stored[1]) return candidate;
  return near;
}

// The numbers of the parts, one after another: the opposite of unet_weights.cpp.
std::vector<float> undone(const ExpectedWeight& expected, const Tensor& tensor) {
  const std::vector<uint64_t>& shape = expected.parts[0].shape;
  const float* const from = tensor.values.data();
  switch (expected.form) {
    case WeightForm::convolution: return unpermuted(shape, from, 1.0f);
    case WeightForm::doubled: return unpermuted(shape, from, 0.5f);
    case WeightForm::table: return std::vector<float>(from, from + elements_of(shape));
    case WeightForm::first_columns: {
      std::vector<float> to(elements_of(shape), 0.0f);
      const size_t kept = static_cast<size_t>(tensor.dims[1]);
      for (size_t o = 0; o < shape[0]; ++o) std::copy_n(from + o * kept, kept, to.data() + o * shape[1]);
      return to;
    }
    case WeightForm::over_time: {
      std::vector<float> to;
      for (size_t i = 0; i < shape[0]; ++i) to.push_back(undo_over_time(from + 4 * i));
      return to;
    }
    case WeightForm::copy:
    case WeightForm::less_inputs_sum: break;
  }
  return tensor.values;
}

// The parameters of a graph by the operator that reads them and the place it reads them in.
struct Slot {
  std::string name;  // of the operator
  char place;        // weights, bias
  bool operator<(const Slot& other) const { return name != other.name ? name < other.name : place < other.place; }
};
std::map<int, Slot> slots_of(const Graph& graph) {
  std::map<int, Slot> slots;
  for (const Node& node : graph.nodes) {
    if (node.weights >= 0) slots[node.weights] = {node.name, 'w'};
    if (node.bias >= 0) slots[node.bias] = {node.name, 'b'};
  }
  return slots;
}

void take_parts(const ExpectedWeight& expected, const Tensor& tensor, bool old_names,
                std::map<std::string, DiffusersTensor>* out) {
  const std::vector<float> values = undone(expected, tensor);
  size_t at = 0;
  for (const WeightPart& part : expected.parts) {
    const size_t count = elements_of(part.shape);
    const auto first = values.begin() + static_cast<ptrdiff_t>(at);
    const std::string& name = old_names && !part.old_name.empty() ? part.old_name : part.name;
    (*out)[name] = {name, part.shape, {first, first + static_cast<ptrdiff_t>(count)}};
    at += count;
  }
}

// own_levels: of a network of mote's own, whose operators have other names; 0: of an imported one.
std::vector<DiffusersTensor> tensors_of(const Graph& graph, const UnetGraph& unet, int own_levels, bool old_names,
                                        const std::string& name) {
  std::map<Slot, int> stored;
  for (const auto& [tensor, slot] : slots_of(graph))
    stored[{own_levels > 0 ? diffusers_operator_name(slot.name, own_levels) : slot.name, slot.place}] = tensor;
  const std::map<int, Slot> wanted = slots_of(unet.graph);
  std::map<std::string, DiffusersTensor> out;
  for (const ExpectedWeight& expected : unet.weights) {
    if (expected.form == WeightForm::less_inputs_sum) continue;  // follows from another
    if (expected.tensor < 0)
      throw Error(ExitCode::invalid_input, name + ": its embedding of classes was evaluated when it was imported; " +
                                               expected.parts[0].name + " is not in the file any more");
    const Slot& slot = wanted.at(expected.tensor);
    const auto found = stored.find(slot);
    Tensor tensor = unet.graph.tensors[static_cast<size_t>(expected.tensor)];
    // Of a table only the classes go back, not the row for "no class".
    const uint64_t needed = expected.form == WeightForm::table ? elements_of(expected.parts[0].shape)
                                                               : static_cast<uint64_t>(tensor.elements());
    if (found != stored.end()) tensor.values = graph.tensors[static_cast<size_t>(found->second)].values;
    if (tensor.values.size() < needed)
      throw Error(ExitCode::invalid_input,
                  name + ": operator " + slot.name + " is not what the model's configuration says");
    take_parts(expected, tensor, old_names, &out);
  }
  std::vector<DiffusersTensor> tensors;
  for (auto& [key, tensor] : out) tensors.push_back(std::move(tensor));
  return tensors;
}

Json index_of(const std::string& pipeline, const Json& scheduler) {
  const Json* const kind = scheduler.find("_class_name");
  const std::string scheduler_class = kind == nullptr ? "DDPMScheduler" : kind->text();
  Json index = Json::object();
  index.set("_class_name", pipeline.empty() ? "DDPMPipeline" : pipeline).set("_diffusers_version", "0.40.0");
  index.set("scheduler", Json::array(std::vector<std::string>{"diffusers", scheduler_class}));
  index.set("unet", Json::array(std::vector<std::string>{"diffusers", "UNet2DModel"}));
  return index;
}

std::string text_of(const Json* json) {
  return json == nullptr || json->kind() != Json::Kind::string ? "" : json->text();
}

}  // namespace

DiffusersModel to_diffusers(const Graph& graph, const DiffusionInfo& info, const Json& meta, const std::string& name) {
  if (!graph.quants.empty())
    throw Error(ExitCode::invalid_input, name + ": is quantized; export the float model it was made from");
  const bool has_meta = meta.kind() == Json::Kind::object;
  const Json* const imported = has_meta ? meta.find("diffusers") : nullptr;
  const Json* const trained = has_meta ? meta.find("config") : nullptr;
  const Json* const model = trained == nullptr ? nullptr : trained->find("model");
  DiffusersModel out;
  int own_levels = 0, classes = graph.num_classes;
  if (imported != nullptr && imported->find("unet") != nullptr) {
    out.unet = *imported->find("unet");
    if (const Json* scheduler = imported->find("scheduler"); scheduler != nullptr) out.scheduler = *scheduler;
  } else if (model != nullptr) {
    const UNetConfig config = unet_config_from_json(JsonView(*model, name));
    out.unet = own_unet_config(config, name);
    out.scheduler = own_scheduler_config(*trained, graph, info);
    own_levels = static_cast<int>(unet_level_channels(config).size());
    if (classes > 0) ++classes;  // "no class"
  } else {
    throw Error(ExitCode::invalid_input, name +
                                             ": does not say how its network is configured; only models of `import` "
                                             "and of `train` do");
  }
  if (out.scheduler.kind() != Json::Kind::object) {
    out.scheduler = own_scheduler_config(Json::object(), graph, info);
  }
  out.index = index_of(imported == nullptr ? "DDIMPipeline" : text_of(imported->find("class_name")), out.scheduler);
  const Tensor& picture = graph.tensors[static_cast<size_t>(graph.input)];
  const Unet2DConfig config = parse_unet2d_config(JsonView(out.unet, name));
  const UnetGraph unet = build_diffusers_unet(config, picture.dims[0], picture.dims[1], classes, name);
  const bool old_names = imported != nullptr && imported->find("old_names") != nullptr;
  out.tensors = tensors_of(graph, unet, own_levels, old_names, name);
  return out;
}

void write_diffusers_folder(const std::string& folder, const DiffusersModel& model, bool force) {
  const std::string unet = folder + "/unet", scheduler = folder + "/scheduler";
  const std::string index_path = folder + "/model_index.json", config_path = unet + "/config.json";
  const std::string scheduler_path = scheduler + "/scheduler_config.json";
  const std::string weights_path = unet + "/diffusion_pytorch_model.safetensors";
  for (const std::string& path : {unet, scheduler}) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) throw Error(ExitCode::io, path + ": cannot make the folder: " + failed.message());
  }
  for (const std::string& path : {index_path, config_path, scheduler_path, weights_path}) refuse_existing(path, force);
  std::vector<SafeTensor> tensors;
  for (const DiffusersTensor& tensor : model.tensors)
    tensors.push_back(f32_tensor(tensor.name, tensor.shape, tensor.values.data()));
  write_safetensors(weights_path, tensors, {{"format", "pt"}}, force);
  write_json_file(config_path, model.unet, force);
  write_json_file(scheduler_path, model.scheduler, force);
  write_json_file(index_path, model.index, force);
}

}  // namespace mote::tool
