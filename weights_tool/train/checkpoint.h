// Checkpoints: everything a training needs to go on as if it had never stopped, in one safetensors file.
//   tensors    "values/NAME", "ema/NAME", "adam_m/NAME", "adam_v/NAME" for every trained parameter NAME of the graph,
//              float32, in the graph's layouts; constants (sinusoid frequencies) follow from the configuration;
//              with importance sampling "level_losses", float32 [timesteps][10] (train/level_sampler.h);
//              of an adversarial training "discriminator/values/NAME" and so on, without an average
//   metadata   "mote.checkpoint": "1", the version of this layout
//              "mote.state": JSON {"config", "step", "images", "smoothed_loss", "validation_loss",
//              "kernels", "data_crc32"}
//              "mote.crc32": of that text and then of the data, hexadecimal
// A file is written beside the old one and renamed over it; the old one is kept as PATH.prev. At every moment both names
// lead to complete files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/bytes.h"
#include "weights_tool/io/json.h"
#include "weights_tool/train/parameters.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

// What is saved beside the buffers. NaN: nothing measured yet.
struct TrainState {
  TrainConfig config;
  int64_t step = 0;    // updates done
  int64_t images = 0;  // pictures seen
  double smoothed_loss = 0;
  double validation_loss = 0;
  std::string kernels;      // name of the kernel set that made it
  uint32_t data_crc32 = 0;  // of the pictures it was trained on
  // Of importance sampling: LevelSampler::history(). Only save_checkpoint and restore_checkpoint know it.
  std::vector<float> level_losses;
};

// Buffers laid out as the store.
struct CheckpointBuffers {
  float* values;
  float* ema;
  float* m;
  float* v;
};

// The discriminator of an adversarial training, where there is one. Buffers laid out as its store; no average.
struct CheckpointDiscriminator {
  const Graph* graph;
  const ParameterStore* store;
  float *values, *m, *v;
};

// Replaces `path` if it exists. discriminator: null: none. Error(io) if it cannot be written; the old file is whole then.
void save_checkpoint(const std::string& path, const Graph& graph, const ParameterStore& store, const TrainState& state,
                     const CheckpointBuffers& buffers, const CheckpointDiscriminator* discriminator = nullptr);

// What a checkpoint was made with, without its arrays: also verifies the checksum.
// Error(invalid_input), one line: not a checkpoint, another version, damaged.
TrainState read_checkpoint_state(const std::string& path);
// The text of "mote.state"; `name` stands in front of errors.
TrainState parse_train_state(const std::string& text, const std::string& name);

// Fills the buffers (padding stays as it is). Error(invalid_input) that lists the tensors that do not fit the graph.
// Nothing is changed then.
TrainState restore_checkpoint(const std::string& path, const Graph& graph, const ParameterStore& store,
                              const CheckpointBuffers& buffers, const CheckpointDiscriminator* discriminator = nullptr);

// A trained network by itself.
struct LoadedModel {
  TrainState state;
  Graph graph;  // build_model(state.config.model) with the trained values, its train_steps and prediction set
};
// use_ema: the averaged weights, which is what samples well; otherwise the last ones.
LoadedModel load_checkpoint(const std::string& path, bool use_ema);
// The same from a file's bytes; `name` stands in front of errors.
LoadedModel load_checkpoint(ByteView bytes, const std::string& name, bool use_ema);

// The graph a configuration stands for: build_model, with num_classes, train_steps and prediction set.
Graph build_training_graph(const TrainConfig& config);

}  // namespace mote::tool
