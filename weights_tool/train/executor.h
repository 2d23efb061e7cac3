// Runs a graph forward, with the device's kernels, and backward, for a few images in lockstep: layer after layer, all
// images of the slice in each. One thread; gradients.h runs many. Activations and gradients lie in one planned block.
//
// Activations are [image][elements of the tensor], images `stride` floats apart (elements rounded up to 16).
// Results depend on the kernel set, never on threads or on which other images share the slice.
#pragma once
#include <cstdint>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/train/backward.h"
#include "weights_tool/train/executor_plan.h"
#include "weights_tool/train/parameters.h"

namespace mote::tool {

// What goes into the network. The pointers are read during forward() only.
struct SliceInput {
  int images = 0;                    // <= the executor's slice
  const float* x = nullptr;          // [images][elements of the graph's input], without padding
  const float* timesteps = nullptr;  // [images]
  const int* classes = nullptr;  // [images], 0 <= class <= num_classes (that one is "no class"); null: unconditional
  // Key of the dropout masks: an image's mask depends on seed, step, its sample number and the node only.
  uint64_t seed = 0;
  uint32_t step = 0;
  uint32_t first_sample = 0;  // number of image 0; the others follow
  bool dropout = true;        // false: the identity, as where nothing is trained
};

class Executor {
 public:
  // Graph and store must outlive the executor. `training` false: no backward, less memory, dropout is the identity.
  // keep_all: activation() is meaningful for every tensor after forward.
  // input_gradient: backward() also leaves the gradient of the graph's input in d_input(); training, and a store made
  // with it, are needed. Error(failure) otherwise, or if the output does not depend on the input.
  Executor(const Graph& graph, const ParameterStore& store, int slice, bool training, bool keep_all = false,
           bool input_gradient = false);

  // The network's output: [images][output_stride()], valid until the next forward or backward.
  const float* forward(const SliceInput& input);
  // From the gradient of the output, [images][output_stride()] in d_output() (the caller fills it after forward),
  // adds the gradients of all parameters, summed over the images in order, to `gradient` (laid out as the store; null:
  // those are not wanted, only d_input()).
  // Call once after each forward.
  void backward(float* gradient);

  float* d_output() { return grad(graph_->output); }
  // The gradient of the input, [images][input_stride()], written by backward(); valid until the next forward.
  const float* d_input() const { return block_.data() + plan_.gradient[static_cast<size_t>(graph_->input)]; }
  int64_t input_stride() const { return stride(graph_->input); }
  int64_t output_stride() const { return plan_.stride[static_cast<size_t>(graph_->output)]; }
  int slice() const { return slice_; }

  // Bytes of the planned block, and of what lies beside it (kernel scratch).
  size_t planned_bytes() const { return block_.size() * sizeof(float); }
  size_t scratch_bytes() const { return (scratch_.size() + image_.size() + turned_.size()) * sizeof(float); }
  const ExecutionPlan& plan() const { return plan_; }
  // [images][stride]
  const float* activation(int tensor) const { return block_.data() + plan_.activation[static_cast<size_t>(tensor)]; }

 private:
  float* act(int tensor, int image = 0) {
    return block_.data() + plan_.activation[static_cast<size_t>(tensor)] + image * stride(tensor);
  }
  float* grad(int tensor, int image = 0) {
    return block_.data() + plan_.gradient[static_cast<size_t>(tensor)] + image * stride(tensor);
  }
  float* saved(int node, int image = 0) {
    const size_t n = static_cast<size_t>(node);
    return block_.data() + plan_.saved[n] + image * plan_.saved_stride[n];
  }
  const Node& node_at(int node) const { return graph_->nodes[static_cast<size_t>(node)]; }
  GradientUse use(int node, NodeInput input) const { return plan_.use[static_cast<size_t>(node)][input]; }
  int64_t stride(int tensor) const { return plan_.stride[static_cast<size_t>(tensor)]; }
  int64_t elements(int tensor) const { return graph_->tensors[static_cast<size_t>(tensor)].elements(); }
  bool contiguous(int tensor) const { return stride(tensor) == elements(tensor); }
  const float* parameter(int tensor) const { return tensor < 0 ? nullptr : store_->data(tensor); }
  // Where the gradient of a parameter is summed, or null: none, not trained, or not wanted.
  float* parameter_gradient(int tensor) const {
    if (tensor < 0 || parameter_gradients_ == nullptr || store_->offset(tensor) < 0) return nullptr;
    return parameter_gradients_ + store_->offset(tensor);
  }
  void measure_scratch();
  static int dropout_threshold(const Node& node);

  // executor.cpp
  void run_node(int node);
  void run_conv2d(int node);
  void run_linear(int node);
  void run_group_norm(int node);
  void run_attention(int node);
  void run_elementwise(int node);
  void run_resample(int node);
  void run_embedding(int node);
  void run_dropout(int node);
  GroupNormF32 group_norm_args(int node, int image);
  ScaleShiftF32 scale_shift_args(int node, int image);

  // executor_backward.cpp
  void back_node(int node);
  void back_fused_activation(int node);
  void back_conv2d(int node);
  void back_conv2d_sums(int node);
  void back_conv2d_weights(int node, int input);
  void back_upsampled_weights(int node, int input);
  void back_conv2d_data(int node, int input);
  void back_linear(int node);
  void back_group_norm(int node);
  void back_attention(int node);
  void back_activation(int node);
  void back_scale_shift(int node);
  void back_resample(int node);
  void back_class_embedding(int node);
  void back_dropout(int node);
  // The gradient of dy as it is to the node's input: residuals and additions.
  void pass_gradient(int node, NodeInput input);

  const Graph* graph_;
  const ParameterStore* store_;
  int slice_;
  bool training_;
  KernelSet set_;
  const BackwardKernels* kernels_;
  ExecutionPlan plan_;
  AlignedFloats block_;  // activations, gradients, saved statistics
  // Beside the plan: scratch of the kernels, one image's gradient before it is added, summed weight gradients.
  AlignedFloats scratch_, image_, turned_;
  SliceInput input_;
  std::vector<int> classes_;
  float* parameter_gradients_ = nullptr;  // during backward
};

}  // namespace mote::tool
