// A plan drawn with letters: time to the right, addresses downward. For people; programs read the plan itself.
#pragma once
#include <string>

#include "weights_tool/graph/graph.h"
#include "weights_tool/graph/plan.h"

namespace mote::tool {

// Every line shows a slice of the arena, every column one operator (or several, when there are more than `columns`).
// A cell shows the buffer that covers most of it: the largest have letters, the others '#'; '.' is free. '^' below
// marks the peak. A legend of the largest buffers follows. Ends with a newline.
std::string arena_map_text(const Graph& graph, const MemoryPlan& plan, int columns = 96, int rows = 24);

}  // namespace mote::tool
