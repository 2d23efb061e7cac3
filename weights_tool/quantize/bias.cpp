#include "weights_tool/quantize/bias.h"

#include <algorithm>
#include <cmath>
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

// What one picture shows of one channel: sums over positions and steps of w, what it should be, and g, what it is.
struct Sums {
  double w = 0, g = 0, ww = 0, wg = 0;
};

// g is about gain * w + offset in the mean.
struct Line {
  double gain, offset;
};

constexpr double largest_correction = 0.1;  // of the gain: beyond that a channel says nothing but noise

Line fit(const Sums& sum, double n, bool with_gain) {
  const double variance = sum.ww / n - sum.w / n * (sum.w / n), covariance = sum.wg / n - sum.w / n * (sum.g / n);
  double gain = with_gain && variance > 0 ? covariance / variance : 1.0;
  if (std::fabs(gain - 1.0) > largest_correction) gain = 1.0;
  return {gain, sum.g / n - gain * (sum.w / n)};
}

size_t nodes_of_a_pass(size_t nodes) { return std::max<size_t>(1, (nodes + most_passes - 1) / most_passes); }

// y = (acc * scale + bias) becomes (y - offset) / gain.
void apply(Graph& graph, const Node& node, size_t channel, const Line& line) {
  std::vector<float>& bias = graph.tensors[static_cast<size_t>(node.bias)].values;
  bias[channel] = storable((double{bias[channel]} - line.offset) / line.gain);
  if (line.gain == 1.0) return;
  const int quant = graph.tensors[static_cast<size_t>(node.weights)].quant;
  format::QuantValue& value = graph.quants[static_cast<size_t>(quant)].values[channel];
  value.scale =
      static_cast<float>(std::clamp(value.scale / line.gain, double{format::min_scale}, double{format::max_scale}));
}

// A vector that is added to the bias would have to be scaled with it.
bool gain_wanted(const Node& node) { return node.residual < 0 && node.vector < 0; }

}  // namespace

int bias_passes(const Graph& quantized) {
  const size_t nodes = corrected_nodes(quantized).size(), each = nodes_of_a_pass(nodes);
  return static_cast<int>((nodes + each - 1) / each);
}

void correct_biases(const Comparison& comparison, QuantizedGraph& quantized, uint64_t done, Progress& progress) {
  Graph& graph = quantized.graph;
  const std::vector<int> nodes = corrected_nodes(graph);
  const size_t each = nodes_of_a_pass(nodes.size());
  const size_t pictures = static_cast<size_t>(comparison.trajectories.pictures);
  for (size_t first = 0; first < nodes.size(); first += each) {
    const size_t last = std::min(first + each, nodes.size());
    std::map<int, std::vector<std::vector<Sums>>> sums;  // [node][picture][channel]
    for (size_t k = first; k < last; ++k) {
      const Tensor& y = graph.tensors[static_cast<size_t>(graph.nodes[static_cast<size_t>(nodes[k])].y[0])];
      const size_t channels = static_cast<size_t>(y.dims[static_cast<size_t>(y.rank - 1)]);
      sums[nodes[k]].assign(pictures, std::vector<Sums>(channels));
    }
    const uint64_t begin = done + first / each * pictures * comparison.rows.size();
    compare_networks(comparison, quantized, progress, begin, [&](const Compared& c) {
      const auto found = sums.find(c.node);
      if (found == sums.end()) return;
      std::vector<Sums>& picture = found->second[static_cast<size_t>(c.visit.picture)];
      for (size_t i = 0; i < c.count; ++i) {
        Sums& sum = picture[i % picture.size()];
        const double w = double{c.wanted[i]}, g = c.got(i);
        sum.w += w;
        sum.g += g;
        sum.ww += w * w;
        sum.wg += w * g;
      }
    });
    for (const auto& [index, by_picture] : sums) {
      const Node& node = graph.nodes[static_cast<size_t>(index)];
      const double values = static_cast<double>(graph.tensors[static_cast<size_t>(node.y[0])].elements());
      const double n =
          values / static_cast<double>(by_picture[0].size()) * static_cast<double>(pictures * comparison.rows.size());
      for (size_t o = 0; o < by_picture[0].size(); ++o) {
        Sums total;
        for (const std::vector<Sums>& picture : by_picture) {
          total.w += picture[o].w;
          total.g += picture[o].g;
          total.ww += picture[o].ww;
          total.wg += picture[o].wg;
        }
        apply(graph, node, o, fit(total, n, gain_wanted(node)));
      }
    }
  }
}

}  // namespace mote::tool
