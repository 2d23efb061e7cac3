// What `inspect` says about a model: the numbers, and their two forms.
#pragma once
#include <string>

#include "weights_tool/commands/model_source.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct InspectReport {
  std::string path;
  ModelSource source;
  MemoryPlan plan_int8;  // the same graph at one byte an element
  // What mote_working_size answers for one thread and the default sampler; 0 when this build cannot open the model.
  size_t working_bytes = 0;
};

InspectReport make_inspect_report(const std::string& path, ModelSource source);

// Keys scripts rely on: model_bytes, parameters, macs, arena_bytes, arena_lower_bound_bytes, arena_bytes_int8, steps.
Json inspect_json(const InspectReport& report);
// Table of layers, totals, peak and arena map. Ends with a newline.
std::string inspect_text(const InspectReport& report);

}  // namespace mote::tool
