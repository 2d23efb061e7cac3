#include "weights_tool/quantize/bias.h"

#include <algorithm>
#include <map>

namespace mote::tool {
namespace {

constexpr int most_passes = 12;

bool is_corrected(const Graph& graph, const Node& node) {
  if (node.kind != OpKind::conv2d && node.kind != OpKind::linear) return false;
  return graph.tensors[static_cast<size_t>(node.y[0])].rank > 1 && node.bias >= 0;  // vectors are the time network's
}

std::vector<int> corrected_nodes(const Graph& graph) {
  std::vector<int> nodes;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (is_corrected(graph, graph.nodes[n])) nodes.push_back(static_cast<int>(n));
  }
  return nodes;
}

size_t nodes_of_a_pass(size_t nodes) { return std::max<size_t>(1, (nodes + most_passes - 1) / most_passes); }

}  // namespace

int bias_passes(const Graph& quantized) {
  const size_t nodes = corrected_nodes(quantized).size(), each = nodes_of_a_pass(nodes);
  return static_cast<int>((nodes + each - 1) / each);
}

void correct_biases(const Comparison& comparison, QuantizedGraph& quantized, Progress& progress) {
  const std::vector<int> nodes = corrected_nodes(quantized.graph);
  const size_t each = nodes_of_a_pass(nodes.size());
  const size_t pictures = static_cast<size_t>(comparison.trajectories.pictures);
  for (size_t first = 0; first < nodes.size(); first += each) {
    const size_t last = std::min(first + each, nodes.size());
    // [node][picture][channel]: sums of wanted - got.
    std::map<int, std::vector<std::vector<double>>> sums;
    std::map<int, double> counts;  // of values a channel
    for (size_t k = first; k < last; ++k) {
      const Node& node = quantized.graph.nodes[static_cast<size_t>(nodes[k])];
      const Tensor& y = quantized.graph.tensors[static_cast<size_t>(node.y[0])];
      const size_t channels = static_cast<size_t>(y.dims[static_cast<size_t>(y.rank - 1)]);
      sums[nodes[k]].assign(pictures, std::vector<double>(channels, 0.0));
      counts[nodes[k]] = static_cast<double>(y.elements()) / static_cast<double>(channels) *
                         static_cast<double>(pictures * comparison.rows.size());
    }
    const uint64_t done = first / each * pictures * comparison.rows.size();
    compare_networks(comparison, quantized, progress, done, [&](const Compared& c) {
      const auto found = sums.find(c.node);
      if (found == sums.end()) return;
      std::vector<double>& sum = found->second[static_cast<size_t>(c.visit.picture)];
      for (size_t i = 0; i < c.count; ++i) sum[i % sum.size()] += double{c.wanted[i]} - c.got(i);
    });
    for (const auto& [index, by_picture] : sums) {
      const Node& node = quantized.graph.nodes[static_cast<size_t>(index)];
      std::vector<float>& bias = quantized.graph.tensors[static_cast<size_t>(node.bias)].values;
      for (size_t o = 0; o < bias.size(); ++o) {
        double sum = 0;
        for (const std::vector<double>& picture : by_picture) sum += picture[o];
        bias[o] = storable(double{bias[o]} + sum / counts[index]);
      }
    }
  }
}

}  // namespace mote::tool
