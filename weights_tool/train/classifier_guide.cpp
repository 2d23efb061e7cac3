#include "weights_tool/train/classifier_guide.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "diffusion/rows.h"
#include "weights_tool/diffusion/forward_process.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

ClassifierGuide::ClassifierGuide(LoadedClassifier classifier, KernelSet set, const std::string& path)
    : classifier_(std::move(classifier)), store_(classifier_.graph, set, pool_, true, true) {
  if (config().time_features == 0)
    throw Error(ExitCode::invalid_input, path + ": knows clean pictures only; train one with train-classifier --noisy");
}

std::string ClassifierGuide::misfit(int height, int width, int channels, int classes,
                                    const std::vector<float>& levels) const {
  const ClassifierConfig& c = config();
  if (height != c.height || width != c.width || channels != c.channels)
    return "is for pictures of " + std::to_string(c.height) + "x" + std::to_string(c.width) + "x" +
           std::to_string(c.channels);
  if (classes > c.classes) return "knows " + std::to_string(c.classes) + " classes";
  const Schedule schedule = classifier_schedule(c);
  bool same = levels.size() == schedule.alpha_bar.size();
  for (size_t t = 0; same && t < levels.size(); ++t) {
    const double level = static_cast<double>(noise_level_from_table(levels[t]).alpha_bar);
    same = std::fabs(level - schedule.alpha_bar[t]) < 1e-4;
  }
  return same ? "" : "was trained with other noise levels (" + std::string(schedule_name(c.schedule)) + ")";
}

double ClassifierGuide::gradient(const float* x, float timestep, int label, float* gradient) const {
  std::unique_ptr<Executor> executor;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      executor = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!executor) executor = std::make_unique<Executor>(classifier_.graph, store_, 1, true, false, true);
  SliceInput input;
  input.images = 1;
  input.x = x;
  input.timesteps = &timestep;
  const float* logits = executor->forward(input);
  const double loss = softmax_cross_entropy(logits, config().classes, label, -1.0, executor->d_output());
  executor->backward(nullptr);
  std::copy_n(executor->d_input(), ptrdiff_t{config().height} * config().width * config().channels, gradient);
  const std::lock_guard<std::mutex> lock(mutex_);
  idle_.push_back(std::move(executor));
  return -loss;
}

double noisy_accuracy(const Graph& graph, const ClassifierConfig& config, const ParameterStore& store,
                      const Dataset& pictures, int t, size_t most, ThreadPool& pool) {
  const Schedule schedule = classifier_schedule(config);
  const ImageSet& images = pictures.images;
  const size_t count = std::min(most, images.count), elements = images.image_bytes();
  const float timestep = static_cast<float>(t);
  std::vector<uint8_t> right(count, 0);
  std::vector<std::unique_ptr<Executor>> executors(static_cast<size_t>(pool.workers()));
  pool.parallel_for(static_cast<int>(count), [&](int index, int worker) {
    std::unique_ptr<Executor>& executor = executors[static_cast<size_t>(worker)];
    if (!executor) executor = std::make_unique<Executor>(graph, store, 1, false);
    const size_t i = static_cast<size_t>(index);
    std::vector<float> x(elements);
    picture_to_floats(images.image(i), images.height, images.width, images.channels, false, x.data());
    diffuse(schedule, t, x.data(), elements, 0, static_cast<uint32_t>(index), x.data());
    SliceInput input;
    input.images = 1;
    input.x = x.data();
    input.timesteps = &timestep;
    float confidence;
    right[i] = classify(executor->forward(input), config.classes, &confidence) == pictures.labels[i];
  });
  return static_cast<double>(std::count(right.begin(), right.end(), 1)) /
         static_cast<double>(std::max<size_t>(1, count));
}

}  // namespace mote::tool
