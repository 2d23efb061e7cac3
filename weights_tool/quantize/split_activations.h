// Takes the activation functions out of the operators that carry them, so that the values before them can be seen.
#pragma once
#include "weights_tool/graph/graph.h"

namespace mote::tool {

// Each conv2d, linear, group_norm and scale_shift with an activation becomes the operator without it and an activation
// of its own for each output, directly behind. The function computed is the same. Existing tensors keep their numbers
// and meaning: the new ones hold the values before.
void split_activations(Graph& graph);

}  // namespace mote::tool
