#include "weights_tool/train/distill_config.h"

#include <doctest/doctest.h>

#include <string>

#include "weights_tool/io/error.h"
#include "weights_tool/train/train_config.h"

using namespace mote::tool;

namespace {

TrainConfig parse(const std::string& distillation) {
  const std::string text = "{\"model\": {}, \"timesteps\": 100, \"distillation\": " + distillation + "}";
  return train_config_from_json(parse_json(text, "c.json"), "c.json");
}

std::string refusal(const std::string& distillation) {
  try {
    parse(distillation);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a distillation's stages are read, counted and written again") {
  const TrainConfig config = parse("{\"teacher_steps\": 32, \"steps\": [16, 4, 2], \"updates\": [10, 5, 7]}");
  CHECK(distill_updates(config.distillation) == 22);
  CHECK(total_steps(config, 60000) == 22);
  struct Case {
    int64_t number;
    int index, steps, ratio;
    int64_t first, updates;
  };
  for (const Case& c :
       {Case{1, 0, 16, 2, 0, 10}, Case{10, 0, 16, 2, 0, 10}, Case{11, 1, 4, 4, 10, 5}, Case{15, 1, 4, 4, 10, 5},
        Case{16, 2, 2, 2, 15, 7}, Case{22, 2, 2, 2, 15, 7}, Case{23, 2, 2, 2, 15, 7}}) {
    const DistillStage stage = distill_stage(config.distillation, c.number);
    CHECK(stage.index == c.index);
    CHECK(stage.student_steps == c.steps);
    CHECK(stage.ratio == c.ratio);
    CHECK(stage.first == c.first);
    CHECK(stage.updates == c.updates);
  }
  const Json json = train_config_to_json(config);
  CHECK(train_config_to_json(train_config_from_json(json, "again")) == json);
}

TEST_CASE("stages that do not fit together are refused by name") {
  CHECK(refusal("{\"steps\": [4], \"updates\": [1]}").find("teacher_steps") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 16, \"steps\": [6], \"updates\": [1]}").find("divide") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 16, \"steps\": [4, 8], \"updates\": [1, 1]}").find("divide") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 16, \"steps\": [16], \"updates\": [1]}").find("divide") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 16, \"steps\": [8, 4], \"updates\": [1]}").find("as many") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 16, \"steps\": [], \"updates\": []}").find("stage") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 101, \"steps\": [1], \"updates\": [1]}").find("teacher_steps") !=
        std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 4, \"steps\": [2], \"updates\": [0]}").find("updates") != std::string::npos);
  CHECK(refusal("{\"teacher_steps\": 4, \"steps\": [2], \"update\": [1]}").find("update") != std::string::npos);
}

TEST_CASE("an adversarial training is read and written again, and refuses what it does not do") {
  const auto read = [](const std::string& keys) {
    return train_config_from_json(parse_json("{\"model\": {}, \"timesteps\": 100, " + keys + "}", "c.json"), "c.json");
  };
  const TrainConfig config = read("\"gan\": {\"steps\": 4, \"widths\": [8, 16], \"r1\": 0.5, \"r1_every\": 3}");
  CHECK(config.gan.wanted());
  CHECK(config.gan.widths == std::vector<int>{8, 16});
  CHECK(config.gan.r1 == 0.5);
  CHECK(config.gan.r1_every == 3);
  CHECK(!read("\"seed\": 1").gan.wanted());
  const Json json = train_config_to_json(config);
  CHECK(train_config_to_json(train_config_from_json(json, "again")) == json);
  for (const char* keys :
       {"\"gan\": {}", "\"gan\": {\"steps\": 101}", "\"gan\": {\"steps\": 4, \"widths\": []}",
        "\"gan\": {\"steps\": 4, \"time_features\": 7}", "\"gan\": {\"steps\": 4, \"r2\": 1}",
        "\"gan\": {\"steps\": 4}, \"timestep_sampling\": \"importance\"",
        "\"gan\": {\"steps\": 4}, \"distillation\": {\"teacher_steps\": 4, \"steps\": [2], \"updates\": [1]}",
        "\"timestep_sampling\": \"importance\", "
        "\"distillation\": {\"teacher_steps\": 4, \"steps\": [2], \"updates\": [1]}"}) {
    CHECK_THROWS_AS(read(keys), Error);
  }
}

TEST_CASE("a training does not go on as a distillation, nor with other stages; their updates may change") {
  const TrainConfig before = parse("{\"teacher_steps\": 4, \"steps\": [2], \"updates\": [9]}");
  TrainConfig now = before;
  CHECK(config_differences(before, now).empty());
  now.distillation.updates = {8};
  CHECK(config_differences(before, now).empty());
  now.distillation.steps = {1};
  CHECK(config_differences(before, now).size() == 1);
  now.distillation = DistillConfig();
  CHECK(config_differences(before, now).size() == 1);
  CHECK(config_differences(now, before).size() == 1);
}
