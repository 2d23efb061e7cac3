// Progressive distillation (Salimans & Ho 2022, arXiv 2202.00512, algorithm 2): stage after stage, a student with the
// teacher's architecture learns to go in one step where its teacher goes in several, and is the next stage's teacher.
//
// Each stage begins with student = teacher, fresh moments and average, and has a learning rate of its own course; what
// it leaves is its average. Picture i of a batch: as in trainer.h, but its level is one of those the student visits,
// the target comes from the teacher (train/distill_target.h), and teacher and student are told the same class.
#pragma once
#include <memory>
#include <optional>

#include "weights_tool/train/distill_target.h"
#include "weights_tool/train/teacher.h"
#include "weights_tool/train/trainer.h"

namespace mote::tool {

class DistillTrainer : public Trainer {
 public:
  // config.distillation says the stages; model, schedule, levels and prediction must be the teacher's:
  // Error(invalid_input) that names what differs. Data and pool must outlive the trainer.
  DistillTrainer(const TrainConfig& config, const Teacher& teacher, const Dataset& data, KernelSet set,
                 ThreadPool& pool);

  // The updates of stages to come and of the present one may change (its learning rate then follows the new course);
  // Error(invalid_input) for those of stages that are over. Past the first stage the teacher is read from the milestone beside the checkpoint: stage-N.safetensors.
  void resume(const std::string& path) override;
  int sample_steps() const override;
  std::string milestone() const override;

 protected:
  UpdatePlan update_plan(int64_t number) const override;
  void prepare_batch() override;

 private:
  DistillStage stage() const { return distill_stage(config_.distillation, state_.step + 1); }
  void set_teacher(const Graph& graph);
  void enter(const DistillStage& stage);
  void begin(const DistillStage& stage);
  void prepare_slice(int first, int images, Executor& teacher);

  const Graph teacher_graph_;                        // the first teacher
  ParameterStore teacher_;                           // this stage's
  std::vector<std::unique_ptr<Executor>> teachers_;  // of workers
  std::optional<DistillSteps> steps_;
  int entered_ = -1;  // the stage that teacher_ and steps_ are of
};

}  // namespace mote::tool
