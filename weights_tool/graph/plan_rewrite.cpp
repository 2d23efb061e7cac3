#include "weights_tool/graph/plan_rewrite.h"

#include <utility>

namespace mote::tool {
namespace {

// Readers of a tensor, or none when one of them cannot read two tensors in its place.
std::vector<Node*> splittable_readers(Graph& graph, int tensor) {
  std::vector<Node*> readers;
  for (Node& node : graph.nodes) {
    bool reads = false;
    for (int input : node_inputs(node)) reads = reads || input == tensor;
    if (!reads) continue;
    if (node.kind != OpKind::conv2d || node.x[0] != tensor || node.x[1] >= 0 || node.residual == tensor) return {};
    readers.push_back(&node);
  }
  return readers;
}

}  // namespace

int split_concat_norms(Graph& graph) {
  int count = 0;
  for (Node& node : graph.nodes) {
    if (node.kind != OpKind::group_norm || node.x[1] < 0 || node.y[1] >= 0 || node.y[0] == graph.output) continue;
    const std::vector<Node*> readers = splittable_readers(graph, node.y[0]);
    if (readers.empty()) continue;
    Tensor second = graph.tensors[static_cast<size_t>(node.y[0])];
    graph.tensors[static_cast<size_t>(node.y[0])].dims = graph.tensors[static_cast<size_t>(node.x[0])].dims;
    second.dims = graph.tensors[static_cast<size_t>(node.x[1])].dims;
    second.name += ".second";
    node.y[1] = static_cast<int>(graph.tensors.size());
    graph.tensors.push_back(std::move(second));
    for (Node* reader : readers) reader->x[1] = node.y[1];
    ++count;
  }
  return count;
}

void prepare_for_inference(Graph& graph) {
  strip_training_ops(graph);
  split_concat_norms(graph);
}

}  // namespace mote::tool
