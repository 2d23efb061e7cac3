#include "weights_tool/quantize/observe.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr size_t samples_of_a_step = 16384;  // of one tensor, over all pictures

// Sums of one picture, added up in the order of the pictures afterwards.
struct ChannelSums {
  std::vector<double> sum, square;
};

class Observer {
 public:
  Observer(const Graph& graph, const std::vector<format::RowRecord>& rows, int pictures)
      : graph_(graph), pictures_(static_cast<size_t>(pictures)) {
    each_ = std::max<size_t>(1, samples_of_a_step / pictures_);
    sums_.resize(pictures_);
    found_.tensors.resize(graph.tensors.size());
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      if (graph.tensors[t].role != Role::activation) continue;
      TensorObservation& tensor = found_.tensors[t];
      tensor.samples.assign(rows.size(), std::vector<float>(each_ * pictures_));
      tensor.low.assign(rows.size(), 0.0f);
      tensor.high.assign(rows.size(), 0.0f);
    }
    extremes_.resize(pictures_);
    inputs_.assign(pictures_, 0.0);
  }

  void see(const Visit& visit, int tensor, const float* values) {
    const Tensor& shape = graph_.tensors[static_cast<size_t>(tensor)];
    const size_t count = static_cast<size_t>(shape.elements());
    const size_t channels = static_cast<size_t>(shape.dims[static_cast<size_t>(shape.rank - 1)]);
    const size_t picture = static_cast<size_t>(visit.picture), step = static_cast<size_t>(visit.step);
    float* samples = found_.tensors[static_cast<size_t>(tensor)].samples[step].data() + picture * each_;
    for (size_t k = 0; k < each_; ++k) {
      const uint32_t at =
          uniform_below(static_cast<uint32_t>(count), static_cast<uint32_t>(k), 1, static_cast<uint32_t>(step),
                        static_cast<uint32_t>(picture), 1000u + static_cast<uint32_t>(tensor));
      samples[k] = values[at];
    }
    std::vector<Extreme>& extremes = extremes_[picture];
    if (extremes.empty())
      extremes.resize(graph_.tensors.size() * found_.tensors[static_cast<size_t>(tensor)].low.size());
    Extreme& extreme =
        extremes[static_cast<size_t>(tensor) * found_.tensors[static_cast<size_t>(tensor)].low.size() + step];
    std::vector<ChannelSums>& sums = sums_[picture];
    if (sums.empty()) sums.resize(graph_.tensors.size());
    ChannelSums& sum = sums[static_cast<size_t>(tensor)];
    if (sum.sum.empty()) {
      sum.sum.assign(channels, 0.0);
      sum.square.assign(channels, 0.0);
    }
    for (size_t i = 0; i < count; i += channels) {
      for (size_t c = 0; c < channels; ++c) {
        const float v = values[i + c];
        sum.sum[c] += v;
        sum.square[c] += double{v} * v;
        extreme.low = std::min(extreme.low, v);
        extreme.high = std::max(extreme.high, v);
      }
    }
  }

  void see_input(const Visit& visit, size_t count) {
    double& largest = inputs_[static_cast<size_t>(visit.picture)];
    for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(double{visit.x[i]}));
  }

  Observations finish() {
    for (size_t t = 0; t < graph_.tensors.size(); ++t) {
      TensorObservation& tensor = found_.tensors[t];
      if (tensor.samples.empty()) continue;
      merge_extremes(t, tensor);
      merge_sums(t, tensor);
    }
    for (double largest : inputs_) found_.largest_input = std::max(found_.largest_input, largest);
    return std::move(found_);
  }

 private:
  struct Extreme {
    float low = 0, high = 0;  // zero is always in range: convolutions pad with it
  };

  void merge_extremes(size_t t, TensorObservation& tensor) const {
    for (const std::vector<Extreme>& picture : extremes_) {
      for (size_t step = 0; step < tensor.low.size() && !picture.empty(); ++step) {
        const Extreme& extreme = picture[t * tensor.low.size() + step];
        tensor.low[step] = std::min(tensor.low[step], extreme.low);
        tensor.high[step] = std::max(tensor.high[step], extreme.high);
      }
    }
  }

  void merge_sums(size_t t, TensorObservation& tensor) const {
    const Tensor& shape = graph_.tensors[t];
    const size_t channels = static_cast<size_t>(shape.dims[static_cast<size_t>(shape.rank - 1)]);
    tensor.mean.assign(channels, 0.0);
    tensor.square.assign(channels, 0.0);
    for (const std::vector<ChannelSums>& picture : sums_) {
      if (picture.empty() || picture[t].sum.empty()) continue;
      for (size_t c = 0; c < channels; ++c) {
        tensor.mean[c] += picture[t].sum[c];
        tensor.square[c] += picture[t].square[c];
      }
    }
    const double n = static_cast<double>(shape.elements()) / static_cast<double>(channels) *
                     static_cast<double>(pictures_ * tensor.low.size());
    for (double& v : tensor.mean) v /= n;
    for (double& v : tensor.square) v /= n;
  }

  const Graph& graph_;
  size_t pictures_, each_ = 0;
  Observations found_;
  std::vector<std::vector<ChannelSums>> sums_;  // [picture][tensor]
  std::vector<std::vector<Extreme>> extremes_;  // [picture][tensor * steps + step]
  std::vector<double> inputs_;                  // [picture]
};

// "999", "12.5"
std::string level_text(float timestep) {
  std::string text = std::to_string(timestep);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

Observations observe(const Graph& graph, const DiffusionInfo& info, const std::vector<format::RowRecord>& rows,
                     const TrajectoryOptions& options, ThreadPool& pool, Progress& progress) {
  const RunnableGraph runnable(graph, info);
  std::vector<std::unique_ptr<GraphRunner>> runners;
  for (int w = 0; w < pool.workers(); ++w) runners.push_back(std::make_unique<GraphRunner>(runnable));
  Observer observer(graph, rows, options.pictures);
  const size_t elements = static_cast<size_t>(graph.tensors[static_cast<size_t>(graph.input)].elements());
  const size_t outputs = static_cast<size_t>(graph.tensors[static_cast<size_t>(graph.output)].elements());
  std::atomic<uint64_t> done{0};
  follow_trajectories(graph, rows, options, pool, [&](const Visit& visit, float* m) {
    GraphRunner& runner = *runners[static_cast<size_t>(visit.worker)];
    observer.see_input(visit, elements);
    runner.run(visit.x, visit.timestep, visit.step, visit.class_row, [&](int node) {
      for (int t : node_outputs(graph.nodes[static_cast<size_t>(node)]))
        observer.see(visit, t, static_cast<const float*>(runner.data(t)));
    });
    std::memcpy(m, runner.output(), outputs * sizeof(float));
    if (!std::all_of(m, m + outputs, [](float v) { return std::isfinite(v); }))
      throw Error(ExitCode::invalid_input,
                  "cannot quantize: at noise level " + level_text(visit.timestep) +
                      " the network's output is infinite or no number; choose steps that leave that level out");
    const uint64_t count = done.fetch_add(1) + 1;
    if (visit.worker == 0) progress.update(count);
  });
  return observer.finish();
}

}  // namespace mote::tool
