#include "weights_tool/quantize/compare.h"

#include <atomic>
#include <cstring>
#include <memory>

namespace mote::tool {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

// Both networks and the memory of one thread.
struct Pair {
  Pair(const RunnableGraph& plain_graph, const RunnableGraph& small_graph) : plain(plain_graph), small(small_graph) {}
  GraphRunner plain, small;
  std::vector<std::vector<float>> values;  // of the float graph's tensors
};

}  // namespace

QuantizedReader::QuantizedReader(const Graph& graph, int tensor, int step, const void* data)
    : type_(graph.tensors[at(tensor)].dtype), data_(data) {
  const int quant = graph.tensors[at(tensor)].quant;
  if (quant < 0) return;
  const Quant& q = graph.quants[at(quant)];
  value_ = q.values[q.per_step ? at(step) : 0];
}

void compare_networks(const Comparison& comparison, const QuantizedGraph& quantized, Progress& progress, uint64_t done,
                      const std::function<void(const Compared&)>& see) {
  const Graph& graph = comparison.graph;
  DiffusionInfo stored = comparison.info;
  stored.rows = comparison.rows;
  stored.default_steps = static_cast<int>(comparison.rows.size());
  const RunnableGraph plain(graph, stored), small(quantized.graph, stored);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int w = 0; w < comparison.pool.workers(); ++w) {
    pairs.push_back(std::make_unique<Pair>(plain, small));
    pairs.back()->values.resize(graph.tensors.size());
  }
  const size_t outputs = static_cast<size_t>(graph.tensors[at(graph.output)].elements());
  std::atomic<uint64_t> passes{done};
  follow_trajectories(graph, comparison.rows, comparison.trajectories, comparison.pool,
                      [&](const Visit& visit, float* m) {
                        Pair& pair = *pairs[at(visit.worker)];
                        pair.plain.run(visit.x, visit.timestep, visit.step, visit.class_row, [&](int node) {
                          for (int t : node_outputs(graph.nodes[at(node)])) {
                            const float* data = static_cast<const float*>(pair.plain.data(t));
                            pair.values[at(t)].assign(data, data + graph.tensors[at(t)].elements());
                          }
                        });
                        std::memcpy(m, pair.plain.output(), outputs * sizeof(float));
                        pair.small.run(visit.x, visit.timestep, visit.step, visit.class_row, [&](int node) {
                          for (int t : node_outputs(quantized.graph.nodes[at(node)])) {
                            const int original = quantized.float_tensor[at(t)];
                            if (original < 0) continue;
                            see({visit, node, t, static_cast<size_t>(quantized.graph.tensors[at(t)].elements()),
                                 original == graph.input ? visit.x : pair.values[at(original)].data(),
                                 QuantizedReader(quantized.graph, t, visit.step, pair.small.data(t))});
                          }
                        });
                        const uint64_t count = passes.fetch_add(1) + 1;
                        if (visit.worker == 0) progress.update(count);
                      });
}

}  // namespace mote::tool
