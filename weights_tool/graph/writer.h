// A planned graph, float32 or quantized, as the bytes of a model file (src/format/SPEC.md). The opposite is reader.h.
// Decides nothing about memory (plan.h), scales (weights_tool/quantize) or noise (the caller brings the schedule).
//
// Layout: header, section table, MODL, TENS, OPER, QUAN, SCHD, ROWS, NAME, META, DATA. Sections start at multiples of
// 16. Float32 models: DATA at a multiple of 64, constants at multiples of 64 within it, for wide vectors; quantized
// ones: 16, for small flash. Folded models have no SCHD: they can run their ROWS only. The same input always gives
// the same bytes.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

// What a model file says about diffusion, beside graph.prediction and graph.num_classes.
struct DiffusionInfo {
  // One entry a noise level, as noise_level_from_table (src/diffusion/rows.h) reads them. May be empty for a folded
  // graph with rows; graph.train_steps is the number of levels then.
  std::vector<float> schedule;
  int default_steps = 10;
  bool clip = true;  // the predicted x0 is clipped to [-clip_range, clip_range]
  float clip_range = 1.0f;
  bool rederive_epsilon = false;        // DDIM takes epsilon from the clipped x0
  std::vector<format::RowRecord> rows;  // default_steps of them; empty: DDIM, eta 0, trailing timesteps
};

// The rows that `info` stands for: its own, or those of DDIM. Throws Error(invalid_input) when there are none: more
// steps than levels, levels that do not fall.
std::vector<format::RowRecord> default_rows(const DiffusionInfo& info, Prediction prediction);
// Those of DDIM over the schedule of `info` at these levels, which must fall and lie below its length.
std::vector<format::RowRecord> rows_of_timesteps(const DiffusionInfo& info, Prediction prediction,
                                                 const std::vector<int32_t>& timesteps);

// The whole file. `plan` is plan_memory(graph) or one made by hand in its form. meta: stored as text; null: none.
// graph.quants that no tensor or node names are left out, equal ones stored once. Throws Error(failure) for what a
// model cannot hold (dropout, tensors without values, int8 without scales), and Error(over_budget) for more than a
// limit of the format.
std::vector<uint8_t> write_model(const Graph& graph, const MemoryPlan& plan, const DiffusionInfo& info,
                                 const Json& meta);

// The same bytes into a file (io/file.h, AtomicFile), without holding them: constants are made one at a time (for a
// device or pipe twice, the first time for the checksum). For graphs whose tensors have `fill` instead of values.
// What the runtime would not open is Error(over_budget). Returns the bytes written.
uint64_t write_model_file(const std::string& path, const Graph& graph, const MemoryPlan& plan,
                          const DiffusionInfo& info, const Json& meta, bool force);

}  // namespace mote::tool
