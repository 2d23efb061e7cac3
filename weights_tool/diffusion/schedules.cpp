// Betas by formula; everything else follows from them in one pass.
#include "weights_tool/diffusion/schedules.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "weights_tool/io/error.h"

namespace mote::tool {

namespace {

struct NamedSchedule {
  const char* name;
  ScheduleKind kind;
};
constexpr NamedSchedule named_schedules[] = {{"linear", ScheduleKind::linear},
                                             {"quadratic", ScheduleKind::quadratic},
                                             {"sigmoid", ScheduleKind::sigmoid},
                                             {"cosine", ScheduleKind::cosine}};

void check(const ScheduleOptions& options) {
  if (options.train_steps < 1) throw Error(ExitCode::usage, "schedule: train_steps must be at least 1");
  if (options.kind == ScheduleKind::cosine) {
    if (!(options.cosine_s >= 0.0 && options.cosine_s <= 1.0)) {
      throw Error(ExitCode::usage, "schedule: cosine_s must be in [0, 1]");
    }
    if (!(options.max_beta > 0.0 && options.max_beta < 1.0)) {
      throw Error(ExitCode::usage, "schedule: max_beta must be in (0, 1)");
    }
    return;
  }
  const bool ordered = options.beta_start > 0.0 && options.beta_start <= options.beta_end && options.beta_end < 1.0;
  if (!ordered) throw Error(ExitCode::usage, "schedule: 0 < beta_start <= beta_end < 1 must hold");
}

double cosine_alpha_bar(double fraction, double s) {
  const double pi = 3.14159265358979323846;
  const double c = std::cos((fraction + s) / (1.0 + s) * pi / 2.0);
  return c * c;
}

double beta_at(const ScheduleOptions& options, int t) {
  const int last = options.train_steps - 1;
  const double fraction = last > 0 ? static_cast<double>(t) / last : 0.0;
  const double start = options.beta_start, end = options.beta_end;
  switch (options.kind) {
    case ScheduleKind::linear: return start + (end - start) * fraction;
    case ScheduleKind::quadratic: {
      const double root = std::sqrt(start) + (std::sqrt(end) - std::sqrt(start)) * fraction;
      return root * root;
    }
    case ScheduleKind::sigmoid: return start + (end - start) / (1.0 + std::exp(6.0 - 12.0 * fraction));
    case ScheduleKind::cosine: {
      const double steps = options.train_steps;
      const double after = cosine_alpha_bar((t + 1) / steps, options.cosine_s);
      const double before = cosine_alpha_bar(t / steps, options.cosine_s);
      return std::min(1.0 - after / before, options.max_beta);
    }
  }
  return start;
}

}  // namespace

Schedule make_schedule_from_betas(const std::vector<double>& betas) {
  if (betas.empty()) throw Error(ExitCode::usage, "schedule: there must be at least one beta");
  Schedule schedule;
  schedule.options.train_steps = static_cast<int>(betas.size());
  schedule.beta = betas;
  double product = 1.0;
  for (size_t t = 0; t < betas.size(); ++t) {
    const double beta = betas[t];
    if (!(beta >= 0.0 && beta <= 1.0)) {
      throw Error(ExitCode::invalid_input, "schedule: beta " + std::to_string(t) + " is not in [0, 1]");
    }
    const double previous = product;
    product *= 1.0 - beta;
    schedule.alpha.push_back(1.0 - beta);
    schedule.alpha_bar.push_back(product);
    const bool clean = product == 1.0;
    schedule.snr.push_back(clean ? std::numeric_limits<double>::infinity() : product / (1.0 - product));
    schedule.posterior_variance.push_back(clean ? 0.0 : (1.0 - previous) / (1.0 - product) * beta);
  }
  return schedule;
}

Schedule make_schedule(const ScheduleOptions& options) {
  check(options);
  std::vector<double> betas;
  for (int t = 0; t < options.train_steps; ++t) betas.push_back(beta_at(options, t));
  Schedule schedule = make_schedule_from_betas(betas);
  schedule.options = options;
  return schedule;
}

const char* schedule_name(ScheduleKind kind) {
  for (const NamedSchedule& entry : named_schedules) {
    if (entry.kind == kind) return entry.name;
  }
  return "unknown";
}

bool find_schedule(std::string_view name, ScheduleKind* kind) {
  for (const NamedSchedule& entry : named_schedules) {
    if (name == entry.name) {
      *kind = entry.kind;
      return true;
    }
  }
  return false;
}

std::string schedule_names() {
  std::string names;
  for (const NamedSchedule& entry : named_schedules) names += (names.empty() ? "" : ", ") + std::string(entry.name);
  return names;
}

std::vector<float> alpha_bar_table(const Schedule& schedule) {
  std::vector<float> table;
  for (double alpha_bar : schedule.alpha_bar) table.push_back(static_cast<float>(alpha_bar));
  return table;
}

std::vector<float> exact_alpha_bar_table(const Schedule& schedule) {
  std::vector<float> table;
  for (double alpha_bar : schedule.alpha_bar) {
    table.push_back(static_cast<float>(alpha_bar > 0.5 ? -(1.0 - alpha_bar) : alpha_bar));
  }
  return table;
}

}  // namespace mote::tool
