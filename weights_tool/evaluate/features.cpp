#include "weights_tool/evaluate/features.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "weights_tool/train/classifier.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {
namespace {

constexpr int kSlice = 16;  // pictures in lockstep

}  // namespace

FeatureExtractor::FeatureExtractor(const Graph& graph, KernelSet set, ThreadPool& pool)
    : graph_(&graph), pool_(&pool), feature_tensor_(classifier_feature_tensor(graph)), store_(graph, set, pool, false) {
  if (feature_tensor_ < 0) throw std::invalid_argument("FeatureExtractor: this graph is no classifier");
  for (int i = 0; i < pool.workers(); ++i) {
    executors_.push_back(std::make_unique<Executor>(graph, store_, kSlice, false, true));
  }
}

void FeatureExtractor::set_values(const float* values, size_t size) {
  if (size != store_.size()) throw std::invalid_argument("FeatureExtractor: another network's weights");
  std::memcpy(store_.values(), values, size * sizeof(float));
  store_.refresh(*pool_);
}

PictureFeatures FeatureExtractor::run(const ImageSet& pictures, const std::function<void(uint64_t)>& progress) {
  const Tensor& input = graph_->tensors[static_cast<size_t>(graph_->input)];
  if (pictures.height != static_cast<size_t>(input.dims[0]) || pictures.width != static_cast<size_t>(input.dims[1]) ||
      pictures.channels != static_cast<size_t>(input.dims[2])) {
    throw std::invalid_argument("FeatureExtractor: pictures of another size");
  }
  PictureFeatures out;
  out.count = pictures.count;
  out.features = static_cast<size_t>(graph_->tensors[static_cast<size_t>(feature_tensor_)].elements());
  out.values.resize(out.count * out.features);
  out.classes.resize(out.count);
  out.confidence.resize(out.count);
  std::mutex mutex;
  uint64_t done = 0;
  pool_->parallel_for(static_cast<int>((out.count + kSlice - 1) / kSlice), [&](int index, int worker) {
    const size_t first = static_cast<size_t>(index) * kSlice;
    const int images = static_cast<int>(std::min<size_t>(kSlice, out.count - first));
    run_slice(pictures, first, images, *executors_[static_cast<size_t>(worker)], &out);
    if (!progress) return;
    const std::lock_guard<std::mutex> lock(mutex);
    progress(done += static_cast<uint64_t>(images));
  });
  return out;
}

void FeatureExtractor::run_slice(const ImageSet& pictures, size_t first, int images, Executor& executor,
                                 PictureFeatures* out) const {
  std::vector<float> x(static_cast<size_t>(images) * pictures.image_bytes());
  const float timesteps[kSlice] = {};  // the graph reads none
  for (size_t i = 0; i < static_cast<size_t>(images); ++i) {
    picture_to_floats(pictures.image(first + i), pictures.height, pictures.width, pictures.channels, false,
                      x.data() + i * pictures.image_bytes());
  }
  SliceInput input;
  input.images = images;
  input.x = x.data();
  input.timesteps = timesteps;
  const float* logits = executor.forward(input);
  const int classes = static_cast<int>(graph_->tensors[static_cast<size_t>(graph_->output)].elements());
  const int64_t stride = executor.plan().stride[static_cast<size_t>(feature_tensor_)];
  for (int i = 0; i < images; ++i) {
    const size_t picture = first + static_cast<size_t>(i);
    std::copy_n(executor.activation(feature_tensor_) + i * stride, out->features,
                out->values.begin() + static_cast<ptrdiff_t>(picture * out->features));
    out->classes[picture] = classify(logits + i * executor.output_stride(), classes, &out->confidence[picture]);
  }
}

double agreement(const PictureFeatures& pictures, const std::vector<int>& labels) {
  if (labels.size() != pictures.count || pictures.count == 0)
    throw std::invalid_argument("agreement: one label a picture");
  size_t right = 0;
  for (size_t i = 0; i < pictures.count; ++i) right += pictures.classes[i] == labels[i];
  return static_cast<double>(right) / static_cast<double>(pictures.count);
}

double mean_confidence(const PictureFeatures& pictures) {
  double sum = 0;
  for (const float confidence : pictures.confidence) sum += static_cast<double>(confidence);
  return sum / static_cast<double>(std::max<size_t>(1, pictures.count));
}

}  // namespace mote::tool
