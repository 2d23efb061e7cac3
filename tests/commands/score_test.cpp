// `weights_tool score` with a network whose weights are the score of one Gaussian: its error must vanish.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/commands/run_tool.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/json.h"

namespace mote::tool {
namespace {

using test::run_tool;
using test::ToolResult;

constexpr int level = 40;
constexpr double mean[] = {0.3, -0.2}, deviation[] = {0.1, 0.25};

Schedule schedule() {
  ScheduleOptions options;
  options.kind = ScheduleKind::cosine;
  options.train_steps = 100;
  return make_schedule(options);
}

// epsilon = sqrt(1 - alpha_bar) (x - sqrt(alpha_bar) mean) / (alpha_bar deviation^2 + 1 - alpha_bar), right at `level`.
std::vector<uint8_t> linear_model(double factor) {
  const double alpha_bar = schedule().alpha_bar[level];
  Graph graph;
  const auto add = [&](const char* name, Role role, std::vector<int> dims, std::vector<float> values) {
    Tensor t;
    t.name = name;
    t.role = role;
    t.rank = static_cast<int>(dims.size());
    std::copy(dims.begin(), dims.end(), t.dims.begin());
    t.values = std::move(values);
    graph.tensors.push_back(std::move(t));
    return static_cast<int>(graph.tensors.size()) - 1;
  };
  std::vector<float> weights(4), bias(2);
  for (size_t d = 0; d < 2; ++d) {
    const double slope = std::sqrt(1 - alpha_bar) / (alpha_bar * deviation[d] * deviation[d] + 1 - alpha_bar);
    weights[3 * d] = static_cast<float>(factor * slope);
    bias[d] = static_cast<float>(-factor * slope * std::sqrt(alpha_bar) * mean[d]);
  }
  graph.input = add("x_t", Role::input, {1, 1, 2}, {});
  Node node;
  node.kind = OpKind::conv2d;
  node.name = "score";
  node.x[0] = graph.input;
  node.weights = add("weight", Role::parameter, {2, 1, 1, 2}, weights);
  node.bias = add("bias", Role::parameter, {2}, bias);
  node.y[0] = graph.output = add("epsilon", Role::activation, {1, 1, 2}, {});
  graph.nodes.push_back(node);
  graph.train_steps = 100;
  graph.prediction = Prediction::epsilon;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(schedule());
  info.default_steps = 5;
  return write_model(graph, plan_memory(graph), info, Json());
}

struct Bench {
  ::test::TemporaryFolder folder;
  std::string model = folder / "linear.mote", data = folder / "mixture.json";
  explicit Bench(double factor = 1) {
    ::test::save(model, linear_model(factor));
    ::test::save(data, std::string(R"({"components": [{"mean": [0.3, -0.2], "deviation": [0.1, 0.25]}]})"));
  }
};

double error_at(const Bench& bench, int t) {
  const ToolResult result = run_tool(
      run_score, {"score", bench.model, "--data", bench.data, "--t", std::to_string(t), "--n", "500", "--json"});
  REQUIRE(result.error == "");
  const Json json = parse_json(result.output, "stdout");
  return json.find("levels")->items()[0].find("error")->number();
}

}  // namespace

TEST_CASE("score: the exact score of a Gaussian has no error at its level, and one at another") {
  const Bench bench;
  CHECK(error_at(bench, level) < 1e-10);
  CHECK(error_at(bench, 5) > 0.1);
}

TEST_CASE("score: the error is relative to the true score: 1 for a network of zeros, 1/4 for half the score") {
  CHECK(error_at(Bench(0), level) == doctest::Approx(1.0));
  CHECK(error_at(Bench(0.5), level) == doctest::Approx(0.25));
}

TEST_CASE("score: prints levels and distances and draws both figures") {
  const Bench bench;
  const std::string field = bench.folder / "field.png", samples = bench.folder / "samples.png";
  const ToolResult result = run_tool(
      run_score, {"score", bench.model, "--data", bench.data, "--n", "200", "--out", field, "--samples", samples});
  REQUIRE(result.error == "");
  CHECK(result.output.find("energy distance of 200 samples of 5 steps") != std::string::npos);
  CHECK(::test::load(field).size() > 1000);
  CHECK(::test::load(samples).size() > 1000);
  const ToolResult again =
      run_tool(run_score, {"score", bench.model, "--data", bench.data, "--n", "200", "--out", field});
  CHECK(again.code == 4);
}

TEST_CASE("score: refuses levels, data and models that do not fit") {
  const Bench bench;
  CHECK(run_tool(run_score, {"score", bench.model, "--data", bench.data, "--t", "100"}).code == 2);
  CHECK(run_tool(run_score, {"score", bench.model, "--data", "points:circle"}).code == 2);
  CHECK(run_tool(run_score, {"score", bench.model, "--data", bench.model}).code == 3);
  CHECK(run_tool(run_score, {"score", bench.model, "--data", bench.data, "--class", "1"}).code == 2);
  const std::string deep = bench.folder / "deep.json";
  ::test::save(deep, std::string(R"({"components": [{"mean": [0, 0, 0], "deviation": 1}]})"));
  CHECK(run_tool(run_score, {"score", bench.model, "--data", deep}).code == 3);
}

}  // namespace mote::tool
