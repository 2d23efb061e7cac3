#include "weights_tool/quantize/split_activations.h"

#include <utility>

namespace mote::tool {

void split_activations(Graph& graph) {
  std::vector<Node> nodes;
  for (Node& node : graph.nodes) {
    const Activation activation = node.activation;
    if (activation == Activation::none || node.kind == OpKind::activation) {
      nodes.push_back(std::move(node));
      continue;
    }
    std::vector<Node> behind;
    for (int& y : node.y) {
      if (y < 0) continue;
      Tensor before = graph.tensors[static_cast<size_t>(y)];
      before.name += ".before";
      Node act;
      act.kind = OpKind::activation;
      act.activation = activation;
      act.name = node.name + ".activation";
      act.x[0] = static_cast<int>(graph.tensors.size());
      act.y[0] = y;
      y = act.x[0];
      graph.tensors.push_back(std::move(before));
      behind.push_back(std::move(act));
    }
    node.activation = Activation::none;
    nodes.push_back(std::move(node));
    for (Node& act : behind) nodes.push_back(std::move(act));
  }
  graph.nodes = std::move(nodes);
}

}  // namespace mote::tool
