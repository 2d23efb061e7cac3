#include "weights_tool/train/classifier_trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "diffusion/noise.h"
#include "weights_tool/diffusion/forward_process.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr int kSlice = 8, kSlots = 8;  // of BatchGradient
constexpr double kSmoothing = 0.02;    // share of a new value in a smoothed one

BatchOptions batch_options(const ClassifierConfig& config, const ClassifierRecipe& recipe) {
  BatchOptions options;
  options.batch = recipe.batch;
  options.classes = config.classes;
  options.flip = recipe.flip;
  options.shift = recipe.shift;
  options.seed = recipe.seed;
  return options;
}

AdamWOptions adamw_options(const ClassifierRecipe& recipe) {
  AdamWOptions options;
  options.weight_decay = recipe.weight_decay;
  return options;
}

ClassifierState new_state(const ClassifierConfig& config, const ClassifierRecipe& recipe, const Dataset& data,
                          KernelSet set) {
  ClassifierState state;
  state.config = config;
  state.recipe = recipe;
  const int64_t pictures = static_cast<int64_t>(data.images.count) * recipe.epochs;
  state.steps = (pictures + recipe.batch - 1) / recipe.batch;
  state.accuracy = std::numeric_limits<double>::quiet_NaN();
  state.kernels = kernel_set_name(set);
  state.data_crc32 = data.checksum();
  return state;
}

}  // namespace

ClassifierTrainer::ClassifierTrainer(const ClassifierConfig& config, const ClassifierRecipe& recipe,
                                     const Dataset& data, KernelSet set, ThreadPool& pool)
    : state_(new_state(config, recipe, data, set)),
      pool_(&pool),
      graph_(build_classifier(config, recipe.seed)),
      store_(graph_, set, pool),
      gradients_(graph_, store_, pool, kSlice, kSlots),
      optimizer_(adamw_options(recipe), decay_ranges(graph_, store_)),
      source_(data, batch_options(config, recipe)),
      ema_(store_.size()),
      m_(store_.size()),
      v_(store_.size()),
      gradient_(store_.size()),
      picture_(data.images.image_bytes()),
      x_(static_cast<size_t>(recipe.batch) * picture_),
      timesteps_(static_cast<size_t>(recipe.batch)),
      losses_(static_cast<size_t>(recipe.batch)),
      right_(static_cast<size_t>(recipe.batch)) {
  std::memcpy(ema_.data(), store_.values(), store_.size() * sizeof(float));
  if (config.time_features > 0) schedule_ = classifier_schedule(config);
}

// Fills x_: each picture mirrored and moved by its lots.
void ClassifierTrainer::prepare_batch() {
  const ClassifierRecipe& recipe = state_.recipe;
  source_.select(state_.step);
  pool_->parallel_for(recipe.batch, [&](int i, int) {
    float* x = x_.data() + static_cast<size_t>(i) * picture_;
    source_.picture(i, x);
    if (!schedule_.beta.empty()) add_noise(i, x);
  });
}

// Every level equally often.
void ClassifierTrainer::add_noise(int i, float* x) {
  const uint32_t sample = static_cast<uint32_t>(i), step = static_cast<uint32_t>(state_.step);
  const uint32_t levels = static_cast<uint32_t>(schedule_.train_steps());
  const uint32_t t = uniform_below(levels, 0, state_.recipe.seed, step, sample, noise_train_timestep);
  std::vector<float> noise(picture_);
  fill_gaussian(noise.data(), 0, static_cast<uint32_t>(picture_), state_.recipe.seed, step, sample, noise_train);
  diffuse_with(schedule_, static_cast<int>(t), x, noise.data(), picture_, x);
  timesteps_[static_cast<size_t>(i)] = static_cast<float>(t);
}

// The mean loss; the gradient is in gradient_.
double ClassifierTrainer::batch_gradient() {
  SliceInput input;
  input.images = state_.recipe.batch;
  input.x = x_.data();
  input.timesteps = timesteps_.data();
  const double share = 1.0 / state_.recipe.batch;
  gradients_.run(
      input,
      [&](const SliceOutput& slice) {
        for (int i = 0; i < slice.images; ++i) {
          const size_t k = static_cast<size_t>(slice.first + i);
          const float* logits = slice.output + i * slice.stride;
          const int label = source_.label(slice.first + i);
          float confidence;
          right_[k] = classify(logits, state_.config.classes, &confidence) == label;
          losses_[k] =
              softmax_cross_entropy(logits, state_.config.classes, label, share, slice.d_output + i * slice.stride);
        }
      },
      gradient_.data());
  double sum = 0;
  for (const double loss : losses_) sum += loss;
  return sum * share;
}

ClassifierStep ClassifierTrainer::step() {
  const ClassifierRecipe& recipe = state_.recipe;
  const int64_t number = state_.step + 1;
  prepare_batch();
  ClassifierStep result;
  result.loss = batch_gradient();
  const double norm = gradient_norm(gradient_.data(), gradient_.size(), *pool_);
  if (!std::isfinite(result.loss) || !std::isfinite(norm)) {
    throw Error(ExitCode::failure,
                "step " + std::to_string(number) + ": the loss is not finite any more; lower --learning-rate");
  }
  const int64_t warmup = std::min<int64_t>(recipe.warmup_steps, state_.steps / 10);
  const double rate = learning_rate_at(number, state_.steps, warmup, recipe.learning_rate, 0);
  const OptimizerBuffers buffers = {store_.values(), m_.data(),        v_.data(),
                                    ema_.data(),     gradient_.data(), store_.size()};
  optimizer_.update(buffers, number, rate, clip_factor(norm, recipe.gradient_clip), ema_decay_at(number, recipe.ema),
                    *pool_);
  store_.refresh(*pool_);
  state_.step = number;
  const double right = static_cast<double>(std::count(right_.begin(), right_.end(), 1)) / recipe.batch;
  const double gain = std::max(kSmoothing, 1.0 / static_cast<double>(number));  // at first the mean of all so far
  smoothed_loss_ += gain * (result.loss - smoothed_loss_);
  smoothed_right_ += gain * (right - smoothed_right_);
  result.step = number;
  result.smoothed_loss = smoothed_loss_;
  result.accuracy = smoothed_right_;
  return result;
}

}  // namespace mote::tool
