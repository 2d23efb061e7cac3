// A scheduler as rows of mote's sampler (src/diffusion/rows.h): one row for each evaluation of the network, computed in
// double and rounded once. A device needs nothing else. What no row can say is done on the host
// (weights_tool/diffusion/host_step.h).
//
// Change of variables. Euler, Euler ancestral and Heun of the library keep x = x0 + sigma·epsilon and divide it by
// sqrt(sigma^2 + 1) before the network sees it. Rows work on what the network sees: library's x = x_scale · mote's x. The
// last row ends in the library's own scale.
//
// What p is. The first half of a row makes p from x and the network's output, and the history keeps p. It is the
// (clipped) x0, but for methods that integrate epsilon (DPM-Solver, UniPC with predict_x0 false), where it is
// epsilon, and PNDM, where it is the network's output. Those rows, and the second halves of Heun's steps, which begin
// between levels, state no level (src/format/SPEC.md, signal and noise).
#pragma once
#include <vector>

#include "weights_tool/diffusers/scheduler_config.h"
#include "weights_tool/graph/writer.h"

namespace mote::tool {

struct SchedulerStep {
  format::RowRecord row;
  double timestep = 0;                 // the same number as row.timestep + row.fraction
  double x_scale = 1, next_scale = 1;  // before and after
  // DDPM with learned variance: the bounds of its logarithm, and whether noise is added at all. row.D is the noise of
  // fixed_small, for devices.
  double log_variance_low = 0, log_variance_high = 0;
  bool adds_noise = false;
  // Classifier guidance at scale 1, as in diffusion/host_step.h; zeros where it leaves a level alone: one with hardly any
  // picture, where the gradient is divided by next to nothing.
  double guide_x0 = 0, guide_x = 0;
  bool guide_of_noise = false;
};

struct SchedulerSteps {
  std::vector<SchedulerStep> steps;
  double init_scale = 1;  // mote's x_T is this times the unit noise that the library begins with
};

// Throws Error(usage) as scheduler_visits, Error(invalid_input) for levels the method cannot be run on.
SchedulerSteps scheduler_steps(const SchedulerConfig& config, int steps);
std::vector<format::RowRecord> scheduler_rows(const SchedulerConfig& config, int steps);

// One step of DDPM or DDIM from `timestep` to `previous` (-1: past the last), whatever the spacing.
SchedulerStep scheduler_step_between(const SchedulerConfig& config, int timestep, int previous);

// Whether classifier guidance is known for the method: DDPM, DDIM, Euler, and the multistep kinds that integrate x0.
bool takes_guidance(const SchedulerConfig& config);

// Whether rows alone do not say it all: dynamic thresholding, learned variance.
bool needs_host(const SchedulerConfig& config);
// What a device does instead, as a sentence; "" if it does the same.
std::string device_difference(const SchedulerConfig& config);

// What a model file says: the levels and the rows of `steps` steps. Its default_steps is the number of rows, which is
// 2 · steps - 1 for Heun and steps + 1 for PNDM.
DiffusionInfo diffusion_of(const SchedulerConfig& config, int steps);

// The scheduler configuration that `import` left in a model's META ({"diffusers": {"scheduler": ...}}), or null.
const Json* scheduler_of_meta(const Json& meta);

// A scheduler for a model of mote's own: its levels, its clipping, evenly spaced timesteps that begin at the last
// level (trailing). The name must be one of sampler_names(); Error(usage) for heun, pndm and lcm.
SchedulerConfig scheduler_config_of(const DiffusionInfo& info, Prediction prediction, const std::string& sampler);

}  // namespace mote::tool
