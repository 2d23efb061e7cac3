#include "weights_tool/commands/model_source.h"

#include <mote/version.h>

#include <algorithm>
#include <utility>

#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/train/checkpoint.h"
#include "weights_tool/train/gan_trainer.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {
namespace {

constexpr uint64_t model_file_cap = format::max_file_bytes;

enum class Content { empty, model_file, json, safetensors, other };

Content content_of(ByteView bytes) {
  if (bytes.size == 0) return Content::empty;
  if (bytes.size >= 4 && load_u32_le(bytes.data) == format::magic) return Content::model_file;
  // safetensors: the length of a JSON header, then the header.
  if (bytes.size >= 9 && load_u64_le(bytes.data) <= bytes.size - 8 && bytes.data[8] == '{') return Content::safetensors;
  for (size_t i = 0; i < bytes.size; ++i) {
    const uint8_t c = bytes.data[i];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') continue;
    return c == '{' ? Content::json : Content::other;
  }
  return Content::other;
}

// updates: done by the training, which say what a distilled model's steps are.
DiffusionInfo diffusion_of(const TrainConfig& config, int steps, int64_t updates) {
  ScheduleOptions options;
  options.kind = config.schedule;
  options.train_steps = config.timesteps;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule(options));
  if (steps > 0) {
    info.default_steps = steps;
  } else if (config.distillation.wanted()) {
    info.default_steps = distill_stage(config.distillation, std::max<int64_t>(1, updates)).student_steps;
  } else {
    info.default_steps = config.gan.wanted() ? config.gan.steps : std::min(10, config.timesteps);
  }
  if (config.gan.wanted() && info.default_steps == config.gan.steps) info.rows = gan_rows(config);
  return info;
}

// Fields that follow from the graph: the plan and the file.
void complete(ModelSource& source) {
  prepare_for_inference(source.graph);
  source.plan = plan_memory(source.graph);
  source.bytes = write_model(source.graph, source.plan, source.diffusion, source.meta);
}

// A training configuration, or only the network's part of one.
ModelSource from_configuration(ByteView bytes, const std::string& path, const SourceOptions& options) {
  const Json json = parse_json(bytes.text(), path);
  TrainConfig config;
  if (JsonView(json, path).has("model")) {
    config = train_config_from_json(json, path);
  } else {
    config.model = model_config_from_json(JsonView(json, path));
  }
  ModelSource source;
  source.kind = ModelSource::Kind::configuration;
  source.graph = build_training_graph(config);
  source.diffusion = diffusion_of(config, options.steps, 0);
  source.meta = Json::object().set("config", train_config_to_json(config));
  complete(source);
  return source;
}

ModelSource from_checkpoint(const std::string& path, const SourceOptions& options) {
  LoadedModel loaded = load_checkpoint(path, options.use_ema);
  const TrainState& state = loaded.state;
  ModelSource source;
  source.kind = ModelSource::Kind::checkpoint;
  source.graph = std::move(loaded.graph);
  source.diffusion = diffusion_of(state.config, options.steps, state.step);
  source.meta = Json::object();
  source.meta.set("producer", "mote weights_tool " MOTE_VERSION_STRING)
      .set("weights", options.use_ema ? "ema" : "last");
  source.meta.set("step", static_cast<long long>(state.step));
  source.meta.set("images", static_cast<long long>(state.images)).set("config", train_config_to_json(state.config));
  complete(source);
  return source;
}

ModelSource from_model_file(std::vector<uint8_t> bytes, const std::string& path, const SourceOptions& options) {
  ModelFile file = read_model(bytes, path);
  ModelSource source;
  source.graph = std::move(file.graph);
  source.plan = std::move(file.plan);
  source.diffusion = std::move(file.diffusion);
  source.meta = std::move(file.meta);
  bytes.resize(file.model_bytes);
  source.bytes = std::move(bytes);
  const Json* scheduler = scheduler_of_meta(source.meta);
  if (options.steps > 0 && scheduler != nullptr && !source.graph.folded) {
    // An imported model: its scheduler's own steps. Levels and clipping are the file's already.
    const SchedulerConfig config = parse_scheduler_config(JsonView(*scheduler, path + ": diffusers.scheduler"));
    const DiffusionInfo info = diffusion_of(config, options.steps);
    source.diffusion.rows = info.rows;
    source.diffusion.default_steps = info.default_steps;
    source.bytes = write_model(source.graph, source.plan, source.diffusion, source.meta);
  } else if (options.steps > 0 && options.steps != source.diffusion.default_steps) {
    if (source.diffusion.schedule.empty() || source.graph.folded)
      throw Error(ExitCode::invalid_input,
                  path + ": was made for exactly " + std::to_string(source.diffusion.default_steps) + " steps");
    source.diffusion.default_steps = options.steps;
    source.diffusion.rows.clear();
    source.bytes = write_model(source.graph, source.plan, source.diffusion, source.meta);
  }
  return source;
}

}  // namespace

namespace {

ModelSource load_as_it_is(const std::string& path, const SourceOptions& options) {
  std::vector<uint8_t> bytes = read_file(path);
  switch (content_of(bytes)) {
    case Content::empty: throw Error(ExitCode::invalid_input, path + ": the file is empty");
    case Content::model_file: return from_model_file(std::move(bytes), path, options);
    case Content::json: return from_configuration(bytes, path, options);
    case Content::safetensors: return from_checkpoint(path, options);
    case Content::other: break;
  }
  throw Error(ExitCode::invalid_input, path + ": is no model file, checkpoint or JSON configuration");
}

void take_sampler(const std::string& path, const std::string& sampler, ModelSource& source) {
  if (source.graph.folded)
    throw Error(ExitCode::invalid_input, path + ": was made for the sampler and the steps it has");
  const Json* scheduler = scheduler_of_meta(source.meta);
  const SchedulerConfig config =
      scheduler == nullptr ? scheduler_config_of(source.diffusion, source.graph.prediction, sampler)
                           : scheduler_config_as(JsonView(*scheduler, path + ": diffusers.scheduler"), sampler);
  source.diffusion.rows = scheduler_rows(config, source.diffusion.default_steps);
  source.diffusion.default_steps = static_cast<int>(source.diffusion.rows.size());
  source.bytes = write_model(source.graph, source.plan, source.diffusion, source.meta);
}

}  // namespace

ModelSource load_model_source(const std::string& path, const SourceOptions& options) {
  ModelSource source = load_as_it_is(path, options);
  if (!options.sampler.empty()) take_sampler(path, options.sampler, source);
  return source;
}

std::vector<uint8_t> load_model_file(const std::string& path) {
  std::vector<uint8_t> bytes = read_file(path, model_file_cap);
  switch (content_of(bytes)) {
    case Content::empty: throw Error(ExitCode::invalid_input, path + ": the file is empty");
    case Content::model_file: break;
    default:
      throw Error(ExitCode::invalid_input, path +
                                               ": does not begin with \"MOTE\"; `weights_tool export` makes a model "
                                               "file from a checkpoint");
  }
  check_model_bytes(bytes, path);
  return bytes;
}

}  // namespace mote::tool
