// `weights_tool forward`: the network once, outside of any trajectory. For comparing it with another implementation.
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/os.h"

namespace mote::tool {
namespace {

const CommandSpec& spec() {
  static const CommandSpec command{
      "forward",
      "run the network once",
      {{"weights_tool forward fashion.mote --in x.npy --timestep 500 --class 3 --out eps.npy",
        "what the network makes of x at noise level 500"}},
      {{"MODEL", "a .mote file"}},
      {Option::text("in", "X.npy", "x_t: (N, C, H, W) float32"),
       Option::number("timestep", 0.0, format::max_train_steps, "noise level; may be a fraction"),
       Option::integer("class", -1, format::max_classes - 1, "class; without it or -1: none"),
       Option::text("out", "FILE.npy", "write the network's output: (N, C, H, W) float32"),
       Option::text("kernels", "NAME", "run these kernels; without it the fastest"),
       Option::integer("threads", 1, 1024, "threads; without it one for each processor"),
       Option::flag("force", "replace an existing file")},
      "The environment's MOTE_FORCE_KERNELS stands in for --kernels."};
  return command;
}

// A folded model has the noise levels of its steps and no others.
void check_timestep(const Arguments& arguments, const ModelBuffer& model, double timestep) {
  if (model.info().folded == 0) return;
  std::vector<int32_t> levels(model.info().default_steps);
  check_status(mote_model_get_timesteps(model.model(), levels.data(), levels.size()), arguments.positional("MODEL"));
  std::string list;
  for (int32_t level : levels) {
    if (static_cast<double>(level) == timestep) return;
    list += (list.empty() ? "" : ", ") + std::to_string(level);
  }
  arguments.fail(arguments.positional("MODEL") + " was made for the noise levels " + list + " and has no others");
}

}  // namespace

int run_forward(int argc, char** argv) {
  const Arguments arguments(spec(), command_words(argc, argv));
  if (arguments.help_wanted()) return std::fputs(help_text(spec()).c_str(), stdout), 0;
  for (const char* option : {"in", "timestep", "out"}) arguments.require(option);
  const std::string out = arguments.text("out"), path = arguments.positional("MODEL");
  refuse_existing(out, arguments.flag("force"));
  const ModelBuffer model(load_model_file(path), path);
  const mote_model_info& info = model.info();
  const int32_t label = arguments.has("class") ? static_cast<int32_t>(arguments.integer("class")) : MOTE_NO_CLASS;
  if (label >= static_cast<int32_t>(info.num_classes))
    arguments.fail(path + (info.num_classes == 0 ? std::string(" has no classes")
                                                 : " has the classes 0 to " + std::to_string(info.num_classes - 1)));
  check_timestep(arguments, model, arguments.number("timestep"));
  const std::string in = arguments.text("in");
  const NpyArray x = read_npy(in, {0, info.channels, info.height, info.width});
  const size_t count = x.shape[0], elements = model.picture_elements();
  if (count == 0 || count > 1000000)
    throw Error(ExitCode::invalid_input, in + ": holds no pictures, or over a million");
  const std::vector<float> nhwc = nhwc_from_nchw(x.values, count, info);

  const int threads = arguments.has("threads") ? static_cast<int>(arguments.integer("threads")) : cpu_count();
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.class_label = label;
  SamplerTeam team(model, config, wanted_kernels(arguments.text("kernels")), threads, static_cast<int>(count));
  const size_t outputs = elements / info.channels * info.out_channels;
  std::vector<float> result(count * outputs);
  const float timestep = static_cast<float>(arguments.number("timestep"));
  team.run(static_cast<int>(count), [&](mote_sampler* sampler, int index) {
    const size_t i = static_cast<size_t>(index);
    check_status(mote_sampler_predict(sampler, nhwc.data() + i * elements, timestep, label, result.data() + i * outputs,
                                      outputs),
                 in + ": picture " + std::to_string(index));
  });
  write_npy(out, {count, info.out_channels, info.height, info.width}, nchw_from_nhwc(result, count, info).data(),
            arguments.flag("force"));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace mote::tool
