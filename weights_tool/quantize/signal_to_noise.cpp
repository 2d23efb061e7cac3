#include "weights_tool/quantize/signal_to_noise.h"

#include <algorithm>
#include <cmath>

namespace mote::tool {
namespace {

constexpr double largest_decibel = 200.0;

struct Powers {
  double signal = 0, noise = 0;
};

}  // namespace

std::vector<LayerNoise> measure_noise(const Comparison& comparison, const QuantizedGraph& quantized,
                                      Progress& progress) {
  const std::vector<Node>& nodes = quantized.graph.nodes;
  const size_t steps = comparison.rows.size();
  // [picture][node * steps + step]: each picture by itself, so that the sums do not depend on the threads.
  std::vector<std::vector<Powers>> powers(static_cast<size_t>(comparison.trajectories.pictures));
  for (std::vector<Powers>& picture : powers) picture.resize(nodes.size() * steps);
  compare_networks(comparison, quantized, progress, 0, [&](const Compared& c) {
    Powers& sum = powers[static_cast<size_t>(c.visit.picture)]
                        [static_cast<size_t>(c.node) * steps + static_cast<size_t>(c.visit.step)];
    for (size_t i = 0; i < c.count; ++i) {
      const double v = double{c.wanted[i]}, error = v - c.got(i);
      sum.signal += v * v;
      sum.noise += error * error;
    }
  });

  std::vector<LayerNoise> layers;
  for (size_t n = 0; n < nodes.size(); ++n) {
    LayerNoise layer;
    layer.name = nodes[n].name;
    for (size_t step = 0; step < steps; ++step) {
      Powers sum;
      for (const std::vector<Powers>& picture : powers) {
        sum.signal += picture[n * steps + step].signal;
        sum.noise += picture[n * steps + step].noise;
      }
      const double decibel =
          sum.noise > 0 ? 10.0 * std::log10(std::max(sum.signal, 1e-300) / sum.noise) : largest_decibel;
      layer.decibel.push_back(std::min(decibel, largest_decibel));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace mote::tool
