// The tasks of `weights_tool signal`: each measures a network on a stretch of a recording it was not trained on, prints a
// table, and keeps the numbers for --json and the curves for --out.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/commands/signal_network.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/plot.h"

namespace mote::tool {

struct SignalJob {
  const SignalNetwork* model = nullptr;
  std::vector<double> train, test;  // prepared as the model's configuration says; nothing of one is in the other
  double rate = 0;
  double unit = 1;    // of the file's values for 1 of the network's
  double offset = 0;  // of the file: what is 0 for the network
  size_t hop = 128;
  int draws = 8;
  uint64_t seed = 1;
  bool quiet = false;  // no table
};

struct SignalResult {
  Json json = Json::object();
  PlotOptions plot;
  std::vector<PlotSeries> series;
};

SignalResult measure_denoising(const SignalJob& job);
SignalResult measure_gaps(const SignalJob& job);
SignalResult measure_anomalies(const SignalJob& job);
// A header in C: a noisy window, the same without noise, and the noise level to ask the network about.
std::string window_source(const SignalJob& job);

}  // namespace mote::tool
