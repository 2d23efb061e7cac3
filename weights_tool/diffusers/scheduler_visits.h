// Which noise levels a scheduler visits when asked for a number of steps: timesteps, and for the kinds that reckon in
// sigma = noise / signal, the sigmas.
#pragma once
#include <vector>

#include "weights_tool/diffusers/scheduler_config.h"

namespace mote::tool {

struct SchedulerVisits {
  // What the network is told at each of its evaluations. Never rises; may repeat (Heun evaluates twice a step, PNDM
  // its second step twice) and lie between levels (Euler, Heun).
  std::vector<double> timesteps;
  // Euler, Euler ancestral, Heun, DPM-Solver, UniPC: sigma at each evaluation and after the last; float32 numbers.
  std::vector<double> sigmas;
  // The library's x_T is this times unit noise.
  double init_noise_sigma = 1;
};

// `levels`: scheduler_levels(config). Throws Error(usage) for more steps than levels, and for steps that begin beyond the
// last level (steps_offset).
SchedulerVisits scheduler_visits(const SchedulerConfig& config, const std::vector<float>& levels, int steps);

// sigma of every level, float32. A last level of alpha_bar = 0 counts as 2^-24, as in the library.
std::vector<float> sigma_table(const std::vector<float>& levels);

}  // namespace mote::tool
