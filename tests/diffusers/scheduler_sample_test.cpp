// `sample` and `quantize --steps` on a model that came with a scheduler: the whole path from META to pictures, beside
// loops written out here around the network (`forward`'s call of the C API).
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "diffusion/noise.h"
#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/io/npy.h"

namespace mote::test {
namespace {

using namespace mote::tool;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

constexpr size_t elements = 8 * 12;  // one channel, so that NCHW and NHWC are the same
constexpr int levels = 50;
using Values = std::vector<double>;

std::string ddpm_keys() {
  return R"({"_class_name": "DDPMScheduler", "num_train_timesteps": 50, "beta_end": 0.2, "clip_sample_range": 2.0,
             "prediction_type": "v_prediction"})";
}

std::vector<uint8_t> model_with(const std::string& scheduler) {
  const Json json = parse_scheduler_json(scheduler, "scheduler");
  const Graph graph = tiny_graph();
  const Json meta = Json::object().set("diffusers", Json::object().set("scheduler", json));
  return write_model(graph, plan_memory(graph), diffusion_of(config_of(json), 5), meta);
}

std::vector<float> gaussian(size_t count, uint64_t seed, uint32_t step, uint32_t stream) {
  std::vector<float> values(count);
  fill_gaussian(values.data(), 0, static_cast<uint32_t>(count), seed, step, 0, stream);
  return values;
}

struct Bench {
  TemporaryFolder folder;
  std::string model = folder / "m.mote";
  std::vector<float> x_T = gaussian(elements, 5, 0, noise_initial);

  explicit Bench(const std::string& scheduler) { save(model, model_with(scheduler)); }

  ToolResult sample(std::vector<std::string> options) const {
    write_npy(folder / "x.npy", {1, 1, 8, 12}, x_T.data(), true);
    options.insert(options.begin(), {"sample", model, "--quiet", "--init", folder / "x.npy", "--class", "-1"});
    options.insert(options.end(), {"--npy", folder / "out.npy", "--trajectory", folder / "t.npy", "--force", "--json"});
    return run_tool(run_sample, options);
  }
  std::vector<float> picture(const std::vector<std::string>& options) const {
    const ToolResult result = sample(options);
    CHECK(result.error == "");
    return parse_npy(load(folder / "out.npy"), "out").values;
  }

  // The network by itself.
  Values predict(const Values& x, double timestep) const {
    const ModelBuffer buffer(load(model), model);
    mote_config config = mote_config();
    config.struct_size = sizeof config;
    config.class_label = MOTE_NO_CLASS;
    size_t size = 0;
    REQUIRE(mote_working_size(buffer.model(), &config, &size) == MOTE_OK);
    const AlignedBuffer memory(size);
    mote_sampler* sampler = nullptr;
    REQUIRE(mote_sampler_create(&sampler, buffer.model(), &config, memory.data(), size) == MOTE_OK);
    std::vector<float> in(x.begin(), x.end()), out(elements);
    REQUIRE(mote_sampler_predict(sampler, in.data(), static_cast<float>(timestep), MOTE_NO_CLASS, out.data(),
                                 elements) == MOTE_OK);
    return {out.begin(), out.end()};
  }
};

Values alpha_bars() {
  Values out;
  double product = 1;
  for (int t = 0; t < levels; ++t) out.push_back(product *= 1 - (1e-4 + (0.2 - 1e-4) * t / (levels - 1)));
  return out;
}

double difference(const std::vector<float>& a, const Values& b) {
  double worst = a.size() == b.size() ? 0 : 1e9;
  for (size_t e = 0; e < a.size() && e < b.size(); ++e) worst = std::max(worst, std::fabs(a[e] - b[e]));
  return worst;
}

double clipped(double x) { return std::min(std::max(x, -2.0), 2.0); }

}  // namespace

TEST_CASE("--sampler ddim follows the configuration: spacing, prediction, clip, the level before, given noise") {
  const Bench bench(ddpm_keys());
  const Values alpha_bar = alpha_bars();
  constexpr double eta = 0.6;
  Values x(bench.x_T.begin(), bench.x_T.end());
  std::vector<float> noise;
  const std::vector<int> timesteps{36, 24, 12, 0};  // leading: 50 / 4 = 12 apart
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int t = timesteps[i];
    const double a = alpha_bar[static_cast<size_t>(t)], b = t < 12 ? 1 : alpha_bar[static_cast<size_t>(t - 12)];
    const Values v = bench.predict(x, t);
    const std::vector<float> z = gaussian(elements, 77, static_cast<uint32_t>(i), noise_step);
    noise.insert(noise.end(), z.begin(), z.end());
    const double sigma = eta * std::sqrt((1 - b) / (1 - a) * (1 - a / b));
    for (size_t e = 0; e < elements; ++e) {
      const double x0 = clipped(std::sqrt(a) * x[e] - std::sqrt(1 - a) * v[e]);
      const double epsilon = std::sqrt(a) * v[e] + std::sqrt(1 - a) * x[e];
      x[e] = std::sqrt(b) * x0 + std::sqrt(std::max(1 - b - sigma * sigma, 0.0)) * epsilon + sigma * z[e];
    }
  }
  const std::vector<std::string> options{"--sampler", "ddim", "--steps", "4", "--eta", "0.6"};
  write_npy(bench.folder / "z.npy", {4, 1, 8, 12}, noise.data(), true);
  std::vector<std::string> given = options;
  given.insert(given.end(), {"--noise", bench.folder / "z.npy"});
  CHECK(difference(bench.picture(given), x) <= 2e-5);
  // The same numbers drawn by the library: the host's steps and the device's are the same.
  given = options;
  given.insert(given.end(), {"--seed", "77"});
  CHECK(difference(bench.picture(given), x) <= 2e-5);
  write_npy(bench.folder / "z.npy", {4, 1, 1, 8, 12}, noise.data(), true);
  given = options;
  given.insert(given.end(), {"--noise", bench.folder / "z.npy"});
  CHECK(difference(bench.picture(given), x) <= 2e-5);
}

TEST_CASE("without --sampler the model's own scheduler runs, in the stored steps and in others") {
  const Bench bench(ddpm_keys());
  const Values alpha_bar = alpha_bars();
  for (const int steps : {5, 3}) {
    CAPTURE(steps);
    Values x(bench.x_T.begin(), bench.x_T.end());
    const int apart = levels / steps;
    for (int i = 0; i < steps; ++i) {
      const int t = (steps - 1 - i) * apart;
      const double a = alpha_bar[static_cast<size_t>(t)], b = t == 0 ? 1 : alpha_bar[static_cast<size_t>(t - apart)];
      const Values v = bench.predict(x, t);
      const std::vector<float> z = gaussian(elements, 9, static_cast<uint32_t>(i), noise_step);
      const double beta = 1 - a / b, sigma = t > 0 ? std::sqrt((1 - b) / (1 - a) * beta) : 0;
      for (size_t e = 0; e < elements; ++e) {
        const double x0 = clipped(std::sqrt(a) * x[e] - std::sqrt(1 - a) * v[e]);
        x[e] = (std::sqrt(b) * beta * x0 + std::sqrt(a / b) * (1 - b) * x[e]) / (1 - a) + sigma * z[e];
      }
    }
    std::vector<std::string> options{"--seed", "9"};
    if (steps != 5) options.insert(options.end(), {"--steps", std::to_string(steps)});
    CHECK(difference(bench.picture(options), x) <= 2e-5);
  }
  CHECK(bench.sample({}).output.find(R"("sampler": "ddpm")") != std::string::npos);
}

TEST_CASE("--sampler euler tells the network of places between levels, and begins at the largest sigma") {
  const Bench bench(R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 50, "beta_end": 0.2,
                        "prediction_type": "v_prediction", "timestep_spacing": "linspace"})");
  const Values alpha_bar = alpha_bars();
  const auto sigma_at = [&](double t) {
    const auto at = [&](size_t i) { return std::sqrt((1 - alpha_bar[i]) / alpha_bar[i]); };
    const size_t low = std::min(static_cast<size_t>(t), alpha_bar.size() - 2);
    return at(low) + (at(low + 1) - at(low)) * (t - static_cast<double>(low));
  };
  Values x(bench.x_T.begin(), bench.x_T.end());
  for (double& value : x) value *= sigma_at(49);
  for (int i = 0; i < 5; ++i) {
    const double t = 49 - 12.25 * i, sigma = sigma_at(t), next = i == 4 ? 0 : sigma_at(t - 12.25);
    const double scale = std::sqrt(sigma * sigma + 1);
    Values in = x;
    for (double& value : in) value /= scale;
    const Values v = bench.predict(in, t);
    for (size_t e = 0; e < elements; ++e) {
      const double x0 = x[e] / (scale * scale) - sigma / scale * v[e];
      x[e] += (x[e] - x0) / sigma * (next - sigma);
    }
  }
  CHECK(difference(bench.picture({"--sampler", "euler", "--steps", "5"}), x) <= 1e-4);
}

TEST_CASE("dynamic thresholding runs on the host") {
  const Bench bench(
      R"({"_class_name": "DDIMScheduler", "num_train_timesteps": 50, "beta_end": 0.2, "thresholding": true,
                        "sample_max_value": 3, "dynamic_thresholding_ratio": 0.5, "prediction_type": "v_prediction"})");
  const std::vector<float> values = bench.picture({});
  // The last step ends at x0, of which half lies at the threshold that is 1 after the division.
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::fabs(double{value}));
  CHECK(largest == doctest::Approx(1));
  CHECK(values != bench.picture({"--sampler", "ddpm"}));
}

TEST_CASE("quantize and export --steps on an imported model: rows of its scheduler") {
  const Bench bench(ddpm_keys());
  SourceOptions options;
  options.steps = 7;
  const ModelSource source = load_model_source(bench.model, options);
  const std::vector<format::RowRecord> rows = scheduler_rows(config_of_text(ddpm_keys()), 7);
  REQUIRE(source.diffusion.rows.size() == 7);
  CHECK(std::memcmp(source.diffusion.rows.data(), rows.data(), 7 * sizeof rows[0]) == 0);
  CHECK(source.diffusion.default_steps == 7);
  CHECK(source.diffusion.clip_range == 2.0f);
}

TEST_CASE("what a sampler or model does not have is refused") {
  const Bench bench(ddpm_keys());
  CHECK(bench.sample({"--eta", "0.5"}).code == 2);
  CHECK(bench.sample({"--sampler", "euler", "--eta", "0.5"}).code == 2);
  CHECK(bench.sample({"--sampler", "unipc", "--timesteps", "40,20"}).code == 2);
  CHECK(bench.sample({"--steps", "51"}).code == 2);
  CHECK(bench.sample({"--timesteps", "40,20"}).code == 0);
  write_npy(bench.folder / "z.npy", {4, 1, 8, 12}, std::vector<float>(4 * elements).data(), true);
  CHECK(bench.sample({"--steps", "3", "--noise", bench.folder / "z.npy"}).code == 3);
  CHECK(bench.sample({"--timesteps", "40,20", "--noise", bench.folder / "z.npy"}).code == 2);
  const Bench learned(
      R"({"_class_name": "DDPMScheduler", "num_train_timesteps": 50, "variance_type": "learned_range"})");
  CHECK(learned.sample({}).code == 3);  // the network has no channels for it
  CHECK(learned.sample({"--sampler", "ddim"}).code == 0);
  const Bench broken(R"({"_class_name": "DDPMScheduler", "num_train_timesteps": 50})");
  save(broken.model, tiny_model());
  CHECK(broken.sample({"--sampler", "heun"}).code == 2);
  CHECK(broken.sample({"--sampler", "unipc"}).code == 0);
  CHECK(broken.sample({"--sampler", "dpmpp-2m", "--steps", "9"}).code == 0);
}

}  // namespace mote::test
