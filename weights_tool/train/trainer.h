// A training in memory: network, optimiser and average, one step after another. No files but checkpoints, no terminal;
// trainer_run.h has the loop around it.
//
// Step s (from 0) of configuration c uses, with seed c.seed: pictures, mirroring and classes from BatchSource; for
// picture i of the batch the noise (step s, sample i, stream noise_train) and the level of (s, i, noise_train_timestep);
// dropout as in train/executor.h. Importance sampling draws the level from the losses of the steps before, which are part
// of the state. So a step depends on (configuration, data, state, kernel set) and nothing else.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "weights_tool/io/pool.h"
#include "weights_tool/train/checkpoint.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/gradients.h"
#include "weights_tool/train/level_sampler.h"
#include "weights_tool/train/loss.h"
#include "weights_tool/train/optimizer.h"
#include "weights_tool/train/parameters.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

struct StepResult {
  int64_t step = 0;    // this step's number, from 1
  int64_t images = 0;  // seen so far
  double loss = 0, smoothed_loss = 0, learning_rate = 0;
  double gradient_norm = 0;  // before clipping
};

class Trainer {
 public:
  // Data and pool must outlive the trainer.
  Trainer(const TrainConfig& config, const Dataset& data, KernelSet set, ThreadPool& pool);
  virtual ~Trainer() = default;
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  // Error(failure) if loss or gradient is not finite; nothing is changed then.
  StepResult step();

  int64_t steps_done() const { return state_.step; }
  int64_t total_steps() const { return total_; }
  const TrainState& state() const { return state_; }
  void set_validation_loss(double loss) { state_.validation_loss = loss; }

  void save(const std::string& path);
  // Goes on from a checkpoint; the configuration stays this trainer's. Error(invalid_input) that names what differs.
  virtual void resume(const std::string& path);

  // Before the first step: begins with the weights of a network like this one. Error(invalid_input) if it is another.
  void start_from(const Graph& graph);

  // Rule and steps of the pictures that show how training goes.
  virtual SamplerKind sample_kind() const { return SamplerKind::ddim; }
  virtual int sample_steps() const { return 20; }
  // Name of what the last step completed and is worth a checkpoint of its own ("stage-8"), or "".
  virtual std::string milestone() const { return ""; }

  const Graph& graph() const { return graph_; }
  const ParameterStore& store() const { return store_; }
  const AlignedFloats& ema() const { return ema_; }
  const DiffusionLoss& loss() const { return loss_; }
  // Activations and gradients of all threads; known after the first step.
  size_t planned_bytes() const { return gradients_.bytes(); }

 protected:
  // How update `number` (from 1) goes into the weights.
  struct UpdatePlan {
    int64_t number;  // of the optimiser, whose moments began before number 1
    double learning_rate, ema_decay;
  };
  virtual UpdatePlan update_plan(int64_t number) const;
  // Fills x_t, target, levels and classes of step state_.step.
  virtual void prepare_batch();
  // The mean loss; its gradient goes into gradient_.
  virtual double batch_gradient();
  // The second network that is trained, if any.
  virtual const CheckpointDiscriminator* discriminator() { return nullptr; }

  CheckpointBuffers buffers() { return {store_.values(), ema_.data(), m_.data(), v_.data()}; }

  TrainConfig config_;
  ThreadPool* pool_;
  Graph graph_;
  ParameterStore store_;
  BatchGradient gradients_;
  DiffusionLoss loss_;
  LevelSampler level_sampler_;
  AdamW optimizer_;
  BatchSource source_;
  AlignedFloats ema_, m_, v_, gradient_;
  size_t picture_;  // elements of one
  // Of the batch: [batch][picture_] and [batch].
  AlignedFloats x_t_, target_;
  std::vector<float> timesteps_;
  std::vector<int> levels_, classes_;
  std::vector<double> losses_, weights_;  // weights: of importance sampling, else 1
  int64_t total_;
  TrainState state_;
};

}  // namespace mote::tool
