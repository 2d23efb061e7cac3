// A noisy classifier at work: the gradient of log p(class | x_t, t) with respect to x_t, by which classifier guidance
// steers a sampler (Dhariwal & Nichol 2021, arXiv 2105.05233, section 4), and how often it is right at a noise level.
// What a sampler does with the gradient is diffusion/host_step.h.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "weights_tool/train/classifier_file.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/executor.h"

namespace mote::tool {

class ClassifierGuide {
 public:
  // Error(invalid_input) with `path` for a classifier of clean pictures.
  ClassifierGuide(LoadedClassifier classifier, KernelSet set, const std::string& path);

  const ClassifierConfig& config() const { return classifier_.state.config; }
  // Why it cannot guide a network of these pictures, classes and noise levels (as a model file stores them); "": it can.
  std::string misfit(int height, int width, int channels, int classes, const std::vector<float>& levels) const;

  // d log p(label | x, t) / dx into gradient; returns log p. x and gradient: elements of a picture, NHWC. From any thread.
  double gradient(const float* x, float timestep, int label, float* gradient) const;

 private:
  LoadedClassifier classifier_;
  ThreadPool pool_{1};
  ParameterStore store_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Executor>> idle_;  // one for each thread that was ever at work at once
};

// The share of `pictures` named right at timestep t, with noise of (seed, number of the picture). values: weights, laid out
// as a store of the graph.
double noisy_accuracy(const Graph& graph, const ClassifierConfig& config, const ParameterStore& store,
                      const Dataset& pictures, int t, size_t most, ThreadPool& pool);

}  // namespace mote::tool
