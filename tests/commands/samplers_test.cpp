// The samplers that only the host has, classifier guidance, inversion and interpolation, by their commands; and quantized
// models with the steps of another sampler than DDIM.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"
#include "weights_tool/train/classifier_trainer.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

struct Bench {
  TemporaryFolder folder;
  std::string model = path("tiny.mote");
  Bench() { save(model, test::tiny_model()); }
  std::string path(const std::string& name) const { return folder / name; }
  test::ToolResult sample(std::vector<std::string> options) const {
    options.insert(options.begin(), {"sample", model, "--quiet", "--force"});
    return test::run_tool(run_sample, options);
  }
  std::vector<float> pictures(std::vector<std::string> options) const {
    options.insert(options.end(), {"--npy", path("out.npy")});
    CHECK(sample(options).error == "");
    return read_npy(path("out.npy")).values;
  }
  // A classifier of the tiny model's pictures and noise levels, hardly trained.
  std::string classifier() const {
    ClassifierConfig config = default_classifier(8, 12, 1, 3, 8);
    config.time_features = 8;
    config.timesteps = 50;
    Graph graph = build_classifier(config, 1);
    ThreadPool pool(1);
    const ParameterStore store(graph, KernelSet::ref, pool);
    ClassifierState state;
    state.config = config;
    save_classifier(path("c.safetensors"), graph, store, store.values(), state, true);
    return path("c.safetensors");
  }
};

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::fabs(double{v}));
  return most;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t e = 0; e < a.size(); ++e) sum += (double{a[e]} - double{b[e]}) * (double{a[e]} - double{b[e]});
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("sample draws by the SDE and the ODE: repeatable, other threads the same, each sampler its own picture") {
  const Bench bench;
  const std::vector<float> em = bench.pictures({"--n", "3", "--sampler", "sde-em", "--steps", "20"});
  CHECK(em.size() == 3 * 96);
  CHECK(em == bench.pictures({"--n", "3", "--sampler", "sde-em", "--steps", "20", "--threads", "3"}));
  const std::vector<float> pc = bench.pictures({"--n", "3", "--sampler", "sde-pc", "--steps", "20"});
  CHECK(pc != em);
  CHECK(pc != bench.pictures({"--n", "3", "--sampler", "sde-pc", "--steps", "20", "--corrector-snr", "0.3"}));
  const std::vector<float> ode = bench.pictures({"--n", "3", "--sampler", "ode-rk45"});
  CHECK(ode != em);
  const test::ToolResult result =
      bench.sample({"--n", "1", "--sampler", "ode-rk45", "--npy", bench.path("o.npy"), "--json"});
  CHECK(contains(result.output, "\"evaluations_a_picture\""));
}

TEST_CASE("the ODE with a tight tolerance and DDIM with every level go to the same pictures") {
  const Bench bench;
  const std::vector<float> exact =
      bench.pictures({"--n", "2", "--sampler", "ode-rk45", "--atol", "1e-6", "--rtol", "1e-6"});
  const std::vector<float> loose =
      bench.pictures({"--n", "2", "--sampler", "ode-rk45", "--atol", "1e-2", "--rtol", "1e-2"});
  CHECK(distance(exact, loose) > 0);
  CHECK(distance(exact, loose) < 0.1 * largest(exact));
}

TEST_CASE("options of one sampler are refused with another, and the ODE takes no steps") {
  const Bench bench;
  const std::string out = bench.path("x.npy");
  const std::vector<std::vector<std::string>> wrong{{"--sampler", "sde-em", "--atol", "1e-3"},
                                                    {"--sampler", "ode-rk45", "--steps", "5"},
                                                    {"--sampler", "ddim", "--corrector-snr", "1"},
                                                    {"--sampler", "sde-em", "--trajectory", bench.path("t.npy")},
                                                    {"--sampler", "sde-em", "--eta", "0.5"}};
  for (std::vector<std::string> options : wrong) {
    options.insert(options.end(), {"--npy", out});
    CHECK(bench.sample(options).code == 2);
  }
}

TEST_CASE("a classifier steers every sampler it can, its scale counts, and pictures without class are left alone") {
  const Bench bench;
  const std::string classifier = bench.classifier();
  for (const char* sampler : {"ddim", "ddpm", "dpmpp-2m", "unipc", "ode-rk45", "sde-em"}) {
    CAPTURE(std::string(sampler));
    const std::vector<std::string> plain{"--n", "2", "--sampler", sampler};
    const auto with = [&](std::vector<std::string> more) {
      more.insert(more.begin(), plain.begin(), plain.end());
      more.insert(more.end(), {"--classifier", classifier});
      return bench.pictures(more);
    };
    const std::vector<float> unguided = bench.pictures(plain), guided = with({"--classifier-scale", "5"});
    CHECK(guided != unguided);
    CHECK(guided != with({"--classifier-scale", "2"}));
    CHECK(distance(with({"--classifier-scale", "0"}), unguided) < 1e-5);
    CHECK(distance(with({"--classifier-scale", "5", "--class", "-1"}),
                   bench.pictures({"--n", "2", "--sampler", sampler, "--class", "-1"})) < 1e-5);
  }
  CHECK(bench.sample({"--sampler", "heun", "--classifier", classifier, "--npy", bench.path("h.npy")}).code == 2);
}

TEST_CASE("invert prints its error, which falls with iterations, and its x_T draws the picture again") {
  const Bench bench;
  CHECK(bench.sample({"--n", "2", "--class", "1", "--steps", "10", "--npy", bench.path("p.npy")}).error == "");
  const auto invert = [&](const char* iterations) {
    const test::ToolResult result = test::run_tool(
        run_invert, {"invert", bench.model, "--in", bench.path("p.npy"), "--class", "1", "--steps", "10", "--out",
                     bench.path("x.npy"), "--png", bench.path("x.png"), "--force", "--iterations", iterations});
    CHECK(result.error == "");
    CHECK(contains(result.output, "PSNR"));
    CHECK(bench
              .sample({"--init", bench.path("x.npy"), "--class", "1", "--steps", "10", "--sampler", "ddim", "--npy",
                       bench.path("again.npy")})
              .error == "");
    return distance(read_npy(bench.path("p.npy")).values, read_npy(bench.path("again.npy")).values);
  };
  const double once = invert("1"), often = invert("30");
  CHECK(often < once);
  const Image png = read_png(bench.path("x.png"));
  CHECK(png.width == 3 * 12 + 4);
  CHECK(png.height == 2 * 8 + 3);
  CHECK(test::run_tool(run_invert, {"invert", bench.model, "--in", bench.path("p.npy"), "--out", bench.path("x.npy")})
            .code == 4);  // x.npy is there
}

TEST_CASE("interpolate: its ends are the pictures of the two seeds, a strip a class") {
  const Bench bench;
  const test::ToolResult result =
      test::run_tool(run_interpolate, {"interpolate", bench.model, "--from-seed", "4", "--to-seed", "9", "--class",
                                       "1,2", "--n", "5", "--steps", "6", "--out", bench.path("strip.png")});
  CHECK(result.error == "");
  const Image strip = read_png(bench.path("strip.png"));
  REQUIRE(strip.width == 5 * 13 + 1);
  REQUIRE(strip.height == 2 * 9 + 1);
  const char* seeds[] = {"4", "9"};
  for (size_t end = 0; end < 2; ++end) {
    CHECK(bench
              .sample({"--n", "1", "--seed", seeds[end], "--class", "2", "--steps", "6", "--sampler", "ddim", "--out",
                       bench.path("one.png")})
              .error == "");
    const Image one = read_png(bench.path("one.png"));
    for (size_t y = 0; y < 8; ++y) {
      for (size_t x = 0; x < 12; ++x)
        CHECK(std::abs(int{strip.row(10 + y)[1 + end * 4 * 13 + x]} - int{one.row(1 + y)[1 + x]}) <= 1);
    }
  }
  CHECK(test::run_tool(run_interpolate, {"interpolate", bench.model, "--from", bench.path("one.png"), "--from-seed",
                                         "1", "--out", bench.path("s.png")})
            .code == 2);
}

TEST_CASE("quantize for DPM-Solver++ and UniPC: the rows are theirs, and sample runs them") {
  const Bench bench;
  for (const char* sampler : {"dpmpp-2m", "unipc"}) {
    const std::string out = bench.path(std::string(sampler) + ".mote");
    const test::ToolResult made =
        test::run_tool(run_quantize, {"quantize", bench.model, "--sampler", sampler, "--steps", "6", "--calibrate", "4",
                                      "--out", out, "--quiet", "--threads", "1"});
    REQUIRE(made.error == "");
    const ModelFile file = read_model(load(out), out);
    const ModelFile source = read_model(load(bench.model), bench.model);
    const std::vector<format::RowRecord> want =
        scheduler_rows(scheduler_config_of(source.diffusion, source.graph.prediction, sampler), 6);
    REQUIRE(file.diffusion.rows.size() == want.size());
    bool history = false;
    for (size_t i = 0; i < want.size(); ++i) {
      CHECK(file.diffusion.rows[i].A == want[i].A);
      CHECK(file.diffusion.rows[i].H[0] == want[i].H[0]);
      history = history || want[i].H[0] != 0;
    }
    CHECK(history);
    CHECK(test::run_tool(run_sample, {"sample", out, "--n", "2", "--npy", bench.path("q.npy"), "--force", "--quiet"})
              .error == "");
  }
}

}  // namespace mote::tool
