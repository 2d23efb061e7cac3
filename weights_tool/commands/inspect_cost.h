// What a pass of a model costs on a target: instructions predicted from counted ones (target_costs.h), seconds from them
// and a clock. Instructions were counted exactly, under an emulator; for other models than the counted one their sum is
// an estimate. Seconds are an estimate always: cycles for each instruction are an assumption about the core and its
// memory.
#pragma once
#include <string>
#include <vector>

#include "format/view.h"
#include "weights_tool/io/json.h"

namespace mote::tool {

struct TargetCore {
  const char* name;
  const char* text;
  double mhz;  // a usual clock
  double cpi;  // cycles for each instruction that are assumed: see inspect_cost.cpp
};
const std::vector<TargetCore>& target_cores();
// Error(usage) for a name that none of them has, naming those there are.
void check_target(const std::string& name);

struct CostOptions {
  std::string target;
  double mhz = 0;     // 0: the usual one
  double cpi = 0;     // 0: the assumed one
  uint64_t work = 0;  // of a bounded run
};

// A stretch between two watchdog kicks.
struct Stretch {
  uint64_t work = 0;  // multiply-accumulates, or elements where there are none
  double instructions = 0;
};

struct CostReport {
  TargetCore core;     // with the clock and the cycles asked for
  double step = 0;     // instructions
  double start = 0;    // checking the model and making the sampler
  double picture = 0;  // start, and all steps
  int steps = 0;
  uint64_t work = 0;  // of a bounded run
  Stretch longest;    // with bounded runs of `work`
  Stretch smallest;   // with the smallest: the largest band
  double seconds(double instructions) const { return instructions * core.cpi / (core.mhz * 1e6); }
};

// `path` stands in errors. Error(usage) as check_target; Error(invalid_input) for models with operators that were not
// counted: float ones.
CostReport predict_cost(const format::View& view, const std::string& path, const CostOptions& options);

Json cost_json(const CostReport& report);
std::string cost_text(const CostReport& report);

}  // namespace mote::tool
