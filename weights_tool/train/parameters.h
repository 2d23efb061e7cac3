// The trained parameters of a graph as one flat buffer, and what the kernels derive from them after every step of the
// optimiser. Gradients, moments and averages are buffers of the same size and offsets, owned by whoever needs them.
//
// Layout: tensor after tensor in the order of Graph::tensors, each padded with zeros to 16 floats; the start is 64-byte
// aligned. Padding floats stay zero if an optimiser maps (value 0, gradient 0) to 0. Constant parameters (sinusoid
// frequencies) lie elsewhere and have no offset.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weights_tool/graph/graph.h"
#include "weights_tool/io/pool.h"

namespace mote::tool {

// Floats at a 64-byte boundary, zeroed.
class AlignedFloats {
 public:
  AlignedFloats() = default;
  explicit AlignedFloats(size_t count);
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t size() const { return size_; }
  float& operator[](size_t i) { return data_[i]; }
  float operator[](size_t i) const { return data_[i]; }

 private:
  struct Free {
    void operator()(float*) const;
  };
  std::unique_ptr<float[], Free> data_;
  size_t size_ = 0;
};

class ParameterStore {
 public:
  // Takes the values of graph.tensors and refreshes. The graph must outlive the store. With `training` false the
  // weights of the backward pass are not kept; with `input_gradient` also those that lead to the graph's input are.
  ParameterStore(const Graph& graph, KernelSet set, ThreadPool& pool, bool training = true,
                 bool input_gradient = false);

  float* values() { return values_.data(); }
  const float* values() const { return values_.data(); }
  size_t size() const { return values_.size(); }  // floats, padding included: the length of every gradient buffer

  // Offset of a tensor in values() and in gradients; -1 for constants and activations.
  int64_t offset(int tensor) const { return offsets_[static_cast<size_t>(tensor)]; }
  // The values of a parameter, trained or constant.
  const float* data(int tensor) const;

  // Recomputes everything derived from values(): to be called after each change of them.
  void refresh(ThreadPool& pool);
  // Copies the values (of this store, or of `values`, laid out likewise: an average, say) into graph.tensors.
  void write_to(Graph& graph) const { write_to(graph, values()); }
  void write_to(Graph& graph, const float* values) const;

  KernelSet kernel_set() const { return set_; }
  bool input_gradient() const { return input_gradient_; }

  // Forward weights of a conv2d or linear node rearranged for the kernel set; null: it has no use for them.
  const float* packed(int node) const;
  // The convolution that gives the gradient of input `input` (0 or 1) of a conv2d node from the gradient of its output:
  // shapes, weights and packed weights filled in; x[0], y (and residual) are the caller's.
  const Conv2dF32& data_gradient(int node, int input) const;
  // Likewise for a linear node; rows are those of one image.
  const LinearF32& linear_gradient(int node) const;

 private:
  struct Derived {
    AlignedFloats packed;      // forward
    AlignedFloats weights[2];  // of the gradient's operator, plain layout
    AlignedFloats gradient_packed[2];
    Conv2dF32 conv[2] = {};
    LinearF32 linear = {};
  };
  void prepare(int node, bool training);
  void refresh_node(int node);

  const Graph* graph_;
  KernelSet set_;
  bool training_, input_gradient_;
  AlignedFloats values_;
  std::vector<int64_t> offsets_;  // of tensors
  std::vector<Derived> derived_;  // of nodes
  std::vector<int> nodes_;        // that have derived weights
};

}  // namespace mote::tool
