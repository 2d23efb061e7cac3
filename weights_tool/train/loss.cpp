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
    : schedule_(schedule_of(config)), prediction_(config.prediction), weighting_(config.loss_weighting) {}

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
  const double weight = loss_weight(weighting_, prediction_, schedule_.alpha_bar[static_cast<size_t>(t)]);
  return weight * sum_lanes(sums) / static_cast<double>(count);
}

double DiffusionLoss::value_and_gradient(int t, const float* output, const float* target, size_t count, double share,
                                         float* d_output) const {
  const double weight = loss_weight(weighting_, prediction_, schedule_.alpha_bar[static_cast<size_t>(t)]);
  const float scale = static_cast<float>(2 * weight * share / static_cast<double>(count));
  for (size_t i = 0; i < count; ++i) d_output[i] = scale * (output[i] - target[i]);
  return value(t, output, target, count);
}

int stratified_timestep(int i, int batch, int levels, uint32_t lot) {
  const uint64_t place = (static_cast<uint64_t>(i) << 32 | lot) / static_cast<uint64_t>(batch);  // of 2^32
  return static_cast<int>(place * static_cast<uint64_t>(levels) >> 32);
}

}  // namespace mote::tool
