#include "weights_tool/graph/plan_rewrite.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "weights_tool/io/checksum.h"

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

namespace {

bool same_quant(const Graph& graph, int a, int b) {
  if (a == b || a < 0 || b < 0) return a == b;
  const Quant &p = graph.quants[static_cast<size_t>(a)], &q = graph.quants[static_cast<size_t>(b)];
  return p.per_step == q.per_step && std::equal(p.values.begin(), p.values.end(), q.values.begin(), q.values.end(),
                                                [](const format::QuantValue& v, const format::QuantValue& w) {
                                                  return v.scale == w.scale && v.zero_point == w.zero_point;
                                                });
}

bool same_constant(const Graph& graph, const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.rank == b.rank && a.dims == b.dims && a.codes == b.codes &&
         a.values.size() == b.values.size() && same_quant(graph, a.quant, b.quant) &&
         (a.values.empty() ||  // bit for bit: -0 is not 0 here
          std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0);
}

uint32_t digest(const Tensor& t) {
  return t.values.empty() ? crc32(reinterpret_cast<const uint8_t*>(t.codes.data()), t.codes.size())
                          : crc32(reinterpret_cast<const uint8_t*>(t.values.data()), t.values.size() * sizeof(float));
}

}  // namespace

int share_equal_constants(Graph& graph) {
  std::vector<int> stands_for(graph.tensors.size(), -1);
  std::multimap<uint32_t, int> known;
  int freed = 0;
  const auto share = [&](int& t) {
    if (t < 0) return;
    const Tensor& tensor = graph.tensors[static_cast<size_t>(t)];
    if (tensor.role != Role::parameter || (tensor.values.empty() && tensor.codes.empty())) return;
    int& other = stands_for[static_cast<size_t>(t)];
    if (other < 0) {
      const uint32_t key = digest(tensor);
      for (auto [at, end] = known.equal_range(key); other < 0 && at != end; ++at)
        if (same_constant(graph, tensor, graph.tensors[static_cast<size_t>(at->second)])) other = at->second;
      if (other < 0) {
        other = t;
        known.emplace(key, t);
      } else {
        ++freed;
      }
    }
    t = other;
  };
  for (Node& node : graph.nodes)
    for (int* t : {&node.residual, &node.vector, &node.weights, &node.bias}) share(*t);
  return freed;
}

void prepare_for_inference(Graph& graph) {
  strip_training_ops(graph);
  split_concat_norms(graph);
}

}  // namespace mote::tool
