// Times the forward pass of a network given by its configuration: random weights, written as a model in memory, run
// through the C API (mote_sampler_predict) by one thread, weights packed beforehand. One JSON line on stdout.
//
//   forward_bench CONFIG.json [--seconds 2] [--kernels NAME] [--reference DIR]
//
// CONFIG.json holds the network under "model", as the configurations of `weights_tool train` do. --reference writes
// weights.bin (every parameter, float32, in the order of weights.json), x.bin and y.bin (the prediction at timestep 500,
// class 3 if there are classes), with which tests/bench/torch_forward.py proves that it times the same network.
#include <mote/mote.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/initialise.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/os.h"

namespace {

using namespace mote::tool;

constexpr float bench_timestep = 500.0f;

struct Options {
  std::string config, kernels, reference;
  double seconds = 2;
};

// Memory of the alignment that the API asks for, and that packed weights like.
struct Aligned {
  explicit Aligned(size_t bytes) : memory(bytes + 64), size(bytes) {}
  void* data() { return memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64; }
  std::vector<uint8_t> memory;
  size_t size;
};

void check(mote_status status, const char* what) {
  if (status < 0) throw Error(ExitCode::failure, std::string(what) + ": " + mote_status_text(status));
}

// build_unet starts some convolutions at zero; a benchmark gives every weight a value.
Graph random_network(const UNetConfig& config) {
  Graph graph = build_unet(config, 1);
  Initialiser values(2);
  for (Tensor& tensor : graph.tensors) {
    if (tensor.role != Role::parameter || tensor.constant) continue;
    bool zero = true;
    for (const float v : tensor.values) zero = zero && v == 0;
    const int64_t fan_in = tensor.rank > 1 ? tensor.elements() / tensor.dims[0] : 64;
    if (zero) tensor.values = values.uniform_fan_in(tensor.elements(), static_cast<int>(fan_in));
  }
  strip_training_ops(graph);
  return graph;
}

std::vector<uint8_t> model_of(const Graph& graph) {
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule({}));
  return write_model(graph, plan_memory(graph), info, Json());
}

void write_floats(const std::string& path, const std::vector<float>& values) {
  write_file(path, {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}, true);
}

void write_reference(const std::string& folder, const Graph& graph, const std::vector<float>& x,
                     const std::vector<float>& y) {
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
  write_floats(join_path(folder, "x.bin"), x);
  write_floats(join_path(folder, "y.bin"), y);
}

int run(const Options& options) {
  const Json json = read_json(options.config);
  const UNetConfig config = unet_config_from_json(JsonView(json, options.config).at("model"));
  const Graph graph = random_network(config);
  const std::vector<uint8_t> bytes = model_of(graph);
  Aligned model_memory(bytes.size());
  std::memcpy(model_memory.data(), bytes.data(), bytes.size());

  static mote_model model;
  check(mote_open(&model, model_memory.data(), bytes.size(), mote_all_operators), "open");
  mote_config sampler_config = {};
  sampler_config.struct_size = sizeof sampler_config;
  sampler_config.kernels = options.kernels.empty() ? nullptr : options.kernels.c_str();
  size_t packed_bytes = 0, working_bytes = 0;
  check(mote_packed_size(&model, &sampler_config, &packed_bytes), "packed size");
  Aligned packed(packed_bytes);
  if (packed_bytes > 0) {
    sampler_config.packed = packed.data();
    sampler_config.packed_bytes = packed_bytes;
  }
  check(mote_working_size(&model, &sampler_config, &working_bytes), "working size");
  Aligned working(working_bytes);
  mote_sampler* sampler = nullptr;
  check(mote_sampler_create(&sampler, &model, &sampler_config, working.data(), working.size), "create");

  const size_t count = static_cast<size_t>(config.height) * config.width * config.channels;
  const int label = config.classes > 3 ? 3 : MOTE_NO_CLASS;
  const std::vector<float> x = Initialiser(3).normal(static_cast<int64_t>(count), 1.0f);
  std::vector<float> y(count);
  std::vector<double> ms;
  for (int i = 0; i < 3; ++i)
    check(mote_sampler_predict(sampler, x.data(), bench_timestep, label, y.data(), count), "predict");
  const double start = monotonic_seconds();
  while (ms.size() < 7 || monotonic_seconds() - start < options.seconds) {
    const double before = monotonic_seconds();
    check(mote_sampler_predict(sampler, x.data(), bench_timestep, label, y.data(), count), "predict");
    ms.push_back((monotonic_seconds() - before) * 1e3);
  }
  if (!options.reference.empty()) write_reference(options.reference, graph, x, y);

  Json out = Json::object();
  out.set("ms", Json::array(ms)).set("parameters", graph_parameters(graph)).set("macs", graph_macs(graph));
  out.set("kernels", mote_sampler_kernels(sampler)).set("model_bytes", static_cast<long long>(bytes.size()));
  out.set("working_bytes", static_cast<long long>(working_bytes));
  out.set("packed_bytes", static_cast<long long>(packed_bytes));
  std::printf("%s\n", write_json(out, 0).c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--seconds" && more) {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--kernels" && more) {
      options.kernels = argv[++i];
    } else if (word == "--reference" && more) {
      options.reference = argv[++i];
    } else if (options.config.empty() && word[0] != '-') {
      options.config = word;
    } else {
      options.config.clear();
      break;
    }
  }
  if (options.config.empty()) {
    std::fputs("usage: forward_bench CONFIG.json [--seconds 2] [--kernels NAME] [--reference DIR]\n", stderr);
    return 2;
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forward_bench: %s\n", error.what());
    return 1;
  }
}
