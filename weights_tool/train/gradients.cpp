#include "weights_tool/train/gradients.h"

#include <algorithm>

namespace mote::tool {

BatchGradient::BatchGradient(const Graph& graph, const ParameterStore& store, ThreadPool& pool, int slice, int slots)
    : graph_(&graph),
      store_(&store),
      pool_(&pool),
      kernels_(&backward_kernels(store.kernel_set())),
      slice_(slice),
      slots_(slots),
      executors_(static_cast<size_t>(pool.workers())),
      gradients_(static_cast<size_t>(slots)) {}

void BatchGradient::run(const SliceInput& batch, const SliceLoss& loss, float* gradient) {
  const int slices = (batch.images + slice_ - 1) / slice_, slots = std::min(slices, slots_);
  for (int slot = 0; slot < slots; ++slot) {
    AlignedFloats& sum = gradients_[static_cast<size_t>(slot)];
    if (sum.size() == 0) sum = AlignedFloats(store_->size());
  }
  pool_->parallel_for(slots, [&](int slot, int worker) {
    std::unique_ptr<Executor>& executor = executors_[static_cast<size_t>(worker)];
    if (!executor) executor = std::make_unique<Executor>(*graph_, *store_, slice_, true);
    float* sum = gradients_[static_cast<size_t>(slot)].data();
    std::fill_n(sum, store_->size(), 0.0f);
    for (int s = slot; s < slices; s += slots) run_slice(batch, s, loss, *executor, sum);
  });
  reduce(slots, gradient);
}

void BatchGradient::run_slice(const SliceInput& batch, int slice, const SliceLoss& loss, Executor& executor,
                              float* sum) {
  const int first = slice * slice_;
  SliceInput input = batch;
  input.images = std::min(slice_, batch.images - first);
  input.x = batch.x + first * graph_->tensors[static_cast<size_t>(graph_->input)].elements();
  input.timesteps = batch.timesteps + first;
  if (batch.classes != nullptr) input.classes = batch.classes + first;
  input.first_sample = batch.first_sample + static_cast<uint32_t>(first);
  const float* output = executor.forward(input);
  loss({first, input.images, executor.output_stride(), output, executor.d_output()});
  executor.backward(sum);
}

void BatchGradient::reduce(int slots, float* gradient) {
  constexpr size_t part = size_t{1} << 14;
  const size_t size = store_->size();
  pool_->parallel_for(static_cast<int>((size + part - 1) / part), [&](int index, int) {
    const size_t begin = static_cast<size_t>(index) * part, count = std::min(part, size - begin);
    std::copy_n(gradients_[0].data() + begin, count, gradient + begin);
    for (int slot = 1; slot < slots; ++slot) {
      kernels_->add(gradients_[static_cast<size_t>(slot)].data() + begin, gradient + begin, count);
    }
  });
}

size_t BatchGradient::bytes() const {
  size_t total = 0;
  for (const auto& executor : executors_) total += executor ? executor->planned_bytes() + executor->scratch_bytes() : 0;
  for (const AlignedFloats& gradient : gradients_) total += gradient.size() * sizeof(float);
  return total;
}

}  // namespace mote::tool
