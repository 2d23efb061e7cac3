// Looks at a network while it is trained: its loss on held-out pictures, and pictures drawn from it. Runs the trainer's
// graph forward with a copy of some weights (the averaged ones). Not the sampler of models: that is the C API's.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "weights_tool/io/image.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/executor.h"
#include "weights_tool/train/loss.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

class Evaluator {
 public:
  // Graph, loss and pool must outlive this.
  Evaluator(const Graph& graph, const DiffusionLoss& loss, KernelSet set, ThreadPool& pool);

  // The weights to look at: `size` floats laid out as the trainer's store of the same graph.
  void set_values(const float* values, size_t size);

  // Mean loss of the first `pictures` pictures, each at a level and with a noise of its own that never change: the
  // levels are spread evenly (multiples of the golden ratio). The same bytes for any number of threads.
  double loss(const Dataset& data, int64_t pictures, uint64_t seed);

  // Pictures drawn with `kind` (DDIM: eta 0) over `steps` trailing levels; classes cycle; x_T is noise (seed, sample i).
  ImageSet sample(int count, int steps, uint64_t seed, SamplerKind kind = SamplerKind::ddim);

 private:
  const float* forward(int worker, int images, const float* x, const float* timesteps, const int* classes);
  const float* prediction_of(const float* output, size_t channels, size_t elements, std::vector<float>* room) const;
  void draw(int worker, int first, int images, int steps, uint64_t seed, SamplerKind kind, ImageSet* out);

  const Graph* graph_;
  const DiffusionLoss* loss_;
  ThreadPool* pool_;
  ParameterStore store_;
  std::vector<std::unique_ptr<Executor>> executors_;  // of workers
};

}  // namespace mote::tool
