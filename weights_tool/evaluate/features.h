// What a classifier makes of pictures: their features and its verdicts, over all threads. Forward only.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "weights_tool/io/image.h"
#include "weights_tool/io/pool.h"
#include "weights_tool/train/executor.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

struct PictureFeatures {
  size_t count = 0, features = 0;
  std::vector<float> values;      // [count][features]
  std::vector<int> classes;       // [count]: what the classifier takes each picture for
  std::vector<float> confidence;  // [count]: the probability it gives that class
};

class FeatureExtractor {
 public:
  // A graph of train/classifier.h; graph and pool must outlive this.
  FeatureExtractor(const Graph& graph, KernelSet set, ThreadPool& pool);

  // Other weights: `size` floats laid out as a ParameterStore of the graph (a trainer's averages).
  void set_values(const float* values, size_t size);

  // Pictures of the graph's size: anything else is std::invalid_argument. `progress` is called with the number done so far,
  // one call at a time, from any thread; it may be empty. The same bytes for any number of threads.
  PictureFeatures run(const ImageSet& pictures, const std::function<void(uint64_t)>& progress = {});

 private:
  void run_slice(const ImageSet& pictures, size_t first, int images, Executor& executor, PictureFeatures* out) const;

  const Graph* graph_;
  ThreadPool* pool_;
  int feature_tensor_;
  ParameterStore store_;
  std::vector<std::unique_ptr<Executor>> executors_;  // of workers
};

// Share of pictures taken for their labels.
double agreement(const PictureFeatures& pictures, const std::vector<int>& labels);
double mean_confidence(const PictureFeatures& pictures);

}  // namespace mote::tool
