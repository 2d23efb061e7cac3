#include "weights_tool/commands/inspect_cost.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/commands/inspect_bands.h"
#include "weights_tool/commands/inspect_text.h"
#include "weights_tool/commands/target_costs.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

// Null: nobody counted work of this kind on the target.
const TargetCost* find_cost(const std::string& target, const std::string& work_class) {
  for (const TargetCost& cost : target_costs)
    if (target == cost.target && work_class == cost.work_class) return &cost;
  return nullptr;
}

// For each unit of work; 0 if nobody counted it.
double unit_cost(const std::string& target, const char* work_class) {
  const TargetCost* const cost = find_cost(target, work_class);
  return cost == nullptr ? 0.0 : cost->work_cost;
}

const TargetCore& find_core(const std::string& name) {
  std::string known;
  for (const TargetCore& core : target_cores()) {
    if (name == core.name) return core;
    known += (known.empty() ? "" : ", ") + std::string(core.name);
  }
  throw Error(ExitCode::usage,
              "weights_tool inspect: --target: nothing was counted on " + name + "; there are " + known);
}

class Predictor {
 public:
  Predictor(const format::View& view, const std::string& path, const std::string& target)
      : view_(view), path_(path), target_(target) {}

  double instructions(const PassBand& band) const {
    const OperatorRecord& op = view_.operators[band.op];
    const char* const work_class = cost_class(view_, op, band.phase);
    const TargetCost* const cost = work_class == nullptr ? nullptr : find_cost(target_, work_class);
    if (cost == nullptr)
      throw Error(ExitCode::invalid_input,
                  path_ + ": operator " + std::to_string(band.op) + " (" +
                      format::kind_text(static_cast<format::OpKind>(op.kind)) +
                      "): nobody counted what it costs; counts are of int8 models: quantize this one first");
    return cost->work_cost * static_cast<double>(band.work) + cost->output_cost * band.outputs +
           cost->weight_cost * band.weights;
  }

  // The most work, and the most instructions, of one bounded run of `budget`; and all instructions of the pass.
  Stretch longest(uint64_t budget, double* total) const {
    Stretch most, run;
    uint32_t index = 0;
    double sum = 0;
    const double call = unit_cost(target_, "call");
    const auto end_run = [&] {
      most.work = std::max(most.work, run.work);
      most.instructions = std::max(most.instructions, run.instructions + call);
      sum += run.instructions + call;
      run = Stretch{};
    };
    for (const PassBand& band : replay_pass(view_, budget)) {
      if (band.run != index) end_run();
      index = band.run;
      run.work += band.work;
      run.instructions += instructions(band);
    }
    end_run();
    if (total != nullptr) *total = sum;
    return most;
  }

 private:
  const format::View& view_;
  const std::string& path_;
  const std::string& target_;
};

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fixed(seconds * 1e6, 0) + " us";
  if (seconds < 1) return fixed(seconds * 1e3, seconds < 0.1 ? 1 : 0) + " ms";
  return fixed(seconds, seconds < 10 ? 2 : 1) + " s";
}

}  // namespace

// Cycles for each instruction, assumed. A Cortex-M4 is taken to need 1.3, for loads, taken branches and a flash that keeps
// up; M3, M7 and M33 as much as their published CoreMark / MHz says beside the M4's 3.42 (3.34, 5.01, 4.02). The M55's 4.2
// would say 1.06, but Helium instructions take two cycles each, of which loads overlap, hence more. The 64-bit cores
// issue two and more instructions a cycle: plain guesses. Flash with wait states and no cache costs more than all this.
const std::vector<TargetCore>& target_cores() {
  static const std::vector<TargetCore> cores = {
      {"m3", "Cortex-M3", 72, 1.3},
      {"m4f", "Cortex-M4 with FPU", 168, 1.3},
      {"m7", "Cortex-M7", 480, 0.9},
      {"m33", "Cortex-M33", 150, 1.1},
      {"m55", "Cortex-M55 with Helium", 400, 1.5},
      {"a53", "Cortex-A53, 64-bit", 1200, 0.7},
      {"a76", "Cortex-A76, 64-bit", 2400, 0.35},
      {"i8mm", "64-bit ARM with matrix products", 2800, 0.3},
      {"armv7", "Cortex-A7, 32-bit with NEON", 900, 0.85},
      {"riscv64", "64-bit RISC-V without vectors", 1000, 1.0},
  };
  return cores;
}

void check_target(const std::string& name) { find_core(name); }

CostReport predict_cost(const format::View& view, const std::string& path, const CostOptions& options) {
  CostReport report;
  report.core = find_core(options.target);
  if (options.mhz > 0) report.core.mhz = options.mhz;
  if (options.cpi > 0) report.core.cpi = options.cpi;
  const Predictor predictor(view, path, options.target);
  const double elements = static_cast<double>(view.picture_elements());
  report.work = options.work;
  report.longest = predictor.longest(options.work, &report.step);
  report.smallest = predictor.longest(1, nullptr);
  report.step += elements * unit_cost(options.target, "sampler_step");
  report.start =
      view.header->file_bytes * unit_cost(options.target, "check") + elements * unit_cost(options.target, "create");
  report.steps = static_cast<int>(view.model->default_steps);
  report.picture = report.start + report.steps * report.step;
  return report;
}

Json cost_json(const CostReport& report) {
  const auto count = [](double value) { return std::llround(value); };
  const auto stretch = [&](const Stretch& s) {
    return Json::object()
        .set("work", static_cast<long long>(s.work))
        .set("instructions", count(s.instructions))
        .set("seconds", report.seconds(s.instructions));
  };
  Json json = Json::object();
  json.set("target", report.core.name).set("mhz", report.core.mhz).set("cpi", report.core.cpi);
  json.set("instructions_step", count(report.step)).set("instructions_picture", count(report.picture));
  json.set("seconds_step", report.seconds(report.step)).set("seconds_picture", report.seconds(report.picture));
  json.set("steps", report.steps).set("run_work", static_cast<long long>(report.work));
  return json.set("longest_run", stretch(report.longest)).set("longest_band", stretch(report.smallest));
}

std::string cost_text(const CostReport& report) {
  const auto line = [&](double instructions) {
    return grouped(std::llround(instructions)) + " instructions, " + time_text(report.seconds(instructions));
  };
  const auto stretch = [&](const Stretch& s) {
    return grouped(static_cast<int64_t>(s.work)) + " multiply-accumulates, " + line(s.instructions);
  };
  const std::vector<std::vector<std::string>> rows = {
      {"one step", line(report.step)},
      {"a picture, " + std::to_string(report.steps) + " steps",
       line(report.picture) + ", the check of the model included"},
      {"longest stretch between kicks, runs of " + grouped(static_cast<int64_t>(report.work)), stretch(report.longest)},
      {"longest stretch between kicks, smallest runs", stretch(report.smallest)},
  };
  return "Predicted for " + std::string(report.core.name) + ", " + report.core.text + ", at " +
         fixed(report.core.mhz, 0) + " MHz:\n" + table_text(rows, {false, false}) +
         "Instructions from counted ones of the shipped model; the time assumes " + fixed(report.core.cpi, 2) +
         " cycles for each (--cpi), and depends on flash and caches.\n";
}

}  // namespace mote::tool
