// Networks of mote's own with a learned variance: every command takes them, and `sample` uses the variance.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/npy.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

// The tiny network with v beside its prediction. fixed_v: v is this whatever the input.
std::vector<uint8_t> learned_model(bool fix, float fixed_v = 0) {
  const Json json = parse_json(test::tiny_config_text(), "tiny.json");
  UNetConfig config = unet_config_from_json(JsonView(json, "tiny.json"));
  config.learned_variance = true;
  Graph graph = build_unet(config, 1);
  graph.train_steps = 50;
  graph.prediction = Prediction::v;
  test::perturb_parameters(graph, 17);
  if (fix) {
    Tensor& weights = graph.tensors[static_cast<size_t>(graph.nodes.back().weights)];
    std::fill(weights.values.begin() + static_cast<std::ptrdiff_t>(weights.values.size() / 2), weights.values.end(),
              0.0f);
    graph.tensors[static_cast<size_t>(graph.nodes.back().bias)].values[1] = fixed_v;
  }
  prepare_for_inference(graph);
  return write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json());
}

struct Bench {
  TemporaryFolder folder;
  std::string model = folder / "m.mote";
  explicit Bench(const std::vector<uint8_t>& bytes) { save(model, bytes); }
  // The pictures of a sampler.
  std::vector<float> sample(const std::string& sampler, const std::string& steps) const {
    const std::string out = folder / "x.npy";
    const test::ToolResult result = test::run_tool(
        run_sample, {"sample", model, "--n", "3", "--steps", steps, "--sampler", sampler, "--npy", out, "--force"});
    REQUIRE(result.error == "");
    return read_npy(out).values;
  }
};

double farthest(const std::vector<float>& a, const std::vector<float>& b) {
  double distance = 0;
  for (size_t i = 0; i < a.size(); ++i)
    distance = std::max(distance, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return distance;
}

}  // namespace

TEST_CASE("ddpm-learned with v at either bound draws what the fixed variance of that bound draws") {
  for (const char* steps : {"50", "7"}) {  // the last step adds no noise, wherever it begins
    const Bench low(learned_model(true, -1)), high(learned_model(true, 1));
    CHECK(farthest(low.sample("ddpm-learned", steps), low.sample("ddpm", steps)) < 2e-4);
    CHECK(farthest(high.sample("ddpm-learned", steps), high.sample("ddpm-large", steps)) < 2e-4);
    CHECK(farthest(low.sample("ddpm-learned", steps), high.sample("ddpm-learned", steps)) > 1e-2);
  }
}

TEST_CASE("ddpm-learned is named in the output, and refused for a network without variance") {
  const Bench bench(learned_model(false));
  const std::string out = bench.folder / "x.npy";
  const test::ToolResult result = test::run_tool(
      run_sample, {"sample", bench.model, "--n", "1", "--sampler", "ddpm-learned", "--npy", out, "--json"});
  CHECK(result.code == 0);
  CHECK(contains(result.output, "\"ddpm-learned\""));
  save(bench.model, test::tiny_model());
  const test::ToolResult refused = test::run_tool(
      run_sample, {"sample", bench.model, "--n", "1", "--sampler", "ddpm-learned", "--npy", out, "--force"});
  CHECK(refused.code == 3);
  CHECK(contains(refused.error, "no channels for it"));
}

TEST_CASE("inspect, quantize, compare and the samplers of a device take a network with a learned variance") {
  const Bench bench(learned_model(false));
  CHECK(test::run_tool(run_inspect, {"inspect", bench.model, "--json"}).code == 0);
  const std::string quantized = bench.folder / "q.mote";
  const test::ToolResult made = test::run_tool(run_quantize, {"quantize", bench.model, "--steps", "5", "--calibrate",
                                                              "4", "--threads", "2", "--quiet", "--out", quantized});
  CHECK(made.error == "");
  CHECK(test::run_tool(run_inspect, {"inspect", quantized, "--json"}).code == 0);
  const std::string out = bench.folder / "q.npy";
  CHECK(test::run_tool(run_sample, {"sample", quantized, "--n", "3", "--npy", out}).code == 0);
  CHECK(farthest(read_npy(out).values, bench.sample("ddim", "5")) < 0.5);  // int8, untrained: near, not the same
  const test::ToolResult compared =
      test::run_tool(run_compare, {"compare", bench.model, quantized, "--n", "3", "--out", bench.folder / "c.png"});
  CHECK(compared.error == "");
  CHECK(compared.code == 0);
}

}  // namespace mote::tool
