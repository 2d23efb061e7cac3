// `weights_tool inspect`: what is in a model, and what it costs to run. The report is made in inspect_report.cpp.
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/inspect_arena.h"
#include "weights_tool/commands/inspect_cost.h"
#include "weights_tool/commands/inspect_report.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

std::string target_names() {
  std::string names;
  for (const TargetCore& core : target_cores()) names += (names.empty() ? "" : ", ") + std::string(core.name);
  return names;
}

const CommandSpec& spec() {
  static const CommandSpec command{
      "inspect",
      "show layers, sizes, multiply-accumulates and the memory plan of a model",
      {{"weights_tool inspect fashion.mote", "layers, totals and a map of the arena"},
       {"weights_tool inspect fashion.json",
        "the same for a training configuration: choose the network before training"},
       {"weights_tool inspect fashion.mote --arena-png arena.png", "the arena over one pass as a picture"},
       {"weights_tool inspect fashion-int8.mote --target m4f --mhz 168", "and the time a picture takes on a Cortex-M4"},
       {"weights_tool inspect fashion.mote --json", "for programs"}},
      {{"MODEL", "a .mote file, a checkpoint, or a JSON configuration of a network or a training"}},
      {Option::flag("json", "print one JSON object"),
       Option::text("arena-png", "FILE.png", "also draw the arena: operators to the right, addresses upward"),
       Option::text("target", "NAME", "predict instructions and time of an int8 model: " + target_names()),
       Option::number("mhz", 1, 100000, "of the target; otherwise a usual clock of such a core"),
       Option::number("cpi", 0.01, 100, "cycles for each instruction, instead of an assumption about the core"),
       Option::integer("work", 100000, 1, int64_t{1} << 40, "of a bounded run, for the stretch between watchdog kicks"),
       Option::flag("no-ema", "of a checkpoint: the last weights instead of the averaged ones"),
       Option::flag("force", "replace an existing picture")},
      "arena_bytes_int8 of a float model is the plan of an int8 version: int8 activations, x_t as int16, a float32 "
      "output, the scratch of int8 operators. Of a quantized model it is arena_bytes.\n"
      "--target: instructions follow from exact counts of the shipped model (tests/targets/counts.csv), within a few "
      "percent for models like it and planned like it, more where layers have few or odd channels, or workspaces that "
      "it "
      "has not; cycles for each are an assumption, so times are estimates."};
  return command;
}

// What --mhz and the like ask for; without --target they mean nothing.
CostOptions cost_options(const Arguments& arguments) {
  CostOptions options;
  options.target = arguments.text("target");
  for (const char* name : {"mhz", "cpi", "work"})
    if (options.target.empty() && arguments.has(name)) arguments.fail(std::string("--") + name + " needs --target");
  if (arguments.has("mhz")) options.mhz = arguments.number("mhz");
  if (arguments.has("cpi")) options.cpi = arguments.number("cpi");
  options.work = static_cast<uint64_t>(arguments.integer("work"));
  return options;
}

}  // namespace

int run_inspect(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  SourceOptions options;
  options.use_ema = !arguments.flag("no-ema");
  const std::string path = arguments.positional("MODEL");
  const std::string png = arguments.text("arena-png");
  if (!png.empty()) refuse_existing(png, arguments.flag("force"));
  const CostOptions cost = cost_options(arguments);
  if (!cost.target.empty()) check_target(cost.target);
  const InspectReport report = make_inspect_report(path, load_model_source(path, options), cost);
  const std::string text = arguments.flag("json") ? write_json(inspect_json(report)) + "\n" : inspect_text(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!png.empty()) {
    const ModelSource& source = report.source;
    write_png(png, arena_picture(source.graph, source.plan, file_name(path)), arguments.flag("force"));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
