// A scheduler's step where rows alone do not say it all (needs_host): what the host adds to the row.
#pragma once
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusion/host_step.h"

namespace mote::tool {

HostStep host_step_of(const SchedulerConfig& config, const SchedulerStep& step);
// The same with classifier guidance of this scale.
HostStep guided_step_of(const SchedulerConfig& config, const SchedulerStep& step, double scale);

}  // namespace mote::tool
