// `forward`: the network's output against a naive run of the same graph in double precision.
#include <doctest/doctest.h>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "tests/train/double_graph.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/npy.h"

namespace mote::tool {
namespace {

using ::test::contains;

struct Bench {
  ::test::TemporaryFolder folder;
  std::string model = folder / "tiny.mote", in = folder / "x.npy", out = folder / "y.npy";
  std::vector<float> x;  // NCHW

  explicit Bench(int channels) {
    ::test::save(model, test::tiny_model(channels));
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (int i = 0; i < 3 * channels * 8 * 12; ++i) x.push_back(normal(random));
    write_npy(in, {3, static_cast<size_t>(channels), 8, 12}, x.data(), false);
  }
  test::ToolResult forward(std::vector<std::string> options) const {
    options.insert(options.begin(), {"forward", model, "--in", in, "--out", out, "--force"});
    return test::run_tool(run_forward, options);
  }
};

}  // namespace

TEST_CASE("forward equals a naive run of the graph, for every class, none, and a fractional noise level") {
  for (int channels : {1, 3}) {
    const Bench bench(channels);
    const Graph graph = test::tiny_training_graph(channels);
    test::DoubleGraph naive(graph);
    const size_t c = static_cast<size_t>(channels), pixels = 8 * 12;
    for (int label : {-1, 0, 2}) {
      const double timestep = 17.5 + label;
      CHECK(bench.forward({"--timestep", std::to_string(timestep), "--class", std::to_string(label)}).error == "");
      const NpyArray got = read_npy(bench.out, {3, c, 8, 12});
      for (size_t n = 0; n < 3; ++n) {
        test::DoubleInput input;
        input.timestep = timestep;
        input.class_index = label < 0 ? 3 : label;
        input.dropout = false;
        for (size_t p = 0; p < pixels; ++p)
          for (size_t k = 0; k < c; ++k) input.x.push_back(double{bench.x[(n * c + k) * pixels + p]});
        const std::vector<double> expected = naive.run(input);
        for (size_t p = 0; p < pixels; ++p)
          for (size_t k = 0; k < c; ++k)
            REQUIRE(double{got.values[(n * c + k) * pixels + p]} == doctest::Approx(expected[p * c + k]).epsilon(2e-4));
      }
    }
  }
}

TEST_CASE("forward gives the same bytes for any number of threads") {
  const Bench bench(1);
  CHECK(bench.forward({"--timestep", "3", "--threads", "1"}).error == "");
  const std::vector<uint8_t> one = ::test::load(bench.out);
  for (const char* threads : {"2", "8"}) {
    CHECK(bench.forward({"--timestep", "3", "--threads", threads}).error == "");
    CHECK(::test::load(bench.out) == one);
  }
}

TEST_CASE("forward refuses what does not fit the model") {
  const Bench bench(1);
  CHECK(bench.forward({"--timestep", "3", "--class", "3"}).code == 2);
  CHECK(bench.forward({}).code == 2);
  write_npy(bench.in, {3, 1, 12, 8}, bench.x.data(), true);
  const test::ToolResult result = bench.forward({"--timestep", "3"});
  CHECK(result.code == 3);
  CHECK(contains(result.error, bench.in));
  CHECK_FALSE(std::filesystem::exists(bench.out));
}

TEST_CASE("forward of a folded model runs its noise levels and lists them when asked for others") {
  const Bench bench(1);
  const std::string small = bench.folder / "small.mote";
  REQUIRE(test::run_tool(run_quantize,
                         {"quantize", bench.model, "--steps", "5", "--calibrate", "2", "--quiet", "--out", small})
              .code == 0);
  const auto forward = [&](const std::string& timestep) {
    return test::run_tool(run_forward, {"forward", small, "--in", bench.in, "--out", bench.out, "--force", "--timestep",
                                        timestep, "--class", "1"});
  };
  CHECK(forward("29").code == 0);  // 50 levels in 5 steps, trailing: 49, 39, 29, 19, 9
  const test::ToolResult other = forward("30");
  CHECK(other.code == 2);
  CHECK(contains(other.error, "49, 39, 29, 19, 9"));
}

}  // namespace mote::tool
