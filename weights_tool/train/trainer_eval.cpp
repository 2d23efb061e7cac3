#include "weights_tool/train/trainer_eval.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "diffusion/noise.h"
#include "diffusion/rows.h"

namespace mote::tool {
namespace {

constexpr int kSlice = 8;                          // pictures in lockstep
constexpr uint32_t kValidationStep = 0xFFFFFFFFu;  // noise that no training step uses

// The i-th multiple of the golden ratio, mod 1, times the levels: any run of pictures covers the levels evenly.
int spread_timestep(uint32_t i, int levels) {
  return static_cast<int>(static_cast<uint64_t>(i * 2654435769u) * static_cast<uint64_t>(levels) >> 32);
}

}  // namespace

Evaluator::Evaluator(const Graph& graph, const DiffusionLoss& loss, KernelSet set, ThreadPool& pool)
    : graph_(&graph), loss_(&loss), pool_(&pool), store_(graph, set, pool, false) {
  for (int i = 0; i < pool.workers(); ++i) {
    executors_.push_back(std::make_unique<Executor>(graph, store_, kSlice, false));
  }
}

void Evaluator::set_values(const float* values, size_t size) {
  if (size != store_.size()) throw std::logic_error("Evaluator::set_values: another network's weights");
  std::memcpy(store_.values(), values, size * sizeof(float));
  store_.refresh(*pool_);
}

const float* Evaluator::forward(int worker, int images, const float* x, const float* timesteps, const int* classes) {
  SliceInput input;
  input.images = images;
  input.x = x;
  input.timesteps = timesteps;
  input.classes = graph_->num_classes > 0 ? classes : nullptr;
  return executors_[static_cast<size_t>(worker)]->forward(input);
}

double Evaluator::loss(const Dataset& data, int64_t pictures, uint64_t seed) {
  const ImageSet& set = data.images;
  const int count = static_cast<int>(std::min<int64_t>(pictures, static_cast<int64_t>(set.count)));
  const size_t elements = set.image_bytes();
  std::vector<double> losses(static_cast<size_t>(count));
  pool_->parallel_for((count + kSlice - 1) / kSlice, [&](int index, int worker) {
    const int first = index * kSlice, images = std::min(kSlice, count - first);
    std::vector<float> x(static_cast<size_t>(images) * elements), target(x.size());
    float timesteps[kSlice];
    int levels[kSlice], classes[kSlice] = {};
    for (int i = 0; i < images; ++i) {
      const uint32_t number = static_cast<uint32_t>(first + i);
      float* x_t = x.data() + static_cast<size_t>(i) * elements;
      float* noise = target.data() + static_cast<size_t>(i) * elements;
      levels[i] = spread_timestep(number, loss_->schedule().train_steps());
      timesteps[i] = static_cast<float>(levels[i]);
      if (!data.labels.empty()) classes[i] = data.labels[number];
      data.sample(number, false, x_t);
      fill_gaussian(noise, 0, static_cast<uint32_t>(elements), seed, kValidationStep, number, noise_train);
      loss_->example(levels[i], x_t, noise, elements, x_t, noise);
    }
    const float* output = forward(worker, images, x.data(), timesteps, classes);
    const int64_t stride = executors_[static_cast<size_t>(worker)]->output_stride();
    for (int i = 0; i < images; ++i) {
      const size_t at = static_cast<size_t>(i) * elements;
      losses[static_cast<size_t>(first + i)] =
          loss_->value(LossItem{levels[i], x.data() + at, target.data() + at, output + i * stride, elements});
    }
  });
  double sum = 0;
  for (const double value : losses) sum += value;
  return sum / std::max(1, count);
}

ImageSet Evaluator::sample(int count, int steps, uint64_t seed, SamplerKind kind) {
  const Tensor& input = graph_->tensors[static_cast<size_t>(graph_->input)];
  ImageSet out;
  out.count = static_cast<size_t>(count);
  out.height = static_cast<size_t>(input.dims[0]);
  out.width = static_cast<size_t>(input.dims[1]);
  out.channels = static_cast<size_t>(input.dims[2]);
  out.pixels.resize(out.count * out.image_bytes());
  pool_->parallel_for((count + kSlice - 1) / kSlice, [&](int index, int worker) {
    const int first = index * kSlice;
    draw(worker, first, std::min(kSlice, count - first), steps, seed, kind, &out);
  });
  return out;
}

// The output without the variances that may stand beside the prediction of a pixel; `room` holds it then.
const float* Evaluator::prediction_of(const float* output, size_t channels, size_t elements,
                                      std::vector<float>* room) const {
  if (loss_->outputs() == 1) return output;
  for (size_t e = 0; e < elements; ++e) (*room)[e] = output[e / channels * 2 * channels + e % channels];
  return room->data();
}

void Evaluator::draw(int worker, int first, int images, int steps, uint64_t seed, SamplerKind kind, ImageSet* out) {
  const uint32_t elements = static_cast<uint32_t>(out->image_bytes());
  const std::vector<float> table = exact_alpha_bar_table(loss_->schedule());
  const uint32_t levels = static_cast<uint32_t>(table.size());
  const uint32_t count = std::min(static_cast<uint32_t>(steps), levels);
  std::vector<int32_t> visited(count);
  for (uint32_t i = 0; i < count; ++i) visited[i] = trailing_timestep(levels, count, i);
  std::vector<float> x(static_cast<size_t>(images) * elements);
  int classes[kSlice] = {};
  for (int i = 0; i < images; ++i) {
    const uint32_t sample = static_cast<uint32_t>(first + i);
    fill_gaussian(x.data() + static_cast<size_t>(i) * elements, 0, elements, seed, 0, sample, noise_initial);
    if (graph_->num_classes > 0) classes[i] = (first + i) % graph_->num_classes;
  }
  std::vector<float> prediction(elements);
  RowOptions options;
  options.prediction = loss_->prediction();
  options.kind = kind;
  for (uint32_t step = 0; step < count; ++step) {
    SamplerRow row;
    if (make_row_of_schedule(options, table.data(), levels, visited.data(), count, step, &row) != MOTE_OK) {
      throw std::logic_error("Evaluator: this schedule has no DDIM step");
    }
    float timesteps[kSlice];
    std::fill(timesteps, timesteps + kSlice, static_cast<float>(visited[step]));
    const float* output = forward(worker, images, x.data(), timesteps, classes);
    const int64_t stride = executors_[static_cast<size_t>(worker)]->output_stride();
    for (int i = 0; i < images; ++i) {
      const StepNoise noise = {nullptr, seed, step, static_cast<uint32_t>(first + i)};
      const float* const m = prediction_of(output + i * stride, out->channels, elements, &prediction);
      sampler_update(row, x.data() + static_cast<size_t>(i) * elements, m, nullptr, 0, 0, 0, elements, noise);
    }
  }
  floats_to_picture(x.data(), x.size(), out->pixels.data() + static_cast<size_t>(first) * elements);
}

}  // namespace mote::tool
