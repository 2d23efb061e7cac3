// Times the forward pass of a network: a configuration, which gets random weights and is written as a model in memory,
// or a model file. Run through the C API (mote_sampler_predict) by one thread, weights packed beforehand. One JSON line
// on stdout.
//
//   forward_bench CONFIG.json|MODEL.mote [--seconds 2] [--kernels NAME] [--reference DIR] [--write FILE.mote] [--turns]
//
// CONFIG.json holds the network under "model", as the configurations of `weights_tool train` do. --reference writes
// weights.bin (every parameter, float32, in the order of weights.json), x.bin and y.bin (the prediction at t = 500,
// class 3 if there are classes), with which tests/bench/torch_forward.py proves that it times the same network. --write
// writes the random network as a model file and times nothing.
// --turns: after a first line, which says what was loaded, waits for a line on stdin and answers it with one
// measurement of --seconds, until stdin ends; so that programs can take turns without loading their networks each time.
// An answer also has the processor time of a pass, which does not count what other programs take.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include "tests/bench/model_run.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/initialise.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/os.h"

namespace {

using namespace mote::tool;
using mote::bench::ModelRun;

struct Options {
  std::string source, kernels, reference, write;
  double seconds = 2;
  bool turns = false;
};

struct Network {
  Graph graph;
  std::vector<uint8_t> bytes;
};

// Weights bell-shaped, as training leaves them (those that it starts from are uniform, or zero), of the deviation that
// it starts with. Quantized models depend on the shape: by it the proofs for the exact Winograd forms hold or not.
Graph random_network(const UNetConfig& config) {
  Graph graph = build_unet(config, 1);
  Initialiser values(2);
  for (Tensor& tensor : graph.tensors) {
    if (tensor.role != Role::parameter || tensor.constant) continue;
    bool zero = true;
    for (const float v : tensor.values) zero = zero && v == 0;
    const float fan_in = tensor.rank > 1 ? static_cast<float>(tensor.elements() / tensor.dims[0]) : 64.0f;
    if (zero || tensor.rank > 1) tensor.values = values.normal(tensor.elements(), 1.0f / std::sqrt(3.0f * fan_in));
  }
  prepare_for_inference(graph);
  return graph;
}

Network load(const std::string& path) {
  Network network;
  if (path.size() > 5 && path.compare(path.size() - 5, 5, ".mote") == 0) {
    network.bytes = read_file(path);
    network.graph = read_model(network.bytes, path).graph;
    return network;
  }
  const Json json = read_json(path);
  network.graph = random_network(unet_config_from_json(JsonView(json, path).at("model")));
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule({}));
  network.bytes = write_model(network.graph, plan_memory(network.graph), info, Json());
  return network;
}

void write_floats(const std::string& path, const std::vector<float>& values) {
  write_file(path, {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}, true);
}

void write_reference(const std::string& folder, const Graph& graph, const ModelRun& run) {
  create_directories(folder);
  std::vector<float> weights;
  Json list = Json::array();
  for (const Tensor& tensor : graph.tensors) {
    if (tensor.role != Role::parameter) continue;
    weights.insert(weights.end(), tensor.values.begin(), tensor.values.end());
    const std::vector<int> shape(tensor.dims.begin(), tensor.dims.begin() + tensor.rank);
    list.push(Json::object().set("name", tensor.name).set("shape", Json::array(shape)));
  }
  write_json_file(join_path(folder, "weights.json"), list, true);
  write_floats(join_path(folder, "weights.bin"), weights);
  write_floats(join_path(folder, "x.bin"), run.x);
  write_floats(join_path(folder, "y.bin"), run.y);
}

std::vector<double> measure(ModelRun& run, double seconds, size_t passes) {
  std::vector<double> ms;
  const double start = monotonic_seconds();
  while (ms.size() < passes || monotonic_seconds() - start < seconds) {
    const double before = monotonic_seconds();
    run.predict();
    ms.push_back((monotonic_seconds() - before) * 1e3);
  }
  return ms;
}

void print_line(const Json& json) {
  std::printf("%s\n", write_json(json, 0).c_str());
  std::fflush(stdout);
}

Json facts_of(const Network& network, const ModelRun& run) {
  Json out = Json::object();
  out.set("parameters", graph_parameters(network.graph)).set("macs", graph_macs(network.graph));
  out.set("kernels", run.kernels()).set("model_bytes", static_cast<long long>(run.model_bytes()));
  out.set("working_bytes", static_cast<long long>(run.working_bytes()));
  return out.set("packed_bytes", static_cast<long long>(run.packed_bytes()));
}

Json turn(ModelRun& run, double seconds) {
  const std::clock_t before = std::clock();
  const std::vector<double> ms = measure(run, seconds, 2);
  const double cpu_ms = static_cast<double>(std::clock() - before) * 1e3 / CLOCKS_PER_SEC;
  return Json::object().set("ms", Json::array(ms)).set("cpu_ms", cpu_ms / static_cast<double>(ms.size()));
}

int run(const Options& options) {
  const Network network = load(options.source);
  if (!options.write.empty()) {
    write_file(options.write, network.bytes, true);
    return 0;
  }
  ModelRun run(network.bytes, options.source, options.kernels, mote_all_operators);
  for (int i = 0; i < 3; ++i) run.predict();
  Json facts = facts_of(network, run);
  if (options.turns) {
    print_line(facts);
    while (std::getchar() != EOF) print_line(turn(run, options.seconds));
    return 0;
  }
  const std::vector<double> ms = measure(run, options.seconds, 7);
  if (!options.reference.empty()) write_reference(options.reference, network.graph, run);
  print_line(facts.set("ms", Json::array(ms)));
  return 0;
}

bool parse(int argc, char** argv, Options* options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--seconds" && more) {
      options->seconds = std::atof(argv[++i]);
    } else if (word == "--kernels" && more) {
      options->kernels = argv[++i];
    } else if (word == "--reference" && more) {
      options->reference = argv[++i];
    } else if (word == "--write" && more) {
      options->write = argv[++i];
    } else if (word == "--turns") {
      options->turns = true;
    } else if (options->source.empty() && word[0] != '-') {
      options->source = word;
    } else {
      return false;
    }
  }
  return !options->source.empty();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, &options)) {
    std::fputs(
        "usage: forward_bench CONFIG.json|MODEL.mote [--seconds 2] [--kernels NAME] [--reference DIR]\n"
        "                     [--write FILE.mote] [--turns]\n",
        stderr);
    return 2;
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forward_bench: %s\n", error.what());
    return 1;
  }
}
