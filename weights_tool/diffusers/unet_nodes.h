// The tensors and operators that a UNet2DModel is made of, called and shaped as unet_graph.h says: one function a
// kind of module, which adds the operator, its parameters and what of the checkpoint fills them. Knows no blocks.
#pragma once
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "weights_tool/diffusers/unet_graph.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

class UnetNodes {
 protected:
  UnetNodes(const Unet2DConfig& config, int height, int width, const std::string& name)
      : config_(config), height_(height), width_(width), name_(name) {}

  struct Conv {
    int kernel = 3, stride = 1, upsample = 1;
    int pad_before = 1, pad_after = 1;
    int vector = -1, residual = -1;
    Activation activation = Activation::none;
  };

  // ---- tensors and operators ----

  const Tensor& tensor(int index) const { return out_.graph.tensors[static_cast<size_t>(index)]; }
  Tensor& tensor(int index) { return out_.graph.tensors[static_cast<size_t>(index)]; }
  int channels_of(int index) const { return tensor(index).dims[2]; }

  int add_tensor(const std::string& name, Role role, const std::vector<int>& dims) {
    Tensor t;
    t.name = name;
    t.role = role;
    t.rank = static_cast<int>(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) t.dims[i] = dims[i];
    out_.graph.tensors.push_back(std::move(t));
    return static_cast<int>(out_.graph.tensors.size()) - 1;
  }
  int constant(const std::string& name, const std::vector<int>& dims, std::vector<float> values) {
    const int index = add_tensor(name, Role::parameter, dims);
    tensor(index).values = std::move(values);
    tensor(index).constant = true;
    return index;
  }
  // A parameter that the checkpoint fills; one part, of the same name.
  int weight(const std::string& name, const std::vector<int>& dims, WeightForm form, std::vector<uint64_t> shape) {
    const int index = add_tensor(name, Role::parameter, dims);
    out_.weights.push_back({index, form, {{name, "", std::move(shape)}}, false});
    return index;
  }
  static uint64_t size(int value) { return static_cast<uint64_t>(value); }
  int vector_weight(const std::string& name, int n) { return weight(name, {n}, WeightForm::copy, {size(n)}); }

  int emit(Node node, const std::vector<int>& dims) {
    node.y[0] = add_tensor(node.name, Role::activation, dims);
    out_.graph.nodes.push_back(std::move(node));
    return out_.graph.nodes.back().y[0];
  }
  Node start(OpKind kind, const std::string& name, int x0 = -1, int x1 = -1) const {
    Node node;
    node.kind = kind;
    node.name = name;
    node.x = {x0, x1};
    return node;
  }

  // A convolution whose parameters the caller made.
  int conv_with(const std::string& name, std::array<int, 2> x, int weights, int bias, const Conv& c) {
    Node node = start(OpKind::conv2d, name, x[0], x[1]);
    node.kernel_height = node.kernel_width = c.kernel;
    node.stride = c.stride;
    node.upsample = c.upsample;
    node.pad_top = node.pad_left = c.pad_before;
    node.pad_bottom = node.pad_right = c.pad_after;
    node.vector = c.vector;
    node.residual = c.residual;
    node.weights = weights;
    node.bias = bias;
    const int reach = c.pad_before + c.pad_after - c.kernel;
    const int height = tensor(x[0]).dims[0] * c.upsample + reach, width = tensor(x[0]).dims[1] * c.upsample + reach;
    if (height < 0 || width < 0) refuse_size();
    return emit(std::move(node), {height / c.stride + 1, width / c.stride + 1, tensor(weights).dims[0]});
  }
  int conv(const std::string& name, std::array<int, 2> x, int out, const Conv& c) {
    const int in = channels_of(x[0]) + (x[1] < 0 ? 0 : channels_of(x[1]));
    const int weights = weight(name + ".weight", {out, c.kernel, c.kernel, in}, WeightForm::convolution,
                               {size(out), size(in), size(c.kernel), size(c.kernel)});
    return conv_with(name, x, weights, vector_weight(name + ".bias", out), c);
  }
  static Conv pointwise(int residual = -1) {
    Conv c;
    c.kernel = 1;
    c.pad_before = c.pad_after = 0;
    c.residual = residual;
    return c;
  }

  // in_shape: columns of the checkpoint's matrix when it has more than x.
  int linear(const std::string& name, int x, int out, int in_shape = 0) {
    const int in = tensor(x).dims[0];
    Node node = start(OpKind::linear, name, x);
    node.weights = weight(name + ".weight", {out, in}, in_shape > in ? WeightForm::first_columns : WeightForm::copy,
                          {size(out), size(in_shape > in ? in_shape : in)});
    node.bias = vector_weight(name + ".bias", out);
    return emit(std::move(node), {out});
  }

  int activate(const std::string& name, int x, Activation activation) {
    Node node = start(OpKind::activation, name, x);
    node.activation = activation;
    return emit(std::move(node), {tensor(x).dims[0]});
  }

  int group_norm(const std::string& name, std::array<int, 2> x, int groups, Activation activation, int vector = -1) {
    const int c = channels_of(x[0]) + (x[1] < 0 ? 0 : channels_of(x[1]));
    Node node = start(OpKind::group_norm, name, x[0], x[1]);
    node.groups = groups;
    node.epsilon = static_cast<float>(config_.epsilon);
    node.activation = activation;
    node.vector = vector;
    node.weights = vector_weight(name + ".weight", c);
    node.bias = vector_weight(name + ".bias", c);
    return emit(std::move(node), {tensor(x[0]).dims[0], tensor(x[0]).dims[1], c});
  }

  int scale_shift(const std::string& name, int x, int vector) {
    Node node = start(OpKind::scale_shift, name, x);
    node.vector = vector;
    return emit(std::move(node), {tensor(x).dims[0], tensor(x).dims[1], tensor(x).dims[2]});
  }

  int resampled(OpKind kind, const std::string& name, int x) {
    Node node = start(kind, name, x);
    node.factor = 2;
    const int height = tensor(x).dims[0], width = tensor(x).dims[1];
    const bool up = kind == OpKind::upsample;
    if (!up && (height < 2 || width < 2)) refuse_size();
    return emit(std::move(node), {up ? 2 * height : height / 2, up ? 2 * width : width / 2, channels_of(x)});
  }

  [[noreturn]] void refuse_size() const {
    throw Error(ExitCode::invalid_input, name_ + ": sample_size: a picture of " + std::to_string(height_) + "x" +
                                             std::to_string(width_) + " cannot be halved and doubled back " +
                                             std::to_string(config_.channels.size() - 1) + " times; use multiples of " +
                                             std::to_string(1 << (config_.channels.size() - 1)) +
                                             ", in the file or with --size HxW");
  }

  const Unet2DConfig& config_;
  const int height_, width_;
  const std::string& name_;
  UnetGraph out_;
};

}  // namespace mote::tool
