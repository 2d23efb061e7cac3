// What a network is trained on: a picture at a noise level, and the squared error of its prediction. One picture at a
// time, elementwise over any layout; the caller averages over the batch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

class DiffusionLoss {
 public:
  explicit DiffusionLoss(const TrainConfig& config);

  // x_t and the network's target, from x_0 and noise; `count` elements each. x_t may be x0, target may be noise.
  void example(int t, const float* x0, const float* noise, size_t count, float* x_t, float* target) const;
  // weight(t) * mean of (output - target)^2.
  double value(int t, const float* output, const float* target, size_t count) const;
  // The same, and share * its gradient by the output (share: 1 / pictures of the batch).
  double value_and_gradient(int t, const float* output, const float* target, size_t count, double share,
                            float* d_output) const;

  const Schedule& schedule() const { return schedule_; }
  Prediction prediction() const { return prediction_; }

 private:
  Schedule schedule_;
  Prediction prediction_;
  LossWeight weighting_;
};

// The noise level of picture i of a batch: uniform over the i-th of `batch` equal parts of [0, levels), from a uniform
// 32-bit number. Each batch then sees all levels about equally often, which takes the variance of the level out of the
// loss's and the gradient's estimate without a bias (as Kingma et al. 2021, arXiv 2107.00630, appendix I.1, do with one
// number for the whole batch). Which pictures get which part is as random as the order of the pictures.
int stratified_timestep(int i, int batch, int levels, uint32_t lot);

}  // namespace mote::tool
