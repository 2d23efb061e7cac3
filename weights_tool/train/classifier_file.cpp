#include "weights_tool/train/classifier_file.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/safetensors.h"

namespace mote::tool {
namespace {

constexpr const char* kVersionKey = "mote.classifier";
constexpr const char* kVersion = "1";
constexpr const char* kStateKey = "mote.state";
constexpr const char* kChecksumKey = "mote.crc32";
constexpr double kLargest = std::numeric_limits<double>::max();

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ExitCode::invalid_input, path + ": " + what);
}

std::string checksum_text(const std::string& state, const std::vector<SafeTensor>& tensors) {
  uint32_t sum = crc32(state.data(), state.size());
  for (const SafeTensor& tensor : tensors) sum = crc32(tensor.bytes.data, tensor.bytes.size, sum);
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(sum));
  return text;
}

Json recipe_to_json(const ClassifierRecipe& recipe) {
  Json json = Json::object();
  json.set("epochs", recipe.epochs).set("batch", recipe.batch).set("learning_rate", recipe.learning_rate);
  json.set("weight_decay", recipe.weight_decay).set("gradient_clip", recipe.gradient_clip).set("ema", recipe.ema);
  json.set("warmup_steps", recipe.warmup_steps).set("flip", recipe.flip).set("shift", recipe.shift);
  json.set("seed", static_cast<long long>(recipe.seed));
  return json;
}

ClassifierRecipe recipe_from_json(const JsonView& view) {
  view.refuse_unknown({"epochs", "batch", "learning_rate", "weight_decay", "gradient_clip", "ema", "warmup_steps",
                       "flip", "shift", "seed"});
  ClassifierRecipe recipe;
  recipe.epochs = static_cast<int>(view.at("epochs").integer(1, 1000000));
  recipe.batch = static_cast<int>(view.at("batch").integer(1, 65536));
  recipe.learning_rate = view.at("learning_rate").number(0, kLargest);
  recipe.weight_decay = view.at("weight_decay").number(0, kLargest);
  recipe.gradient_clip = view.at("gradient_clip").number(0, kLargest);
  recipe.ema = view.at("ema").number(0, 1);
  recipe.warmup_steps = static_cast<int>(view.at("warmup_steps").integer(0, 1000000));
  recipe.flip = view.at("flip").boolean();
  recipe.shift = static_cast<int>(view.at("shift").integer(0, 1024));
  recipe.seed = static_cast<uint64_t>(view.at("seed").integer(0));
  return recipe;
}

std::string state_text(const ClassifierState& state) {
  Json json = Json::object();
  json.set("config", classifier_config_to_json(state.config)).set("recipe", recipe_to_json(state.recipe));
  json.set("step", static_cast<long long>(state.step)).set("steps", static_cast<long long>(state.steps));
  json.set("accuracy", state.accuracy);  // NaN becomes null
  json.set("kernels", state.kernels).set("data_crc32", state.data_crc32);
  return write_json(json, 0);
}

ClassifierState parse_state(const std::string& text, const std::string& path) {
  const std::string where = path + ": " + kStateKey;
  const Json json = parse_json(text, where);
  const JsonView view(json, where);
  view.refuse_unknown({"config", "recipe", "step", "steps", "accuracy", "kernels", "data_crc32"});
  ClassifierState state;
  state.config = classifier_config_from_json(view.at("config"));
  state.recipe = recipe_from_json(view.at("recipe"));
  state.step = view.at("step").integer(0);
  state.steps = view.at("steps").integer(0);
  const JsonView accuracy = view.at("accuracy");
  state.accuracy = accuracy.is_null() ? std::numeric_limits<double>::quiet_NaN() : accuracy.number(0, 1);
  state.kernels = view.at("kernels").text();
  state.data_crc32 = static_cast<uint32_t>(view.at("data_crc32").integer(0, UINT32_MAX));
  return state;
}

const std::string& metadata(const SafetensorsFile& file, const std::string& path, const char* key) {
  const std::string* text = file.metadata(key);
  if (text == nullptr) {
    fail(path, std::string("no classifier of weights_tool train-classifier: its metadata lacks \"") + key + "\"");
  }
  return *text;
}

std::vector<uint64_t> shape_of(const Tensor& tensor) {
  return std::vector<uint64_t>(tensor.dims.begin(), tensor.dims.begin() + tensor.rank);
}

void copy_parameters(const SafetensorsFile& file, const std::string& path, Graph* graph) {
  size_t wanted = 0;
  for (Tensor& tensor : graph->tensors) {
    if (tensor.role != Role::parameter || tensor.constant) continue;
    ++wanted;
    const SafeTensor* found = file.find(tensor.name);
    if (found == nullptr) fail(path, "the array " + tensor.name + " is missing");
    if (found->dtype != SafeDType::f32 || found->shape != shape_of(tensor)) {
      fail(path, "the array " + tensor.name + " is " + safe_dtype_name(found->dtype) + safe_shape_text(found->shape) +
                     " instead of F32" + safe_shape_text(shape_of(tensor)));
    }
    copy_as_f32(*found, tensor.values.data());
    for (const float value : tensor.values) {
      if (!std::isfinite(value)) fail(path, "the array " + tensor.name + " holds a number that is not finite");
    }
  }
  if (file.tensors().size() != wanted) fail(path, "holds arrays that the network does not have");
}

}  // namespace

void save_classifier(const std::string& path, const Graph& graph, const ParameterStore& store, const float* values,
                     const ClassifierState& state, bool force) {
  std::vector<SafeTensor> tensors;
  for (size_t i = 0; i < graph.tensors.size(); ++i) {
    const int64_t offset = store.offset(static_cast<int>(i));
    if (offset >= 0) tensors.push_back(f32_tensor(graph.tensors[i].name, shape_of(graph.tensors[i]), values + offset));
  }
  const std::string text = state_text(state);
  const SafeMetadata metadata = {
      {kVersionKey, kVersion}, {kStateKey, text}, {kChecksumKey, checksum_text(text, tensors)}};
  write_safetensors(path, tensors, metadata, force);
}

LoadedClassifier load_classifier(const std::string& path) {
  const SafetensorsFile file(path);
  const std::string& version = metadata(file, path, kVersionKey);
  if (version != kVersion) {
    fail(path, "classifier version " + version.substr(0, 20) + ", this program reads version " + kVersion);
  }
  const std::string& text = metadata(file, path, kStateKey);
  if (metadata(file, path, kChecksumKey) != checksum_text(text, file.tensors())) {
    fail(path, "damaged: the checksum does not match");
  }
  LoadedClassifier loaded;
  loaded.state = parse_state(text, path);
  loaded.graph = build_classifier(loaded.state.config, loaded.state.recipe.seed);
  copy_parameters(file, path, &loaded.graph);
  return loaded;
}

}  // namespace mote::tool
