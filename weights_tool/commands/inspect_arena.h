// The arena over one pass through the network, as a picture: operators to the right, addresses upward, a rectangle for
// every buffer from the operator that writes it to the last that reads it. arena_map.h is the same in letters.
#pragma once
#include <string>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/plan.h"
#include "weights_tool/io/image.h"

namespace mote::tool {

// RGB. The colour is that of the kind of operator that writes the buffer, scratch has one of its own; the red line is
// the lower bound, the mark under the axis where it is reached.
Image arena_picture(const Graph& graph, const MemoryPlan& plan, const std::string& title);

}  // namespace mote::tool
