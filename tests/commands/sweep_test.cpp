// `sweep`: a line for each combination, the same numbers as eval's, and a curve.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/png.h"
#include "weights_tool/train/classifier_file.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::save;
using ::test::TemporaryFolder;

struct Bench {
  TemporaryFolder folder;
  Bench() {
    save(path("tiny.mote"), test::tiny_model());
    for (const int features : {0, 8}) {
      ClassifierConfig config = default_classifier(8, 12, 1, 3, 8);
      config.time_features = features;
      config.timesteps = 50;
      Graph graph = build_classifier(config, 1);
      ThreadPool pool(1);
      const ParameterStore store(graph, KernelSet::ref, pool);
      ClassifierState state;
      state.config = config;
      save_classifier(path(features == 0 ? "clean.safetensors" : "noisy.safetensors"), graph, store, store.values(),
                      state, true);
    }
    for (const char* part : {"train", "t10k"}) {
      ImageSet set{30, 8, 12, 1, {}};
      std::vector<uint8_t> labels;
      for (size_t i = 0; i < 30 * 96; ++i) set.pixels.push_back(static_cast<uint8_t>((i * i * 31 + i / 7) % 251));
      for (size_t i = 0; i < 30; ++i) labels.push_back(static_cast<uint8_t>(i % 3));
      write_idx_images(path(part) + "-images-idx3-ubyte", set, true);
      write_idx_labels(path(part) + "-labels-idx1-ubyte", labels, true);
    }
  }
  std::string path(const std::string& name) const { return folder / name; }
  test::ToolResult sweep(std::vector<std::string> options) const {
    options.insert(options.begin(), {"sweep", path("tiny.mote"), "--classifier", path("clean.safetensors"), "--data",
                                     path("train-images-idx3-ubyte"), "--n", "12", "--quiet", "--threads", "1"});
    return test::run_tool(run_sweep, options);
  }
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

TEST_CASE("sweep measures every combination of samplers, steps and scales, and what eval measures") {
  const Bench bench;
  const test::ToolResult result = bench.sweep({"--samplers", "ddim,dpmpp-2m,ode-rk45", "--steps", "3,5", "--json"});
  CHECK(result.error == "");
  const std::vector<std::string> lines = lines_of(result.output);
  REQUIRE(lines.size() == 5);  // the ODE once
  const test::ToolResult once =
      test::run_tool(run_eval, {"eval", bench.path("tiny.mote"), "--classifier", bench.path("clean.safetensors"),
                                "--data", bench.path("train-images-idx3-ubyte"), "--n", "12", "--runs", "1", "--steps",
                                "5", "--sampler", "dpmpp-2m", "--quiet", "--json", "--threads", "1"});
  REQUIRE(once.error == "");
  const Json cell = parse_json(lines[3], "cell"), eval = parse_json(once.output, "eval");
  const JsonView mean = JsonView(eval, "eval").at("candidates").at(0).at("mean");
  CHECK(JsonView(cell, "cell").at("sampler").text() == "dpmpp-2m");
  CHECK(JsonView(cell, "cell").at("steps").integer(0) == 5);
  const double swept = JsonView(cell, "cell").at("frechet").number(0, 1e9);
  CHECK(swept == doctest::Approx(mean.at("frechet").number(0, 1e9)).epsilon(0.02));
}

TEST_CASE("sweep over guidance scales draws the curve, and each scale counts") {
  const Bench bench;
  const test::ToolResult free =
      bench.sweep({"--guidance", "0,1,4", "--steps", "4", "--json", "--out", bench.path("curve.png")});
  CHECK(free.error == "");
  const std::vector<std::string> lines = lines_of(free.output);
  REQUIRE(lines.size() == 3);
  CHECK(contains(lines[0], "\"agreement\":null"));  // nobody asked for a class
  CHECK(lines[1].substr(lines[1].find("frechet")) != lines[2].substr(lines[2].find("frechet")));
  const Image curve = read_png(bench.path("curve.png"));
  CHECK(curve.height == 2 * 380);
  const test::ToolResult guided =
      bench.sweep({"--guide", bench.path("noisy.safetensors"), "--scales", "0,5", "--steps", "4"});
  CHECK(guided.error == "");
  CHECK(lines_of(guided.output).size() == 3);  // with its heading
}

TEST_CASE("sweep refuses what it cannot measure") {
  const Bench bench;
  CHECK(bench.sweep({"--samplers", "ddim,nothing"}).code == 2);
  CHECK(bench.sweep({"--guidance", "1,x"}).code == 2);
  CHECK(bench.sweep({"--scales", "1"}).code == 2);
  CHECK(bench.sweep({"--guide", bench.path("clean.safetensors"), "--scales", "1"}).code == 3);
}

}  // namespace mote::tool
