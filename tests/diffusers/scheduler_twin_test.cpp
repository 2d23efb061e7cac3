// Methods with a memory, run beside a twin that keeps what the papers keep (earlier samples, outputs, predictions)
// instead of folding it into rows. One element, random network outputs, everything in double on the twin's side.
#include <doctest/doctest.h>

#include <cmath>

#include "diffusion/rows.h"
#include "tests/diffusers/scheduler_support.h"
#include "weights_tool/diffusers/scheduler_rows.h"
#include "weights_tool/diffusers/scheduler_tables.h"
#include "weights_tool/diffusers/scheduler_visits.h"

namespace mote::test {
namespace {

using namespace mote::tool;

double random_number(uint32_t* state) {  // in [-2, 2)
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) * 0x1p-22 - 2;
}

struct Moment {
  double alpha, sigma, lambda;
};
Moment moment_of(double ratio) {
  const double alpha = 1 / std::sqrt(ratio * ratio + 1);
  return {alpha, ratio * alpha, std::log(alpha) - std::log(ratio * alpha)};
}

// What the network's output says of x0 or epsilon.
double converted(const SchedulerConfig& config, const Moment& now, double x, double m) {
  const double epsilon = config.prediction == Prediction::epsilon ? m
                         : config.prediction == Prediction::x0    ? (x - now.alpha * m) / now.sigma
                                                                  : now.alpha * m + now.sigma * x;
  const double x0 = config.prediction == Prediction::epsilon ? (x - now.sigma * m) / now.alpha
                    : config.prediction == Prediction::x0    ? m
                                                             : now.alpha * x - now.sigma * m;
  return config.solve_epsilon ? epsilon : x0;
}

// Zhao et al. 2023, algorithms 5 to 8: UniP, then UniC from the sample and the outputs kept.
class UniPcTwin {
 public:
  UniPcTwin(const SchedulerConfig& config, const std::vector<double>& ratios) : config_(config) {
    for (const double ratio : ratios) moments_.push_back(moment_of(ratio));
  }

  double step(double x, double m) {
    const size_t i = outputs_.size(), count = moments_.size() - 1;
    const double now = converted(config_, moments_[i], x, m);
    bool corrects = i > 0;
    for (const int skipped : config_.without_corrector) corrects = corrects && skipped + 1 != static_cast<int>(i);
    if (corrects) x = moved(i - 1, order_, last_, &now);
    outputs_.push_back(now);
    const size_t wanted = static_cast<size_t>(config_.order);
    order_ = std::min(config_.lower_order_final ? std::min(wanted, count - i) : wanted, i + 1);
    if (moments_[i].lambda == moments_[i + 1].lambda) return x;
    last_ = x;
    return moved(i, order_, x, nullptr);
  }

 private:
  // From moment `from` to the next; `arrival`: the output there, for the corrector.
  double moved(size_t from, size_t order, double x, const double* arrival) const {
    const Moment &s = moments_[from], &t = moments_[from + 1];
    const double h = t.lambda - s.lambda, sign = config_.solve_epsilon ? 1 : -1, hh = sign * h;
    const double e = std::exp(hh) - 1, B = config_.solver == SolverType::bh1 ? hh : e;
    const double scale = config_.solve_epsilon ? t.sigma : t.alpha;
    const double base =
        (config_.solve_epsilon ? t.alpha / s.alpha : t.sigma / s.sigma) * x - scale * e * outputs_[from];
    std::vector<double> r, d;
    for (size_t k = 1; k < order; ++k) {
      r.push_back((moments_[from - k].lambda - s.lambda) / h);
      d.push_back((outputs_[from - k] - outputs_[from]) / r.back());
    }
    if (arrival != nullptr) {
      r.push_back(1);
      d.push_back(*arrival - outputs_[from]);
    }
    // Equation k: sum of rho r^k = k! phi_{k+2}(hh) hh^(k+1) / (hh^k B), phi by its power series.
    std::vector<double> g;
    for (size_t k = 0; k < r.size(); ++k) {
      double term = 1, sum = 0;
      for (size_t j = 1; j <= k + 2; ++j) term /= static_cast<double>(j);
      for (int j = 0; j < 60; ++j) {
        sum += term;
        term *= hh / static_cast<double>(static_cast<size_t>(j) + k + 3);
      }
      double factorial = 1;
      for (size_t j = 2; j <= k + 1; ++j) factorial *= static_cast<double>(j);
      g.push_back(sum * hh * factorial / B);
    }
    std::vector<double> rho(r.size(), 0.5);
    if (r.size() == 2) rho = {(g[0] * r[1] - g[1]) / (r[1] - r[0]), (g[1] - g[0] * r[0]) / (r[1] - r[0])};
    if (r.size() == 3) {  // Lagrange: the functional that gives g on 1, r, r^2
      for (size_t a = 0; a < 3; ++a) {
        const double u = r[(a + 1) % 3], v = r[(a + 2) % 3];
        rho[a] = (g[2] - (u + v) * g[1] + u * v * g[0]) / ((r[a] - u) * (r[a] - v));
      }
    }
    double sum = 0;
    for (size_t k = 0; k < r.size(); ++k) sum += rho[k] * d[k];
    return base - scale * B * sum;
  }

  SchedulerConfig config_;
  std::vector<Moment> moments_;
  std::vector<double> outputs_;
  double last_ = 0;
  size_t order_ = 1;
};

// Lu et al. 2022; one expression a form, as printed there and, for the stochastic ones, in the library.
double dpm_twin(const SchedulerConfig& config, const std::vector<Moment>& at, const std::vector<double>& p, size_t i,
                size_t order, double x, double z) {
  const Moment &t = at[i + 1], &s = at[i];
  const double h = t.lambda - s.lambda, m0 = p[i];
  const double r0 = order > 1 ? (s.lambda - at[i - 1].lambda) / h : 1, m1 = order > 1 ? p[i - 1] : 0;
  const double r1 = order > 2 ? (at[i - 1].lambda - at[i - 2].lambda) / h : 1, m2 = order > 2 ? p[i - 2] : 0;
  const double D10 = order > 1 ? (m0 - m1) / r0 : 0, D11 = order > 2 ? (m1 - m2) / r1 : 0;
  const bool third = order > 2, midpoint = order == 2 && config.solver == SolverType::midpoint;
  const double D1 = third ? D10 + r0 / (r0 + r1) * (D10 - D11) : D10, D2 = third ? (D10 - D11) / (r0 + r1) : 0;
  const double up = std::exp(h) - 1, down = std::exp(-h) - 1, twice = std::exp(-2 * h);
  if (!config.solve_epsilon && !config.stochastic)
    return t.sigma / s.sigma * x - t.alpha * down * m0 +
           (midpoint ? -0.5 * t.alpha * down : t.alpha * (down / h + 1)) * D1 -
           t.alpha * ((down + h) / (h * h) - 0.5) * D2;
  if (config.solve_epsilon && !config.stochastic)
    return t.alpha / s.alpha * x - t.sigma * up * m0 - (midpoint ? 0.5 * t.sigma * up : t.sigma * (up / h - 1)) * D1 -
           t.sigma * ((up - h) / (h * h) - 0.5) * D2;
  if (!config.solve_epsilon)
    return t.sigma / s.sigma * std::exp(-h) * x + t.alpha * (1 - twice) * m0 +
           (midpoint ? 0.5 * t.alpha * (1 - twice) : t.alpha * ((1 - twice) / (-2 * h) + 1)) * D1 +
           t.alpha * ((1 - twice - 2 * h) / (4 * h * h) - 0.5) * D2 + t.sigma * std::sqrt(1 - twice) * z;
  return t.alpha / s.alpha * x - 2 * t.sigma * up * m0 - (midpoint ? t.sigma * up : 2 * t.sigma * (up / h - 1)) * D1 +
         t.sigma * std::sqrt(std::exp(2 * h) - 1) * z;
}

// Runs rows and twin side by side; each step of the twin begins at its own sample.
template <class Twin>
void compare(const SchedulerConfig& config, int steps, Twin twin) {
  const SchedulerSteps schedule = scheduler_steps(config, steps);
  uint32_t state = 7;
  double exact = random_number(&state);
  float x = static_cast<float>(exact), history[3] = {};
  double size = 1;
  for (size_t i = 0; i < schedule.steps.size(); ++i) {
    CAPTURE(i);
    const float m = static_cast<float>(random_number(&state)), z = static_cast<float>(random_number(&state));
    exact = twin(i, exact, double{m}, double{z});
    sampler_update(schedule.steps[i].row, &x, &m, history, 3, 1, 0, 1, {&z, 0, 0, 0});
    size = std::max(size, std::fabs(exact));
    CHECK(std::fabs(x - exact) <= 2e-5 * size);
  }
}

std::vector<Moment> moments_of(const SchedulerConfig& config, int steps) {
  std::vector<Moment> moments;
  for (const double sigma : scheduler_visits(config, scheduler_levels(config), steps).sigmas)
    moments.push_back(moment_of(sigma));
  return moments;
}

}  // namespace

TEST_CASE("UniPC: predictor and corrector as rows") {
  for (const char* solver : {"bh1", "bh2"}) {
    for (const char* prediction : {"epsilon", "sample", "v_prediction"}) {
      for (int order = 1; order <= 3; ++order) {
        for (int variant = 0; variant < 4; ++variant) {
          CAPTURE(solver);
          CAPTURE(prediction);
          CAPTURE(order);
          CAPTURE(variant);
          Json json = Json::object();
          json.set("_class_name", "UniPCMultistepScheduler").set("solver_type", solver).set("solver_order", order);
          json.set("prediction_type", prediction).set("beta_schedule", "scaled_linear").set("beta_end", 0.012);
          json.set("final_sigmas_type", "sigma_min").set("predict_x0", variant != 1);
          json.set("lower_order_final", variant != 2).set("use_karras_sigmas", variant == 2);
          if (variant == 3) json.set("disable_corrector", Json::array(std::vector<int>{1, 4}));
          const SchedulerConfig config = config_of(json);
          UniPcTwin twin(config, scheduler_visits(config, scheduler_levels(config), 8).sigmas);
          compare(config, 8, [&](size_t, double x, double m, double) { return twin.step(x, m); });
        }
      }
    }
  }
}

TEST_CASE("DPM-Solver: every algorithm, order and solver type as rows") {
  for (const char* algorithm : {"dpmsolver++", "dpmsolver", "sde-dpmsolver++", "sde-dpmsolver"}) {
    for (const char* solver : {"midpoint", "heun"}) {
      for (int order = 1; order <= 3; ++order) {
        for (const int steps : {6, 17}) {
          CAPTURE(algorithm);
          CAPTURE(solver);
          CAPTURE(order);
          CAPTURE(steps);
          if (std::string(algorithm) == "sde-dpmsolver" && order == 3) continue;
          Json json = Json::object();
          json.set("_class_name", "DPMSolverMultistepScheduler").set("algorithm_type", algorithm);
          json.set("solver_type", solver).set("solver_order", order).set("final_sigmas_type", "sigma_min");
          json.set("prediction_type", "v_prediction").set("use_lu_lambdas", steps == 17);
          const SchedulerConfig config = config_of(json);
          const std::vector<Moment> moments = moments_of(config, steps);
          std::vector<double> outputs;
          compare(config, steps, [&](size_t i, double x, double m, double z) {
            outputs.push_back(converted(config, moments[i], x, m));
            size_t now = std::min(i + 1, static_cast<size_t>(order));
            if (steps < 15 && i + 1 == static_cast<size_t>(steps)) now = 1;
            if (steps < 15 && i + 2 == static_cast<size_t>(steps)) now = std::min(now, size_t{2});
            if (moments[i].lambda == moments[i + 1].lambda) return x;
            return dpm_twin(config, moments, outputs, i, now, x, z);
          });
        }
      }
    }
  }
}

TEST_CASE("PNDM: four outputs are remembered though the history keeps three") {
  for (const char* prediction : {"epsilon", "v_prediction"}) {
    for (const char* spacing : {"leading", "trailing", "linspace"}) {
      CAPTURE(prediction);
      CAPTURE(spacing);
      Json json = Json::object();
      json.set("_class_name", "PNDMScheduler").set("skip_prk_steps", true).set("prediction_type", prediction);
      json.set("timestep_spacing", spacing).set("beta_schedule", "squaredcos_cap_v2");
      const SchedulerConfig config = config_of(json);
      const std::vector<float> levels = scheduler_levels(config);
      const std::vector<double> timesteps = scheduler_visits(config, levels, 9).timesteps;
      REQUIRE(timesteps.size() == 10);
      std::vector<double> kept;
      double first = 0;
      compare(config, 9, [&](size_t i, double x, double m, double) {
        int from = static_cast<int>(timesteps[i]), to = from - 111;
        if (i == 0) first = x;
        if (i == 1) from += 111, to += 111, x = first;
        if (i != 1) kept.push_back(m);
        const size_t n = kept.size();
        if (i == 1)
          m = (m + kept[0]) / 2;
        else if (n == 2)
          m = (3 * kept[1] - kept[0]) / 2;
        else if (n == 3)
          m = (23 * kept[2] - 16 * kept[1] + 5 * kept[0]) / 12;
        else if (n > 3)
          m = (55 * kept[n - 1] - 59 * kept[n - 2] + 37 * kept[n - 3] - 9 * kept[n - 4]) / 24;
        const double a = levels[static_cast<size_t>(std::min(from, 999))];
        const double b = levels[static_cast<size_t>(std::max(to, 0))];
        if (config.prediction == Prediction::v) m = std::sqrt(a) * m + std::sqrt(1 - a) * x;
        // DDIM's transfer, to which the paper's equation 11 is equal.
        return std::sqrt(b) * (x - std::sqrt(1 - a) * m) / std::sqrt(a) + std::sqrt(1 - b) * m;
      });
    }
  }
}

}  // namespace mote::test
