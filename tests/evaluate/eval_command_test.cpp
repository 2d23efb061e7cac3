// `train-classifier` and `eval` as a person meets them: what is printed, files, messages, exit codes.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/os.h"
#include "weights_tool/train/classifier_file.h"
#include "weights_tool/train/trainer.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

// 8x12 grey pictures, as large as the tiny model's, of three classes that mirroring and moving do not change: rows bright
// and dark by turns, columns likewise, all bright.
ImageSet textures(size_t count, unsigned seed, std::vector<uint8_t>* labels) {
  ImageSet set{count, 8, 12, 1, {}};
  std::mt19937 random(seed);
  for (size_t i = 0; i < count; ++i) {
    labels->push_back(static_cast<uint8_t>(i % 3));
    for (size_t p = 0; p < 96; ++p) {
      const size_t place = i % 3 == 0 ? p / 12 : i % 3 == 1 ? p % 12 : 0;
      set.pixels.push_back(static_cast<uint8_t>((place % 2 == 0 ? 200 : 20) + random() % 40));
    }
  }
  return set;
}

// Data, a model and a classifier; the classifier is trained once for all tests.
struct Bench {
  TemporaryFolder folder;
  std::string data = path("data"), model = path("tiny.mote"), classifier = path("c.safetensors");
  Bench() {
    std::filesystem::create_directories(data);
    add("train", 96, 1);
    add("t10k", 24, 2);
    save(model, test::tiny_model());
    static const std::vector<uint8_t> trained = [this] {
      REQUIRE(train({}).error == "");
      return load(classifier);
    }();
    save(classifier, trained);
  }
  std::string path(const std::string& name) const { return folder / name; }
  void add(const std::string& prefix, size_t count, unsigned seed) const {
    std::vector<uint8_t> labels;
    write_idx_images(data + "/" + prefix + "-images-idx3-ubyte", textures(count, seed, &labels), true);
    write_idx_labels(data + "/" + prefix + "-labels-idx1-ubyte", labels, true);
  }
  test::ToolResult train(std::vector<std::string> more) const {
    more.insert(more.begin(), {"train-classifier", "--data", data, "--out", classifier, "--epochs", "6", "--batch",
                               "12", "--threads", "2"});
    return test::run_tool(run_train_classifier, more);
  }
  // With the classifier, data and threads of the bench unless others are given.
  test::ToolResult eval(std::vector<std::string> more) const {
    const auto add_default = [&](const std::string& option, const std::string& value) {
      if (std::find(more.begin(), more.end(), option) == more.end()) more.insert(more.end(), {option, value});
    };
    add_default("--classifier", classifier);
    add_default("--data", data);
    add_default("--threads", "2");
    more.insert(more.begin(), "eval");
    more.push_back("--quiet");
    return test::run_tool(run_eval, more);
  }
  Json json(std::vector<std::string> more) const {
    more.push_back("--json");
    const test::ToolResult result = eval(more);
    CHECK(result.error == "");
    CHECK(result.code == 0);
    return parse_json(result.output, "eval");
  }
};

}  // namespace

TEST_CASE("train-classifier prints its accuracy and leaves a classifier that knows it") {
  const Bench bench;
  const test::ToolResult refused = bench.train({});
  CHECK(refused.code == 4);
  CHECK(contains(refused.error, "--force"));
  const test::ToolResult result = bench.train({"--force", "--seed", "5"});
  CHECK(result.code == 0);
  CHECK(result.output == "accuracy 100.00 % (24 of 24 held-out pictures)\n");
  const LoadedClassifier loaded = load_classifier(bench.classifier);
  CHECK(loaded.state.accuracy == 1.0);
  CHECK(loaded.state.recipe.seed == 5);
  CHECK(loaded.state.step == 48);
  CHECK(loaded.state.config.classes == 3);
  const std::vector<uint8_t> first = load(bench.classifier);
  CHECK(bench.train({"--force", "--seed", "5"}).code == 0);
  CHECK(load(bench.classifier) == first);  // the same bytes from the same seed
}

TEST_CASE("Ctrl-C saves the weights so far and exits with 130") {
  const Bench bench;
  install_interrupt_handlers();
  raise(SIGINT);
  const test::ToolResult result = bench.train({"--force"});
  clear_interrupted();
  CHECK(result.code == 130);
  CHECK(result.output == "");
  const LoadedClassifier loaded = load_classifier(bench.classifier);
  CHECK(loaded.state.step == 1);
  CHECK(std::isnan(loaded.state.accuracy));

  const std::vector<uint8_t> before = load(bench.classifier);
  raise(SIGINT);
  const test::ToolResult eval = bench.eval({bench.model, "--n", "9"});
  clear_interrupted();
  CHECK(eval.code == 130);
  CHECK(eval.output == "");
  CHECK(load(bench.classifier) == before);
}

TEST_CASE("eval of a model: floor, every run, mean and spread; the same numbers for any threads") {
  const Bench bench;
  const Json json = bench.json({bench.model, "--n", "30", "--runs", "2", "--steps", "3", "--seed", "7"});
  const JsonView view(json, "eval");
  CHECK(view.at("classifier_accuracy").number() == 1.0);
  CHECK(view.at("real_pictures").integer() == 96);
  CHECK(view.at("manifold_pictures").integer() == 30);
  CHECK(view.at("floor").at("pictures").integer() == 24);
  CHECK(view.at("floor").at("agreement").number() == 1.0);
  CHECK(view.at("candidates").size() == 1);
  CHECK(!view.has("distance_ratio"));
  const JsonView candidate = view.at("candidates").at(0);
  CHECK(candidate.at("steps").integer() == 3);
  CHECK(candidate.at("runs").size() == 2);
  const double first = candidate.at("runs").at(0).at("frechet").number(),
               second = candidate.at("runs").at(1).at("frechet").number();
  CHECK(candidate.at("runs").at(0).at("seed").integer() == 7);
  CHECK(candidate.at("runs").at(1).at("seed").integer() == 8);
  CHECK(first != second);
  CHECK(candidate.at("mean").at("frechet").number() == doctest::Approx((first + second) / 2).epsilon(1e-12));
  CHECK(candidate.at("runs").at(0).at("agreement").number() <= 1.0);
  // A model of random weights draws nothing like the data.
  CHECK(first > 10 * view.at("floor").at("frechet").number());
  CHECK(bench.json({bench.model, "--n", "30", "--runs", "2", "--steps", "3", "--seed", "7", "--threads", "1"}) == json);
}

TEST_CASE("a model's run is the pictures that sample draws with the same seed") {
  const Bench bench;
  const std::string idx = bench.path("drawn.idx");
  REQUIRE(
      test::run_tool(run_sample, {"sample", bench.model, "--n", "20", "--seed", "3", "--idx", idx, "--quiet"}).error ==
      "");
  const Json drawn = bench.json({bench.model, "--n", "20", "--runs", "1", "--seed", "3"}), read = bench.json({idx});
  const JsonView a = JsonView(drawn, "a").at("candidates").at(0).at("mean"),
                 b = JsonView(read, "b").at("candidates").at(0).at("mean");
  CHECK(a.at("frechet").number() == b.at("frechet").number());
  CHECK(a.at("confidence").number() == b.at("confidence").number());
  CHECK(b.at("agreement").is_null());  // a file does not say what its pictures should be
}

TEST_CASE("a checkpoint of train is measured as the model that export makes of it") {
  const Bench bench;
  TrainConfig config;
  const Json tiny = parse_json(test::tiny_config_text(), "tiny");
  config.model = unet_config_from_json(JsonView(tiny, "tiny"));
  config.batch = 4;
  config.timesteps = 50;
  std::vector<uint8_t> labels;
  Dataset data;
  data.images = textures(12, 3, &labels);
  data.labels.assign(labels.begin(), labels.end());
  ThreadPool pool(1);
  KernelSet set;
  REQUIRE(find_kernel_set(nullptr, &set));
  Trainer trainer(config, data, set, pool);
  trainer.step();
  const std::string checkpoint = bench.path("checkpoint.safetensors"), model = bench.path("exported.mote");
  trainer.save(checkpoint);
  REQUIRE(test::run_tool(run_export, {"export", checkpoint, "--out", model}).error == "");
  const Json json = bench.json({checkpoint, "--against", model, "--n", "10", "--runs", "1", "--steps", "4"});
  const JsonView view(json, "eval");
  CHECK(view.at("distance_ratio").number() == 1.0);
  CHECK(view.at("candidates").at(0).at("steps").integer() == 4);
  CHECK(view.at("candidates").at(0).at("mean").value() == view.at("candidates").at(1).at("mean").value());
  CHECK(bench.eval({checkpoint, "--steps", "51"}).code == 2);
}

TEST_CASE("eval of pictures against others: the training pictures are at distance 0") {
  const Bench bench;
  std::vector<uint8_t> labels;
  const std::string noise = bench.path("noise.idx.gz");
  ImageSet random_pictures = textures(40, 1, &labels);
  std::mt19937 random(5);
  for (uint8_t& pixel : random_pictures.pixels) pixel = static_cast<uint8_t>(random());
  write_idx_images(noise, random_pictures, false);
  const std::string real = bench.data + "/train-images-idx3-ubyte", held_out = bench.data + "/t10k-images-idx3-ubyte";
  const Json of_real = bench.json({real});
  const JsonView same = JsonView(of_real, "eval").at("candidates").at(0).at("runs").at(0);
  CHECK(same.at("frechet").number() < 1e-4);
  CHECK(same.at("precision").number() == 1.0);
  CHECK(same.at("recall").number() == 1.0);
  const Json json = bench.json({noise, "--against", held_out});
  const JsonView view(json, "eval");
  const double far = view.at("candidates").at(0).at("mean").at("frechet").number(),
               near = view.at("candidates").at(1).at("mean").at("frechet").number();
  CHECK(view.at("candidates").at(0).at("mean").at("precision").number() < 0.2);
  CHECK(view.at("distance_ratio").number() == doctest::Approx(far / near));
  CHECK(far > 5 * near);
  CHECK(near == view.at("floor").at("frechet").number());
  // At most --n pictures, from the start.
  const Json fewer = bench.json({real, "--n", "50"});
  CHECK(JsonView(fewer, "eval").at("candidates").at(0).at("runs").at(0).at("pictures").integer() == 50);
  const test::ToolResult text = bench.eval({noise, "--against", bench.model, "--n", "12", "--runs", "2"});
  CHECK(text.error == "");
  CHECK(contains(text.output, "floor: 12 held-out pictures"));
  CHECK(contains(text.output, "standard deviation"));
  CHECK(contains(text.output, "noise.idx.gz / "));
}

TEST_CASE("eval says of each broken input what is wrong with it") {
  const Bench bench;
  const auto code_and_error = [&](std::vector<std::string> words) {
    const test::ToolResult result = bench.eval(std::move(words));
    CHECK(result.output == "");
    return std::to_string(result.code) + ": " + result.error;
  };
  CHECK(contains(code_and_error({bench.path("absent.mote")}), "4: "));
  save(bench.path("broken.mote"), std::string("MOTE and nothing else"));
  CHECK(contains(code_and_error({bench.path("broken.mote")}), "3: "));
  save(bench.path("text.json"), std::string("{\"model\": {}}"));
  CHECK(contains(code_and_error({bench.path("text.json")}), "3: "));
  save(bench.path("empty"), std::string());
  CHECK(contains(code_and_error({bench.path("empty")}), "3: "));
  CHECK(contains(code_and_error({bench.classifier}), "3: " + bench.classifier));  // safetensors, but no checkpoint
  CHECK(contains(code_and_error({bench.model, "--against", bench.path("absent")}), "4: "));
  CHECK(contains(code_and_error({bench.model, "--classifier", bench.model}), "3: "));
  CHECK(contains(code_and_error({bench.model, "--classifier", bench.path("absent")}), "4: "));
  CHECK(contains(code_and_error({bench.model, "--data", bench.path("absent")}), "4: "));
  // Wrong shapes.
  save(bench.path("colour.mote"), test::tiny_model(3));
  CHECK(contains(code_and_error({bench.path("colour.mote")}),
                 "3: " + bench.path("colour.mote") + ": pictures of 8x12x3, but the classifier is for 8x12x1"));
  write_idx_images(bench.path("square.idx"), ImageSet{9, 8, 8, 1, std::vector<uint8_t>(9 * 64)}, false);
  CHECK(contains(code_and_error({bench.path("square.idx")}), "pictures of 8x8x1"));
  write_idx_images(bench.path("three.idx"), ImageSet{3, 8, 12, 1, std::vector<uint8_t>(3 * 96)}, false);
  CHECK(contains(code_and_error({bench.path("three.idx")}), "3 pictures are too few"));
  std::vector<uint8_t> labels(96);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<uint8_t>(i % 5);
  write_idx_labels(bench.data + "/train-labels-idx1-ubyte", labels, true);
  CHECK(contains(code_and_error({bench.model}), "5 classes, but the classifier knows 3"));
}

TEST_CASE("wrong command lines are usage errors") {
  const Bench bench;
  CHECK(bench.eval({}).code == 2);
  CHECK(bench.eval({bench.model, "--n", "3"}).code == 2);
  CHECK(bench.eval({bench.model, "--steps", "51"}).code == 2);
  CHECK(bench.eval({bench.model, "--sampler", "ddpm", "--eta", "0.5"}).code == 2);
  CHECK(bench.eval({bench.model, "--kernels", "abacus"}).code == 2);
  CHECK(test::run_tool(run_eval, {"eval", bench.model, "--data", bench.data}).code == 2);
  CHECK(test::run_tool(run_train_classifier, {"train-classifier", "--data", bench.data}).code == 2);
  CHECK(bench.train({"--force", "--epochs", "0"}).code == 2);
  CHECK(contains(test::run_tool(run_eval, {"eval", "--help"}).output, "--against"));
  CHECK(contains(test::run_tool(run_train_classifier, {"train-classifier", "--help"}).output, "accuracy"));
}

}  // namespace mote::tool
