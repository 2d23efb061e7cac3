#include "weights_tool/train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr double kSmoothing = 0.02;  // share of a new loss in the smoothed one: about the last fifty steps

BatchOptions batch_options(const TrainConfig& config) {
  BatchOptions options;
  options.batch = config.batch;
  options.classes = config.model.classes;
  options.flip = config.flip;
  options.shift = config.shift;
  options.class_dropout = config.class_dropout;
  options.seed = config.seed;
  return options;
}

AdamWOptions adamw_options(const TrainConfig& config) {
  AdamWOptions options;
  options.beta1 = config.beta1;
  options.beta2 = config.beta2;
  options.weight_decay = config.weight_decay;
  return options;
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, const Dataset& data, KernelSet set, ThreadPool& pool)
    : config_(config),
      pool_(&pool),
      graph_(build_training_graph(config)),
      store_(graph_, set, pool),
      gradients_(graph_, store_, pool, config.slice, config.slots),
      loss_(config),
      level_sampler_(config.timestep_sampling, config.timesteps),
      optimizer_(adamw_options(config), decay_ranges(graph_, store_)),
      source_(data, batch_options(config)),
      ema_(store_.size()),
      m_(store_.size()),
      v_(store_.size()),
      gradient_(store_.size()),
      picture_(data.images.image_bytes()),
      x_t_(static_cast<size_t>(config.batch) * picture_),
      target_(x_t_.size()),
      timesteps_(static_cast<size_t>(config.batch)),
      levels_(static_cast<size_t>(config.batch)),
      classes_(static_cast<size_t>(config.batch)),
      losses_(static_cast<size_t>(config.batch)),
      weights_(static_cast<size_t>(config.batch), 1.0),
      total_(mote::tool::total_steps(config, static_cast<int64_t>(data.images.count))) {
  std::memcpy(ema_.data(), store_.values(), store_.size() * sizeof(float));
  state_.config = config;
  state_.smoothed_loss = state_.validation_loss = std::numeric_limits<double>::quiet_NaN();
  state_.kernels = kernel_set_name(set);
  state_.data_crc32 = data.checksum();
}

void Trainer::prepare_batch() {
  source_.select(state_.step);
  const uint32_t step = static_cast<uint32_t>(state_.step);
  pool_->parallel_for(config_.batch, [&](int i, int) {
    const size_t k = static_cast<size_t>(i);
    const uint32_t sample = static_cast<uint32_t>(i);
    const uint32_t lot = uniform_u32(0, config_.seed, step, sample, noise_train_timestep);
    const DrawnLevel level = level_sampler_.draw(i, config_.batch, lot);
    levels_[k] = level.t;
    weights_[k] = level.weight;
    timesteps_[k] = static_cast<float>(levels_[k]);
    classes_[k] = source_.label(i);
    float* x = x_t_.data() + k * picture_;
    float* noise = target_.data() + k * picture_;
    source_.picture(i, x);
    fill_gaussian(noise, 0, static_cast<uint32_t>(picture_), config_.seed, step, sample, noise_train);
    loss_.example(levels_[k], x, noise, picture_, x, noise);
  });
}

double Trainer::batch_gradient() {
  SliceInput input;
  input.images = config_.batch;
  input.x = x_t_.data();
  input.timesteps = timesteps_.data();
  input.classes = config_.model.classes > 0 ? classes_.data() : nullptr;
  input.seed = config_.seed;
  input.step = static_cast<uint32_t>(state_.step);
  const double share = 1.0 / config_.batch;
  gradients_.run(
      input,
      [&](const SliceOutput& slice) {
        for (int i = 0; i < slice.images; ++i) {
          const size_t k = static_cast<size_t>(slice.first + i);
          const LossItem item = {levels_[k], x_t_.data() + k * picture_, target_.data() + k * picture_,
                                 slice.output + i * slice.stride, picture_};
          losses_[k] = loss_.value_and_gradient(item, share * weights_[k], slice.d_output + i * slice.stride);
        }
      },
      gradient_.data());
  double sum = 0;
  for (size_t k = 0; k < losses_.size(); ++k) sum += weights_[k] * losses_[k];
  return sum * share;
}

Trainer::UpdatePlan Trainer::update_plan(int64_t number) const {
  return {number,
          learning_rate_at(number, total_, config_.warmup_steps, config_.learning_rate, config_.final_learning_rate),
          ema_decay_at(number, config_.ema)};
}

StepResult Trainer::step() {
  prepare_batch();
  StepResult result;
  result.loss = batch_gradient();
  result.gradient_norm = gradient_norm(gradient_.data(), gradient_.size(), *pool_);
  const int64_t number = state_.step + 1;
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw Error(ExitCode::failure, "step " + std::to_string(number) +
                                       ": the loss is not finite any more; lower learning_rate or gradient_clip and go "
                                       "on from the last checkpoint");
  }
  const UpdatePlan plan = update_plan(number);
  result.learning_rate = plan.learning_rate;
  const OptimizerBuffers buffers = {store_.values(), m_.data(),        v_.data(),
                                    ema_.data(),     gradient_.data(), store_.size()};
  optimizer_.update(buffers, plan.number, plan.learning_rate, clip_factor(result.gradient_norm, config_.gradient_clip),
                    plan.ema_decay, *pool_);
  store_.refresh(*pool_);
  for (size_t k = 0; k < losses_.size(); ++k) level_sampler_.record(levels_[k], losses_[k]);
  level_sampler_.refresh();
  state_.step = number;
  state_.images += config_.batch;
  state_.smoothed_loss = std::isnan(state_.smoothed_loss)
                             ? result.loss
                             : state_.smoothed_loss + kSmoothing * (result.loss - state_.smoothed_loss);
  result.step = number;
  result.images = state_.images;
  result.smoothed_loss = state_.smoothed_loss;
  return result;
}

void Trainer::start_from(const Graph& graph) {
  bool fits = graph.tensors.size() == graph_.tensors.size();
  for (size_t t = 0; fits && t < graph.tensors.size(); ++t) {
    fits = graph.tensors[t].values.size() == graph_.tensors[t].values.size();
  }
  if (!fits) throw Error(ExitCode::invalid_input, "the model to start from has another architecture than \"model\"");
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const int64_t offset = store_.offset(static_cast<int>(t));
    const std::vector<float>& values = graph.tensors[t].values;
    if (offset >= 0) std::copy(values.begin(), values.end(), store_.values() + offset);
  }
  std::memcpy(ema_.data(), store_.values(), store_.size() * sizeof(float));
  store_.refresh(*pool_);
}

void Trainer::save(const std::string& path) {
  state_.level_losses = level_sampler_.history();
  save_checkpoint(path, graph_, store_, state_, buffers(), discriminator());
}

void Trainer::resume(const std::string& path) {
  TrainState saved = read_checkpoint_state(path);
  const std::vector<std::string> differences = config_differences(saved.config, config_);
  if (!differences.empty()) {
    std::string list;
    for (const std::string& difference : differences) list += (list.empty() ? "" : "; ") + difference;
    throw Error(ExitCode::invalid_input, path + ": made with another configuration: " + list +
                                             "; resume with the same one or start over with --force");
  }
  if (saved.data_crc32 != state_.data_crc32) {
    throw Error(ExitCode::invalid_input, path + ": made with other pictures than these; resume with the same --data");
  }
  saved.level_losses = restore_checkpoint(path, graph_, store_, buffers(), discriminator()).level_losses;
  level_sampler_.set_history(saved.level_losses, path);
  store_.refresh(*pool_);
  const std::string kernels = state_.kernels;
  state_ = saved;
  state_.config = config_;
  state_.kernels = kernels;
}

}  // namespace mote::tool
