// `weights_tool export`: a checkpoint as a model file, and a model as C source. Command line and files only.
#include <cstdio>
#include <memory>
#include <vector>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/export_c.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/diffusers/export.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "export",
      "write a model file, or a model as C source",
      {{"weights_tool export run/checkpoint.safetensors --out fashion.mote", "the averaged weights as a model file"},
       {"weights_tool export fashion.mote --c firmware/fashion",
        "firmware/fashion.h and fashion.c, for a microcontroller"},
       {"weights_tool export cifar10.mote --diffusers ddpm-cifar10", "back to where `import` took it from"}},
      {{"SOURCE", "a checkpoint of `train`, a .mote file, or with --untrained a JSON configuration"}},
      {Option::text("out", "FILE.mote", "write a model file"),
       Option::text("c", "DIR/NAME", "write DIR/NAME.h and DIR/NAME.c"),
       Option::text("diffusers", "DIR", "write a folder that diffusers loads: a pipeline with UNet2DModel"),
       Option::flag("no-ema", "of a checkpoint: the last weights instead of the averaged ones"),
       Option::integer("steps", 1, format::max_train_steps,
                       "steps a sampler takes when it is not told; without it 10, or what a .mote file says"),
       Option::flag("untrained", "take a configuration and the weights that training would start from"),
       Option::flag("force", "replace existing files")},
      "The C source is C99; link it with libmote.a. It names the operators of this model only, so that the linker "
      "leaves "
      "out the others."};
  return command;
}

struct Output {
  std::string path;
  ByteView bytes;
};

// All or none, as far as the file system lets us: everything is on the disk before the first name changes.
void write_all(const std::vector<Output>& outputs, bool force) {
  std::vector<std::unique_ptr<AtomicFile>> files;
  for (const Output& output : outputs) {
    files.push_back(std::make_unique<AtomicFile>(output.path, force));
    files.back()->write(output.bytes);
  }
  for (const auto& file : files) file->commit();
  for (const Output& output : outputs) std::printf("%s: %zu bytes\n", output.path.c_str(), output.bytes.size);
}

}  // namespace

int run_export(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  const std::string path = arguments.positional("SOURCE"), out = arguments.text("out"), c = arguments.text("c");
  if (!arguments.has("out") && !arguments.has("c") && !arguments.has("diffusers"))
    arguments.fail("nothing to write: give --out, --c or --diffusers");
  const bool force = arguments.flag("force");
  const std::string name = arguments.has("c") ? c_model_name(c) : "";
  if (arguments.has("out")) refuse_existing(out, force);
  if (arguments.has("c")) {
    for (const char* extension : {".h", ".c"}) {
      if (c + extension == out) arguments.fail("two outputs have the name " + out);
      refuse_existing(c + extension, force);
    }
  }

  SourceOptions options;
  options.use_ema = !arguments.flag("no-ema");
  if (arguments.has("steps")) options.steps = static_cast<int>(arguments.integer("steps"));
  const ModelSource source = load_model_source(path, options);
  if (source.kind == ModelSource::Kind::configuration && !arguments.flag("untrained"))
    throw Error(ExitCode::invalid_input, path +
                                             ": is a configuration, not a trained network; train it first, or use "
                                             "--untrained for its starting weights");
  if (arguments.has("diffusers")) {
    const std::string folder = arguments.text("diffusers");
    const DiffusersModel converted = to_diffusers(source.graph, source.diffusion, source.meta, path);
    write_diffusers_folder(folder, converted, force);
    std::printf("%s: %zu tensors\n", folder.c_str(), converted.tensors.size());
    if (!arguments.has("out") && !arguments.has("c")) return static_cast<int>(ExitCode::ok);
  }
  const ModelBuffer model(source.bytes, path);
  check_status(mote_check(model.model()), path);

  std::vector<Output> outputs;
  CSource text;
  if (arguments.has("out")) outputs.push_back({out, source.bytes});
  if (arguments.has("c")) {
    text = make_c_source(name, model, source.bytes);
    outputs.push_back({c + ".h", ByteView(std::string_view(text.header))});
    outputs.push_back({c + ".c", ByteView(std::string_view(text.source))});
  }
  write_all(outputs, force);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
