// The table of subcommands, in the order in which --help lists them.
#include "weights_tool/commands/commands.h"

namespace mote::tool {

const std::vector<CommandEntry>& command_table() {
  static const std::vector<CommandEntry> table = {
      {"noise", "draw the forward process and its schedules", run_noise},
      {"train", "train a diffusion model on pictures", run_train},
      {"sample", "draw pictures from a model", run_sample},
      {"invert", "find the noise that a picture is drawn from", run_invert},
      {"interpolate", "draw pictures between two noises or two pictures", run_interpolate},
      {"edit", "change given pictures: inpaint, denoise, redraw, enlarge", run_edit},
      {"forward", "run the network once", run_forward},
      {"compare", "draw the same pictures with two models and show what differs", run_compare},
      {"import", "make a model file of a diffusers checkpoint", run_import},
      {"export", "write a model file, or a model as C source", run_export},
      {"quantize", "make an int8 model for a fixed list of steps", run_quantize},
      {"plan", "place the activations of a model anew", run_plan},
      {"inspect", "show layers, sizes and the memory plan of a model", run_inspect},
      {"train-classifier", "train the classifier that eval measures with", run_train_classifier},
      {"eval", "measure pictures against real ones", run_eval},
      {"signal", "measure a network of signals: denoising, gaps, anomalies", run_signal},
      {"sweep", "measure a model over samplers, steps and guidance scales", run_sweep},
      {"score", "compare the score field of a model of points with the true one", run_score},
  };
  return table;
}

}  // namespace mote::tool
