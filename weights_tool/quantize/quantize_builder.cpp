#include "weights_tool/quantize/quantize_builder.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/quantize/ranges.h"

namespace mote::tool {

int QuantizedGraphBuilder::add_tensor(Tensor tensor, int stands_for) {
  out_.graph.tensors.push_back(std::move(tensor));
  out_.float_tensor.push_back(stands_for);
  const int index = static_cast<int>(out_.graph.tensors.size()) - 1;
  if (stands_for >= 0) image_[at(stands_for)] = index;
  return index;
}

int QuantizedGraphBuilder::add_quant(std::vector<format::QuantValue> values, bool per_step) {
  out_.graph.quants.push_back({std::move(values), per_step});
  return static_cast<int>(out_.graph.quants.size()) - 1;
}

int QuantizedGraphBuilder::activation_like(int tensor, int quant) {
  Tensor t = from_.tensors[at(tensor)];
  t.dtype = quant < 0 ? DType::f32 : DType::i8;
  t.quant = quant;
  return add_tensor(std::move(t), tensor);
}

int QuantizedGraphBuilder::float_constant(const std::string& name, std::vector<int> dims,
                                          const std::vector<double>& values) {
  Tensor t;
  t.name = name;
  t.role = Role::parameter;
  t.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), t.dims.begin());
  for (double v : values) t.values.push_back(storable(v));
  return add_tensor(std::move(t), -1);
}

int QuantizedGraphBuilder::code_constant(const std::string& name, std::vector<int> dims, std::vector<int8_t> codes,
                                         DType dtype, int quant) {
  Tensor t;
  t.name = name;
  t.role = Role::parameter;
  t.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), t.dims.begin());
  t.dtype = dtype;
  t.codes = std::move(codes);
  t.quant = quant;
  return add_tensor(std::move(t), -1);
}

int QuantizedGraphBuilder::copy_constant(int tensor) {
  if (tensor < 0) return -1;
  const Tensor& t = from_.tensors[at(tensor)];
  return float_constant(t.name, std::vector<int>(t.dims.begin(), t.dims.begin() + t.rank),
                        std::vector<double>(t.values.begin(), t.values.end()));
}

int QuantizedGraphBuilder::image(const Node& node, int tensor) const {
  if (tensor < 0) return -1;
  if (image_[at(tensor)] < 0)
    refuse(node, "it reads " + from_.tensors[at(tensor)].name + ", which has no quantized form");
  return image_[at(tensor)];
}

// ---- scales -----------------------------------------------------------------------------------------------------------

std::vector<float> QuantizedGraphBuilder::pooled(const std::vector<int>& tensors) const {
  std::vector<float> all;
  for (int t : tensors) {
    for (const std::vector<float>& step : seen_.tensors[at(t)].samples) all.insert(all.end(), step.begin(), step.end());
  }
  return all;
}

// Scales of a tensor (or of several that share theirs): for each step, or one for all.
int QuantizedGraphBuilder::free_scales(const std::vector<int>& tensors, bool shared) {
  if (shared || !options_.per_step) return add_quant({best_int8(pooled(tensors))}, false);
  std::vector<format::QuantValue> values;
  for (int step = 0; step < fold_.steps; ++step) {
    std::vector<float> samples;
    for (int t : tensors) {
      const std::vector<float>& own = seen_.tensors[at(t)].samples[at(step)];
      samples.insert(samples.end(), own.begin(), own.end());
    }
    values.push_back(best_int8(samples));
  }
  return add_quant(std::move(values), true);
}

const Node* QuantizedGraphBuilder::only_reader(int tensor) const {
  const Node* reader = nullptr;
  if (tensor == from_.output) return nullptr;
  for (const Node& node : from_.nodes) {
    for (int t : node_inputs(node)) {
      if (t != tensor) continue;
      if (reader != nullptr && reader != &node) return nullptr;
      reader = &node;
    }
  }
  return reader;
}

// A table maps codes of one scale to codes of another: neither may depend on the step. So for what an activation reads
// by itself, and for what an upsampling hands on to one.
bool QuantizedGraphBuilder::must_share(int tensor) const {
  for (const Node& node : from_.nodes) {
    if (node.x[0] == tensor && node.kind == OpKind::activation) return true;
    if (node.x[0] == tensor && node.kind == OpKind::upsample && must_share(node.y[0])) return true;
  }
  return false;
}

}  // namespace mote::tool
