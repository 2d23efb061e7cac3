#include "weights_tool/train/gan_trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

enum Pair { pair_real, pair_drawn, pair_plus, pair_minus, pair_kinds };

constexpr uint64_t kDiscriminatorSeed = uint64_t{1} << 63;  // no configuration's seed

DiscriminatorOptions discriminator_options(const Graph& generator, const TrainConfig& config) {
  const Tensor& input = generator.tensors[static_cast<size_t>(generator.input)];
  DiscriminatorOptions options;
  options.height = input.dims[0];
  options.width = input.dims[1];
  options.channels = input.dims[2];
  options.classes = generator.num_classes;
  options.widths = config.gan.widths;
  options.time_features = config.gan.time_features;
  return options;
}

AdamWOptions adam_options(const TrainConfig& config) {
  AdamWOptions options;
  options.beta1 = config.beta1;
  options.beta2 = config.beta2;
  options.weight_decay = 0;
  return options;
}

}  // namespace

std::vector<SamplerRow> gan_rows(const TrainConfig& config) {
  ScheduleOptions schedule;
  schedule.kind = config.schedule;
  schedule.train_steps = config.timesteps;
  const std::vector<float> table = exact_alpha_bar_table(make_schedule(schedule));
  const uint32_t levels = static_cast<uint32_t>(table.size()), count = static_cast<uint32_t>(config.gan.steps);
  std::vector<int32_t> visited(count);
  for (uint32_t i = 0; i < count; ++i) visited[i] = trailing_timestep(levels, count, i);
  RowOptions options;
  options.prediction = config.prediction;
  options.kind = SamplerKind::ddpm;
  std::vector<SamplerRow> rows(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (make_row_of_schedule(options, table.data(), levels, visited.data(), count, i, &rows[i]) != MOTE_OK)
      throw Error(ExitCode::invalid_input,
                  "gan: this schedule has no DDPM step at level " + std::to_string(visited[i]));
  }
  return rows;
}

GanTrainer::GanTrainer(const TrainConfig& config, const Dataset& data, KernelSet set, ThreadPool& pool)
    : Trainer(config, data, set, pool),
      rows_(gan_rows(config)),
      d_graph_(build_discriminator(discriminator_options(graph_, config), config.seed | kDiscriminatorSeed)),
      d_store_(d_graph_, set, pool, true, true),
      d_gradients_(d_graph_, d_store_, pool, config.slice, config.slots),
      d_optimizer_(adam_options(config), decay_ranges(d_graph_, d_store_)),
      d_m_(d_store_.size()),
      d_v_(d_store_.size()),
      d_gradient_(d_store_.size()),
      parts_{&d_graph_, &d_store_, d_store_.values(), d_m_.data(), d_v_.data()},
      channels_(static_cast<size_t>(graph_.tensors[static_cast<size_t>(graph_.input)].dims[2])),
      pairs_(pair_kinds * static_cast<size_t>(config.batch) * 2 * picture_),
      places_(static_cast<size_t>(config.batch)),
      all_timesteps_(pair_kinds * static_cast<size_t>(config.batch)),
      probe_factors_(static_cast<size_t>(config.batch)),
      pair_losses_(pair_kinds * static_cast<size_t>(config.batch)) {
  pixels_ = picture_ / channels_;
  if (graph_.tensors[static_cast<size_t>(graph_.output)].elements() != static_cast<int64_t>(picture_))
    throw Error(ExitCode::invalid_input, "gan: the model must predict a picture and nothing else");
}

void GanTrainer::resume(const std::string& path) {
  Trainer::resume(path);
  d_store_.refresh(*pool_);
}

GanTrainer::Lent::Lent(GanTrainer& owner) : owner_(owner) {
  {
    const std::lock_guard<std::mutex> lock(owner.lending_);
    if (!owner.idle_.empty()) {
      executor_ = std::move(owner.idle_.back());
      owner.idle_.pop_back();
    }
  }
  if (!executor_)
    executor_ = std::make_unique<Executor>(owner.d_graph_, owner.d_store_, owner.config_.slice, true, false, true);
}

GanTrainer::Lent::~Lent() {
  const std::lock_guard<std::mutex> lock(owner_.lending_);
  owner_.idle_.push_back(std::move(executor_));
}

// Which of the discriminator's outputs counts for a picture: that of its class.
size_t GanTrainer::logit(int image) const {
  const int label = classes_[static_cast<size_t>(image)];
  return static_cast<size_t>(label < 0 ? 0 : label);
}

// A real pair: x_{t-1} from the picture, x_t from x_{t-1}, each with noise of its own.
void GanTrainer::prepare_picture(int i) {
  const size_t k = static_cast<size_t>(i);
  const uint32_t step = static_cast<uint32_t>(state_.step), sample = static_cast<uint32_t>(i);
  const uint32_t lot = uniform_u32(0, config_.seed, step, sample, noise_train_timestep);
  const int place = stratified_timestep(i, config_.batch, config_.gan.steps, lot);
  places_[k] = place;
  levels_[k] = rows_[static_cast<size_t>(place)].timestep;
  timesteps_[k] = static_cast<float>(levels_[k]);
  classes_[k] = source_.label(i);
  const std::vector<double>& alpha_bar = loss_.schedule().alpha_bar;
  const bool last = place + 1 == config_.gan.steps;
  const double here = alpha_bar[static_cast<size_t>(levels_[k])];
  const double before = last ? 1.0 : alpha_bar[static_cast<size_t>(rows_[static_cast<size_t>(place) + 1].timestep)];
  const uint32_t count = static_cast<uint32_t>(picture_);
  float* x_t = x_t_.data() + k * picture_;
  float* previous = target_.data() + k * picture_;
  source_.picture(i, previous);
  fill_gaussian(x_t, 0, count, config_.seed, step, sample, noise_train);
  apply_mix({std::sqrt(before), std::sqrt(1 - before)}, previous, x_t, picture_, previous);
  fill_gaussian(x_t, 0, count, config_.seed, step, sample, noise_forward);
  apply_mix({std::sqrt(here / before), std::sqrt(1 - here / before)}, previous, x_t, picture_, x_t);
  join_pair(previous, x_t, pixels_, channels_, pairs(pair_real, i));
  for (size_t role = 0; role < pair_kinds; ++role)
    all_timesteps_[role * static_cast<size_t>(config_.batch) + k] = timesteps_[k];
}

void GanTrainer::prepare_batch() {
  source_.select(state_.step);
  pool_->parallel_for(config_.batch, [&](int i, int) { prepare_picture(i); });
}

// From the generator's output the drawn x_{t-1}, the discriminator's word on it, and the way back.
void GanTrainer::generator_slice(const SliceOutput& slice) {
  const Lent lent(*this);
  Executor& discriminator = *lent;
  std::vector<float> drawn(picture_), z(picture_);
  const uint32_t step = static_cast<uint32_t>(state_.step);
  for (int i = 0; i < slice.images; ++i) {
    const int image = slice.first + i;
    const size_t k = static_cast<size_t>(image);
    const SamplerRow& row = rows_[static_cast<size_t>(places_[k])];
    std::copy_n(x_t_.data() + k * picture_, picture_, drawn.data());
    fill_gaussian(z.data(), 0, static_cast<uint32_t>(picture_), config_.seed, step, static_cast<uint32_t>(image),
                  noise_step);
    const StepNoise noise = {z.data(), 0, 0, 0};
    sampler_update(row, drawn.data(), slice.output + i * slice.stride, nullptr, 0, 0, 0,
                   static_cast<uint32_t>(picture_), noise);
    join_pair(drawn.data(), x_t_.data() + k * picture_, pixels_, channels_, pairs(pair_drawn, image));
  }
  SliceInput input;
  input.images = slice.images;
  input.x = pairs(pair_drawn, slice.first);
  input.timesteps = timesteps_.data() + slice.first;
  const float* logits = discriminator.forward(input);
  std::fill_n(discriminator.d_output(), slice.images * discriminator.output_stride(), 0.0f);
  for (int i = 0; i < slice.images; ++i) {
    const size_t at = static_cast<size_t>(i * discriminator.output_stride()) + logit(slice.first + i);
    losses_[static_cast<size_t>(slice.first + i)] = softplus_loss(static_cast<double>(logits[at]));
    discriminator.d_output()[at] = static_cast<float>(softplus_slope(static_cast<double>(logits[at])) / config_.batch);
  }
  discriminator.backward(nullptr);
  for (int i = 0; i < slice.images; ++i) {
    const size_t k = static_cast<size_t>(slice.first + i);
    const SamplerRow& row = rows_[static_cast<size_t>(places_[k])];
    const float* x_t = x_t_.data() + k * picture_;
    const float* m = slice.output + i * slice.stride;
    float* d_m = slice.d_output + i * slice.stride;
    first_of_pair(discriminator.d_input() + i * discriminator.input_stride(), pixels_, channels_, d_m);
    for (size_t e = 0; e < picture_; ++e) {  // x' = A clip(a x + b m) + B x + C m + D z
      const float x0 = row.a * x_t[e] + row.b * m[e];
      d_m[e] *= (x0 < row.clip_lo || x0 > row.clip_hi ? 0.0f : row.A * row.b) + row.C;
    }
  }
}

void GanTrainer::probe_slice(int first, int images) {
  const Lent lent(*this);
  Executor& discriminator = *lent;
  SliceInput input;
  input.images = images;
  input.x = pairs(pair_real, first);
  input.timesteps = timesteps_.data() + first;
  discriminator.forward(input);
  std::fill_n(discriminator.d_output(), images * discriminator.output_stride(), 0.0f);
  for (int i = 0; i < images; ++i)
    discriminator.d_output()[static_cast<size_t>(i * discriminator.output_stride()) + logit(first + i)] = 1.0f;
  discriminator.backward(nullptr);
  for (int i = 0; i < images; ++i) {
    double squared = 0;
    probe_factors_[static_cast<size_t>(first + i)] =
        r1_probes(pairs(pair_real, first + i), discriminator.d_input() + i * discriminator.input_stride(), pixels_,
                  channels_, pairs(pair_plus, first + i), pairs(pair_minus, first + i), &squared);
  }
}

// After the generator's gradient: pairs_ holds what was drawn.
void GanTrainer::update_discriminator() {
  const int batch = config_.batch;
  const double share = 1.0 / batch;
  const bool penalty = penalised();
  if (penalty) {
    const int slice = config_.slice;
    pool_->parallel_for((batch + slice - 1) / slice,
                        [&](int index, int) { probe_slice(index * slice, std::min(slice, batch - index * slice)); });
  }
  SliceInput input;
  input.images = (penalty ? 4 : 2) * batch;
  input.x = pairs_.data();
  input.timesteps = all_timesteps_.data();
  const double weight = config_.gan.r1 * config_.gan.r1_every * share;
  d_gradients_.run(
      input,
      [&](const SliceOutput& slice) {
        std::fill_n(slice.d_output, slice.images * slice.stride, 0.0f);
        for (int i = 0; i < slice.images; ++i) {
          const int index = slice.first + i, kind = index / batch, image = index % batch;
          const size_t at = static_cast<size_t>(i * slice.stride) + logit(image);
          const double value = static_cast<double>(slice.output[at]);
          const double factor = weight * probe_factors_[static_cast<size_t>(image)];
          double slope = 0;
          switch (kind) {
            case pair_real: slope = share * softplus_slope(value); break;
            case pair_drawn: slope = -share * softplus_slope(-value); break;
            default: slope = kind == pair_plus ? factor : -factor;
          }
          slice.d_output[at] = static_cast<float>(slope);
          if (kind <= pair_drawn)
            pair_losses_[static_cast<size_t>(index)] = softplus_loss(kind == pair_real ? value : -value);
        }
      },
      d_gradient_.data());
  discriminator_loss_ = 0;
  for (size_t i = 0; i < 2 * static_cast<size_t>(batch); ++i) discriminator_loss_ += pair_losses_[i] * share / 2;
  const double norm = gradient_norm(d_gradient_.data(), d_gradient_.size(), *pool_);
  if (!std::isfinite(norm) || !std::isfinite(discriminator_loss_))
    throw Error(ExitCode::failure, "step " + std::to_string(state_.step + 1) +
                                       ": the discriminator's loss is not finite any more; lower gan.learning_rate and "
                                       "go on from the last checkpoint");
  const double course =
      config_.learning_rate > 0 ? update_plan(state_.step + 1).learning_rate / config_.learning_rate : 1;
  const OptimizerBuffers buffers = {d_store_.values(), d_m_.data(),        d_v_.data(),
                                    nullptr,           d_gradient_.data(), d_store_.size()};
  d_optimizer_.update(buffers, state_.step + 1, config_.gan.learning_rate * course,
                      clip_factor(norm, config_.gradient_clip), 0, *pool_);
  d_store_.refresh(*pool_);
}

double GanTrainer::batch_gradient() {
  SliceInput input;
  input.images = config_.batch;
  input.x = x_t_.data();
  input.timesteps = timesteps_.data();
  input.classes = graph_.num_classes > 0 ? classes_.data() : nullptr;
  input.seed = config_.seed;
  input.step = static_cast<uint32_t>(state_.step);
  gradients_.run(
      input, [&](const SliceOutput& slice) { generator_slice(slice); }, gradient_.data());
  update_discriminator();
  double sum = 0;
  for (const double loss : losses_) sum += loss;
  return sum / config_.batch;
}

}  // namespace mote::tool
