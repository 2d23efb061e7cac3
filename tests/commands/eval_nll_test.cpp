// `eval --nll`: against the exact bound of a linear network, and as a person meets it.
#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/json.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::save;
using ::test::TemporaryFolder;

constexpr int kSide = 4, kLevels = 12;
constexpr size_t kPictures = 200;

// A 1x1 convolution: epsilon = slope x_t and, if learned, v.
std::vector<uint8_t> linear_model(float slope, bool learned, float v) {
  Graph graph;
  const auto add = [&](const char* name, Role role, int rank, std::array<int, 4> dims, std::vector<float> values) {
    Tensor tensor;
    tensor.name = name;
    tensor.role = role;
    tensor.rank = rank;
    tensor.dims = dims;
    tensor.values = std::move(values);
    graph.tensors.push_back(std::move(tensor));
    return static_cast<int>(graph.tensors.size()) - 1;
  };
  const int out = learned ? 2 : 1;
  Node node;
  node.kind = OpKind::conv2d;
  node.name = "conv";
  graph.input = node.x[0] = add("x_t", Role::input, 3, {kSide, kSide, 1, 1}, {});
  node.weights =
      add("w", Role::parameter, 4, {out, 1, 1, 1}, learned ? std::vector<float>{slope, 0} : std::vector<float>{slope});
  node.bias = add("b", Role::parameter, 1, {out, 1, 1, 1}, learned ? std::vector<float>{0, v} : std::vector<float>{0});
  graph.output = node.y[0] = add("y", Role::activation, 3, {kSide, kSide, out, 1}, {});
  graph.nodes.push_back(node);
  graph.train_steps = kLevels;
  graph.prediction = Prediction::epsilon;
  ScheduleOptions options;
  options.train_steps = kLevels;
  options.beta_end = 0.3;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule(options));
  info.default_steps = 4;
  info.clip = false;
  return write_model(graph, plan_memory(graph), info, Json());
}

// The exact bound of a byte, its expectation over the noise by hand: x0's guess is k x_t, so its error is
// x0 (1 - k a) - k b z. [0] L_T, [1] the middle, [2] L_0, in bits. log_share: where the log variance lies from beta-tilde
// (0) to beta (1).
void exact_bound(double x0, double slope, double log_share, double bits[3]) {
  double alpha_bar = 1, tilde_after = 0;
  double betas[kLevels];
  for (int t = 0; t < kLevels; ++t) betas[t] = 1e-4 + (0.3 - 1e-4) * t / (kLevels - 1);
  {
    const double first = 1 - betas[0];
    tilde_after = (1 - first) / (1 - first * (1 - betas[1])) * betas[1];
  }
  double nats[3] = {};
  for (int t = 0; t < kLevels; ++t) {
    const double before = alpha_bar;
    alpha_bar *= 1 - betas[t];
    const double a = std::sqrt(alpha_bar), b = std::sqrt(1 - alpha_bar), k = (1 - b * slope) / a;
    const double share = std::sqrt(before) * betas[t] / (1 - alpha_bar);
    const double tilde = t == 0 ? tilde_after : (1 - before) / (1 - alpha_bar) * betas[t];
    const double variance = std::exp(log_share * std::log(betas[t]) + (1 - log_share) * std::log(tilde));
    const double still = x0 * (1 - k * a);
    if (t > 0) {
      const double apart = share * share * (still * still + k * k * b * b);
      nats[1] += 0.5 * (std::log(variance / tilde) - 1 + (tilde + apart) / variance);
      continue;
    }
    const double half = 1.0 / 255, deviation = std::sqrt(2 * variance);
    const int parts = 4000;
    for (int i = 0; i <= parts; ++i) {
      const double z = -8 + 16.0 * i / parts, mean = x0 - (still - k * b * z);
      const double high = x0 > 0.999 ? 1 : 0.5 * std::erfc((mean - x0 - half) / deviation);
      const double low = x0 < -0.999 ? 0 : 0.5 * std::erfc((mean - x0 + half) / deviation);
      nats[2] -= std::log(high - low) * std::exp(-z * z / 2) * 16 / parts / std::sqrt(2 * std::acos(-1.0));
    }
  }
  nats[0] = 0.5 * (alpha_bar * x0 * x0 - alpha_bar - std::log(1 - alpha_bar));
  for (int i = 0; i < 3; ++i) bits[i] = nats[i] / std::log(2.0);
}

struct Bench {
  TemporaryFolder folder;
  std::vector<uint8_t> pixels;
  Bench() {
    std::mt19937 random(4);
    for (size_t i = 0; i < kPictures * kSide * kSide; ++i) {
      const int value = static_cast<int>(random() % 320) - 32;  // the ends more often
      pixels.push_back(static_cast<uint8_t>(std::min(255, std::max(0, value))));
    }
    write_idx_images(folder / "t10k-images-idx3-ubyte", ImageSet{kPictures, kSide, kSide, 1, pixels}, false);
    write_idx_images(folder / "train-images-idx3-ubyte", ImageSet{1, kSide, kSide, 1, std::vector<uint8_t>(16)}, false);
  }
  test::ToolResult eval(const std::vector<uint8_t>& model, std::vector<std::string> more) const {
    save(folder / "m.mote", model);
    std::vector<std::string> words = {"eval", folder / "m.mote", "--nll", "--data", folder / "", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return test::run_tool(run_eval, words);
  }
  Json json(const std::vector<uint8_t>& model, std::vector<std::string> more) const {
    more.push_back("--json");
    const test::ToolResult result = eval(model, more);
    REQUIRE(result.error == "");
    return parse_json(result.output, "stdout");
  }
};

double number(const Json& json, const char* part, const char* key) { return json.find(part)->find(key)->number(); }

}  // namespace

TEST_CASE("the bound of a linear network is the exact one, for learned and fixed variances") {
  const Bench bench;
  struct Case {
    bool learned;
    const char* variance;
    double log_share;
  };
  for (const Case& c : {Case{true, "learned", 0.7}, Case{false, "small", 0}, Case{true, "small", 0}}) {
    double exact[3] = {};
    for (const uint8_t pixel : bench.pixels) {
      double bits[3];
      exact_bound(pixel / 127.5 - 1, 0.5, c.log_share, bits);
      for (int i = 0; i < 3; ++i) exact[i] += bits[i] / static_cast<double>(bench.pixels.size());
    }
    const Json json = bench.json(linear_model(0.5f, c.learned, 0.4f), {"--levels", "0", "--variance", c.variance});
    const char* const keys[] = {"prior", "middle", "decoder"};
    double sum = 0;
    for (int i = 0; i < 3; ++i) {
      const double found = number(json, "bits_per_dimension", keys[i]), error = number(json, "standard_error", keys[i]);
      INFO(c.variance << " " << keys[i] << ": " << found << " of " << exact[i] << " +- " << error);
      CHECK(std::fabs(found - exact[i]) < (i == 0 ? 1e-6 : 4 * error));
      CHECK(error < 0.1 * exact[i]);
      sum += found;
    }
    CHECK(number(json, "bits_per_dimension", "total") == doctest::Approx(sum).epsilon(1e-9));
  }
}

TEST_CASE("a few levels estimate what all of them give, within the standard error; threads change nothing") {
  const Bench bench;
  const std::vector<uint8_t> model = linear_model(0.5f, true, 0.4f);
  const Json all = bench.json(model, {"--levels", "0"});
  const Json few = bench.json(model, {"--levels", "3", "--threads", "1"});
  const double exact = number(all, "bits_per_dimension", "middle");
  CHECK(std::fabs(number(few, "bits_per_dimension", "middle") - exact) < 4 * number(few, "standard_error", "middle"));
  CHECK(number(few, "bits_per_dimension", "middle") != exact);
  CHECK(bench.json(model, {"--levels", "3", "--threads", "3"}) == few);
  CHECK(bench.json(model, {"--levels", "3", "--threads", "1", "--seed", "2"}) != few);
  CHECK(few.find("levels_a_picture")->integer() == 4);
}

TEST_CASE("the chain of fewer levels ends in the same noise; pictures and split are those asked for") {
  const Bench bench;
  const std::vector<uint8_t> model = linear_model(0.5f, false, 0);
  const Json all = bench.json(model, {"--levels", "0"}), four = bench.json(model, {"--levels", "0", "--steps", "4"});
  CHECK(four.find("levels")->integer() == 4);
  CHECK(number(four, "bits_per_dimension", "prior") == doctest::Approx(number(all, "bits_per_dimension", "prior")));
  CHECK(number(four, "bits_per_dimension", "middle") != number(all, "bits_per_dimension", "middle"));
  CHECK(bench.json(model, {"--levels", "0", "--steps", "12"}) == all);
  CHECK(bench.json(model, {"--n", "7"}).find("pictures")->integer() == 7);
  CHECK(bench.json(model, {"--split", "train"}).find("pictures")->integer() == 1);
  const test::ToolResult text = bench.eval(model, {"--n", "7"});
  CHECK(contains(text.output, "bits a dimension"));
  CHECK(contains(text.output, "L_0"));
}

TEST_CASE("what has no meaning with --nll, or without it, is a usage error") {
  const Bench bench;
  const std::vector<uint8_t> model = linear_model(0.5f, false, 0);
  CHECK(bench.eval(model, {"--variance", "learned"}).code == 2);
  CHECK(bench.eval(model, {"--sampler", "ddpm"}).code == 2);
  CHECK(bench.eval(model, {"--against", "x"}).code == 2);
  CHECK(bench.eval(model, {"--steps", "13"}).code == 2);
  CHECK(test::run_tool(run_eval, {"eval", "x.mote", "--levels", "3", "--data", "x", "--classifier", "c"}).code == 2);
}

}  // namespace mote::tool
