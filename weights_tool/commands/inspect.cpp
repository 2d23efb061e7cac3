// `weights_tool inspect`: what is in a model, and what it costs to run. The report is made in inspect_report.cpp.
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/inspect_arena.h"
#include "weights_tool/commands/inspect_report.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "inspect",
      "show layers, sizes, multiply-accumulates and the memory plan of a model",
      {{"weights_tool inspect fashion.mote", "layers, totals and a map of the arena"},
       {"weights_tool inspect fashion.json",
        "the same for a training configuration: choose the network before training"},
       {"weights_tool inspect fashion.mote --arena-png arena.png", "the arena over one pass as a picture"},
       {"weights_tool inspect fashion.mote --json", "for programs"}},
      {{"MODEL", "a .mote file, a checkpoint, or a JSON configuration of a network or a training"}},
      {Option::flag("json", "print one JSON object"),
       Option::text("arena-png", "FILE.png", "also draw the arena: operators to the right, addresses upward"),
       Option::flag("no-ema", "of a checkpoint: the last weights instead of the averaged ones"),
       Option::flag("force", "replace an existing picture")},
      "arena_bytes_int8 of a float model is the plan of an int8 version: int8 activations, x_t as int16, a float32\n"
      "output, the scratch of int8 operators. Of a quantized model it is arena_bytes."};
  return command;
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
  const InspectReport report = make_inspect_report(path, load_model_source(path, options));
  const std::string text = arguments.flag("json") ? write_json(inspect_json(report)) + "\n" : inspect_text(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!png.empty()) {
    const ModelSource& source = report.source;
    write_png(png, arena_picture(source.graph, source.plan, file_name(path)), arguments.flag("force"));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
