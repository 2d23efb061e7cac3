// `signal --task gaps`: gaps of 50 to 300 ms in the held-out stretch, one a window, filled in three ways.
#include <cmath>
#include <cstdio>

#include "diffusion/noise.h"
#include "weights_tool/commands/signal_tasks.h"
#include "weights_tool/evaluate/signal_gaps.h"
#include "weights_tool/evaluate/signal_noise.h"

namespace mote::tool {
namespace {

constexpr double kLengths[] = {0.05, 0.1, 0.2, 0.3};          // seconds
constexpr double kContext = 0.25, kReach = 10, kEvery = 1.0;  // seconds, of the template and between gaps
constexpr double kShown = 4;

// One gap a second, at a random place of it, far enough from the ends.
std::vector<Gap> gaps_of(const SignalJob& job, double seconds) {
  const size_t length = static_cast<size_t>(seconds * job.rate), every = static_cast<size_t>(kEvery * job.rate);
  const size_t margin = static_cast<size_t>(kContext * job.rate) + 1;
  std::vector<Gap> gaps;
  for (size_t at = margin; at + every + margin < job.test.size(); at += every) {
    const uint32_t lot = uniform_below(static_cast<uint32_t>(every - length), static_cast<uint32_t>(gaps.size()),
                                       job.seed, static_cast<uint32_t>(length), 0, noise_shuffle);
    gaps.push_back({at + lot, at + lot + length});
  }
  return gaps;
}

// Only what is within the gaps, the rest left out.
PlotSeries inside(const char* name, const std::vector<double>& values, const std::vector<Gap>& gaps,
                  const SignalJob& job) {
  PlotSeries out;
  out.name = name;
  for (const Gap& gap : gaps) {
    for (size_t i = gap.begin - 1; i <= gap.end && i < static_cast<size_t>(kShown * job.rate); ++i) {
      out.x.push_back(static_cast<double>(i) / job.rate);
      out.y.push_back(i == gap.end ? NAN : values[i] * job.unit);
    }
  }
  return out;
}

}  // namespace

SignalResult measure_gaps(const SignalJob& job) {
  SignalResult result;
  Json rows = Json::array();
  if (!job.quiet) {
    std::printf("root mean square error inside the gaps, in the file's values (of the signal: %.3g)\n",
                root_mean_square(job.test) * job.unit);
    std::printf("%8s %5s %8s %9s %12s %12s\n", "gap", "gaps", "line", "template", "model, mean", "model, one");
  }
  for (const double seconds : kLengths) {
    const std::vector<Gap> gaps = gaps_of(job, seconds);
    GapOptions options;
    options.seed = job.seed;
    options.draws = 1;
    const double one = gap_error(job.test, fill_gaps(*job.model, job.test, gaps, options), gaps) * job.unit;
    options.draws = job.draws;
    const std::vector<double> filled = fill_gaps(*job.model, job.test, gaps, options);
    const double mean = gap_error(job.test, filled, gaps) * job.unit;
    const std::vector<double> copied = fill_from_template(job.test, gaps, static_cast<size_t>(kContext * job.rate),
                                                          static_cast<size_t>(kReach * job.rate));
    const double line = gap_error(job.test, fill_linear(job.test, gaps), gaps) * job.unit;
    const double copy = gap_error(job.test, copied, gaps) * job.unit;
    if (!job.quiet)
      std::printf("%5.0f ms %5zu %8.3g %9.3g %12.3g %12.3g\n", seconds * 1000, gaps.size(), line, copy, mean, one);
    Json json = Json::object();
    json.set("gap_ms", seconds * 1000).set("gaps", gaps.size()).set("line", line).set("template", copy);
    rows.push(json.set("model_mean", mean).set("model_one", one));
    if (seconds == kLengths[2]) {
      PlotSeries clean;
      clean.name = "signal";
      clean.faint = true;
      for (size_t i = 0; i < static_cast<size_t>(kShown * job.rate) && i < job.test.size(); ++i) {
        clean.x.push_back(static_cast<double>(i) / job.rate);
        clean.y.push_back(job.test[i] * job.unit);
      }
      result.series = {clean, inside("model", filled, gaps, job), inside("template", copied, gaps, job),
                       inside("line", fill_linear(job.test, gaps), gaps, job)};
    }
  }
  result.json.set("draws", job.draws).set("rows", rows);
  result.plot.title = "gaps of 200 ms, filled";
  result.plot.x_label = "seconds";
  return result;
}

}  // namespace mote::tool
