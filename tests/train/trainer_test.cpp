#include "weights_tool/train/trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tiny_training.h"
#include "weights_tool/io/error.h"
#include "weights_tool/train/trainer_eval.h"

using namespace mote;
using namespace mote::tool;
using mote::test::bytes_of;
using mote::test::TempFolder;
using mote::test::tiny_config;
using mote::test::tiny_pictures;

namespace {

KernelSet fastest() {
  KernelSet set;
  find_kernel_set(nullptr, &set);
  return set;
}

std::string checkpoint_after(int steps, int threads, const std::string& path,
                             const TrainConfig& config = tiny_config()) {
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(threads);
  Trainer trainer(config, data, fastest(), pool);
  for (int i = 0; i < steps; ++i) trainer.step();
  trainer.save(path);
  return bytes_of(path);
}

}  // namespace

TEST_CASE("a training gives the same bytes with 1, 2 and 3 threads") {
  const TempFolder folder;
  const std::string one = checkpoint_after(5, 1, folder.path("1"));
  CHECK(one.size() > 1000);
  CHECK(one == checkpoint_after(5, 2, folder.path("2")));
  CHECK(one == checkpoint_after(5, 3, folder.path("3")));
}

TEST_CASE("a training that is stopped and resumed gives the bytes of one that never stopped") {
  const TempFolder folder;
  const std::string whole = checkpoint_after(9, 2, folder.path("whole"));
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(2);
  for (const int stop : {0, 1, 4, 8}) {
    checkpoint_after(stop, 1, folder.path("part"));
    Trainer trainer(tiny_config(), data, fastest(), pool);
    trainer.step();  // what is overwritten by resuming
    trainer.resume(folder.path("part"));
    CHECK(trainer.steps_done() == stop);
    while (trainer.steps_done() < 9) trainer.step();
    trainer.save(folder.path("resumed"));
    CHECK(bytes_of(folder.path("resumed")) == whole);
  }
}

TEST_CASE("resuming with another configuration or other pictures is refused by name; epochs may change") {
  const TempFolder folder;
  checkpoint_after(2, 1, folder.path("c"));
  ThreadPool pool(1);
  const auto refusal = [&](const TrainConfig& config, const Dataset& data) -> std::string {
    Trainer trainer(config, data, fastest(), pool);
    try {
      trainer.resume(folder.path("c"));
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::invalid_input);
      return error.what();
    }
    return "";
  };
  TrainConfig config = tiny_config();
  config.epochs = 100;
  CHECK(refusal(config, tiny_pictures(20)) == "");
  CHECK(refusal(config, tiny_pictures(20, 77)).find("other pictures") != std::string::npos);
  config.batch = 5;
  CHECK(refusal(config, tiny_pictures(20)).find("batch: 6, now 5") != std::string::npos);
  config = tiny_config();
  config.model.base_channels = 12;
  CHECK(refusal(config, tiny_pictures(20)).find("model") != std::string::npos);
}

TEST_CASE("training brings the loss clearly below that of predicting the mean") {
  TrainConfig config = tiny_config();
  config.prediction = Prediction::epsilon;  // the trivial predictor of noise is 0, its loss 1
  config.model.dropout = 0;
  config.batch = 16;
  config.slice = 4;
  config.epochs = 150;
  config.warmup_steps = 20;
  config.ema = 0.98;
  const Dataset data = tiny_pictures(64), held_out = tiny_pictures(64, 99);
  ThreadPool pool(2);
  Trainer trainer(config, data, fastest(), pool);
  StepResult last;
  const double first = trainer.step().loss;
  CHECK(first == doctest::Approx(1.0).epsilon(0.2));  // the last convolution begins at zero
  while (trainer.steps_done() < trainer.total_steps()) last = trainer.step();
  CHECK(last.smoothed_loss < 0.35);
  Evaluator evaluator(trainer.graph(), trainer.loss(), fastest(), pool);
  evaluator.set_values(trainer.ema().data(), trainer.ema().size());
  CHECK(evaluator.loss(held_out, 64, 1) < 0.35);

  // And the pictures drawn have the bright half of their class.
  const ImageSet drawn = evaluator.sample(16, 20, 1);
  int right = 0;
  for (size_t i = 0; i < 16; ++i) {
    int across = 0, down = 0;
    for (size_t y = 0; y < 8; ++y) {
      for (size_t x = 0; x < 8; ++x) {
        const int value = drawn.image(i)[y * 8 + x];
        across += x < 4 ? value : -value;
        down += y < 4 ? value : -value;
      }
    }
    right +=
        i % 2 == 0 ? std::abs(across) > 3 * std::abs(down) : down > 3 * std::abs(across);  // halves may be mirrored
  }
  CHECK(right >= 14);
}

TEST_CASE("the held-out loss and the drawn pictures do not depend on the threads, nor on being looked at") {
  const Dataset data = tiny_pictures(20);
  std::vector<double> losses;
  std::vector<std::vector<uint8_t>> pictures;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    Trainer trainer(tiny_config(), data, fastest(), pool);
    for (int i = 0; i < 3; ++i) trainer.step();
    Evaluator evaluator(trainer.graph(), trainer.loss(), fastest(), pool);
    evaluator.set_values(trainer.ema().data(), trainer.ema().size());
    losses.push_back(evaluator.loss(data, 19, 4));
    pictures.push_back(evaluator.sample(9, 4, 4).pixels);
    CHECK(evaluator.loss(data, 19, 4) == losses.back());
  }
  CHECK(losses[0] == losses[1]);
  CHECK(pictures[0] == pictures[1]);
}

TEST_CASE("a loss that is not finite stops the training and changes nothing") {
  TrainConfig config = tiny_config();
  config.learning_rate = config.final_learning_rate = 1;
  config.weight_decay = 100;  // every step multiplies the weights by -99
  config.gradient_clip = 0;
  config.warmup_steps = 0;
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(1);
  Trainer trainer(config, data, fastest(), pool);
  const auto run = [&] {
    for (int i = 0; i < 100; ++i) trainer.step();
  };
  CHECK_THROWS_AS(run(), Error);
  const int64_t done = trainer.steps_done();
  CHECK(done < 100);
  CHECK_THROWS_AS(trainer.step(), Error);
  CHECK(trainer.steps_done() == done);
}

namespace {

// A learned variance and levels by importance, few enough that all have ten losses after a few steps.
TrainConfig learned_config(LossKind kind) {
  TrainConfig config = tiny_config();
  config.model.learned_variance = true;
  config.loss = kind;
  config.timestep_sampling = TimestepSampling::importance;
  config.timesteps = 8;
  config.batch = 16;
  return config;
}

}  // namespace

TEST_CASE("with importance sampling, too, neither threads nor a stop in between change the bytes") {
  for (const LossKind kind : {LossKind::hybrid, LossKind::vlb}) {
    const TempFolder folder;
    const TrainConfig config = learned_config(kind);
    const std::string whole = checkpoint_after(14, 2, folder.path("whole"), config);
    CHECK(checkpoint_after(14, 1, folder.path("one"), config) == whole);
    CHECK(checkpoint_after(14, 3, folder.path("three"), config) == whole);
    const LevelSampler empty(config.timestep_sampling, config.timesteps);
    const Dataset data = tiny_pictures(20);
    ThreadPool pool(2);
    for (const int stop : {0, 2, 7, 13}) {  // before and after the levels are drawn by their losses
      checkpoint_after(stop, 1, folder.path("part"), config);
      Trainer trainer(config, data, fastest(), pool);
      trainer.step();
      trainer.resume(folder.path("part"));
      while (trainer.steps_done() < 14) trainer.step();
      trainer.save(folder.path("resumed"));
      CHECK(bytes_of(folder.path("resumed")) == whole);
      CHECK(trainer.state().level_losses != empty.history());
    }
    TrainConfig other = config;
    other.timestep_sampling = TimestepSampling::uniform;
    CHECK(checkpoint_after(14, 2, folder.path("uniform"), other) != whole);
    const LoadedModel model = load_checkpoint(folder.path("whole"), true);
    CHECK(model.graph.tensors[static_cast<size_t>(model.graph.output)].dims[2] == 2);
  }
}

TEST_CASE("a learned variance finds its way: the bound falls below that of either fixed one") {
  TrainConfig config = learned_config(LossKind::hybrid);
  config.model.dropout = 0;
  config.timestep_sampling = TimestepSampling::uniform;
  config.timesteps = 50;
  config.epochs = 100;
  config.ema = 0.98;
  config.vlb_weight = 0.01;
  const Dataset data = tiny_pictures(64), held_out = tiny_pictures(64, 99);
  ThreadPool pool(2);
  Trainer trainer(config, data, fastest(), pool);
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  // The bound of the trained network, and of the same one whose variance channels say -1 or 1 everywhere.
  config.loss = LossKind::vlb;
  const DiffusionLoss vlb(config);
  Evaluator evaluator(trainer.graph(), vlb, fastest(), pool);
  AlignedFloats values(trainer.ema().size());
  std::copy_n(trainer.ema().data(), values.size(), values.data());
  evaluator.set_values(values.data(), values.size());
  const double learned = evaluator.loss(held_out, 64, 1);
  double fixed[2];
  const Graph& graph = trainer.graph();
  const Node& last = graph.nodes.back();
  const Tensor& weights = graph.tensors[static_cast<size_t>(last.weights)];
  const size_t half = static_cast<size_t>(weights.elements()) / 2;
  for (int k = 0; k < 2; ++k) {
    std::fill_n(values.data() + trainer.store().offset(last.weights) + half, half, 0.0f);
    values.data()[trainer.store().offset(last.bias) + 1] = k == 0 ? -1.0f : 1.0f;
    evaluator.set_values(values.data(), values.size());
    fixed[k] = evaluator.loss(held_out, 64, 1);
  }
  INFO("learned " << learned << ", fixed " << fixed[0] << " and " << fixed[1]);
  CHECK(learned < fixed[0]);
  CHECK(learned < fixed[1]);
  // Pictures are drawn with the first half of the output.
  CHECK(evaluator.sample(4, 10, 1).pixels.size() == 4 * 64);
}
