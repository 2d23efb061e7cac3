// What a network is trained on: a picture at a noise level, and how wrong its output is. One picture at a time; the
// caller averages over the batch. Pictures are NHWC, [count] elements.
//
//   simple   weight(t) * mean squared error of the prediction
//   hybrid   simple + vlb_weight * T * L_t, the bound's gradient reaching the variance only (Nichol & Dhariwal 2021,
//            arXiv 2102.09672, eq. 16)
//   vlb      T * L_t, of a learned variance or of beta-tilde; loss_weighting plays no part
// L_t: the term of the variational bound at this level, in bits an element (diffusion/likelihood.h). T times its mean over
// uniform levels is the whole bound but for the constant L_T.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/diffusion/likelihood.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

// A picture and what the network said. output: [count], or with a learned variance [count / C][2][C].
struct LossItem {
  int t;
  const float* x_t;
  const float* target;
  const float* output;
  size_t count;
};

class DiffusionLoss {
 public:
  explicit DiffusionLoss(const TrainConfig& config);

  // x_t and the network's target, from x_0 and noise; `count` elements each. x_t may be x0, target may be noise.
  void example(int t, const float* x0, const float* noise, size_t count, float* x_t, float* target) const;

  // The loss of the configuration.
  double value(const LossItem& item) const { return evaluate(item, 0, nullptr); }
  // The same, and share * its gradient by the output, laid out as the output (share: 1 / pictures of the batch).
  double value_and_gradient(const LossItem& item, double share, float* d_output) const {
    return evaluate(item, share, d_output);
  }

  // Of an output of `count` elements, whatever the configuration's loss: weight(t) * mean of (output - target)^2.
  double value(int t, const float* output, const float* target, size_t count) const;
  double value_and_gradient(int t, const float* output, const float* target, size_t count, double share,
                            float* d_output) const;

  const Schedule& schedule() const { return schedule_; }
  Prediction prediction() const { return prediction_; }
  // Floats of the network's output for one of a picture: 2 with a learned variance.
  size_t outputs() const { return learned_ ? 2 : 1; }

 private:
  double evaluate(const LossItem& item, double share, float* d_output) const;
  double simple_of_pairs(const LossItem& item, double share, float* d_output) const;
  double bound(const LossItem& item, double scale, double share, float* d_output) const;
  size_t place(size_t i) const { return learned_ ? i / channels_ * 2 * channels_ + i % channels_ : i; }

  Schedule schedule_;
  std::vector<BoundStep> steps_;
  Prediction prediction_;
  LossWeight weighting_;
  LossKind kind_;
  double gamma_, vlb_weight_;
  size_t channels_;
  bool learned_;
};

// The noise level of picture i of a batch: uniform over the i-th of `batch` equal parts of [0, levels), from a uniform
// 32-bit number. Each batch then sees all levels about equally often, which takes the variance of the level out of the
// loss's and the gradient's estimate without a bias (as Kingma et al. 2021, arXiv 2107.00630, appendix I.1, do with one
// number for the whole batch). Which pictures get which part is as random as the order of the pictures.
int stratified_timestep(int i, int batch, int levels, uint32_t lot);

}  // namespace mote::tool
