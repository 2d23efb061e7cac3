#include "weights_tool/quantize/signal_to_noise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>

namespace mote::tool {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

constexpr double largest_decibel = 200.0;

struct Powers {
  double signal = 0, noise = 0;
  void operator+=(const Powers& other) {
    signal += other.signal;
    noise += other.noise;
  }
};

// What element i of a tensor stands for.
class Reader {
 public:
  Reader(const Graph& graph, int tensor, int step, const void* data) : type_(graph.tensors[at(tensor)].dtype), data_(data) {
    const int quant = graph.tensors[at(tensor)].quant;
    if (quant < 0) return;
    const Quant& q = graph.quants[at(quant)];
    value_ = q.values[q.per_step ? at(step) : 0];
  }
  double operator()(size_t i) const {
    switch (type_) {
      case DType::i8: return double{value_.scale} * (static_cast<const int8_t*>(data_)[i] - value_.zero_point);
      case DType::i16: return double{value_.scale} * static_cast<const int16_t*>(data_)[i];
      default: return static_cast<const float*>(data_)[i];
    }
  }

 private:
  DType type_;
  const void* data_;
  format::QuantValue value_{1.0f, 0};
};

// Both networks and the memory of one thread.
struct Pair {
  Pair(const RunnableGraph& plain, const RunnableGraph& small) : plain_runner(plain), small_runner(small) {}
  GraphRunner plain_runner, small_runner;
  std::vector<std::vector<float>> values;  // of the float graph's tensors
};

}  // namespace

std::vector<LayerNoise> measure_noise(const Graph& graph, const QuantizedGraph& quantized, const DiffusionInfo& info,
                                      const std::vector<format::RowRecord>& rows, const TrajectoryOptions& options,
                                      ThreadPool& pool, Progress& progress) {
  DiffusionInfo stored = info;
  stored.rows = rows;
  stored.default_steps = static_cast<int>(rows.size());
  const RunnableGraph plain(graph, info), small(quantized.graph, stored);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int w = 0; w < pool.workers(); ++w) {
    pairs.push_back(std::make_unique<Pair>(plain, small));
    pairs.back()->values.resize(graph.tensors.size());
  }
  const std::vector<Node>& nodes = quantized.graph.nodes;
  const size_t steps = rows.size();
  std::vector<std::vector<Powers>> powers(at(options.pictures));  // [picture][node * steps + step]
  const size_t elements = at(static_cast<int>(graph.tensors[at(graph.output)].elements()));
  std::atomic<uint64_t> done{0};
  follow_trajectories(graph, rows, options, pool, [&](const Visit& visit, float* m) {
    Pair& pair = *pairs[at(visit.worker)];
    pair.plain_runner.run(visit.x, visit.timestep, visit.step, visit.class_row, [&](int node) {
      for (int t : node_outputs(graph.nodes[at(node)])) {
        const float* data = static_cast<const float*>(pair.plain_runner.data(t));
        pair.values[at(t)].assign(data, data + graph.tensors[at(t)].elements());
      }
    });
    std::memcpy(m, pair.plain_runner.output(), elements * sizeof(float));
    std::vector<Powers>& own = powers[at(visit.picture)];
    own.resize(nodes.size() * steps);
    pair.small_runner.run(visit.x, visit.timestep, visit.step, visit.class_row, [&](int node) {
      for (int t : node_outputs(nodes[at(node)])) {
        const int original = quantized.float_tensor[at(t)];
        if (original < 0) continue;
        const Reader read(quantized.graph, t, visit.step, pair.small_runner.data(t));
        const float* wanted = original == graph.input ? visit.x : pair.values[at(original)].data();
        const size_t count = static_cast<size_t>(quantized.graph.tensors[at(t)].elements());
        Powers& sum = own[at(node) * steps + at(visit.step)];
        for (size_t i = 0; i < count; ++i) {
          const double v = wanted[i], error = v - read(i);
          sum.signal += v * v;
          sum.noise += error * error;
        }
      }
    });
    const uint64_t count = done.fetch_add(1) + 1;
    if (visit.worker == 0) progress.update(count);
  });

  std::vector<LayerNoise> layers;
  for (size_t n = 0; n < nodes.size(); ++n) {
    LayerNoise layer;
    layer.name = nodes[n].name;
    for (size_t step = 0; step < steps; ++step) {
      Powers sum;
      for (const std::vector<Powers>& picture : powers) sum += picture[n * steps + step];
      const double ratio = sum.noise > 0 ? 10.0 * std::log10(std::max(sum.signal, 1e-300) / sum.noise) : largest_decibel;
      layer.decibel.push_back(std::min(ratio, largest_decibel));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace mote::tool
