// `weights_tool quantize`: a checkpoint or float model as an int8 model for a fixed list of steps. Command line and files
// only; the work is in weights_tool/quantize.
#include "weights_tool/quantize/quantize.h"

#include <algorithm>
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/diffusers/scheduler_config.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "quantize",
      "make an int8 model for a fixed list of steps",
      {{"weights_tool quantize fashion.mote --steps 10 --out fashion-int8.mote", "int8 weights and activations"},
       {"weights_tool quantize run/checkpoint.safetensors --steps 4 --calibrate 256 --out m.mote",
        "for four steps, ranges from 256 pictures"},
       {"weights_tool quantize fashion.mote --sampler dpmpp-2m --steps 10 --out m.mote", "for another sampler"}},
      {{"SOURCE", "a checkpoint of `train` or a float .mote file"}},
      {Option::text("out", "FILE.mote", "the quantized model"),
       Option::integer("steps", 1, format::max_train_steps,
                       "steps it will take, no others; without it 10, or what a .mote file says"),
       Option::integers("timesteps", 0, format::max_train_steps - 1,
                        "the noise levels of its steps, falling, instead of --steps: for tasks that need more of some"),
       Option::choice("sampler", "", sampler_names(), "whose steps they are; without it the model's own, or ddim"),
       Option::integer("calibrate", 128, 1, 4096, "pictures whose trajectories give the ranges"),
       Option::choice("scales", "per-step", {"per-step", "shared"}, "activation scales for each step, or one for all"),
       Option::choice("table", "1024", {"256", "512", "1024", "2048", "4096"},
                      "entries of the activation tables behind normalisations"),
       Option::choice("time", "smaller", {"smaller", "folded", "network"},
                      "constants for each step (and class), or the last layers of the time network, quantized"),
       Option::integer("arena", 0, 0, int64_t{1} << 31,
                       "bytes the arena may have: more than it needs becomes workspace for faster kernels"),
       Option::flag("no-bias-correction", "leave the mean error of rounded weights in"),
       Option::integer("seed", 0, 0, int64_t{1} << 53, "of the calibration pictures"),
       Option::flag("no-ema", "of a checkpoint: the last weights instead of the averaged ones"),
       Option::integer("threads", 0, 0, 1024, "0: all processors; the bytes do not depend on it"),
       Option::flag("quiet", "no progress"), Option::flag("force", "replace an existing file")},
      "Ranges are chosen by squared error on the x_t that the sampler itself visits. The printed signal to noise "
      "compares both networks on other pictures, at the step where the output is worst. inspect shows every layer."};
  return command;
}

void print_report(const std::string& path, const QuantizedModel& model) {
  std::printf("%s: %zu bytes, arena %lld bytes, %zu steps\n", path.c_str(), model.bytes.size(),
              static_cast<long long>(model.plan.arena_bytes), model.diffusion.rows.size());
  if (model.folded_bytes != 0)
    std::printf("with time folded to constants: %zu bytes%s\n", model.folded_bytes,
                model.keeps_network ? "" : ", used");
  if (model.network_bytes != 0)
    std::printf("with the last layers of the time network: %zu bytes%s\n", model.network_bytes,
                model.keeps_network ? ", used" : "");
  // The last operator writes the network's output.
  const LayerNoise& output = model.noise.back();
  double worst = 1e9, sum = 0;
  for (double decibel : output.decibel) {
    worst = std::min(worst, decibel);
    sum += decibel;
  }
  std::printf("signal to noise of the output: %.1f dB in the mean over steps, %.1f dB at the worst\n",
              sum / static_cast<double>(output.decibel.size()), worst);
}

}  // namespace

int run_quantize(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  arguments.require("out");
  const std::string path = arguments.positional("SOURCE"), out = arguments.text("out");
  refuse_existing(out, arguments.flag("force"));
  SourceOptions source_options;
  source_options.use_ema = !arguments.flag("no-ema");
  if (arguments.has("steps")) source_options.steps = static_cast<int>(arguments.integer("steps"));
  source_options.sampler = arguments.text("sampler");
  ModelSource source = load_model_source(path, source_options);
  if (source.kind == ModelSource::Kind::configuration)
    throw Error(ExitCode::invalid_input, path + ": is a configuration, not a trained network; train it first");
  if (!source.graph.quants.empty()) throw Error(ExitCode::invalid_input, path + ": is quantized already");

  if (arguments.has("timesteps")) {
    if (arguments.has("steps") || arguments.has("sampler"))
      arguments.fail("--timesteps stands alone: not with --steps or --sampler");
    const std::vector<int64_t> wanted = arguments.integers("timesteps");
    source.diffusion.rows = rows_of_timesteps(source.diffusion, source.graph.prediction,
                                              std::vector<int32_t>(wanted.begin(), wanted.end()));
    source.diffusion.default_steps = static_cast<int>(wanted.size());
  }
  QuantizeOptions options;
  options.steps = source.diffusion.default_steps;
  options.calibration.pictures = static_cast<int>(arguments.integer("calibrate"));
  options.calibration.seed = static_cast<uint64_t>(arguments.integer("seed"));
  options.graph.per_step = arguments.text("scales") == "per-step";
  options.graph.table_entries = std::stoi(arguments.text("table"));
  options.graph.bias_correction = !arguments.flag("no-bias-correction");
  const std::string time = arguments.text("time");
  options.time = time == "smaller" ? TimeForm::smaller : time == "folded" ? TimeForm::folded : TimeForm::network;
  options.plan.arena_bytes = arguments.integer("arena");
  options.threads = static_cast<int>(arguments.integer("threads"));
  options.quiet = arguments.flag("quiet");
  const QuantizedModel model = quantize_model(source.graph, source.diffusion, source.meta, options);
  write_file(out, model.bytes, arguments.flag("force"));
  print_report(out, model);
  if (options.graph.bias_correction && !model.bias_corrected)
    std::printf("bias correction left out: the output was nearer to the float network's without it\n");
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
