// What everything that builds a graph of its own needs: tensors, parameters and nodes, one after another. Derive from it.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/graph/graph.h"

namespace mote::tool {

class GraphBuilder {
 protected:
  int add_tensor(const std::string& name, Role role, const std::vector<int>& dims);
  int parameter(const std::string& name, const std::vector<int>& dims, std::vector<float> values);
  // Appends the node with an output of its name. Returns the output.
  int emit(Node node, const std::vector<int>& dims);

  const Tensor& tensor(int index) const { return graph_.tensors[static_cast<size_t>(index)]; }
  int size(int index, size_t axis) const { return tensor(index).dims[axis]; }

  Graph graph_;
};

}  // namespace mote::tool
