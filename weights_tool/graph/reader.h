// A model file as a graph with values: for inspect, export and rewriting. The opposite of writer.h. Running a model
// does not go through here: that is the C API's.
#pragma once
#include <cstdint>
#include <string>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/bytes.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct ModelFile {
  Graph graph;              // nodes in the order of the file; tensor i is record i, quant i slot i
  MemoryPlan plan;          // as stored; order is 0, 1, 2, ...; lower_bound is that of the stored order
  DiffusionInfo diffusion;  // rows as stored; empty when the file stores none
  Json meta;                // null when the file has none
  uint32_t model_bytes = 0;
};

// Verifies and checks (src/format/verify.h) and reads. Throws Error(invalid_input) "NAME: byte 96: section 2: ..." for
// anything wrong, also for what this program cannot represent (constants of int16 or int32).
ModelFile read_model(ByteView bytes, const std::string& name);

// Only the checks: the same errors, nothing read.
void check_model_bytes(ByteView bytes, const std::string& name);

}  // namespace mote::tool
