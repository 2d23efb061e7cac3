// `signal --task denoise`: noise and wander of known strength are added to the held-out stretch, then taken away.
#include <cmath>
#include <cstdio>

#include "weights_tool/commands/signal_tasks.h"
#include "weights_tool/evaluate/signal_noise.h"
#include "weights_tool/evaluate/signal_restore.h"

namespace mote::tool {
namespace {

// Noise is as many dB below the signal; INFINITY: none. The wander is as strong as the signal.
struct Condition {
  const char* name;
  double snr;
  bool wander;
};
constexpr Condition kConditions[] = {{"noise 10 dB", 10, false},        {"noise 5 dB", 5, false},
                                     {"noise 0 dB", 0, false},          {"wander, noise 20 dB", 20, true},
                                     {"wander, noise 10 dB", 10, true}, {"wander, noise 5 dB", 5, true},
                                     {"wander, noise 0 dB", 0, true}};
constexpr double kShown = 4;   // seconds in the plot
constexpr double kTuned = 60;  // seconds of the training stretch that parameters are tuned on

std::vector<double> disturbed(const std::vector<double>& clean, const Condition& condition, double rate,
                              uint64_t seed) {
  const double strength = root_mean_square(clean);
  std::vector<double> y = white_noise(clean.size(), strength * std::pow(10, -condition.snr / 20), seed);
  const std::vector<double> wander = baseline_wander(clean.size(), rate, strength, seed);
  for (size_t i = 0; i < y.size(); ++i) y[i] += clean[i] + (condition.wander ? wander[i] : 0);
  return y;
}

std::vector<double> first_samples(const std::vector<double>& signal, double count) {
  const size_t n = std::min(signal.size(), static_cast<size_t>(count));
  return std::vector<double>(signal.begin(), signal.begin() + static_cast<std::ptrdiff_t>(n));
}

struct Row {
  double before, band, average, model;
  FilterChoice band_choice, average_choice;
  RestoreOptions options;
};

Row measure(const SignalJob& job, const Condition& condition, std::vector<double>* y, std::vector<double>* x) {
  const std::vector<double> tuning = first_samples(job.train, kTuned * job.rate);
  const std::vector<double> disturbed_tuning = disturbed(tuning, condition, job.rate, job.seed + 1000);
  *y = disturbed(job.test, condition, job.rate, job.seed);
  Row row;
  row.before = snr_db(job.test, *y);
  row.band_choice = tune_band_pass(tuning, disturbed_tuning, job.rate, condition.wander);
  row.average_choice = tune_moving_average(tuning, disturbed_tuning, job.rate, condition.wander);
  row.band = snr_db(job.test, band_pass(*y, row.band_choice.first, row.band_choice.second, job.rate));
  row.average = snr_db(job.test, smooth_and_level(*y, static_cast<size_t>(row.average_choice.first),
                                                  static_cast<size_t>(row.average_choice.second)));
  row.options.rate = job.rate;
  row.options.hop = job.hop;
  row.options.rounds = condition.wander ? row.options.rounds : 0;
  if (condition.wander) row.options.cutoff = tune_cutoff(*job.model, tuning, disturbed_tuning, row.options);
  *x = restore_signal(*job.model, *y, row.options);
  row.model = snr_db(job.test, *x);
  return row;
}

PlotSeries curve(const char* name, const std::vector<double>& values, const SignalJob& job, double lift) {
  PlotSeries out;
  out.name = name;
  for (size_t i = 0; i < static_cast<size_t>(kShown * job.rate) && i < values.size(); ++i) {
    out.x.push_back(static_cast<double>(i) / job.rate);
    out.y.push_back(values[i] * job.unit + lift);
  }
  return out;
}

}  // namespace

SignalResult measure_denoising(const SignalJob& job) {
  SignalResult result;
  Json rows = Json::array();
  if (!job.quiet) {
    std::printf("signal-to-noise ratio in dB over %.1f s\n", static_cast<double>(job.test.size()) / job.rate);
    std::printf("%-20s %7s %10s %15s %7s   %s\n", "disturbance", "before", "band-pass", "moving average", "model",
                "tuned on the training stretch");
  }
  for (const Condition& condition : kConditions) {
    std::vector<double> y, x;
    const Row row = measure(job, condition, &y, &x);
    if (!job.quiet) {
      std::printf("%-20s %7.2f %10.2f %15.2f %7.2f   %.2g to %.0f Hz; %.0f of %.0f samples; wander below %.2g Hz\n",
                  condition.name, row.before, row.band, row.average, row.model, row.band_choice.first,
                  row.band_choice.second, row.average_choice.first, row.average_choice.second,
                  condition.wander ? row.options.cutoff : 0.0);
    }
    Json json = Json::object();
    json.set("disturbance", condition.name).set("before_db", row.before).set("band_pass_db", row.band);
    json.set("moving_average_db", row.average).set("model_db", row.model);
    json.set("band_pass_hz", Json::array().push(row.band_choice.first).push(row.band_choice.second));
    json.set("moving_average_samples", Json::array().push(row.average_choice.first).push(row.average_choice.second));
    rows.push(json.set("wander_below_hz", condition.wander ? row.options.cutoff : 0.0));
    if (condition.wander && condition.snr == 5) {
      const double lift = 5 * root_mean_square(job.test) * job.unit;
      result.series = {
          curve("before", y, job, 2 * lift),
          curve("band-pass", band_pass(y, row.band_choice.first, row.band_choice.second, job.rate), job, lift),
          curve("model", x, job, 0), curve("clean", job.test, job, -lift)};
    }
  }
  result.json.set("rows", rows);
  result.plot.title = "wander and noise at 5 dB, and what is left";
  result.plot.x_label = "seconds";
  result.plot.y_label = "apart by one step";
  return result;
}

}  // namespace mote::tool
