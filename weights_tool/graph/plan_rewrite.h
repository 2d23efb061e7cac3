// What is done to a trained graph before it is planned and written: what only training needs goes, and a normalised
// concatenation is never stored.
#pragma once
#include "weights_tool/graph/graph.h"

namespace mote::tool {

// A group_norm over two inputs whose output only two-input-capable operators read (conv2d with nothing else to read)
// writes two outputs, each shaped like its input, so that it can work in place; its readers read the two. Changes no
// number. Returns how many were split.
int split_concat_norms(Graph& graph);

// Nodes that read equal constants (tables, vectors: same type, shape, scales and bytes) read one of them; the others stay
// in the graph unread, and the writer leaves them out. Returns how many were freed.
int share_equal_constants(Graph& graph);

// strip_training_ops and split_concat_norms: the graph that a device runs.
void prepare_for_inference(Graph& graph);

}  // namespace mote::tool
