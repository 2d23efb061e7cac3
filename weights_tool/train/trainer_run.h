// A training as a person starts it: a folder of results, progress on the terminal, checkpoints, Ctrl-C.
//   config.json               the configuration with every key
//   checkpoint.safetensors    train/checkpoint.h; .prev is the one before
//   loss.csv, loss.png        train/trainer_log.h
//   teacher.*, stage-N.safetensors   of a distillation: its first teacher, and a checkpoint of each finished stage
//   samples-0001000.png       8x8 pictures drawn with the averaged weights; samples.png is the latest
#pragma once
#include <string>

#include "weights_tool/io/error.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

struct TrainJob {
  TrainConfig config;
  std::string data;        // path as load_dataset takes it
  std::string class_list;  // path as load_dataset takes it; "": none
  std::string out;         // folder
  std::string init;        // checkpoint or float model whose weights come first; "": numbers that follow from the seed
  std::string teacher;     // of a distillation, as load_teacher takes it; "": the folder's when resuming
  bool resume = false;     // go on from the folder's checkpoint, or from the start if it has none yet
  bool force = false;      // start over in a folder that holds a training
  int threads = 0;         // 0: all processors
  std::string kernels;     // name of the kernel set; "": the checkpoint's when resuming, else the fastest
};

// ExitCode::ok, or ExitCode::interrupted after SIGINT or SIGTERM, with a checkpoint of the last step.
ExitCode run_training(const TrainJob& job);

// Pictures a second over `steps` steps (after two to warm up) on made-up pictures, the rest of the job as it is.
struct TrainBench {
  double images_per_second = 0;
  double seconds = 0;
  size_t planned_bytes = 0;
  std::string kernels;
  int threads = 0;
};
TrainBench bench_training(const TrainJob& job, int steps);

}  // namespace mote::tool
