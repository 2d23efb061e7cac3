#include "weights_tool/train/distill_trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "diffusion/noise.h"
#include "tiny_training.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/train/trainer_eval.h"
#include "weights_tool/train/trainer_run.h"

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

TrainConfig teacher_config() {
  TrainConfig config = tiny_config();
  config.model.dropout = 0;
  config.prediction = Prediction::v;
  return config;
}

TrainConfig student_config() {
  TrainConfig config = teacher_config();
  config.distillation.teacher_steps = 8;
  config.distillation.steps = {4, 2};
  config.distillation.updates = {3, 4};
  config.warmup_steps = 1;
  return config;
}

// A teacher after some steps of training; its file lies in `folder`.
std::string trained_teacher(const TempFolder& folder, int steps) {
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(2);
  Trainer trainer(teacher_config(), data, fastest(), pool);
  for (int i = 0; i < steps; ++i) trainer.step();
  trainer.save(folder.path("teacher.safetensors"));
  return folder.path("teacher.safetensors");
}

// Runs to update `steps`, leaving milestones and the checkpoint in `folder` as trainer_run does.
void distill(const Teacher& teacher, int steps, int threads, const TempFolder& folder, bool resume = false) {
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(threads);
  DistillTrainer trainer(student_config(), teacher, data, fastest(), pool);
  const std::string path = folder.path("checkpoint.safetensors");
  if (resume) {
    trainer.step();  // what is overwritten by resuming
    trainer.resume(path);
  }
  while (trainer.steps_done() < steps) {
    trainer.step();
    if (!trainer.milestone().empty()) trainer.save(folder.path(trainer.milestone() + ".safetensors"));
  }
  trainer.save(path);
}

}  // namespace

TEST_CASE("a distillation stopped in any stage and resumed gives the bytes of one that never stopped") {
  const TempFolder folder;
  const Teacher teacher = load_teacher(trained_teacher(folder, 3));
  const TempFolder whole;
  distill(teacher, 7, 2, whole);
  const std::string expected = bytes_of(whole.path("checkpoint.safetensors"));
  const TempFolder one;
  distill(teacher, 7, 1, one);
  CHECK(bytes_of(one.path("checkpoint.safetensors")) == expected);
  for (const int stop : {0, 2, 3, 4, 7}) {
    const TempFolder part;
    distill(teacher, stop, 3, part);
    distill(teacher, 7, 2, part, true);
    CHECK(bytes_of(part.path("checkpoint.safetensors")) == expected);
    if (stop > 0) CHECK(bytes_of(part.path("stage-4.safetensors")) == bytes_of(whole.path("stage-4.safetensors")));
    CHECK(bytes_of(part.path("stage-2.safetensors")) == bytes_of(whole.path("stage-2.safetensors")));
  }
}

TEST_CASE("the updates of the present stage may change on resuming, those of one that is over may not") {
  const TempFolder folder;
  const Teacher teacher = load_teacher(trained_teacher(folder, 0));
  distill(teacher, 5, 2, folder);  // 3 of the first stage, 2 of the second
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(1);
  const auto resume = [&](const std::vector<int64_t>& updates) {
    TrainConfig config = student_config();
    config.distillation.updates = updates;
    DistillTrainer trainer(config, teacher, data, fastest(), pool);
    trainer.resume(folder.path("checkpoint.safetensors"));
    return trainer.total_steps() - trainer.steps_done();
  };
  CHECK(resume({3, 9}) == 7);
  CHECK_THROWS_WITH_AS(resume({4, 4}), doctest::Contains("stages that are over"), Error);
}

// The first loss of a stage, by hand: student and teacher are the same network, whose outputs come one picture at a time.
TEST_CASE("the first loss is that of the paper's target, worked out in doubles") {
  const TempFolder folder;
  const Teacher teacher = load_teacher(trained_teacher(folder, 30));
  const TrainConfig config = student_config();
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(1);
  DistillTrainer trainer(config, teacher, data, fastest(), pool);
  const double loss = trainer.step().loss;

  const ParameterStore store(teacher.graph, fastest(), pool, false);
  Executor executor(teacher.graph, store, 1, false);
  const Schedule& schedule = trainer.loss().schedule();
  BatchOptions options;
  options.batch = config.batch;
  options.classes = 2;
  options.flip = config.flip;
  options.class_dropout = config.class_dropout;
  options.seed = config.seed;
  BatchSource source(data, options);
  source.select(0);
  const int at[] = {49, 37, 24, 11},
            half[] = {43, 30, 18, 5};  // 50 levels in 8 steps: 50 (8 - i) / 8 - 1, ties to even
  double sum = 0;
  for (int i = 0; i < config.batch; ++i) {
    std::vector<float> x(64), z(64), v(64);
    source.picture(i, x.data());
    fill_gaussian(z.data(), 0, 64, config.seed, 0, static_cast<uint32_t>(i), noise_train);
    const uint32_t lot = uniform_u32(0, config.seed, 0, static_cast<uint32_t>(i), noise_train_timestep);
    const int place = static_cast<int>((i + lot * std::pow(2.0, -32)) / config.batch * 4);
    const int label = source.label(i);
    const auto network = [&](const std::vector<float>& input, int level) {
      SliceInput slice;
      const float t = static_cast<float>(level);
      slice.images = 1;
      slice.x = input.data();
      slice.timesteps = &t;
      slice.classes = &label;
      const float* output = executor.forward(slice);
      return std::vector<float>(output, output + 64);
    };
    const auto alpha = [&](int level) {
      return level < 0 ? 1.0 : std::sqrt(schedule.alpha_bar[static_cast<size_t>(level)]);
    };
    const auto sigma = [&](int level) { return std::sqrt(std::max(0.0, 1 - alpha(level) * alpha(level))); };
    const int t = at[place], middle = half[place], end = place == 3 ? -1 : at[place + 1];
    std::vector<float> noisy(64), walked(64);
    for (size_t e = 0; e < 64; ++e) walked[e] = noisy[e] = static_cast<float>(alpha(t) * x[e] + sigma(t) * z[e]);
    const std::vector<float> own = network(noisy, t);
    for (const auto& [from, to] : {std::pair<int, int>(t, middle), std::pair<int, int>(middle, end)}) {
      const std::vector<float> output = network(walked, from);
      for (size_t e = 0; e < 64; ++e) {
        const double x0 = alpha(from) * walked[e] - sigma(from) * output[e];
        const double epsilon = sigma(from) * walked[e] + alpha(from) * output[e];
        walked[e] = static_cast<float>(alpha(to) * std::clamp(x0, -1.0, 1.0) + sigma(to) * epsilon);
      }
    }
    const double ratio = sigma(end) / sigma(t);
    for (size_t e = 0; e < 64; ++e) {
      const double x0 = (walked[e] - ratio * noisy[e]) / (alpha(end) - ratio * alpha(t));
      const double error = own[e] - (alpha(t) * noisy[e] - x0) / sigma(t);
      sum += error * error / 64;
    }
  }
  CHECK(loss == doctest::Approx(sum / config.batch).epsilon(1e-3));
}

TEST_CASE("a model file and the checkpoint it was made from are the same teacher") {
  const TempFolder folder;
  const std::string path = trained_teacher(folder, 2);
  const Teacher expected = load_teacher(path);
  Graph graph = load_checkpoint(path, true).graph;
  prepare_for_inference(graph);
  const MemoryPlan plan = plan_memory(graph);
  DiffusionInfo diffusion;
  diffusion.schedule.assign(50, 0.5f);
  diffusion.default_steps = 8;
  const auto write = [&](const Json& meta, const std::string& name) {
    write_file(folder.path(name), write_model(graph, plan, diffusion, meta), true);
    return folder.path(name);
  };
  const Json config = train_config_to_json(expected.config);
  const Teacher teacher = load_teacher(write(Json::object().set("config", config), "teacher.mote"));
  CHECK(train_config_to_json(teacher.config) == config);
  REQUIRE(teacher.graph.tensors.size() == expected.graph.tensors.size());
  for (size_t i = 0; i < teacher.graph.tensors.size(); ++i)
    CHECK(teacher.graph.tensors[i].values == expected.graph.tensors[i].values);
  CHECK_THROWS_WITH_AS(load_teacher(write(Json::object(), "bare.mote")), doctest::Contains("configuration"), Error);
  TrainConfig larger = expected.config;
  larger.model.base_channels = 12;
  CHECK_THROWS_WITH_AS(load_teacher(write(Json::object().set("config", train_config_to_json(larger)), "other.mote")),
                       doctest::Contains("does not fit"), Error);
}

TEST_CASE("a student of another architecture or schedule than its teacher is refused by name") {
  const TempFolder folder;
  const Teacher teacher = load_teacher(trained_teacher(folder, 0));
  const Dataset data = tiny_pictures(20);
  ThreadPool pool(1);
  TrainConfig config = student_config();
  config.schedule = ScheduleKind::sigmoid;
  CHECK_THROWS_WITH_AS(DistillTrainer(config, teacher, data, fastest(), pool), doctest::Contains("schedule"), Error);
}

TEST_CASE("a student of two steps comes closer to its teacher of eight than the teacher's own two steps") {
  const TempFolder folder;
  const Dataset data = tiny_pictures(40);
  ThreadPool pool(2);
  TrainConfig config = teacher_config();
  config.epochs = 60;
  config.ema = 0.98;
  config.batch = 16;
  config.class_dropout = 0;
  Trainer first(config, data, fastest(), pool);
  while (first.steps_done() < first.total_steps()) first.step();
  first.save(folder.path("t"));
  const Teacher teacher = load_teacher(folder.path("t"));
  config.distillation.teacher_steps = 8;
  config.distillation.steps = {4, 2};
  config.distillation.updates = {300, 300};
  config.learning_rate = 2e-3;
  DistillTrainer student(config, teacher, data, fastest(), pool);
  while (student.steps_done() < student.total_steps()) student.step();
  Evaluator evaluator(student.graph(), student.loss(), fastest(), pool);
  const auto pictures = [&](const Trainer& trainer, int steps) {
    evaluator.set_values(trainer.ema().data(), trainer.ema().size());
    return evaluator.sample(32, steps, 5).pixels;
  };
  const auto distance = [](const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      sum += difference * difference;
    }
    return sum / static_cast<double>(a.size());
  };
  const std::vector<uint8_t> wanted = pictures(first, 8);
  CHECK(student.sample_steps() == 2);
  CHECK(distance(pictures(student, 2), wanted) < 0.5 * distance(pictures(first, 2), wanted));
}
