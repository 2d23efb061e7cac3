// The gradient of a batch over all threads, with the same bytes for any number of them. No optimiser here.
//
// The batch is cut into slices of a fixed size; slice s adds into gradient slot s % slots, the slices of one slot in
// rising order; the slots are then summed in rising order. Neither depends on the threads.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "weights_tool/train/executor.h"

namespace mote::tool {

// The network's output for some images of the batch and the place for the loss's gradient.
struct SliceOutput {
  int first, images;  // images [first, first + images) of the batch
  int64_t stride;     // floats from image to image in output and d_output (>= elements of one)
  const float* output;
  float* d_output;  // to be filled, the elements of each image; scale it by what the loss is averaged over
};
// Called from several threads at once, for different images.
using SliceLoss = std::function<void(const SliceOutput&)>;

class BatchGradient {
 public:
  // Everything must outlive this object. slice: images in lockstep (8 is good); slots: at most that many threads work.
  BatchGradient(const Graph& graph, const ParameterStore& store, ThreadPool& pool, int slice = 8, int slots = 8);

  // batch.images may be any number >= 1. Writes (not adds) the summed gradient to `gradient`: store.size() floats,
  // padding zero.
  void run(const SliceInput& batch, const SliceLoss& loss, float* gradient);

  // Bytes of all executors and gradient slots made so far (they are made when first used).
  size_t bytes() const;

 private:
  void run_slice(const SliceInput& batch, int slice, const SliceLoss& loss, Executor& executor, float* sum);
  void reduce(int slots, float* gradient);

  const Graph* graph_;
  const ParameterStore* store_;
  ThreadPool* pool_;
  const BackwardKernels* kernels_;
  int slice_, slots_;
  std::vector<std::unique_ptr<Executor>> executors_;  // of workers
  std::vector<AlignedFloats> gradients_;              // of slots
};

}  // namespace mote::tool
