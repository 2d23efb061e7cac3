#include "weights_tool/train/loss.h"

#include <cmath>

namespace mote::tool {
namespace {

constexpr size_t kLanes = 8;  // sums side by side, in a fixed order whatever the compiler vectorises

double sum_lanes(const double* sums) {
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

Schedule schedule_of(const TrainConfig& config) {
  ScheduleOptions options;
  options.kind = config.schedule;
  options.train_steps = config.timesteps;
  return make_schedule(options);
}

}  // namespace

DiffusionLoss::DiffusionLoss(const TrainConfig& config)
    : schedule_(schedule_of(config)),
      steps_(bound_steps(schedule_)),
      prediction_(config.prediction),
      weighting_(config.loss_weighting),
      kind_(config.loss),
      gamma_(config.min_snr_gamma),
      vlb_weight_(config.vlb_weight),
      channels_(static_cast<size_t>(config.model.channels)),
      learned_(config.model.learned_variance) {}

void DiffusionLoss::example(int t, const float* x0, const float* noise, size_t count, float* x_t, float* target) const {
  const Mix x_mix = {std::sqrt(schedule_.alpha_bar[static_cast<size_t>(t)]),
                     std::sqrt(1 - schedule_.alpha_bar[static_cast<size_t>(t)])};
  const Mix target_of = target_mix(prediction_, schedule_.alpha_bar[static_cast<size_t>(t)]);
  const float xa = static_cast<float>(x_mix.first), xb = static_cast<float>(x_mix.second);
  const float ta = static_cast<float>(target_of.first), tb = static_cast<float>(target_of.second);
  for (size_t i = 0; i < count; ++i) {
    const float x = x0[i], z = noise[i];
    x_t[i] = xa * x + xb * z;
    target[i] = ta * x + tb * z;
  }
}

double DiffusionLoss::value(int t, const float* output, const float* target, size_t count) const {
  double sums[kLanes] = {};
  for (size_t i = 0; i < count; ++i) {
    const double error = static_cast<double>(output[i]) - static_cast<double>(target[i]);
    sums[i % kLanes] += error * error;
  }
  const double weight = loss_weight(weighting_, prediction_, schedule_.alpha_bar[static_cast<size_t>(t)], gamma_);
  return weight * sum_lanes(sums) / static_cast<double>(count);
}

double DiffusionLoss::value_and_gradient(int t, const float* output, const float* target, size_t count, double share,
                                         float* d_output) const {
  const double weight = loss_weight(weighting_, prediction_, schedule_.alpha_bar[static_cast<size_t>(t)], gamma_);
  const float scale = static_cast<float>(2 * weight * share / static_cast<double>(count));
  for (size_t i = 0; i < count; ++i) d_output[i] = scale * (output[i] - target[i]);
  return value(t, output, target, count);
}

double DiffusionLoss::evaluate(const LossItem& item, double share, float* d_output) const {
  const double bits = schedule_.train_steps() / (std::log(2.0) * static_cast<double>(item.count));
  if (kind_ == LossKind::vlb) return bound(item, bits, share, d_output);
  if (!learned_) {
    if (d_output == nullptr) return value(item.t, item.output, item.target, item.count);
    return value_and_gradient(item.t, item.output, item.target, item.count, share, d_output);
  }
  const double simple = simple_of_pairs(item, share, d_output);
  return simple + bound(item, vlb_weight_ * bits, share, d_output);
}

// value_and_gradient() where the output has a variance beside each prediction.
double DiffusionLoss::simple_of_pairs(const LossItem& item, double share, float* d_output) const {
  std::vector<float> prediction(item.count), gradient(item.count);
  for (size_t i = 0; i < item.count; ++i) prediction[i] = item.output[place(i)];
  const double loss = value_and_gradient(item.t, prediction.data(), item.target, item.count, share, gradient.data());
  for (size_t i = 0; i < item.count && d_output != nullptr; ++i) d_output[place(i)] = gradient[i];
  return loss;
}

// scale * the sum of the bound's terms. The means of the true posterior and of the model's differ by mean_x0 times the
// difference of the x0 that target and output imply; x_t drops out.
double DiffusionLoss::bound(const LossItem& item, double scale, double share, float* d_output) const {
  const BoundStep& step = steps_[static_cast<size_t>(item.t)];
  const Mix x0 = x0_mix(prediction_, step.alpha_bar);
  const double of_output = step.mean_x0 * x0.second, slope = (step.log_high - step.log_low) / 2;
  double sums[kLanes] = {};
  for (size_t i = 0; i < item.count; ++i) {
    const size_t at = place(i);
    const double log_variance =
        learned_ ? log_variance_between(step, double{item.output[at + channels_]}) : step.log_low;
    const double difference = of_output * (double{item.target[i]} - double{item.output[at]});
    const double x = x0.first * double{item.x_t[i]} + x0.second * double{item.target[i]};
    const BoundTerm term = item.t == 0 ? discretised_gaussian(x, difference, log_variance, half_bin_of_bytes)
                                       : gaussian_kl(difference, step.log_low, log_variance);
    sums[i % kLanes] += term.nats;
    if (d_output == nullptr) continue;
    if (kind_ == LossKind::vlb) d_output[at] = static_cast<float>(share * scale * of_output * term.by_mean);
    if (learned_) d_output[at + channels_] = static_cast<float>(share * scale * slope * term.by_log_variance);
  }
  return scale * sum_lanes(sums);
}

int stratified_timestep(int i, int batch, int levels, uint32_t lot) {
  const uint64_t place = (static_cast<uint64_t>(i) << 32 | lot) / static_cast<uint64_t>(batch);  // of 2^32
  return static_cast<int>(place * static_cast<uint64_t>(levels) >> 32);
}

}  // namespace mote::tool
