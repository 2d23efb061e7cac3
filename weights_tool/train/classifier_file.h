// A trained classifier in a safetensors file: its averaged weights only, for it is made to be used, not gone on with.
//   tensors    every parameter of the graph under its name, float32
//   metadata   "mote.classifier": "1", the version of this layout
//              "mote.state": JSON {"config", "recipe", "step", "steps", "accuracy", "kernels", "data_crc32"}
//              "mote.crc32": of that text and then of the data, hexadecimal
#pragma once
#include <cstdint>
#include <string>

#include "weights_tool/graph/graph.h"
#include "weights_tool/train/classifier.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

// How it was trained.
struct ClassifierRecipe {
  int epochs = 10, batch = 128;
  double learning_rate = 2e-3, weight_decay = 0.05;
  double gradient_clip = 1, ema = 0.999;
  int warmup_steps = 100;  // at most a tenth of all steps
  bool flip = true;        // mirror half of the pictures
  int shift = 2;           // move pictures by up to that many pixels each way
  uint64_t seed = 1;
};

struct ClassifierState {
  ClassifierConfig config;
  ClassifierRecipe recipe;
  int64_t step = 0, steps = 0;  // updates done, of how many
  double accuracy = 0;          // share of held-out pictures named right; NaN: not measured
  std::string kernels;          // name of the kernel set that made it
  uint32_t data_crc32 = 0;      // of the pictures it was trained on
};

// values: laid out as the store. Existing files only with `force`.
void save_classifier(const std::string& path, const Graph& graph, const ParameterStore& store, const float* values,
                     const ClassifierState& state, bool force);

struct LoadedClassifier {
  ClassifierState state;
  Graph graph;
};
// Error(invalid_input), one line: not a classifier, another version, damaged, arrays that do not fit.
LoadedClassifier load_classifier(const std::string& path);

}  // namespace mote::tool
