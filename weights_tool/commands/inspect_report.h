// What `inspect` says about a model: the numbers, and their two forms.
#pragma once
#include <optional>
#include <string>

#include "weights_tool/commands/inspect_cost.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct InspectReport {
  std::string path;
  ModelSource source;
  MemoryPlan plan_int8;          // of an int8 version (plan_forecast.h); of a quantized model its own
  int64_t best_order_bound = 0;  // the least lower bound of the orders that the planner tries for this graph
  // What mote_working_size answers for one thread and the default sampler; 0 when this build cannot open the model.
  size_t working_bytes = 0;
  // The most work, in multiply-accumulates, that a bounded run does at once (Work in src/graph/run.h); 0 likewise.
  uint64_t largest_band = 0;
  std::optional<CostReport> cost;  // if a target was asked for
};

// cost.target empty: nothing is predicted. Errors of predict_cost.
InspectReport make_inspect_report(const std::string& path, ModelSource source, const CostOptions& cost);

// Keys scripts rely on: model_bytes, parameters, macs, arena_bytes, arena_lower_bound_bytes, arena_bytes_int8, steps.
// prediction_on_target is there when a target was asked for. snr_db is there when
// the quantizer measured it: an object with an array for each layer, a number for each step.
Json inspect_json(const InspectReport& report);
// Table of layers, totals, flash, peak, signal-to-noise ratios and arena map. Ends with a newline.
std::string inspect_text(const InspectReport& report);

}  // namespace mote::tool
