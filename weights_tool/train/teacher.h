// A trained model that another training starts from: a checkpoint of train, or a float .mote file that was made from
// one (it carries its configuration).
#pragma once
#include <string>

#include "weights_tool/graph/graph.h"
#include "weights_tool/train/train_config.h"

namespace mote::tool {

struct Teacher {
  TrainConfig config;  // that it was trained with
  Graph graph;         // build_training_graph(config) with the trained (of a checkpoint: averaged) values
};

// Error(invalid_input), one line: no such file format, quantized, or without the configuration of its training.
Teacher load_teacher(const std::string& path);

}  // namespace mote::tool
