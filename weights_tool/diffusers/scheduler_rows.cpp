#include "weights_tool/diffusers/scheduler_rows.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "diffusion/rows.h"
#include "weights_tool/diffusers/scheduler_parts.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

Shares shares_of_sigma(double sigma) {
  const double scale = 1 / std::sqrt(sigma * sigma + 1);
  return {scale, sigma * scale};
}

void set_x0(Prediction prediction, const Shares& shares, DoubleRow* row) {
  switch (prediction) {
    case Prediction::epsilon:
      row->a = 1 / shares.signal;
      row->b = -shares.noise / shares.signal;
      break;
    case Prediction::x0:
      row->a = 0;
      row->b = 1;
      break;
    case Prediction::v:
      row->a = shares.signal;
      row->b = -shares.noise;
      break;
  }
}

void set_epsilon(Prediction prediction, const Shares& shares, DoubleRow* row) {
  switch (prediction) {
    case Prediction::epsilon:
      row->a = 0;
      row->b = 1;
      break;
    case Prediction::x0:
      row->a = 1 / shares.noise;
      row->b = -shares.signal / shares.noise;
      break;
    case Prediction::v:
      row->a = shares.noise;
      row->b = shares.signal;
      break;
  }
}

namespace {

size_t at(int index) { return static_cast<size_t>(index); }

float checked_float(double value) {
  if (!(std::fabs(value) <= FLT_MAX))
    throw Error(ExitCode::invalid_input,
                "the scheduler's levels give no finite sampler row: a level holds no picture "
                "or no noise where the method divides by it");
  return static_cast<float>(value);
}

format::RowRecord round_row(const DoubleRow& row, double timestep, double clip) {
  format::RowRecord out{};
  out.timestep = static_cast<int32_t>(std::floor(timestep));
  out.fraction = static_cast<float>(timestep - std::floor(timestep));
  if (out.fraction >= 1.0f) {
    out.timestep += 1;
    out.fraction = 0;
  }
  out.a = checked_float(row.a);
  out.b = checked_float(row.b);
  out.A = checked_float(row.A);
  out.B = checked_float(row.B);
  out.C = checked_float(row.C);
  out.D = checked_float(row.D);
  for (size_t k = 0; k < format::max_history; ++k) out.H[k] = checked_float(row.H[k]);
  out.clip_hi = static_cast<float>(clip);
  out.clip_lo = -out.clip_hi;
  return out;
}

double clip_of(const SchedulerConfig& config) { return config.clip ? config.clip_range : FLT_MAX; }

// level: of x before the row; {0, 0} where p is not x0, or x lies at no level.
SchedulerStep finished(const SchedulerConfig& config, const DoubleRow& row, double timestep, const Shares& level) {
  SchedulerStep step;
  step.row = round_row(row, timestep, clip_of(config));
  step.row.signal = checked_float(level.signal);
  step.row.noise = checked_float(level.noise);
  step.timestep = timestep;
  return step;
}

// epsilon - sqrt(1 - alpha_bar) gradient instead of epsilon (Dhariwal & Nichol 2021, algorithm 2) makes
// x0 + (1 - alpha_bar)/sqrt(alpha_bar) gradient of x0.
double guide_of_x0(const Shares& shares) {
  constexpr double least_alpha_bar = 1e-3;
  return shares.signal * shares.signal < least_alpha_bar ? 0 : shares.noise * shares.noise / shares.signal;
}

// ---- DDPM, DDIM, LCM: from level to level ---------------------------------------------------------------------------

struct Level {
  double alpha_bar, rest;  // rest = 1 - alpha_bar
};

class LevelSteps {
 public:
  explicit LevelSteps(const SchedulerConfig& config) : config_(config), table_(scheduler_levels(config)) {}

  const std::vector<float>& table() const { return table_; }
  SchedulerStep between(int timestep, int previous) const {
    return config_.kind == SchedulerKind::ddpm ? ddpm(timestep, previous) : ddim(timestep, previous);
  }

  // Luo et al. 2023, arXiv 2310.04378, eq. 5 and algorithm 3: c_skip x + c_out x0, noised again to the next level.
  SchedulerStep lcm(int timestep, int previous) const {
    const Level now = level(timestep), next = level(previous);
    constexpr double sigma_data = 0.5;
    const double scaled = timestep * config_.lcm_timestep_scaling, sum = scaled * scaled + sigma_data * sigma_data;
    const bool last = timestep == previous;
    const double signal = last ? 1 : std::sqrt(next.alpha_bar);
    const Shares shares{std::sqrt(now.alpha_bar), std::sqrt(now.rest)};
    DoubleRow row;
    set_x0(config_.prediction, shares, &row);
    row.A = signal * scaled / std::sqrt(sum);
    row.B = signal * sigma_data * sigma_data / sum;
    row.D = last ? 0 : std::sqrt(next.rest);
    return finished(config_, row, timestep, shares);
  }

  // DDIM and PNDM: what comes after the last level.
  Level level(int t) const {
    if (t < 0 && (config_.kind == SchedulerKind::ddpm || config_.set_alpha_to_one)) return {1, 0};
    const NoiseLevel level = noise_level_from_table(table_.at(at(std::max(t, 0))));
    return {level.alpha_bar, level.one_minus_alpha_bar};
  }

 private:
  // The variance added from one level to the other. The library's is a float subtraction; where the levels are near each
  // other most of its digits are lost, and following it means losing the same ones.
  double beta(const Level& now, const Level& next) const {
    if (!config_.levels.empty()) return (now.rest - next.rest) / next.alpha_bar;
    const float kept = static_cast<float>(now.alpha_bar) / static_cast<float>(next.alpha_bar);
    return static_cast<double>(1.0f - kept);
  }

  // Ho et al. 2020, eq. 7.
  SchedulerStep ddpm(int timestep, int previous) const {
    const Level now = level(timestep), next = level(previous);
    const double added = beta(now, next);
    const Shares shares{std::sqrt(now.alpha_bar), std::sqrt(now.rest)};
    DoubleRow row;
    set_x0(config_.prediction, shares, &row);
    row.A = std::sqrt(next.alpha_bar) * added / now.rest;
    row.B = std::sqrt(now.alpha_bar / next.alpha_bar) * next.rest / now.rest;
    const double smallest = 1e-20, small = next.rest / now.rest * added;
    if (timestep > 0) {
      // A variance at the library's floor of 1e-20 is none.
      if (config_.variance == VarianceType::fixed_large)
        row.D = std::sqrt(std::max(added, 0.0));
      else if (small > smallest)
        row.D = std::sqrt(small);
    }
    SchedulerStep step = finished(config_, row, timestep, shares);
    // mote's own spacing ends above level 0, and the step to the picture adds nothing there either.
    step.adds_noise = timestep > 0 && (config_.levels.empty() || previous >= 0);
    step.guide_x = 1;
    step.guide_of_noise = true;
    step.log_variance_low = std::log(std::max(small, smallest));
    step.log_variance_high = std::log(std::max(added, smallest));
    return step;
  }

  // Song et al. 2021, eq. 12 and 16.
  SchedulerStep ddim(int timestep, int previous) const {
    const Level now = level(timestep), next = level(previous);
    const Shares shares{std::sqrt(now.alpha_bar), std::sqrt(now.rest)};
    const double variance = config_.eta * config_.eta * std::max(next.rest / now.rest * beta(now, next), 0.0);
    const double direction = std::sqrt(std::max(next.rest - variance, 0.0));
    DoubleRow row, epsilon;
    set_x0(config_.prediction, shares, &row);
    row.A = std::sqrt(next.alpha_bar);
    row.D = std::sqrt(variance);
    if (config_.rederive_epsilon) {
      row.A -= direction * shares.signal / shares.noise;
      row.B = direction / shares.noise;
    } else {
      set_epsilon(config_.prediction, shares, &epsilon);
      row.B = direction * epsilon.a;
      row.C = direction * epsilon.b;
    }
    SchedulerStep step = finished(config_, row, timestep, shares);
    step.guide_x0 = guide_of_x0(shares);
    if (step.guide_x0 != 0 && !config_.rederive_epsilon) step.guide_x = -direction * shares.noise;
    return step;
  }

  const SchedulerConfig& config_;
  std::vector<float> table_;
};

SchedulerSteps level_steps(const SchedulerConfig& config, int count) {
  const LevelSteps levels(config);
  const std::vector<double> timesteps = scheduler_visits(config, levels.table(), count).timesteps;
  SchedulerSteps out;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int t = static_cast<int>(timesteps[i]);
    const bool last = i + 1 == timesteps.size();
    if (config.kind == SchedulerKind::lcm) {
      out.steps.push_back(levels.lcm(t, last ? t : static_cast<int>(timesteps[i + 1])));
    } else if (config.kind == SchedulerKind::ddpm || !config.levels.empty()) {
      out.steps.push_back(levels.between(t, last ? -1 : static_cast<int>(timesteps[i + 1])));
    } else {  // DDIM reckons with an even distance, also where the list has another
      out.steps.push_back(levels.between(t, t - config.train_steps / count));
    }
  }
  return out;
}

// ---- PNDM -----------------------------------------------------------------------------------------------------------

// x' = B x - d (combination of the network's outputs): Liu et al. 2022, arXiv 2202.09778, eq. 11. Outputs that are v are
// combined first and made into epsilon, with this step's x, afterwards.
struct Transfer {
  double B, d;
};

Transfer transfer(Prediction prediction, const Level& now, const Level& next) {
  const double denominator =
      now.alpha_bar * std::sqrt(next.rest) + std::sqrt(now.alpha_bar * now.rest * next.alpha_bar);
  const double B = std::sqrt(next.alpha_bar / now.alpha_bar), d = (next.alpha_bar - now.alpha_bar) / denominator;
  if (prediction == Prediction::v) return {B - d * std::sqrt(now.rest), d * std::sqrt(now.alpha_bar)};
  return {B, d};
}

// Linear multistep (Liu et al. 2022, eq. 9) with the library's start: the first step is taken twice, the second time
// with the mean of both ends' outputs, and that second output m1 is forgotten. p is the output itself, so the history
// holds what the formulas ask for, but for the fifth row, which wants m0, four rows back. It is found again: with
//     x_1 = B_0 x_0 - d_0 m0,  x_2 = B_1 x_0 - d_1 (m0 + m1)/2,
// row 1 keeps q = B_1/B_0 x_1 - d_1/2 m1, which equals x_2 - k m0, in place of m1; x_4 is a combination of x_2, m0, m2
// and m3, so that q, m2, m3 and x_4 give m0.
DoubleRow pndm_row(const std::vector<Transfer>& moves, size_t index) {
  const Transfer& move = moves[index];
  const double d = move.d;
  DoubleRow row;
  row.b = 1;
  row.B = move.B;
  if (index == 0) {
    row.A = -d;
    return row;
  }
  const double x_2_of_m0 = moves[1].B / moves[0].B * moves[0].d - moves[1].d / 2;  // k
  switch (index) {
    case 1:
      row.a = move.B / moves[0].B;
      row.b = -d / 2;
      row.A = 1;
      row.B = 0;
      row.H[0] = x_2_of_m0;
      return row;
    case 2:
      row.A = -d * 3 / 2;
      row.H[1] = d / 2;
      return row;
    case 3:
      row.A = -d * 23 / 12;
      row.H[0] = d * 16 / 12;
      row.H[2] = -d * 5 / 12;
      return row;
    default: break;
  }
  row.A = -d * 55 / 24;
  row.H[0] = d * 59 / 24;
  row.H[1] = -d * 37 / 24;
  row.H[2] = d * 9 / 24;
  if (index > 4) return row;
  // x_4 = B_3 (B_2 (q + k m0) - d_2 (3 m2 - m0)/2) - d_3 (23 m3 - 16 m2 + 5 m0)/12, solved for m0.
  const Transfer &second = moves[2], &third = moves[3];
  const double of_q = third.B * second.B;
  const double of_m0 = of_q * x_2_of_m0 + third.B * second.d / 2 - third.d * 5 / 12;
  const double of_m2 = -third.B * second.d * 3 / 2 + third.d * 16 / 12, of_m3 = -third.d * 23 / 12;
  const double weight = row.H[2] / of_m0;
  row.B += weight;
  row.H[0] -= weight * of_m3;
  row.H[1] -= weight * of_m2;
  row.H[2] = -weight * of_q;
  return row;
}

SchedulerSteps pndm_steps(const SchedulerConfig& config, int count) {
  const LevelSteps levels(config);
  const std::vector<double> timesteps = scheduler_visits(config, levels.table(), count).timesteps;
  const int ratio = config.train_steps / count;
  std::vector<Transfer> moves;
  SchedulerSteps out;
  for (size_t i = 0; i < timesteps.size(); ++i) {
    const int t = static_cast<int>(timesteps[i]);
    const int from = std::min(i == 1 ? t + ratio : t, config.train_steps - 1), to = i == 1 ? t : t - ratio;
    moves.push_back(transfer(config.prediction, levels.level(from), levels.level(to)));
    out.steps.push_back(finished(config, pndm_row(moves, i), timesteps[i], {0, 0}));
  }
  return out;
}

// ---- Euler, Euler ancestral, Heun -----------------------------------------------------------------------------------

// x' = sigma'/sigma x + (1 - sigma'/sigma) x0 (Karras et al. 2022, arXiv 2206.00364, algorithm 1 without the second
// half), x = scale · mote's x. The ancestral form goes to sigma'^2/sigma and adds what is missing to sigma' as noise.
DoubleRow euler_row(const SchedulerConfig& config, double sigma, double next, double scale, double next_scale) {
  const bool ancestral = config.kind == SchedulerKind::euler_ancestral;
  const double down = ancestral ? next * next / sigma : next, ratio = down / sigma;
  DoubleRow row;
  set_x0(config.prediction, shares_of_sigma(sigma), &row);
  row.A = (1 - ratio) / next_scale;
  row.B = ratio * scale / next_scale;
  if (ancestral) row.D = next * std::sqrt(std::max(1 - (next / sigma) * (next / sigma), 0.0)) / next_scale;
  return row;
}

// The second half of Heun's step (the same, algorithm 1): x there is the end of the Euler step from `before`, and lies on
// the line through its start, so that the slope at the start is (x - x0 there) / sigma. What is left to add is half the
// difference of the two slopes.
DoubleRow heun_row(const SchedulerConfig& config, double before, double sigma, double scale) {
  DoubleRow row;
  set_x0(config.prediction, shares_of_sigma(sigma), &row);
  const double share = (before - sigma) / (2 * sigma) / scale;
  row.A = share;
  row.B = 1;
  row.H[0] = -share;
  return row;
}

SchedulerSteps sigma_steps(const SchedulerConfig& config, const SchedulerVisits& visits) {
  SchedulerSteps out;
  const size_t count = visits.timesteps.size();
  const auto scale_of = [&](size_t i) { return i == count ? 1.0 : std::sqrt(visits.sigmas[i] * visits.sigmas[i] + 1); };
  for (size_t i = 0; i < count; ++i) {
    const bool corrects = config.kind == SchedulerKind::heun && i % 2 == 1;
    // The end of Heun's first half lies at the sigma of the next evaluation; its second half stays there.
    DoubleRow row = corrects ? heun_row(config, visits.sigmas[i - 1], visits.sigmas[i], scale_of(i))
                             : euler_row(config, visits.sigmas[i], visits.sigmas[i + 1], scale_of(i), scale_of(i + 1));
    const Shares level = corrects ? Shares{0, 0} : shares_of_sigma(visits.sigmas[i]);
    SchedulerStep step = finished(config, row, visits.timesteps[i], level);
    step.x_scale = scale_of(i);
    step.next_scale = scale_of(i + 1);
    step.guide_x0 = guide_of_x0(shares_of_sigma(visits.sigmas[i]));
    out.steps.push_back(step);
  }
  out.init_scale = visits.init_noise_sigma / scale_of(0);
  return out;
}

SchedulerSteps multistep_steps(const SchedulerConfig& config, const SchedulerVisits& visits) {
  const std::vector<DoubleRow> rows =
      config.kind == SchedulerKind::unipc ? unipc_rows(config, visits) : dpm_multistep_rows(config, visits);
  SchedulerSteps out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Shares level = config.solve_epsilon ? Shares{0, 0} : shares_of_sigma(visits.sigmas[i]);
    out.steps.push_back(finished(config, rows[i], visits.timesteps[i], level));
    out.steps.back().guide_x0 = guide_of_x0(shares_of_sigma(visits.sigmas[i]));
  }
  return out;
}

}  // namespace

SchedulerSteps scheduler_steps(const SchedulerConfig& config, int steps) {
  switch (config.kind) {
    case SchedulerKind::ddpm:
    case SchedulerKind::ddim:
    case SchedulerKind::lcm: return level_steps(config, steps);
    case SchedulerKind::pndm: return pndm_steps(config, steps);
    case SchedulerKind::euler:
    case SchedulerKind::euler_ancestral:
    case SchedulerKind::heun: return sigma_steps(config, scheduler_visits(config, scheduler_levels(config), steps));
    case SchedulerKind::dpm_multistep:
    case SchedulerKind::unipc: break;
  }
  return multistep_steps(config, scheduler_visits(config, scheduler_levels(config), steps));
}

bool takes_guidance(const SchedulerConfig& config) {
  switch (config.kind) {
    case SchedulerKind::ddpm:
    case SchedulerKind::ddim:
    case SchedulerKind::euler:
    case SchedulerKind::euler_ancestral: return true;
    case SchedulerKind::dpm_multistep:
    case SchedulerKind::unipc: return !config.solve_epsilon;
    default: return false;
  }
}

std::vector<format::RowRecord> scheduler_rows(const SchedulerConfig& config, int steps) {
  std::vector<format::RowRecord> rows;
  for (const SchedulerStep& step : scheduler_steps(config, steps).steps) rows.push_back(step.row);
  return rows;
}

SchedulerStep scheduler_step_between(const SchedulerConfig& config, int timestep, int previous) {
  return LevelSteps(config).between(timestep, previous);
}

}  // namespace mote::tool
