// What scheduler_rows.cpp shares with scheduler_multistep.cpp. Private to the two.
#pragma once
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_visits.h"

namespace mote::tool {

// A row before it is rounded; the letters are those of src/diffusion/rows.h.
struct DoubleRow {
  double a = 0, b = 0, A = 0, B = 0, C = 0, D = 0;
  double H[format::max_history] = {};
};

// Signal and noise in x = scale · (signal·x0 + noise·epsilon).
struct Shares {
  double signal, noise;
};
// Of sigma = noise / signal with signal^2 + noise^2 = 1.
Shares shares_of_sigma(double sigma);

// a and b: x0, or epsilon, from x and the network's output.
void set_x0(Prediction prediction, const Shares& shares, DoubleRow* row);
void set_epsilon(Prediction prediction, const Shares& shares, DoubleRow* row);

// One row for each evaluation.
std::vector<DoubleRow> dpm_multistep_rows(const SchedulerConfig& config, const SchedulerVisits& visits);
std::vector<DoubleRow> unipc_rows(const SchedulerConfig& config, const SchedulerVisits& visits);

}  // namespace mote::tool
