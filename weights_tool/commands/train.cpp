// weights_tool train: from pictures and a configuration to a checkpoint.
#include <algorithm>
#include <cstdio>

#include "weights_tool/commands/commands.h"
#include "weights_tool/io/arguments.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/train/trainer_run.h"

namespace mote::tool {
namespace {

CommandSpec make_spec() {
  CommandSpec spec;
  spec.name = "train";
  spec.summary = "train a diffusion model on pictures";
  spec.examples = {
      {"weights_tool train fashion.json --data /usr/share/datasets/fashion-mnist --out run",
       "train into the folder run"},
      {"weights_tool train fashion.json --data /usr/share/datasets/fashion-mnist --out run --resume",
       "go on after Ctrl-C, a crash or a power cut; the result is the same"},
      {"weights_tool train rgb.json --data pictures/ --out run --batch 64 --epochs 100", "PNG files; other settings"},
      {"weights_tool train few.json --data /usr/share/datasets/fashion-mnist --out run --distill fashion.mote",
       "a model of few steps from one of many"},
      {"weights_tool train fashion.json --bench-steps 20", "pictures a second on this machine, nothing is written"},
  };
  spec.positionals = {{"CONFIG",
                       "JSON: the network under \"model\", and the keys below with _ for -. With --resume it may be "
                       "left out: the folder keeps it",
                       Positional::Arity::optional}};
  spec.options = {
      Option::text("data", "PATH",
                   "IDX file, folder with train-images-idx3-ubyte[.gz], folder of PNGs, .npy, or points:swiss-roll, "
                   "points:two-moons, points:mixture"),
      Option::text("labels", "FILE.csv",
                   "lines file,class[,times]: which PNGs of the folder, their classes and how "
                   "often an epoch shows them"),
      Option::text("out", "DIR", "folder for checkpoint, loss curve and samples"),
      Option::text("distill", "TEACHER",
                   "progressive distillation from a checkpoint or float .mote file, as CONFIG's \"distillation\" says"),
      Option::text("init", "MODEL", "begin with the weights of a checkpoint or float .mote file"),
      Option::flag("resume", "go on with the training in DIR"),
      Option::flag("force", "start over in a DIR that holds a training"),
      Option::integer("threads", 0, 0, 1024, "0: all processors; the bytes do not depend on it"),
      Option::text("kernels", "NAME",
                   "kernel set: ref, avx2, avx512, neon, neon_dotprod, neon_i8mm; default: the fastest"),
      Option::integer("bench-steps", 1, 1000000, "time that many steps on made-up pictures and stop"),
  };
  for (Option& option : train_config_options()) spec.options.push_back(std::move(option));
  spec.notes =
      "\"distillation\": {\"teacher_steps\": 16, \"steps\": [8, 4], \"updates\": [4000, 8000]} in CONFIG trains "
      "students "
      "of 8 and then\n4 steps, each from the model before it, for so many optimiser steps; epochs is not used then. "
      "DIR/stage-8.safetensors\nand so on are checkpoints of the finished stages; export and quantize take them.\n"
      "\"gan\": {\"steps\": 4, \"learning_rate\": 3e-4, \"r1\": 0.05, \"r1_every\": 4, \"widths\": [32, 64, 96]} in "
      "CONFIG "
      "trains against a\ndiscriminator (denoising diffusion GAN); the model then samples with so many DDPM steps.\n"
      "Ctrl-C saves and exits with 130. A checkpoint is complete at every moment, also when the program is killed.\n"
      "Without a default above, the value comes from CONFIG, and what is missing there from the defaults of the "
      "program.";
  return spec;
}

// Options may be written like the keys of the file: --learning_rate.
std::vector<std::string> with_dashes(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (word.compare(0, 2, "--") != 0) continue;
    const size_t end = std::min(word.find('='), word.size());
    std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(end), '_', '-');
  }
  return words;
}

TrainJob job_of(const Arguments& args) {
  TrainJob job;
  job.data = args.text("data");
  job.class_list = args.text("labels");
  job.out = args.text("out");
  job.init = args.text("init");
  job.teacher = args.text("distill");
  job.resume = args.flag("resume");
  job.force = args.flag("force");
  job.threads = static_cast<int>(args.integer("threads"));
  job.kernels = args.text("kernels");
  if (job.resume && job.force) args.fail("--resume goes on, --force starts over: give one of them");
  if (!args.has("bench-steps")) {
    args.require("data");
    args.require("out");
  }
  std::string path = args.positional("CONFIG");
  if (path.empty()) {
    if (!job.resume) args.fail("CONFIG is required");
    path = join_path(job.out, "config.json");
  }
  Json json = read_json(path);
  apply_train_options(args, &json);
  job.config = train_config_from_json(json, path);
  return job;
}

}  // namespace

int run_train(int argc, char** argv) {
  static const CommandSpec spec = make_spec();
  const Arguments args(spec, with_dashes(command_words(argc, argv)));
  if (args.help_wanted()) {
    std::fputs(help_text(spec).c_str(), stdout);
    return 0;
  }
  const TrainJob job = job_of(args);
  if (!args.has("bench-steps")) return static_cast<int>(run_training(job));
  const TrainBench bench = bench_training(job, static_cast<int>(args.integer("bench-steps")));
  std::printf("%.1f images/s  (batch %d, %d threads, %s, %.1f MiB planned, %.2f s)\n", bench.images_per_second,
              job.config.batch, bench.threads, bench.kernels.c_str(),
              static_cast<double>(bench.planned_bytes) / 1048576.0, bench.seconds);
  return 0;
}

}  // namespace mote::tool
