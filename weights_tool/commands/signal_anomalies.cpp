// `signal --task anomalies`: windows of the held-out stretch, and the same with something planted, told apart by a score.
#include <algorithm>
#include <cstdio>
#include <functional>

#include "weights_tool/commands/signal_tasks.h"
#include "weights_tool/evaluate/roc.h"
#include "weights_tool/evaluate/signal_anomaly.h"

namespace mote::tool {
namespace {

constexpr int kBootstrap = 500;
constexpr size_t kComponents[] = {8, 16, 32, 64, 128};
constexpr double kSigmas[] = {0.1, 0.2, 0.4, 0.8, 1.5};

struct Cases {
  std::vector<float> normal;
  std::vector<std::vector<float>> planted;  // one entry an anomaly
};

Cases cases_of(const std::vector<double>& signal, size_t hop, const SignalJob& job, uint64_t seed) {
  const size_t width = job.model->width();
  Cases cases;
  cases.normal = cut_windows(signal, width, hop);
  uint32_t sample = 0;
  for (const Anomaly anomaly : all_anomalies) {
    std::vector<float> planted;
    for (size_t at = 0; at < cases.normal.size(); at += width) {
      const auto first = cases.normal.begin() + static_cast<std::ptrdiff_t>(at);
      std::vector<float> window(first, first + static_cast<std::ptrdiff_t>(width));
      plant_anomaly(anomaly, job.rate, seed, sample++, &window);
      planted.insert(planted.end(), window.begin(), window.end());
    }
    cases.planted.push_back(std::move(planted));
  }
  return cases;
}

// From windows to what a method leaves of them.
using Method = std::function<std::vector<float>(const std::vector<float>&)>;

struct Scores {
  std::vector<double> normal, all;  // all: of every planted window
  std::vector<std::vector<double>> planted;
};

Scores score(const Cases& cases, const Method& method, const SignalJob& job) {
  const auto of = [&](const std::vector<float>& windows) {
    return residual_scores(method(windows), job.model->width(), job.rate);
  };
  Scores scores;
  scores.normal = of(cases.normal);
  for (const std::vector<float>& windows : cases.planted) {
    scores.planted.push_back(of(windows));
    scores.all.insert(scores.all.end(), scores.planted.back().begin(), scores.planted.back().end());
  }
  return scores;
}

// That method of several which has the largest area on cases of the training stretch.
size_t best_of(const std::vector<Method>& methods, const Cases& cases, const SignalJob& job) {
  size_t best = 0;
  double largest = -1;
  for (size_t i = 0; i < methods.size(); ++i) {
    const Scores scores = score(cases, methods[i], job);
    const double area = roc_area(scores.normal, scores.all);
    if (area <= largest) continue;
    largest = area;
    best = i;
  }
  return best;
}

Json report(const char* name, const Scores& scores, const SignalJob& job, SignalResult* result) {
  const double area = roc_area(scores.normal, scores.all);
  const Interval interval = roc_area_interval(scores.normal, scores.all, kBootstrap, job.seed);
  Json json = Json::object();
  json.set("method", name).set("area", area);
  json.set("interval", Json::array().push(interval.low).push(interval.high));
  if (!job.quiet) std::printf("%-16s %6.3f  %5.3f-%5.3f ", name, area, interval.low, interval.high);
  for (size_t i = 0; i < scores.planted.size(); ++i) {
    const double own = roc_area(scores.normal, scores.planted[i]);
    json.set(anomaly_name(all_anomalies[i]), own);
    if (!job.quiet) std::printf(" %9.3f", own);
  }
  if (!job.quiet) std::printf("\n");
  PlotSeries curve;
  curve.name = name;
  for (const RocPoint& point : roc_curve(scores.normal, scores.all)) {
    curve.x.push_back(point.false_positives);
    curve.y.push_back(point.true_positives);
  }
  result->series.push_back(curve);
  return json;
}

}  // namespace

SignalResult measure_anomalies(const SignalJob& job) {
  const size_t width = job.model->width();
  const Cases tuning = cases_of(job.train, 4 * width, job, job.seed + 1000),
              cases = cases_of(job.test, width / 2, job, job.seed);
  std::vector<Method> models, components;
  std::vector<size_t> levels;
  for (const double sigma : kSigmas) {
    const size_t level = job.model->level_of(sigma);
    if (std::find(levels.begin(), levels.end(), level) != levels.end()) continue;
    levels.push_back(level);
    models.push_back([&job, level](const std::vector<float>& windows) {
      return model_residuals(*job.model, windows, level, job.draws, job.seed);
    });
  }
  const PrincipalComponents axes(cut_windows(job.train, width, 16), width);
  for (const size_t count : kComponents)
    components.push_back([&axes, count](const std::vector<float>& windows) { return axes.residuals(windows, count); });
  const size_t model = best_of(models, tuning, job), component = best_of(components, tuning, job);

  SignalResult result;
  const size_t count = cases.normal.size() / width;
  if (!job.quiet) {
    std::printf("area under the receiver operating characteristic, %zu windows, each as it is and with each anomaly\n",
                count);
    std::printf("%-16s %6s  %-11s ", "score", "all", "95 %");
    for (const Anomaly anomaly : all_anomalies) std::printf(" %9s", anomaly_name(anomaly));
    std::printf("\n");
  }
  Json rows = Json::array();
  rows.push(report("model", score(cases, models[model], job), job, &result));
  const Method nearest = [&](const std::vector<float>& windows) {
    return nearest_residuals(job.train, 1, windows, width);
  };
  rows.push(report("nearest window", score(cases, nearest, job), job, &result));
  rows.push(report("components", score(cases, components[component], job), job, &result));
  const double sigma = job.model->levels()[levels[model]].sigma();
  if (!job.quiet)
    std::printf("chosen on the training stretch: noise of sigma %.2g, %zu components\n", sigma, kComponents[component]);
  result.json.set("windows", count).set("sigma", sigma).set("components", kComponents[component]).set("rows", rows);
  result.plot.title = "planted anomalies";
  result.plot.x_label = "false positives";
  result.plot.y_label = "true positives";
  result.plot.width = 620;
  return result;
}

}  // namespace mote::tool
