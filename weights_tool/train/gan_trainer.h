// A denoising diffusion GAN (Xiao et al. 2022, arXiv 2112.07804): few large steps, learned against a discriminator of
// (x_{t-1}, x_t, t), because a Gaussian no longer describes what a large step may lead to.
//
// The generator is the model itself: it predicts x0 (or v, or epsilon, from which x0 follows), clipped as the sampler
// does, and x_{t-1} is drawn from the posterior q(x_{t-1} | x_t, x0), which is a DDPM row over the `steps` trailing
// levels (src/diffusion/rows.h). So what is trained is what the sampler runs, on a device too. Unlike the paper's, the
// generator has no latent vector beside x_t: the file format has no input for one. x_T and the noise of each posterior
// are what makes pictures differ.
//
// Losses, both non-saturating: generator softplus(-D(drawn)); discriminator softplus(-D(real)) + softplus(D(drawn)) +
// gamma / 2 |grad D(real)|^2 every r1_every steps (train/discriminator.h, r1_probes). Both are updated from the same
// batch and the same old weights. loss.csv has the generator's.
//
// Picture i of step s uses, beside what trainer.h says: noise (s, i, noise_forward) from x_{t-1} to x_t and (s, i,
// noise_step) for the posterior's.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "weights_tool/train/discriminator.h"
#include "weights_tool/train/trainer.h"

namespace mote::tool {

// The sampler's rows of a model trained so: config.gan.steps of them.
std::vector<SamplerRow> gan_rows(const TrainConfig& config);

class GanTrainer : public Trainer {
 public:
  // config.gan says how. Data and pool must outlive the trainer.
  GanTrainer(const TrainConfig& config, const Dataset& data, KernelSet set, ThreadPool& pool);

  void resume(const std::string& path) override;
  SamplerKind sample_kind() const override { return SamplerKind::ddpm; }
  int sample_steps() const override { return config_.gan.steps; }
  // Of the last step: the mean of the discriminator's two losses, without the penalty.
  double discriminator_loss() const { return discriminator_loss_; }

 protected:
  void prepare_batch() override;
  double batch_gradient() override;
  const CheckpointDiscriminator* discriminator() override { return &parts_; }

 private:
  // A discriminator's executor, lent to one thread at a time.
  class Lent {
   public:
    explicit Lent(GanTrainer& owner);
    ~Lent();
    Executor& operator*() const { return *executor_; }

   private:
    GanTrainer& owner_;
    std::unique_ptr<Executor> executor_;
  };

  size_t logit(int image) const;
  float* pairs(int role, int image) {
    return pairs_.data() +
           (static_cast<size_t>(role) * static_cast<size_t>(config_.batch) + static_cast<size_t>(image)) * 2 * picture_;
  }
  void prepare_picture(int i);
  void generator_slice(const SliceOutput& slice);
  void probe_slice(int first, int images);
  void update_discriminator();
  bool penalised() const { return config_.gan.r1 > 0 && state_.step % config_.gan.r1_every == 0; }

  std::vector<SamplerRow> rows_;
  Graph d_graph_;
  ParameterStore d_store_;
  BatchGradient d_gradients_;
  AdamW d_optimizer_;
  AlignedFloats d_m_, d_v_, d_gradient_;
  CheckpointDiscriminator parts_;
  std::mutex lending_;
  std::vector<std::unique_ptr<Executor>> idle_;
  size_t pixels_, channels_;
  // Of the batch. pairs_: [role][batch][2 picture_], role: real, drawn, and the two probes of real.
  AlignedFloats pairs_;
  std::vector<int> places_;            // step of the sampler
  std::vector<float> all_timesteps_;   // [role][batch]
  std::vector<double> probe_factors_;  // [batch]
  std::vector<double> pair_losses_;    // [role][batch]
  double discriminator_loss_ = 0;
};

}  // namespace mote::tool
