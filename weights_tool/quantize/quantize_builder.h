// The quantized graph while it is being made: tensors, constants and scales. Private to quantize_builder.cpp,
// quantize_time.cpp and quantize_graph.cpp, which has the operators.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "weights_tool/io/error.h"
#include "weights_tool/quantize/quantize_graph.h"

namespace mote::tool {

inline size_t at(int index) { return static_cast<size_t>(index); }

class QuantizedGraphBuilder {
 public:
  QuantizedGraphBuilder(const Graph& graph, const Observations& seen, const TimeFold& fold, const GraphOptions& options)
      : from_(graph), seen_(seen), fold_(fold), options_(options), image_(graph.tensors.size(), -1) {}

  QuantizedGraph run();

 private:
  [[noreturn]] void refuse(const Node& node, const std::string& what) const {
    throw Error(ExitCode::invalid_input, "cannot quantize " + node.name + ": " + what);
  }

  // quantize_builder.cpp
  int add_tensor(Tensor tensor, int stands_for);
  int add_quant(std::vector<format::QuantValue> values, bool per_step);
  int activation_like(int tensor, int quant);
  int float_constant(const std::string& name, std::vector<int> dims, const std::vector<double>& values);
  int code_constant(const std::string& name, std::vector<int> dims, std::vector<int8_t> codes, DType dtype, int quant);
  int copy_constant(int tensor);
  int image(const Node& node, int tensor) const;

  std::vector<float> pooled(const std::vector<int>& tensors) const;
  int free_scales(const std::vector<int>& tensors, bool shared);
  bool must_share(int tensor) const;

  const Node* only_reader(int tensor) const;

  // quantize_time.cpp
  void make_step_embedding();
  int make_vector(const Node& node);
  void project(const TimeVector& vector);

  // quantize_graph.cpp
  void make_input();
  void convolution(const Node& node);
  void finish_weights(const Node& node, Node& out, const std::vector<double>& mean, const std::vector<double>& square);
  void group_norm(size_t index);
  void activation(const Node& node);
  void attention(const Node& node);
  void simple(const Node& node);
  // The activation behind each output of a node when nothing else reads them and all are the same; none otherwise.
  std::vector<const Node*> activations_behind(size_t index) const;

  const Graph& from_;
  const Observations& seen_;
  const TimeFold& fold_;
  const GraphOptions& options_;
  QuantizedGraph out_;
  std::vector<int> image_;     // of each float tensor in out_
  std::vector<bool> done_;     // nodes that became part of another one
  std::map<int, int> folded_;  // vector tensors -> constants
  int step_embedding_ = -1;
};

}  // namespace mote::tool
