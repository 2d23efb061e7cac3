// The noise levels of an imported scheduler, number for number as the library computes them.
//
// It works in float32, and nothing forgives a difference: alpha_bar near 1 has few digits of 1 - alpha_bar left, and
// products of a thousand factors keep every rounding. So the operations, their order and their widths here are those of
// torch 1.13 on x86 (tests/data/diffusers has numbers of it), not the formulas in double of
// weights_tool/diffusion/schedules.h.
#pragma once
#include <vector>

#include "weights_tool/diffusers/scheduler_config.h"

namespace mote::tool {

// beta of each level. config.levels must be empty.
std::vector<float> scheduler_betas(const SchedulerConfig& config);

// alpha_bar of each level: float factors, multiplied in double, each product rounded to float. Or config.levels, if it
// is not empty: then entries below 0 are -(1 - alpha_bar). What model files store (DiffusionInfo::schedule).
// Throws Error(invalid_input) when the betas give no falling levels.
std::vector<float> scheduler_levels(const SchedulerConfig& config);

}  // namespace mote::tool
