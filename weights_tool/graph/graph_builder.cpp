#include "weights_tool/graph/graph_builder.h"

#include <algorithm>
#include <utility>

namespace mote::tool {

int GraphBuilder::add_tensor(const std::string& name, Role role, const std::vector<int>& dims) {
  Tensor made;
  made.name = name;
  made.role = role;
  made.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), made.dims.begin());
  graph_.tensors.push_back(std::move(made));
  return static_cast<int>(graph_.tensors.size()) - 1;
}

int GraphBuilder::parameter(const std::string& name, const std::vector<int>& dims, std::vector<float> values) {
  const int index = add_tensor(name, Role::parameter, dims);
  graph_.tensors[static_cast<size_t>(index)].values = std::move(values);
  return index;
}

int GraphBuilder::emit(Node node, const std::vector<int>& dims) {
  const int output = add_tensor(node.name, Role::activation, dims);
  node.y[0] = output;
  graph_.nodes.push_back(std::move(node));
  return output;
}

}  // namespace mote::tool
