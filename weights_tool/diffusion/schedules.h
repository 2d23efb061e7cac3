// Noise schedules, in double: how much noise each of the T levels of the forward process adds. Indices t run from 0
// (least noise) to T - 1; papers count the same levels from 1 to T.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace mote::tool {

enum class ScheduleKind {
  linear,     // beta evenly spaced (Ho et al. 2020, arXiv 2006.11239, section 4)
  quadratic,  // sqrt(beta) evenly spaced; "scaled_linear" in diffusers
  sigmoid,    // beta on a logistic curve over [-6, 6]
  cosine,     // alpha_bar = cos^2; "squaredcos_cap_v2" in diffusers (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17)
};

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::linear;
  int train_steps = 1000;    // T >= 1
  double beta_start = 1e-4;  // beta of t = 0, not for cosine. Taken as they are for any T: nothing rescales them
  double beta_end = 0.02;    // beta of t = T - 1, not for cosine
  double cosine_s = 0.008;   // cosine only: offset that keeps the first betas from vanishing
  double max_beta = 0.999;   // cosine only: betas are clipped to it near t = T - 1
};

// Vectors of T entries each.
struct Schedule {
  ScheduleOptions options;
  std::vector<double> beta;                // variance added by one step
  std::vector<double> alpha;               // 1 - beta
  std::vector<double> alpha_bar;           // product of alpha up to and including t
  std::vector<double> snr;                 // alpha_bar / (1 - alpha_bar); infinity if nothing is noise
  std::vector<double> posterior_variance;  // beta-tilde (Ho et al. 2020, eq. 7): of q(x_{t-1} | x_t, x_0); 0 at t = 0

  int train_steps() const { return static_cast<int>(beta.size()); }
};

// Throws Error(usage) if an option is out of range.
Schedule make_schedule(const ScheduleOptions& options);
// From betas known otherwise (an imported model's); options.kind means nothing then. Each must be in [0, 1], else
// Error(invalid_input); a last beta of 1 leaves no picture at all ("zero terminal SNR").
Schedule make_schedule_from_betas(const std::vector<double>& betas);

// "linear", "quadratic", "sigmoid", "cosine".
const char* schedule_name(ScheduleKind kind);
// False if no schedule has that name.
bool find_schedule(std::string_view name, ScheduleKind* kind);
// All names, for messages: "linear, quadratic, sigmoid, cosine".
std::string schedule_names();
constexpr ScheduleKind all_schedules[] = {ScheduleKind::linear, ScheduleKind::quadratic, ScheduleKind::sigmoid,
                                          ScheduleKind::cosine};

// The float32 table a model file stores: alpha_bar, rounded once.
std::vector<float> alpha_bar_table(const Schedule& schedule);
// The same with full precision on both ends: entries with alpha_bar > 1/2 are stored as -(1 - alpha_bar). The device
// reads either (src/diffusion/rows.h, noise_level_from_table).
std::vector<float> exact_alpha_bar_table(const Schedule& schedule);

}  // namespace mote::tool
