#include "weights_tool/train/distill_config.h"

namespace mote::tool {
namespace {

constexpr int kMostRatio = 100;
constexpr int64_t kMostUpdates = 1000000000;

}  // namespace

DistillStage distill_stage(const DistillConfig& config, int64_t number) {
  DistillStage stage;
  int teacher_steps = config.teacher_steps;
  for (size_t i = 0; i < config.steps.size(); ++i) {
    stage.index = static_cast<int>(i);
    stage.student_steps = config.steps[i];
    stage.ratio = teacher_steps / config.steps[i];
    stage.updates = config.updates[i];
    if (number <= stage.first + stage.updates || i + 1 == config.steps.size()) break;
    stage.first += stage.updates;
    teacher_steps = config.steps[i];
  }
  return stage;
}

int64_t distill_updates(const DistillConfig& config) {
  int64_t sum = 0;
  for (const int64_t updates : config.updates) sum += updates;
  return sum;
}

DistillConfig distill_config_from_json(const JsonView& view, int timesteps) {
  view.refuse_unknown({"teacher_steps", "steps", "updates"});
  DistillConfig config;
  config.teacher_steps = static_cast<int>(view.at("teacher_steps").integer(2, timesteps));
  const JsonView steps = view.at("steps"), updates = view.at("updates");
  int before = config.teacher_steps;
  for (const int64_t value : steps.integers(1, timesteps)) {
    const int count = static_cast<int>(value);
    if (count >= before || before % count != 0 || before / count > kMostRatio)
      steps.fail("each number of steps must divide the one before it (the first: teacher_steps), at most by 100");
    config.steps.push_back(count);
    before = count;
  }
  if (config.steps.empty()) steps.fail("expected at least one stage");
  config.updates = updates.integers(1, kMostUpdates);
  if (config.updates.size() != config.steps.size()) updates.fail("expected as many numbers as there are in steps");
  if (distill_updates(config) >= 4294967295) updates.fail("that many updates are 2^32 or more");
  return config;
}

Json distill_config_to_json(const DistillConfig& config) {
  Json updates = Json::array();
  for (const int64_t count : config.updates) updates.push(Json(static_cast<long long>(count)));
  Json json = Json::object();
  json.set("teacher_steps", config.teacher_steps).set("steps", Json::array(config.steps)).set("updates", updates);
  return json;
}

}  // namespace mote::tool
