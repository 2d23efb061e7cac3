// Trains a classifier in memory, one step after another: softmax cross-entropy, AdamW, averaged weights. No files, no
// terminal. Step s depends on (configuration, recipe, data, state, kernel set) and on nothing else, threads least of all.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/train/classifier_file.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/gradients.h"
#include "weights_tool/train/optimizer.h"

namespace mote::tool {

struct ClassifierStep {
  int64_t step = 0;                    // this step's number, from 1
  double loss = 0, smoothed_loss = 0;  // mean cross-entropy; smoothed over about fifty steps
  double accuracy = 0;                 // smoothed share of the batches' pictures named right
};

class ClassifierTrainer {
 public:
  // Data and pool must outlive the trainer; the pictures must be of the configuration's size and classes.
  ClassifierTrainer(const ClassifierConfig& config, const ClassifierRecipe& recipe, const Dataset& data, KernelSet set,
                    ThreadPool& pool);

  // Error(failure) if loss or gradient is not finite; nothing is changed then.
  ClassifierStep step();

  int64_t steps_done() const { return state_.step; }
  int64_t total_steps() const { return state_.steps; }
  const Graph& graph() const { return graph_; }
  const ParameterStore& store() const { return store_; }
  const AlignedFloats& ema() const { return ema_; }
  // accuracy: NaN until the caller sets it.
  ClassifierState& state() { return state_; }

 private:
  void prepare_batch();
  void add_noise(int i, float* x);
  double batch_gradient();

  ClassifierState state_;
  ThreadPool* pool_;
  Graph graph_;
  ParameterStore store_;
  BatchGradient gradients_;
  AdamW optimizer_;
  BatchSource source_;
  AlignedFloats ema_, m_, v_, gradient_;
  size_t picture_;                // elements of one
  AlignedFloats x_;               // of the batch: [batch][picture_]
  Schedule schedule_;             // of a noisy classifier
  std::vector<float> timesteps_;  // otherwise zeros: the graph reads none
  std::vector<double> losses_;
  std::vector<uint8_t> right_;
  double smoothed_loss_ = 0, smoothed_right_ = 0;
};

}  // namespace mote::tool
