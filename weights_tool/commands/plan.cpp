// `weights_tool plan`: places the activations of a model file anew. Command line and files only; the planner is in
// weights_tool/graph. Nothing the model computes changes.
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "plan",
      "place the activations of a model anew",
      {{"weights_tool plan fashion-int8.mote --out m.mote", "the smallest arena this version finds"},
       {"weights_tool plan fashion-int8.mote --arena 81920 --out m.mote",
        "up to 80 KiB, what is left over as workspace for faster kernels"}},
      {{"SOURCE", "a .mote file, or a checkpoint of `train`"}},
      {Option::text("out", "FILE.mote", "the model with the new plan"),
       Option::integer("arena", 0, 0, int64_t{1} << 31,
                       "bytes the arena may have: more than it needs becomes workspace for faster kernels"),
       Option::flag("no-workspaces", "none, not even in what the arena has free"),
       Option::flag("force", "replace an existing file")},
      "The pictures stay the same to the last bit. A workspace is memory that a quantized convolution finds unused in "
      "the arena; inspect --target tells what it is worth."};
  return command;
}

int64_t workspace_operators(const MemoryPlan& plan, const Graph& graph) {
  int64_t count = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n)
    count += useful_workspace(graph, graph.nodes[n]) > 0 && plan.scratch[n].worker_bytes > 0;
  return count;
}

}  // namespace

int run_plan(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("out");
  const std::string path = arguments.positional("SOURCE"), out = arguments.text("out");
  refuse_existing(out, arguments.flag("force"));
  const ModelSource source = load_model_source(path, {});
  if (source.kind == ModelSource::Kind::configuration)
    throw Error(ExitCode::invalid_input, path + ": is a configuration, not a trained network; train it first");
  PlanOptions options;
  options.arena_bytes = arguments.integer("arena");
  options.workspaces = !arguments.flag("no-workspaces");
  const MemoryPlan plan = plan_memory(source.graph, 4, options);
  if (options.arena_bytes != 0 && plan.arena_bytes > options.arena_bytes)
    throw Error(ExitCode::over_budget, path + ": needs an arena of " + std::to_string(plan.arena_bytes) +
                                           " bytes, more than the " + std::to_string(options.arena_bytes) +
                                           " of --arena");
  const std::vector<uint8_t> bytes = write_model(source.graph, plan, source.diffusion, source.meta);
  write_file(out, bytes, arguments.flag("force"));
  std::printf("%s: %zu bytes, arena %lld bytes (before: %lld), %lld operators with a workspace\n", out.c_str(),
              bytes.size(), static_cast<long long>(plan.arena_bytes), static_cast<long long>(source.plan.arena_bytes),
              static_cast<long long>(workspace_operators(plan, source.graph)));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
