// What a float32 graph will look like once it is quantized: for the memory it will take. Shapes and element types only,
// nothing that could be written or run; weights_tool/quantize makes the real one.
#pragma once
#include "weights_tool/graph/graph.h"

namespace mote::tool {

// Takes a graph without dropout. Activations become int8, the output stays float32, x_t is copied as int16 (operator
// quantize) for those that read it. What depends on time alone goes: without classes all of it becomes constants; with
// classes the linear layers that make the vectors of each block stay, behind one int16 embedding of step and class.
// A quantized graph comes back as it is.
Graph int8_form(const Graph& graph);

}  // namespace mote::tool
