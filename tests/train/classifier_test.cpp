// The classifier: its loss and gradient, its data, that it learns, and its file.
#include "weights_tool/train/classifier.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>

#include "double_graph.h"
#include "tiny_training.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/png.h"
#include "weights_tool/io/safetensors.h"
#include "weights_tool/train/classifier_data.h"
#include "weights_tool/train/classifier_trainer.h"

using namespace mote;
using namespace mote::tool;
using mote::test::bytes_of;
using mote::test::TempFolder;
using mote::test::tiny_pictures;
using mote::test::write_bytes;

namespace {

KernelSet fastest() {
  KernelSet set;
  REQUIRE(find_kernel_set(nullptr, &set));
  return set;
}

ClassifierConfig tiny_classifier(int height = 8, int width = 8) {
  ClassifierConfig config = default_classifier(height, width, 1, 2);
  config.widths = {8, 8};
  config.features = 6;
  config.groups = 2;
  return config;
}

ClassifierRecipe tiny_recipe() {
  ClassifierRecipe recipe;
  recipe.epochs = 12;
  recipe.batch = 20;
  recipe.learning_rate = 1e-2;
  recipe.ema = 0.9;
  recipe.shift = 1;
  return recipe;
}

// The line of the Error, with its exit code.
template <class Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
  }
  return "no error";
}
bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

double right_share(ClassifierTrainer& trainer, const Dataset& data, ThreadPool& pool) {
  const ParameterStore& trained = trainer.store();
  ParameterStore store(trainer.graph(), fastest(), pool, false);
  std::copy_n(trained.values(), trained.size(), store.values());
  store.refresh(pool);
  Executor executor(trainer.graph(), store, 1, false);
  int right = 0;
  for (size_t i = 0; i < data.images.count; ++i) {
    std::vector<float> x(data.images.image_bytes());
    picture_to_floats(data.images.image(i), 8, 8, 1, false, x.data());
    SliceInput input;
    input.images = 1;
    input.x = x.data();
    float confidence;
    right += classify(executor.forward(input), 2, &confidence) == data.labels[i];
  }
  return static_cast<double>(right) / static_cast<double>(data.images.count);
}

}  // namespace

TEST_CASE("cross-entropy: equal logits, certainty, large logits") {
  const float equal[4] = {2.5f, 2.5f, 2.5f, 2.5f};
  float gradient[4];
  CHECK(softmax_cross_entropy(equal, 4, 2, 1.0, gradient) == doctest::Approx(std::log(4.0)));
  CHECK(gradient[0] == 0.25f);
  CHECK(gradient[2] == -0.75f);
  const float certain[3] = {1000, 0, -1000};  // exp overflows a double
  CHECK(softmax_cross_entropy(certain, 3, 0, 1.0, nullptr) == 0.0);
  CHECK(softmax_cross_entropy(certain, 3, 2, 1.0, nullptr) == 2000.0);
  float confidence;
  CHECK(classify(certain, 3, &confidence) == 0);
  CHECK(confidence == 1.0f);
  CHECK(classify(equal, 4, &confidence) == 0);
  CHECK(confidence == 0.25f);
}

TEST_CASE("the gradient of the cross-entropy is that of finite differences") {
  const std::vector<float> logits = {0.3f, -1.2f, 2.0f, 0.7f, -0.1f};
  for (int label = 0; label < 5; ++label) {
    std::vector<float> gradient(5);
    softmax_cross_entropy(logits.data(), 5, label, 0.125, gradient.data());
    for (size_t i = 0; i < 5; ++i) {
      const float step = 1.0f / 1024;
      std::vector<float> up = logits, down = logits;
      up[i] += step;
      down[i] -= step;
      const double moved = static_cast<double>(up[i]) - static_cast<double>(down[i]);
      const double slope = (softmax_cross_entropy(up.data(), 5, label, 1, nullptr) -
                            softmax_cross_entropy(down.data(), 5, label, 1, nullptr)) /
                           moved;
      CHECK(static_cast<double>(gradient[i]) == doctest::Approx(0.125 * slope).epsilon(1e-5));
    }
  }
}

TEST_CASE("the whole classifier's gradient is that of finite differences in double") {
  for (const int width : {8, 21}) {  // the second leaves a row of squares after the mean
    CAPTURE(width);
    ThreadPool pool(1);
    Graph graph = build_classifier(tiny_classifier(8, width), 5);
    ParameterStore store(graph, fastest(), pool);
    BatchGradient gradients(graph, store, pool, 2, 1);
    const size_t elements = static_cast<size_t>(8 * width);
    std::vector<float> x(2 * elements);
    std::mt19937 random(4);
    for (float& value : x) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    const float timesteps[2] = {};
    SliceInput input;
    input.images = 2;
    input.x = x.data();
    input.timesteps = timesteps;
    AlignedFloats gradient(store.size());
    gradients.run(
        input,
        [&](const SliceOutput& out) {
          for (int i = 0; i < out.images; ++i) {
            softmax_cross_entropy(out.output + i * out.stride, 2, i, 0.5, out.d_output + i * out.stride);
          }
        },
        gradient.data());

    test::DoubleGraph twin(graph);
    const auto loss = [&] {
      double sum = 0;
      for (size_t i = 0; i < 2; ++i) {
        test::DoubleInput one;
        one.x.assign(x.begin() + static_cast<ptrdiff_t>(i * elements),
                     x.begin() + static_cast<ptrdiff_t>((i + 1) * elements));
        const test::Values logits = twin.run(one);
        sum += 0.5 * (std::log(std::exp(logits[0]) + std::exp(logits[1])) - logits[i]);
      }
      return sum;
    };
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      if (graph.tensors[t].role != Role::parameter) continue;
      CAPTURE(graph.tensors[t].name);
      double squares = 0, error = 0;
      for (int64_t i = 0; i < graph.tensors[t].elements(); i += 1 + graph.tensors[t].elements() / 12) {
        double& value = twin.values(static_cast<int>(t))[static_cast<size_t>(i)];
        const double was = value, step = 1e-5;
        value = was + step;
        const double above = loss();
        value = was - step;
        const double below = loss();
        value = was;
        const double slope = (above - below) / (2 * step);
        const double found = static_cast<double>(gradient[static_cast<size_t>(store.offset(static_cast<int>(t)) + i)]);
        squares += slope * slope;
        error += (found - slope) * (found - slope);
      }
      CHECK(std::sqrt(error) <= 1e-3 * std::sqrt(squares) + 1e-6);
    }
  }
}

TEST_CASE("the graph follows the configuration; what is out of bounds is said") {
  const Graph graph = build_classifier(ClassifierConfig(), 1);
  CHECK(shape_text(graph.tensors[static_cast<size_t>(graph.input)]) == "28x28x1");
  CHECK(shape_text(graph.tensors[static_cast<size_t>(graph.output)]) == "[10]");
  CHECK(shape_text(graph.tensors[static_cast<size_t>(classifier_feature_tensor(graph))]) == "1x1x128");
  CHECK(graph_parameters(graph) * 4 <= 1000000);
  CHECK(default_classifier(28, 28, 1, 10).widths == std::vector<int>{32, 64, 128});
  CHECK(default_classifier(64, 80, 3, 5).widths == std::vector<int>{32, 64, 128, 128});
  CHECK(default_classifier(8, 8, 1, 2).widths == std::vector<int>{32});
  CHECK(classifier_misfit(default_classifier(28, 28, 1, 10)) == "");
  CHECK(contains(classifier_misfit(default_classifier(16, 200, 1, 10)), "16x200"));
  CHECK(contains(classifier_misfit(default_classifier(600, 600, 1, 10)), "600x600"));
  CHECK(contains(classifier_misfit(default_classifier(28, 28, 1, 5000)), "classes"));
  ClassifierConfig odd;
  odd.groups = 5;
  CHECK(contains(classifier_misfit(odd), "groups: 5"));
  odd.widths = {};
  CHECK(contains(classifier_misfit(odd), "levels"));
  // The same seed gives the same weights, another others.
  CHECK(build_classifier(ClassifierConfig(), 1).tensors[1].values == graph.tensors[1].values);
  CHECK(build_classifier(ClassifierConfig(), 2).tensors[1].values != graph.tensors[1].values);
}

TEST_CASE("a picture is moved and its edge repeated") {
  const std::vector<float> in = {1, 2, 3, 4, 5, 6};  // 2 x 3
  std::vector<float> out(6);
  shift_picture(in.data(), 2, 3, 1, 0, 1, out.data());
  CHECK(out == std::vector<float>{1, 1, 2, 4, 4, 5});
  shift_picture(in.data(), 2, 3, 1, -1, -1, out.data());
  CHECK(out == std::vector<float>{5, 6, 6, 5, 6, 6});
  shift_picture(in.data(), 2, 3, 1, 0, 0, out.data());
  CHECK(out == in);
  shift_picture(in.data(), 1, 3, 2, 5, 2, out.data());  // three pixels of two channels
  CHECK(out == std::vector<float>{1, 2, 1, 2, 1, 2});
}

TEST_CASE("a tiny classifier learns separable pictures, with the same bytes for any threads") {
  const Dataset data = tiny_pictures(100), held_out = tiny_pictures(60, 77);
  ThreadPool one(1), three(3);
  ClassifierTrainer a(tiny_classifier(), tiny_recipe(), data, fastest(), one);
  ClassifierTrainer b(tiny_classifier(), tiny_recipe(), data, fastest(), three);
  CHECK(a.total_steps() == 60);
  ClassifierStep first, last;
  for (int64_t i = 0; i < a.total_steps(); ++i) {
    last = a.step();
    if (i == 0) first = last;
    CHECK(b.step().loss == last.loss);
  }
  CHECK(last.step == 60);
  CHECK(last.loss < first.loss / 3);
  CHECK(last.accuracy > 0.7);
  CHECK(right_share(a, held_out, one) == 1.0);
  CHECK(std::equal(a.ema().data(), a.ema().data() + a.ema().size(), b.ema().data()));
}

TEST_CASE("a diverging training stops with an error instead of saving rubbish") {
  const Dataset data = tiny_pictures(40);
  ThreadPool pool(1);
  ClassifierRecipe recipe = tiny_recipe();
  recipe.learning_rate = 1e30;
  ClassifierTrainer trainer(tiny_classifier(), recipe, data, fastest(), pool);
  const std::string error = error_of([&] {
    while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  });
  CHECK(contains(error, "1: step "));
}

TEST_CASE("a classifier comes back from its file as it was") {
  const TempFolder folder;
  const Dataset data = tiny_pictures(40);
  ThreadPool pool(1);
  ClassifierTrainer trainer(tiny_classifier(), tiny_recipe(), data, fastest(), pool);
  for (int i = 0; i < 3; ++i) trainer.step();
  const std::string path = folder.path("c.safetensors");
  CHECK(std::isnan(trainer.state().accuracy));
  save_classifier(path, trainer.graph(), trainer.store(), trainer.ema().data(), trainer.state(), false);
  CHECK(std::isnan(load_classifier(path).state.accuracy));
  CHECK(contains(error_of([&] {
                   save_classifier(path, trainer.graph(), trainer.store(), trainer.ema().data(), trainer.state(),
                                   false);
                 }),
                 "4: " + path));
  trainer.state().accuracy = 0.875;
  save_classifier(path, trainer.graph(), trainer.store(), trainer.ema().data(), trainer.state(), true);

  const LoadedClassifier loaded = load_classifier(path);
  CHECK(loaded.state.accuracy == 0.875);
  CHECK(loaded.state.step == 3);
  CHECK(loaded.state.steps == 24);
  CHECK(loaded.state.config.widths == std::vector<int>{8, 8});
  CHECK(loaded.state.recipe.batch == 20);
  CHECK(loaded.state.recipe.shift == 1);
  CHECK(loaded.state.kernels == kernel_set_name(fastest()));
  for (size_t t = 0; t < loaded.graph.tensors.size(); ++t) {
    const int64_t offset = trainer.store().offset(static_cast<int>(t));
    if (offset < 0) continue;
    const std::vector<float>& values = loaded.graph.tensors[t].values;
    CHECK(std::equal(values.begin(), values.end(), trainer.ema().data() + offset));
  }
}

TEST_CASE("broken classifier files are refused with a line that says why") {
  const TempFolder folder;
  ThreadPool pool(1);
  const Dataset data = tiny_pictures(40);
  ClassifierTrainer trainer(tiny_classifier(), tiny_recipe(), data, fastest(), pool);
  const std::string path = folder.path("c.safetensors"), other = folder.path("other.safetensors");
  save_classifier(path, trainer.graph(), trainer.store(), trainer.ema().data(), trainer.state(), false);
  const std::string bytes = bytes_of(path);
  const auto error_with = [&](const std::string& changed) {
    write_bytes(other, changed);
    return error_of([&] { load_classifier(other); });
  };
  std::string flipped = bytes;
  flipped[bytes.size() - 5] = static_cast<char>(flipped[bytes.size() - 5] ^ 1);
  CHECK(contains(error_with(flipped), "3: " + other + ": damaged"));
  CHECK(contains(error_with(bytes.substr(0, bytes.size() - 1)), "3: " + other));
  CHECK(contains(error_with("not a classifier at all"), "3: " + other));
  CHECK(contains(error_with(""), "3: " + other));
  CHECK(contains(error_of([&] { load_classifier(folder.path("absent")); }), "4: "));
  std::string version = bytes;
  version.replace(version.find("\"mote.classifier\":\"1\""), 21, "\"mote.classifier\":\"7\"");
  CHECK(contains(error_with(version), "classifier version 7"));
  std::string key = bytes;
  key.replace(key.find("mote.classifier"), 15, "mote.clessifier");
  CHECK(contains(error_with(key), "no classifier"));

  // With a right checksum: states and arrays that are wrong.
  const auto state_error = [&](const std::function<void(ClassifierState&)>& change) {
    ClassifierState state = trainer.state();
    change(state);
    save_classifier(other, trainer.graph(), trainer.store(), trainer.ema().data(), state, true);
    return error_of([&] { load_classifier(other); });
  };
  CHECK(contains(state_error([](ClassifierState& s) { s.config.features = 7; }),
                 "3: " + other + ": the array features.weight"));
  CHECK(contains(state_error([](ClassifierState& s) { s.config.widths.push_back(8); }), "is missing"));
  CHECK(contains(state_error([](ClassifierState& s) { s.config.widths.pop_back(); }), "does not have"));
  CHECK(contains(state_error([](ClassifierState& s) { s.config.groups = 3; }), "groups: 3"));
  CHECK(contains(state_error([](ClassifierState& s) { s.config.height = 100000; }), "height"));
  CHECK(contains(state_error([](ClassifierState& s) { s.accuracy = 1.5; }), "accuracy"));
  std::vector<float> values(trainer.ema().data(), trainer.ema().data() + trainer.ema().size());
  values[0] = std::numeric_limits<float>::infinity();
  save_classifier(other, trainer.graph(), trainer.store(), values.data(), trainer.state(), true);
  CHECK(contains(error_of([&] { load_classifier(other); }), "not finite"));
}

namespace {

void save_idx(const TempFolder& folder, const std::string& prefix, const Dataset& data) {
  write_idx_images(folder.path(prefix + "-images-idx3-ubyte"), data.images, true);
  write_idx_labels(folder.path(prefix + "-labels-idx1-ubyte"),
                   std::vector<uint8_t>(data.labels.begin(), data.labels.end()), true);
}

}  // namespace

TEST_CASE("pictures with classes: classes from the labels, held-out pictures beside or every tenth") {
  const TempFolder folder;
  Dataset data = tiny_pictures(30);
  data.labels[7] = 4;
  save_idx(folder, "train", data);
  const ClassifiedPictures alone = load_classified(folder.path());
  CHECK(alone.classes == 5);
  CHECK(alone.train.images.count == 27);
  CHECK(alone.held_out.images.count == 3);
  CHECK(alone.held_out.labels == std::vector<int>{data.labels[9], data.labels[19], data.labels[29]});
  CHECK(std::equal(data.images.image(19), data.images.image(20), alone.held_out.images.image(1)));
  CHECK(std::equal(data.images.image(10), data.images.image(11), alone.train.images.image(9)));
  CHECK(alone.train.labels[7] == 4);

  save_idx(folder, "t10k", tiny_pictures(12));
  const ClassifiedPictures both = load_classified(folder.path());
  CHECK(both.train.images.count == 30);
  CHECK(both.held_out.images.count == 12);
}

TEST_CASE("pictures with classes: a folder of PNGs a class") {
  const TempFolder folder;
  for (const char* name : {"cats", "dogs", "owls"}) {
    std::filesystem::create_directories(folder.path(name));
    for (int i = 0; i < 8; ++i) {
      write_png(folder.path(name) + "/" + std::to_string(i) + ".png", Image(8, 8, 3, static_cast<uint8_t>(i)), false);
    }
  }
  const ClassifiedPictures pictures = load_classified(folder.path());
  CHECK(pictures.classes == 3);
  CHECK(pictures.train.images.count == 22);
  CHECK(pictures.held_out.images.count == 2);
  CHECK(pictures.held_out.labels == std::vector<int>{1, 2});
  CHECK(pictures.train.images.channels == 3);
}

TEST_CASE("pictures that no classifier can learn from are refused") {
  const TempFolder folder;
  CHECK(contains(error_of([&] { load_classified(folder.path("absent")); }), "4: "));
  Dataset same = tiny_pictures(20);
  same.labels.assign(20, 0);
  save_idx(folder, "train", same);
  CHECK(contains(error_of([&] { load_classified(folder.path()); }), "all pictures are of one class"));
  save_idx(folder, "train", tiny_pictures(9));
  CHECK(contains(error_of([&] { load_classified(folder.path()); }), "3: "));
  save_idx(folder, "train", tiny_pictures(20));
  Dataset more = tiny_pictures(20);
  more.labels[3] = 2;  // a class that the training pictures lack
  save_idx(folder, "t10k", more);
  CHECK(contains(error_of([&] { load_classified(folder.path()); }), "3: "));
  std::filesystem::remove(folder.path("train-labels-idx1-ubyte"));
  CHECK(contains(error_of([&] { load_classified(folder.path()); }), "no file of labels"));
}
