// Whatever names a network on a command line, as one thing: a model file, a checkpoint of `train`, or the JSON
// configuration of a network that nobody has trained yet.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct ModelSource {
  enum class Kind { model_file, checkpoint, configuration };
  Kind kind = Kind::model_file;
  Graph graph;      // as a device runs it (plan_rewrite.h)
  MemoryPlan plan;  // of a model file: the one stored in it
  DiffusionInfo diffusion;
  Json meta;                   // stored in the model file; null: none
  std::vector<uint8_t> bytes;  // the model file: as read, or as it would be written
};

struct SourceOptions {
  bool use_ema = true;  // of a checkpoint: the averaged weights
  int steps = 0;        // default steps of the model; 0: those of the model file, else 10
  std::string sampler;  // a name of sampler_names(): the model takes its steps; "": the model's own
};

// Tells the kinds apart by their first bytes. Errors are those of the readers: Error(invalid_input) with path and
// place, Error(io). A model file whose steps are changed gets new rows.
ModelSource load_model_source(const std::string& path, const SourceOptions& options);

// The bytes of a model file, checked; anything else is Error(invalid_input) that says how to make one.
std::vector<uint8_t> load_model_file(const std::string& path);

}  // namespace mote::tool
