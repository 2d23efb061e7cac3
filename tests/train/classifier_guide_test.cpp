// The noisy classifier: its graph and file, that it learns at all levels, and the gradient it guides by.
#include "weights_tool/train/classifier_guide.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "double_graph.h"
#include "tiny_training.h"
#include "weights_tool/io/error.h"
#include "weights_tool/train/classifier_trainer.h"

using namespace mote;
using namespace mote::tool;
using mote::test::TempFolder;
using mote::test::tiny_pictures;

namespace {

ClassifierConfig noisy_config() {
  ClassifierConfig config = default_classifier(8, 8, 1, 2, 8);
  config.features = 6;
  config.groups = 2;
  config.time_features = 8;
  config.timesteps = 50;
  return config;
}

KernelSet fastest() {
  KernelSet set;
  REQUIRE(find_kernel_set(nullptr, &set));
  return set;
}

ClassifierRecipe quick_recipe() {
  ClassifierRecipe recipe;
  recipe.epochs = 30;
  recipe.batch = 20;
  recipe.learning_rate = 1e-2;
  recipe.ema = 0.9;
  return recipe;
}

}  // namespace

TEST_CASE("a noisy classifier knows t: another t, another answer; a clean one does not") {
  ThreadPool pool(1);
  for (const bool noisy : {true, false}) {
    ClassifierConfig config = noisy_config();
    if (!noisy) config.time_features = 0;
    Graph graph = build_classifier(config, 3);
    unsigned salt = 0;
    for (Tensor& tensor : graph.tensors) {
      if (tensor.role == Role::parameter && !tensor.constant)
        for (float& value : tensor.values) value += 0.2f * std::sin(static_cast<float>(++salt));
    }
    const ParameterStore store(graph, KernelSet::ref, pool, false);
    Executor executor(graph, store, 1, false);
    const std::vector<float> x(64, 0.3f);
    float logits[2][2];
    for (int k = 0; k < 2; ++k) {
      const float t = 40.0f * static_cast<float>(k);
      SliceInput input;
      input.images = 1;
      input.x = x.data();
      input.timesteps = &t;
      std::memcpy(logits[k], executor.forward(input), sizeof logits[k]);
    }
    CHECK((logits[0][0] != logits[1][0]) == noisy);
  }
}

TEST_CASE(
    "a noisy classifier learns: nearly always right without noise, and by chance in pure noise; its file comes back") {
  const TempFolder folder;
  const Dataset data = tiny_pictures(60);
  ThreadPool pool(2);
  ClassifierTrainer trainer(noisy_config(), quick_recipe(), data, fastest(), pool);
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  const auto accuracy = [&](int t) {
    return noisy_accuracy(trainer.graph(), trainer.state().config, trainer.store(), data, t, 60, pool);
  };
  CHECK(accuracy(0) > 0.9);
  CHECK(accuracy(49) < 0.8);
  CHECK(accuracy(49) > 0.2);
  save_classifier(folder.path("n.safetensors"), trainer.graph(), trainer.store(), trainer.ema().data(), trainer.state(),
                  false);
  const LoadedClassifier loaded = load_classifier(folder.path("n.safetensors"));
  CHECK(loaded.state.config.time_features == 8);
  CHECK(loaded.state.config.timesteps == 50);
  const ClassifierGuide guide(load_classifier(folder.path("n.safetensors")), fastest(), "n.safetensors");
  const std::vector<float> levels = exact_alpha_bar_table(classifier_schedule(noisy_config()));
  CHECK(guide.misfit(8, 8, 1, 2, levels).empty());
  CHECK(!guide.misfit(8, 9, 1, 2, levels).empty());
  CHECK(!guide.misfit(8, 8, 1, 3, levels).empty());
  CHECK(!guide.misfit(8, 8, 1, 2, {0.5f, 0.1f}).empty());
}

TEST_CASE("the guide's gradient is that of differences of log p") {
  LoadedClassifier loaded;
  loaded.state.config = noisy_config();
  loaded.graph = build_classifier(noisy_config(), 5);
  test::DoubleGraph twin(loaded.graph);
  const ClassifierGuide guide(loaded, KernelSet::ref, "c");
  test::DoubleInput at;
  std::vector<float> x;
  for (int e = 0; e < 64; ++e) x.push_back(std::cos(0.7f * static_cast<float>(e)));
  at.x.assign(x.begin(), x.end());
  at.timestep = 12;
  const auto log_p = [&](size_t element, double step) {
    test::DoubleInput moved = at;
    moved.x[element] += step;
    const test::Values& logits = twin.run(moved);
    return logits[1] - std::log(std::exp(logits[0]) + std::exp(logits[1]));
  };
  std::vector<float> gradient(64);
  CHECK(guide.gradient(x.data(), 12.0f, 1, gradient.data()) == doctest::Approx(log_p(0, 0)).epsilon(1e-4));
  double scale = 0;
  for (size_t e = 0; e < 64; ++e) scale = std::max(scale, std::fabs(double{gradient[e]}));
  REQUIRE(scale > 1e-4);
  for (size_t e = 0; e < 64; e += 5) {
    const double want = (log_p(e, 1e-5) - log_p(e, -1e-5)) / 2e-5;
    CHECK(std::fabs(double{gradient[e]} - want) < 1e-3 * scale);
  }
}

TEST_CASE("a classifier of clean pictures cannot guide") {
  LoadedClassifier loaded;
  loaded.state.config = noisy_config();
  loaded.state.config.time_features = 0;
  loaded.graph = build_classifier(loaded.state.config, 5);
  CHECK_THROWS_AS(ClassifierGuide(loaded, KernelSet::ref, "c"), Error);
}
