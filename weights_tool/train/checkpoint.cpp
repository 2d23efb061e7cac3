#include "weights_tool/train/checkpoint.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/safetensors.h"
#include "weights_tool/train/level_sampler.h"

namespace mote::tool {
namespace {

constexpr const char* kVersionKey = "mote.checkpoint";
constexpr const char* kVersion = "1";
constexpr const char* kStateKey = "mote.state";
constexpr const char* kChecksumKey = "mote.crc32";
constexpr const char* kLevelLosses = "level_losses";
constexpr const char* kKinds[] = {"values", "ema", "adam_m", "adam_v"};

constexpr const char* kOther = "discriminator/";  // in front of those of the second network

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ExitCode::invalid_input, path + ": " + what);
}

// What to do about a damaged file: the one before it, if it is there.
std::string advice(const std::string& path) {
  const std::string previous = path + ".prev";
  return path_exists(previous) ? "; the checkpoint before it is " + previous : "";
}

std::string checksum_text(const std::string& state, const std::vector<SafeTensor>& tensors) {
  uint32_t sum = crc32(state.data(), state.size());
  for (const SafeTensor& tensor : tensors) sum = crc32(tensor.bytes.data, tensor.bytes.size, sum);
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(sum));
  return text;
}

Json number_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

std::string state_text(const TrainState& state) {
  Json json = Json::object();
  json.set("config", train_config_to_json(state.config));
  json.set("step", static_cast<long long>(state.step)).set("images", static_cast<long long>(state.images));
  json.set("smoothed_loss", number_or_null(state.smoothed_loss));
  json.set("validation_loss", number_or_null(state.validation_loss));
  json.set("kernels", state.kernels).set("data_crc32", state.data_crc32);
  return write_json(json, 0);
}

double loss_of(const JsonView& view, const char* key) {
  if (view.at(key).is_null()) return std::numeric_limits<double>::quiet_NaN();
  return view.at(key).number(0, std::numeric_limits<double>::max());
}

const std::string& metadata(const SafetensorsView& file, const std::string& path, const char* key) {
  const std::string* text = file.find_metadata(key);
  if (text == nullptr) {
    fail(path, std::string("no checkpoint of weights_tool: its metadata lacks \"") + key + "\"");
  }
  return *text;
}

TrainState verified_state(const SafetensorsView& file, const std::string& path) {
  const std::string& version = metadata(file, path, kVersionKey);
  if (version != kVersion) {
    fail(path, "checkpoint version " + version.substr(0, 20) + ", this program reads version " + kVersion);
  }
  const std::string& state = metadata(file, path, kStateKey);
  if (metadata(file, path, kChecksumKey) != checksum_text(state, file.tensors)) {
    fail(path, "damaged: the checksum does not match" + advice(path));
  }
  return parse_train_state(state, path);
}

std::vector<uint64_t> shape_of(const Tensor& tensor) {
  std::vector<uint64_t> shape;
  for (int i = 0; i < tensor.rank; ++i) shape.push_back(static_cast<uint64_t>(tensor.dims[static_cast<size_t>(i)]));
  return shape;
}

bool is_trained(const Tensor& tensor) { return tensor.role == Role::parameter && !tensor.constant; }

// One place an array of the file goes to.
struct Target {
  const SafeTensor* from;
  float* to;
};

// Pairs the file's arrays with the graph's parameters and collects what does not fit.
class Matcher {
 public:
  explicit Matcher(const SafetensorsView& file) : file_(&file) {}

  void match(const char* kind, const Tensor& tensor, float* to) {
    match(std::string(kind) + "/" + tensor.name, shape_of(tensor), to);
  }
  void match(const std::string& name, const std::vector<uint64_t>& wanted, float* to) {
    ++expected_;
    const SafeTensor* found = file_->find(name);
    if (found == nullptr) return misfit(name + " is missing");
    if (found->dtype != SafeDType::f32 || found->shape != wanted) {
      return misfit(name + " is " + safe_dtype_name(found->dtype) + safe_shape_text(found->shape) + " instead of F32" +
                    safe_shape_text(wanted));
    }
    targets_.push_back({found, to});
  }

  // `others`: how many arrays the file has besides those that were matched.
  void finish(const std::string& path, size_t others) {
    const size_t expected = expected_ + others;
    if (misfits_ == 0 && file_->tensors.size() != expected) {
      misfit(std::to_string(file_->tensors.size() - expected) + " arrays that the network does not have");
    }
    if (misfits_ == 0) return;
    const std::string more = misfits_ > kListed ? " and " + std::to_string(misfits_ - kListed) + " more" : "";
    fail(path, "does not fit the network: " + list_ + more);
  }

  void copy() const {
    for (const Target& target : targets_) copy_as_f32(*target.from, target.to);
  }

 private:
  static constexpr size_t kListed = 5;
  void misfit(const std::string& text) {
    if (++misfits_ <= kListed) list_ += (misfits_ > 1 ? "; " : "") + text;
  }

  const SafetensorsView* file_;
  std::vector<Target> targets_;
  size_t misfits_ = 0, expected_ = 0;
  std::string list_;
};

// fn(kind, tensor, values) for the arrays of a discriminator, in the order of the file.
template <class Fn>
void for_each_array(const CheckpointDiscriminator& part, const Fn& fn) {
  const std::pair<const char*, float*> kinds[] = {{"values", part.values}, {"adam_m", part.m}, {"adam_v", part.v}};
  for (const auto& kind : kinds) {
    for (size_t i = 0; i < part.graph->tensors.size(); ++i) {
      const int64_t offset = part.store->offset(static_cast<int>(i));
      if (offset >= 0) fn(std::string(kOther) + kind.first, part.graph->tensors[i], kind.second + offset);
    }
  }
}

std::vector<uint64_t> level_losses_shape(const TrainConfig& config) {
  return {static_cast<uint64_t>(config.timesteps), LevelSampler::kHistory};
}

bool has_level_losses(const TrainConfig& config) { return config.timestep_sampling == TimestepSampling::importance; }

// A second name for the file that is about to be replaced; both stay complete all the time. File systems without hard
// links get a copy.
void keep_previous(const std::string& path) {
  if (!path_exists(path)) return;
  const std::string previous = path + ".prev", link = previous + ".tmp-link";
  std::error_code failed;
  std::filesystem::remove(link, failed);
  std::filesystem::create_hard_link(path, link, failed);
  if (!failed) std::filesystem::rename(link, previous, failed);
  if (failed) write_file(previous, MappedFile(path).bytes(), true);
}

}  // namespace

TrainState parse_train_state(const std::string& text, const std::string& name) {
  const std::string where = name + ": " + kStateKey;
  const Json json = parse_json(text, where);
  const JsonView view(json, where);
  view.refuse_unknown({"config", "step", "images", "smoothed_loss", "validation_loss", "kernels", "data_crc32"});
  TrainState state;
  state.config = train_config_from_json(view.at("config").value(), where + ": config");
  state.step = view.at("step").integer(0, UINT32_MAX);
  state.images = view.at("images").integer(0);
  state.smoothed_loss = loss_of(view, "smoothed_loss");
  state.validation_loss = loss_of(view, "validation_loss");
  state.kernels = view.at("kernels").text();
  state.data_crc32 = static_cast<uint32_t>(view.at("data_crc32").integer(0, UINT32_MAX));
  return state;
}

Graph build_training_graph(const TrainConfig& config) {
  Graph graph = build_model(config.model, config.seed);
  graph.num_classes = config.model.classes;
  graph.train_steps = config.timesteps;
  graph.prediction = config.prediction;
  return graph;
}

void save_checkpoint(const std::string& path, const Graph& graph, const ParameterStore& store, const TrainState& state,
                     const CheckpointBuffers& buffers, const CheckpointDiscriminator* discriminator) {
  const float* const sources[] = {buffers.values, buffers.ema, buffers.m, buffers.v};
  std::vector<SafeTensor> tensors;
  for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      const int64_t offset = store.offset(static_cast<int>(i));
      if (offset < 0) continue;
      const Tensor& tensor = graph.tensors[i];
      tensors.push_back(
          f32_tensor(std::string(kKinds[kind]) + "/" + tensor.name, shape_of(tensor), sources[kind] + offset));
    }
  }
  if (discriminator != nullptr) {
    for_each_array(*discriminator, [&](const std::string& kind, const Tensor& tensor, float* values) {
      tensors.push_back(f32_tensor(kind + "/" + tensor.name, shape_of(tensor), values));
    });
  }
  if (has_level_losses(state.config))
    tensors.push_back(f32_tensor(kLevelLosses, level_losses_shape(state.config), state.level_losses.data()));
  const std::string text = state_text(state);
  const SafeMetadata metadata = {
      {kVersionKey, kVersion}, {kStateKey, text}, {kChecksumKey, checksum_text(text, tensors)}};
  keep_previous(path);
  write_safetensors(path, tensors, metadata, true);
}

TrainState read_checkpoint_state(const std::string& path) { return verified_state(SafetensorsFile(path).view(), path); }

TrainState restore_checkpoint(const std::string& path, const Graph& graph, const ParameterStore& store,
                              const CheckpointBuffers& buffers, const CheckpointDiscriminator* discriminator) {
  const SafetensorsFile mapped(path);
  const SafetensorsView& file = mapped.view();
  TrainState state = verified_state(file, path);
  float* const targets[] = {buffers.values, buffers.ema, buffers.m, buffers.v};
  Matcher matcher(file);
  for (size_t kind = 0; kind < std::size(kKinds); ++kind) {
    for (size_t i = 0; i < graph.tensors.size(); ++i) {
      const int64_t offset = store.offset(static_cast<int>(i));
      if (offset < 0) continue;
      matcher.match(kKinds[kind], graph.tensors[i], targets[kind] + offset);
    }
  }
  if (discriminator != nullptr) {
    for_each_array(*discriminator, [&](const std::string& kind, const Tensor& tensor, float* values) {
      matcher.match(kind.c_str(), tensor, values);
    });
  }
  if (has_level_losses(state.config)) {
    state.level_losses.resize(static_cast<size_t>(state.config.timesteps) * LevelSampler::kHistory);
    matcher.match(kLevelLosses, level_losses_shape(state.config), state.level_losses.data());
  }
  matcher.finish(path, 0);
  matcher.copy();
  return state;
}

LoadedModel load_checkpoint(const std::string& path, bool use_ema) {
  const MappedFile mapped(path);
  return load_checkpoint(mapped.bytes(), path, use_ema);
}

LoadedModel load_checkpoint(ByteView bytes, const std::string& name, bool use_ema) {
  const SafetensorsView file = parse_safetensors(bytes, name);
  LoadedModel model;
  model.state = verified_state(file, name);
  model.graph = build_training_graph(model.state.config);
  Matcher matcher(file);
  size_t trained = 0;
  for (Tensor& tensor : model.graph.tensors) {
    if (!is_trained(tensor)) continue;
    matcher.match(use_ema ? "ema" : "values", tensor, tensor.values.data());
    ++trained;
  }
  size_t others = 0;
  for (const SafeTensor& tensor : file.tensors) others += tensor.name.compare(0, std::strlen(kOther), kOther) == 0;
  matcher.finish(name, trained * (std::size(kKinds) - 1) + others + (has_level_losses(model.state.config) ? 1 : 0));
  matcher.copy();
  return model;
}

}  // namespace mote::tool
