#include "weights_tool/train/distill_trainer.h"

#include <algorithm>
#include <cstring>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

std::string milestone_name(int steps) { return "stage-" + std::to_string(steps); }

TrainConfig checked(const TrainConfig& config, const Teacher& teacher) {
  if (!config.distillation.wanted())
    throw Error(ExitCode::invalid_input, "distillation: the configuration has no \"distillation\"");
  const Json own = train_config_to_json(config), other = train_config_to_json(teacher.config);
  std::string list;
  for (const char* key : {"model", "schedule", "timesteps", "prediction"}) {
    if (*own.find(key) == *other.find(key)) continue;
    list += (list.empty() ? "" : ", ") + std::string(key);
  }
  if (!list.empty())
    throw Error(ExitCode::invalid_input, "distillation: the configuration differs from the teacher's in " + list);
  return config;
}

}  // namespace

DistillTrainer::DistillTrainer(const TrainConfig& config, const Teacher& teacher, const Dataset& data, KernelSet set,
                               ThreadPool& pool)
    : Trainer(checked(config, teacher), data, set, pool),
      teacher_graph_(teacher.graph),
      teacher_(teacher_graph_, set, pool, false),
      teachers_(static_cast<size_t>(pool.workers())) {
  std::memcpy(ema_.data(), teacher_.values(), teacher_.size() * sizeof(float));
}

void DistillTrainer::enter(const DistillStage& stage) {
  steps_.emplace(loss_.schedule(), config_.prediction, stage.student_steps, stage.ratio);
  entered_ = stage.index;
}

// The average of the stage before (at first: the teacher's weights) becomes teacher and student.
void DistillTrainer::begin(const DistillStage& stage) {
  const size_t bytes = store_.size() * sizeof(float);
  std::memcpy(teacher_.values(), ema_.data(), bytes);
  std::memcpy(store_.values(), ema_.data(), bytes);
  std::memset(m_.data(), 0, bytes);
  std::memset(v_.data(), 0, bytes);
  teacher_.refresh(*pool_);
  store_.refresh(*pool_);
  enter(stage);
}

void DistillTrainer::resume(const std::string& path) {
  const TrainState saved = read_checkpoint_state(path);
  Trainer::resume(path);
  const DistillStage then = distill_stage(saved.config.distillation, saved.step + 1);
  if (then.index != stage().index || then.first != stage().first) {
    throw Error(ExitCode::invalid_input, path + ": distillation: the updates of stages that are over have changed");
  }
  entered_ = -1;
  const DistillStage now = stage();
  if (state_.step == now.first || state_.step == total_) return;  // the next step begins a stage, or none follows
  if (now.index == 0) {
    set_teacher(teacher_graph_);
  } else {
    const int before = config_.distillation.steps[static_cast<size_t>(now.index - 1)];
    const std::string file = join_path(parent_directory(path), milestone_name(before) + ".safetensors");
    set_teacher(load_checkpoint(file, true).graph);
  }
  enter(now);
}

// From a graph like teacher_graph_.
void DistillTrainer::set_teacher(const Graph& graph) {
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const int64_t offset = teacher_.offset(static_cast<int>(t));
    const std::vector<float>& values = graph.tensors[t].values;
    if (offset >= 0) std::copy(values.begin(), values.end(), teacher_.values() + offset);
  }
  teacher_.refresh(*pool_);
}

int DistillTrainer::sample_steps() const {
  return distill_stage(config_.distillation, std::max<int64_t>(1, state_.step)).student_steps;
}

std::string DistillTrainer::milestone() const {
  const DistillStage done = distill_stage(config_.distillation, std::max<int64_t>(1, state_.step));
  return state_.step == done.first + done.updates ? milestone_name(done.student_steps) : "";
}

Trainer::UpdatePlan DistillTrainer::update_plan(int64_t number) const {
  const DistillStage now = distill_stage(config_.distillation, number);
  const int64_t local = number - now.first;
  return {
      local,
      learning_rate_at(local, now.updates, config_.warmup_steps, config_.learning_rate, config_.final_learning_rate),
      ema_decay_at(local, config_.ema)};
}

void DistillTrainer::prepare_batch() {
  const DistillStage now = stage();
  if (state_.step == now.first && entered_ != now.index) begin(now);
  source_.select(state_.step);
  const int slice = config_.slice;
  pool_->parallel_for((config_.batch + slice - 1) / slice, [&](int index, int worker) {
    std::unique_ptr<Executor>& teacher = teachers_[static_cast<size_t>(worker)];
    if (!teacher) teacher = std::make_unique<Executor>(teacher_graph_, teacher_, slice, false);
    const int first = index * slice;
    prepare_slice(first, std::min(slice, config_.batch - first), *teacher);
  });
}

void DistillTrainer::prepare_slice(int first, int images, Executor& teacher) {
  const uint32_t step = static_cast<uint32_t>(state_.step);
  std::vector<int> places(static_cast<size_t>(images));  // step of the student
  for (int i = 0; i < images; ++i) {
    const size_t k = static_cast<size_t>(first + i);
    const uint32_t sample = static_cast<uint32_t>(k);
    const uint32_t lot = uniform_u32(0, config_.seed, step, sample, noise_train_timestep);
    places[static_cast<size_t>(i)] = stratified_timestep(first + i, config_.batch, steps_->student_steps(), lot);
    levels_[k] = steps_->student(places[static_cast<size_t>(i)]).timestep;
    timesteps_[k] = static_cast<float>(levels_[k]);
    classes_[k] = source_.label(first + i);
    float* x = x_t_.data() + k * picture_;
    float* noise = target_.data() + k * picture_;
    source_.picture(first + i, x);
    fill_gaussian(noise, 0, static_cast<uint32_t>(picture_), config_.seed, step, sample, noise_train);
    loss_.example(levels_[k], x, noise, picture_, x, noise);
  }
  // The teacher walks in target_ from x_t.
  float* reached = target_.data() + static_cast<size_t>(first) * picture_;
  const float* x_t = x_t_.data() + static_cast<size_t>(first) * picture_;
  std::copy_n(x_t, static_cast<size_t>(images) * picture_, reached);
  std::vector<float> timesteps(static_cast<size_t>(images));
  SliceInput input;
  input.images = images;
  input.x = reached;
  input.timesteps = timesteps.data();
  input.classes = config_.model.classes > 0 ? classes_.data() + first : nullptr;
  const uint32_t count = static_cast<uint32_t>(picture_);
  for (int k = 0; k < steps_->ratio(); ++k) {
    const auto row = [&](int i) -> const SamplerRow& { return steps_->teacher(places[static_cast<size_t>(i)], k); };
    for (int i = 0; i < images; ++i) timesteps[static_cast<size_t>(i)] = row_timestep(row(i));
    const float* output = teacher.forward(input);
    for (int i = 0; i < images; ++i) {
      sampler_update(row(i), reached + static_cast<size_t>(i) * picture_, output + i * teacher.output_stride(), nullptr,
                     0, 0, 0, count, {});
    }
  }
  for (int i = 0; i < images; ++i) {
    const size_t at = static_cast<size_t>(i) * picture_;
    steps_->target(places[static_cast<size_t>(i)], x_t + at, reached + at, picture_, reached + at);
  }
}

}  // namespace mote::tool
