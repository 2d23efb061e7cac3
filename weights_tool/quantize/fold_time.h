// Folding time: for a fixed list of steps everything the network computes from the timestep and the class alone becomes
// constants. Here: which values, and in which of two forms. The graph is rewritten in quantize_graph.cpp.
//
//   folded   each vector that depends on time is a table [steps][n] or, with classes, [classes + 1][steps][n]
//   network  the last piece of the time network stays: one table of the embedding before its activation, the class
//            embedding that is added to it, and the projections as quantized linear operators
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/writer.h"

namespace mote::tool {

// A vector operand that the rest of the network reads.
struct TimeVector {
  int tensor = -1;            // of the float graph
  std::vector<float> values;  // [class rows][steps][n]
  int projection = -1;        // the linear node that writes it, when the small network can be kept
};

struct TimeFold {
  std::vector<bool> time_node;  // of graph.nodes: depends on time and class only
  std::vector<TimeVector> vectors;
  int class_rows = 1, steps = 0;

  // The small network, when the graph has the form that can be kept: embedding (+ class) -> activation -> projections.
  bool keepable = false;
  int embedding = -1;    // the tensor before the class is added: [n]
  int class_table = -1;  // parameter [classes + 1][n], or -1
  int activated = -1;    // the tensor that the projections read
  Activation activation = Activation::none;
  std::vector<float> embedding_values;  // [steps][n]
  double largest_activated = 0;         // of |activated|, over classes and steps
};

// Runs the float graph (without activations taken out of its time network or with, either works) once for each step and
// class.
TimeFold fold_time(const Graph& graph, const DiffusionInfo& info, const std::vector<format::RowRecord>& rows);

}  // namespace mote::tool
