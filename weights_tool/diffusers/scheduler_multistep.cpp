// DPM-Solver++ and UniPC as rows.
//
// Both integrate the predicted x0 (or epsilon) over h = the change of lambda = log(signal / noise), from polynomials
// through the last few predictions. Those are linear in x, the current p and the history, which is all a row needs.
// UniPC also corrects each x when the network's output at it is known. The corrected x_i starts again from the corrected
// x_{i-1}, which nobody stored; but the predicted x_i is B x_{i-1} + (combination of the history), so it can be
// expressed by x_i and the history, and B is the same in predictor and corrector:
//     corrected x_i = x_i + (corrector's - predictor's combination of p_i, p_{i-1}, ...).
#include <algorithm>
#include <cmath>
#include <utility>

#include "weights_tool/diffusers/scheduler_parts.h"

namespace mote::tool {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

// From sigma to next. Of the three factors of an update x' = keep·x - scale·((e^h - 1)·p + ...).
struct Move {
  double keep, scale;
  double h;         // change of lambda, infinite when next is 0
  double hh;        // the h of the exponentials: -h when x0 is integrated
  double expm1_hh;  // e^hh - 1
};

Move move_of(const SchedulerConfig& config, double sigma, double next) {
  const Shares from = shares_of_sigma(sigma), to = shares_of_sigma(next);
  Move move;
  move.h = std::log(sigma) - std::log(next);
  if (config.solve_epsilon) {
    move.keep = to.signal / from.signal;
    move.scale = to.noise;
    move.hh = move.h;
  } else {
    move.keep = to.noise / from.noise;
    move.scale = to.signal;
    move.hh = -move.h;
  }
  move.expm1_hh = std::expm1(move.hh);
  return move;
}

// ---- DPM-Solver -----------------------------------------------------------------------------------------------------

// Weights of p, of D1 and of D2, the first and second differences over the last predictions: Lu et al. 2022, arXiv
// 2211.01095, algorithm 2 and section 3.3 (x0), arXiv 2206.00927, appendix A (epsilon); the SDE forms have e^-2h in place
// of e^-h.
struct Weights {
  double p, d1, d2;
};

Weights dpm_weights(const SchedulerConfig& config, const Move& move, int order) {
  const bool sde_x0 = config.stochastic && !config.solve_epsilon;
  // With x = hh (twice that for the SDE form of x0): -(e^x - 1), half of that or -((e^x - 1)/x - 1), and
  // -((e^x - 1 - x)/x^2 - 1/2), but for the last sign of the SDE form, where the library has a plus.
  const double x = sde_x0 ? 2 * move.hh : move.hh, grown = std::expm1(x);
  const double twice = config.stochastic && config.solve_epsilon ? 2 : 1;
  Weights weights{-move.scale * grown * twice, 0, 0};
  if (order == 1) return weights;
  const bool midpoint = order == 2 && config.solver == SolverType::midpoint;
  weights.d1 = midpoint ? weights.p / 2 : -twice * move.scale * (grown / x - 1);
  weights.d2 = -move.scale * ((grown - x) / (x * x) + (sde_x0 ? 0.5 : -0.5));
  return weights;
}

double noise_of(const SchedulerConfig& config, const Move& move, double next) {
  if (!config.stochastic) return 0;
  const double variance = config.solve_epsilon ? std::expm1(2 * move.h) : -std::expm1(-2 * move.h);
  return shares_of_sigma(next).noise * std::sqrt(variance);
}

int dpm_order(const SchedulerConfig& config, int index, int count) {
  const bool few = config.lower_order_final && count < 15;
  if (index == 0 || (index == count - 1 && (config.euler_at_final || few || config.final_sigma_zero))) return 1;
  int order = std::min(config.order, index + 1);
  if (index == count - 2 && few) order = std::min(order, 2);
  return order;
}

}  // namespace

std::vector<DoubleRow> dpm_multistep_rows(const SchedulerConfig& config, const SchedulerVisits& visits) {
  const int count = static_cast<int>(visits.timesteps.size());
  const std::vector<double>& sigmas = visits.sigmas;
  std::vector<DoubleRow> rows;
  for (int i = 0; i < count; ++i) {
    const double sigma = sigmas[at(i)], next = sigmas[at(i) + 1];
    const Move move = move_of(config, sigma, next);
    const int order = move.h == 0 ? 1 : dpm_order(config, i, count);  // nowhere to go: x stays
    const Weights weights = dpm_weights(config, move, order);
    DoubleRow row;
    config.solve_epsilon ? set_epsilon(config.prediction, shares_of_sigma(sigma), &row)
                         : set_x0(config.prediction, shares_of_sigma(sigma), &row);
    row.B = move.keep;
    if (config.stochastic && !config.solve_epsilon) row.B *= next / sigma;
    row.A = weights.p;
    row.D = noise_of(config, move, next);
    const double h0 = order > 1 ? std::log(sigmas[at(i) - 1]) - std::log(sigma) : 1, r0 = h0 / move.h;
    if (order == 2) {
      row.A += weights.d1 / r0;
      row.H[0] -= weights.d1 / r0;
    } else if (order == 3) {
      const double h1 = std::log(sigmas[at(i) - 2]) - std::log(sigmas[at(i) - 1]), r1 = h1 / move.h;
      // D1 = first + r0/(r0 + r1) (first - second), D2 = (first - second)/(r0 + r1), first = (p - p1)/r0,
      // second = (p1 - p2)/r1.
      const double curve = (weights.d1 * r0 + weights.d2) / (r0 + r1);
      const double first = weights.d1 + curve, second = -curve;
      row.A += first / r0;
      row.H[0] += -first / r0 + second / r1;
      row.H[1] += -second / r1;
    }
    rows.push_back(row);
  }
  return rows;
}

// ---- UniPC ----------------------------------------------------------------------------------------------------------

namespace {

constexpr int most_terms = static_cast<int>(format::max_history) + 1;

// x' = keep x + sum of p[k] · (prediction k evaluations before the newest).
struct Combination {
  double keep = 1;
  double p[most_terms] = {};
};

// Solves a small system in place by elimination with the largest pivot; the answer is in b.
void solve(double matrix[most_terms][most_terms], double* b, int n) {
  for (int c = 0; c < n; ++c) {
    int pivot = c;
    for (int r = c + 1; r < n; ++r) {
      if (std::fabs(matrix[r][c]) > std::fabs(matrix[pivot][c])) pivot = r;
    }
    for (int k = 0; k < n; ++k) std::swap(matrix[c][k], matrix[pivot][k]);
    std::swap(b[c], b[pivot]);
    for (int r = 0; r < n; ++r) {
      if (r == c) continue;
      const double factor = matrix[r][c] / matrix[c][c];
      for (int k = c; k < n; ++k) matrix[r][k] -= factor * matrix[c][k];
      b[r] -= factor * b[c];
    }
  }
  for (int c = 0; c < n; ++c) b[c] /= matrix[c][c];
}

// Weights rho of the differences at the places r[0 .. n), n the number of equations used (Zhao et al. 2023, arXiv
// 2302.04867, eq. 5 and 9). B_h is taken out of them again, so that they multiply scale directly.
void unipc_weights(const Move& move, const double* r, int n, double* weights) {
  double matrix[most_terms][most_terms];
  double phi = move.expm1_hh / move.hh - 1, factorial = 1;
  for (int i = 0; i < n; ++i) {
    for (int k = 0; k < n; ++k) matrix[i][k] = std::pow(r[k], i);
    weights[i] = phi * factorial;
    factorial *= i + 2;
    phi = phi / move.hh - 1 / factorial;
  }
  solve(matrix, weights, n);
}

// From evaluation `from` to the next one. The predictor's newest prediction is that at `from` (p[0]); the corrector has
// one more, at the place it arrives at (p[0], that at `from` then is p[1]).
Combination unipc_combination(const SchedulerConfig& config, const std::vector<double>& sigmas, int from, int order,
                              bool corrector) {
  const Move move = move_of(config, sigmas[at(from)], sigmas[at(from) + 1]);
  const double B_h = config.solver == SolverType::bh1 ? move.hh : move.expm1_hh;
  double r[most_terms], weights[most_terms] = {};
  for (int i = 1; i < order; ++i) {
    const double lambda_change = std::log(sigmas[at(from)]) - std::log(sigmas[at(from - i)]);
    r[i - 1] = lambda_change / move.h;
  }
  r[order - 1] = 1;
  // The lowest orders are simplified: a half, whatever the equations say.
  const int differences = corrector ? order : order - 1;
  if (differences == 1)
    weights[0] = 0.5 * B_h;
  else if (differences > 1)
    unipc_weights(move, r, differences, weights);
  Combination out;
  out.keep = move.keep;
  const int newest = corrector ? 1 : 0;
  out.p[newest] = -move.scale * move.expm1_hh;
  for (int i = 0; i < differences; ++i) {
    const bool arrival = corrector && i == differences - 1;
    const double weight = -move.scale * weights[i] / r[i];
    out.p[arrival ? 0 : newest + 1 + i] += weight;
    out.p[newest] -= weight;
  }
  return out;
}

}  // namespace

std::vector<DoubleRow> unipc_rows(const SchedulerConfig& config, const SchedulerVisits& visits) {
  const int count = static_cast<int>(visits.timesteps.size());
  const std::vector<double>& sigmas = visits.sigmas;
  std::vector<DoubleRow> rows;
  Combination before;  // the predictor of the step before
  int order_before = 0;
  for (int i = 0; i < count; ++i) {
    const bool disabled = std::find(config.without_corrector.begin(), config.without_corrector.end(), i - 1) !=
                          config.without_corrector.end();
    double corrected[most_terms] = {};  // what the corrector adds to x: of p, history_0, ...
    if (i > 0 && !disabled) {
      const Combination corrector = unipc_combination(config, sigmas, i - 1, order_before, true);
      for (int k = 0; k < most_terms; ++k) corrected[k] = corrector.p[k] - (k > 0 ? before.p[k - 1] : 0);
    }
    int order = std::min(config.order, i + 1);
    if (config.lower_order_final) order = std::min(order, count - i);
    if (sigmas[at(i)] == sigmas[at(i) + 1]) order = 1;  // nowhere to go: x stays
    const Combination predictor = unipc_combination(config, sigmas, i, order, false);
    DoubleRow row;
    config.solve_epsilon ? set_epsilon(config.prediction, shares_of_sigma(sigmas[at(i)]), &row)
                         : set_x0(config.prediction, shares_of_sigma(sigmas[at(i)]), &row);
    row.B = predictor.keep;
    row.A = predictor.p[0] + predictor.keep * corrected[0];
    for (int k = 1; k < most_terms; ++k) row.H[k - 1] = predictor.p[k] + predictor.keep * corrected[k];
    rows.push_back(row);
    before = predictor;
    order_before = order;
  }
  return rows;
}

}  // namespace mote::tool
