#include "weights_tool/train/gan_trainer.h"

#include <doctest/doctest.h>

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

TrainConfig gan_config() {
  TrainConfig config = tiny_config();
  config.gan.steps = 3;
  config.gan.widths = {8, 12};
  config.gan.time_features = 8;
  config.gan.r1_every = 2;
  config.weight_decay = 0;
  return config;
}

std::string checkpoint_after(int steps, int threads, const std::string& path) {
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(threads);
  GanTrainer trainer(gan_config(), data, fastest(), pool);
  for (int i = 0; i < steps; ++i) trainer.step();
  trainer.save(path);
  return bytes_of(path);
}

}  // namespace

TEST_CASE("an adversarial training gives the same bytes with any threads, stopped and resumed or not") {
  const TempFolder folder;
  const std::string whole = checkpoint_after(5, 2, folder.path("whole"));
  CHECK(whole == checkpoint_after(5, 1, folder.path("one")));
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(3);
  for (const int stop : {0, 1, 4}) {
    checkpoint_after(stop, 2, folder.path("part"));
    GanTrainer trainer(gan_config(), data, fastest(), pool);
    trainer.step();  // what is overwritten by resuming
    trainer.resume(folder.path("part"));
    while (trainer.steps_done() < 5) trainer.step();
    trainer.save(folder.path("resumed"));
    CHECK(bytes_of(folder.path("resumed")) == whole);
  }
  // The model in it is the generator alone.
  CHECK(load_checkpoint(folder.path("whole"), true).graph.nodes.size() ==
        build_training_graph(gan_config()).nodes.size());
  // Without a discriminator it is no checkpoint of this training.
  ThreadPool one(1);
  TrainConfig plain = gan_config();
  plain.gan = GanConfig();
  Trainer other(plain, data, fastest(), one);
  other.save(folder.path("plain"));
  GanTrainer trainer(gan_config(), data, fastest(), one);
  CHECK_THROWS_WITH_AS(trainer.resume(folder.path("plain")), doctest::Contains("gan"), Error);
}

TEST_CASE("the rows are DDPM's posteriors over the trailing levels") {
  const TrainConfig config = gan_config();  // v-prediction, 50 levels
  ScheduleOptions options;
  options.kind = config.schedule;
  options.train_steps = config.timesteps;
  const Schedule schedule = make_schedule(options);
  const std::vector<SamplerRow> rows = gan_rows(config);
  REQUIRE(rows.size() == 3);
  const int levels[] = {49, 32, 16};  // 50 (3 - i) / 3 - 1, rounded
  for (size_t i = 0; i < 3; ++i) {
    CHECK(rows[i].timestep == levels[i]);
    const double here = schedule.alpha_bar[static_cast<size_t>(levels[i])];
    const double before = i == 2 ? 1 : schedule.alpha_bar[static_cast<size_t>(levels[i + 1])];
    const double alpha = here / before, beta = 1 - alpha;  // Ho et al. 2020, eq. 7
    CHECK(rows[i].A == doctest::Approx(std::sqrt(before) * beta / (1 - here)));
    CHECK(rows[i].B == doctest::Approx(std::sqrt(alpha) * (1 - before) / (1 - here)));
    CHECK(rows[i].D == doctest::Approx(std::sqrt((1 - before) / (1 - here) * beta)));
    CHECK(rows[i].C == 0);
  }
}

TEST_CASE("at first neither network knows anything, then the discriminator learns to tell an idle generator's steps") {
  TrainConfig config = gan_config();
  config.learning_rate = config.final_learning_rate = 1e-9;  // the generator's
  config.gan.learning_rate = 5e-3;
  config.batch = 16;
  config.epochs = 60;
  const Dataset data = tiny_pictures(32);
  ThreadPool pool(2);
  GanTrainer trainer(config, data, fastest(), pool);
  CHECK(trainer.step().loss == doctest::Approx(std::log(2.0)));
  CHECK(trainer.discriminator_loss() == doctest::Approx(std::log(2.0)));
  StepResult last;
  while (trainer.steps_done() < trainer.total_steps()) last = trainer.step();
  CHECK(trainer.discriminator_loss() < 0.4);
  CHECK(last.loss > 1);
}

TEST_CASE("a generator learns to draw the bright half of each class") {
  TrainConfig config = gan_config();
  config.model.dropout = 0;
  config.flip = false;
  config.learning_rate = 2e-3;
  config.gan.learning_rate = 2e-3;
  config.beta1 = 0.5;
  config.beta2 = 0.9;
  config.batch = 16;
  config.slice = 4;
  config.epochs = 100;
  config.ema = 0.98;
  const Dataset data = tiny_pictures(64);
  ThreadPool pool(2);
  GanTrainer trainer(config, data, fastest(), pool);
  while (trainer.steps_done() < trainer.total_steps()) trainer.step();
  Evaluator evaluator(trainer.graph(), trainer.loss(), fastest(), pool);
  evaluator.set_values(trainer.ema().data(), trainer.ema().size());
  const ImageSet drawn = evaluator.sample(16, trainer.sample_steps(), 1, trainer.sample_kind());
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
    right += i % 2 == 0 ? across > 3 * std::abs(down) : down > 3 * std::abs(across);
  }
  CHECK(right >= 12);
}
