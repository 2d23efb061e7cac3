// `weights_tool import`: a folder of diffusers as a model file. Command line and files only; the work is in
// weights_tool/diffusers.
#include <mote/version.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "weights_tool/commands/commands.h"
#include "weights_tool/diffusers/folder.h"
#include "weights_tool/diffusers/scheduler_config.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/unet_config.h"
#include "weights_tool/diffusers/unet_graph.h"
#include "weights_tool/diffusers/unet_weights.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/npy.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "import",
      "make a model file of a diffusers checkpoint",
      {{"weights_tool import ddpm-cifar10 --out cifar10.mote", "what DDPMPipeline.save_pretrained wrote"},
       {"weights_tool import unet --size 48x64 --out m.mote", "a UNet2DModel alone, for pictures 48 high and 64 wide"}},
      {{"DIR", "a folder with config.json, or with unet/ and scheduler/"}},
      {Option::text("out", "FILE.mote", "the model file"),
       Option::text("size", "HxW", "height and width of the pictures; without it the configuration's sample_size"),
       Option::text("variant", "NAME", "read diffusion_pytorch_model.NAME.safetensors"),
       Option::integer("steps", 1, format::max_train_steps, "steps a sampler takes when it is not told; without it 10"),
       Option::integer("classes", 1, 65535, "of a class_embed_type \"timestep\": classes 0 to this less 1"),
       Option::text("class-embeddings", "FILE.npy", "of a class_embed_type \"identity\": (classes, time features)"),
       Option::flag("force", "replace an existing file")},
      "Reads UNet2DModel with any of its settings but skip blocks, and safetensors of F32, F16, BF16 and F64, whole or "
      "in shards. Noise levels and sampler follow scheduler_config.json."};
  return command;
}

void note(const std::string& line) { std::fprintf(stderr, "weights_tool: note: %s\n", line.c_str()); }

// "48x64"; {0, 0} when the option is not given.
std::pair<int, int> wanted_size(const Arguments& arguments) {
  if (!arguments.has("size")) return {0, 0};
  const std::string text = arguments.text("size");
  const size_t x = text.find('x');
  int64_t height = 0, width = 0;
  if (x == std::string::npos || !parse_integer(text.substr(0, x), &height) ||
      !parse_integer(text.substr(x + 1), &width) || height < 1 || width < 1 || height > format::max_spatial ||
      width > format::max_spatial)
    arguments.fail("--size is HEIGHTxWIDTH, each 1 to " + std::to_string(format::max_spatial) + ", not '" + text + "'");
  return {static_cast<int>(height), static_cast<int>(width)};
}

// How many classes the model will have, and for embeddings that somebody brings these.
struct Classes {
  int count = 0;
  NpyArray embeddings;
};

Classes wanted_classes(const Arguments& arguments, const Unet2DConfig& config, const std::string& path) {
  Classes classes;
  const bool timestep = config.class_embedding == ClassEmbedding::timestep;
  const bool identity = config.class_embedding == ClassEmbedding::identity;
  if (timestep != arguments.has("classes"))
    arguments.fail(timestep ? path + " embeds classes as if they were timesteps: say how many there are with --classes"
                            : "--classes is for a class_embed_type \"timestep\", which " + path + " does not have");
  if (identity != arguments.has("class-embeddings"))
    arguments.fail(identity
                       ? path + " takes embeddings of classes as they are: bring them with --class-embeddings"
                       : "--class-embeddings is for a class_embed_type \"identity\", which " + path + " does not have");
  if (timestep) classes.count = static_cast<int>(arguments.integer("classes"));
  if (identity) {
    const std::string file = arguments.text("class-embeddings");
    classes.embeddings = read_npy(file, {0, static_cast<size_t>(config.time_features)});
    if (classes.embeddings.shape[0] < 1 || classes.embeddings.shape[0] > 65535)
      throw Error(ExitCode::invalid_input, file + ": holds no classes, or more than 65535");
    for (const float value : classes.embeddings.values)
      if (!std::isfinite(value)) throw Error(ExitCode::invalid_input, file + ": holds infinities or what is no number");
    classes.count = static_cast<int>(classes.embeddings.shape[0]);
  }
  if (config.class_embedding == ClassEmbedding::table) classes.count = config.num_class_embeds;
  return classes;
}

// The embedding that is computed, not read: behind it a row of zeros, "no class".
void set_class_table(const UnetCheckpoint& checkpoint, const Unet2DConfig& config, const Classes& classes,
                     Graph* graph) {
  for (Tensor& tensor : graph->tensors) {
    if (tensor.name != "class_embedding.table") continue;
    if (config.class_embedding == ClassEmbedding::timestep) {
      tensor.values = timestep_class_table(checkpoint, config, classes.count);
    } else {
      tensor.values = classes.embeddings.values;
      tensor.values.resize(static_cast<size_t>(tensor.elements()));
    }
  }
}

struct Network {
  UnetGraph unet;
  bool old_names = false;  // of its attentions, in the checkpoint
};

Network read_network(const Arguments& arguments, const DiffusersFolder& files) {
  const Unet2DConfig config = parse_unet2d_config(JsonView(files.unet, files.unet_path));
  for (const std::string& key : config.ignored)
    note(files.unet_path + ": " + write_json(Json(key), 0) + " is not a setting of UNet2DModel, which ignores it too");
  auto [height, width] = wanted_size(arguments);
  if (height == 0) height = config.height, width = config.width;
  if (height == 0) arguments.fail(files.unet_path + " has no sample_size: give --size HxW");
  const Classes classes = wanted_classes(arguments, config, files.unet_path);
  Network network;
  network.unet = build_diffusers_unet(config, height, width, classes.count, files.unet_path);
  const UnetCheckpoint checkpoint(files.weights, files.name);
  bind_weights(checkpoint, &network.unet);
  set_class_table(checkpoint, config, classes, &network.unet.graph);
  network.old_names = has_old_names(checkpoint, network.unet);
  return network;
}

// Without one, what the library's pipelines are made with.
Json scheduler_of(const DiffusersFolder& files) {
  if (!files.scheduler_path.empty()) return parse_scheduler_json(files.scheduler_text, files.scheduler_path);
  note(files.name + ": no scheduler_config.json; a DDPMScheduler with its defaults is taken");
  return Json::object().set("_class_name", "DDPMScheduler");
}

}  // namespace

int run_import(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("out");
  const std::string out = arguments.text("out");
  refuse_existing(out, arguments.flag("force"));
  const DiffusersFolder files = find_diffusers_files(arguments.positional("DIR"), arguments.text("variant"));
  Network network = read_network(arguments, files);
  UnetGraph& unet = network.unet;

  const Json scheduler = scheduler_of(files);
  const SchedulerConfig sampler = parse_scheduler_config(JsonView(scheduler, files.scheduler_path));
  unet.graph.prediction = sampler.prediction;
  unet.graph.train_steps = sampler.train_steps;
  const int steps =
      arguments.has("steps") ? static_cast<int>(arguments.integer("steps")) : std::min(10, sampler.train_steps);
  const DiffusionInfo diffusion = diffusion_of(sampler, steps);
  if (const std::string what = device_difference(sampler); !what.empty()) note(files.scheduler_path + ": " + what);
  Json meta = Json::object(), origin = Json::object();
  origin.set("class_name", files.pipeline_class).set("unet", files.unet).set("scheduler", scheduler);
  if (network.old_names) origin.set("old_names", true);  // for the way back
  meta.set("producer", "mote weights_tool " MOTE_VERSION_STRING).set("diffusers", origin);

  Graph& graph = unet.graph;
  prepare_for_inference(graph);
  const MemoryPlan plan = plan_memory(graph);
  const uint64_t bytes = write_model_file(out, graph, plan, diffusion, meta, arguments.flag("force"));
  const Tensor& input = graph.tensors[static_cast<size_t>(graph.input)];
  std::printf("%s: %llu bytes, %lld parameters, pictures of %s, %d classes, arena %lld bytes\n", out.c_str(),
              static_cast<unsigned long long>(bytes), static_cast<long long>(graph_parameters(graph)),
              shape_text(input).c_str(), graph.num_classes, static_cast<long long>(plan.arena_bytes));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
