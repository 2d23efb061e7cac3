// The executor's backward pass: node after node from the last to the first, all images of the slice in each.
#include <algorithm>
#include <string>

#include "weights_tool/io/error.h"
#include "weights_tool/train/executor.h"

namespace mote::tool {

void Executor::backward(float* gradient) {
  if (!training_) throw Error(ExitCode::failure, "executor: made without the backward pass");
  parameter_gradients_ = gradient;
  for (int node = static_cast<int>(graph_->nodes.size()) - 1; node >= 0; --node) {
    if (plan_.backward[static_cast<size_t>(node)]) back_node(node);
  }
  parameter_gradients_ = nullptr;
}

void Executor::back_node(int node) {
  switch (node_at(node).kind) {
    case OpKind::conv2d: return back_conv2d(node);
    case OpKind::linear: return back_linear(node);
    case OpKind::group_norm: return back_group_norm(node);
    case OpKind::activation: return back_activation(node);
    case OpKind::attention: return back_attention(node);
    case OpKind::add: pass_gradient(node, input_x0); return pass_gradient(node, input_x1);
    case OpKind::upsample:
    case OpKind::average_pool: return back_resample(node);
    case OpKind::class_embedding: return back_class_embedding(node);
    case OpKind::scale_shift: return back_scale_shift(node);
    case OpKind::timestep_embedding:
    case OpKind::quantize:
    case OpKind::step_embedding: return;  // the last two: quantized graphs, which nobody trains
  }
  back_dropout(node);
}

void Executor::pass_gradient(int index, NodeInput input) {
  const Node& node = node_at(index);
  const GradientUse how = use(index, input);
  if (how == GradientUse::none || how == GradientUse::keep) return;
  const int to = node_input(node, input);
  const size_t n = static_cast<size_t>(elements(to));
  for (int i = 0; i < input_.images; ++i) {
    if (how == GradientUse::add) {
      kernels_->add(grad(node.y[0], i), grad(to, i), n);
    } else {
      std::copy_n(grad(node.y[0], i), n, grad(to, i));
    }
  }
}

void Executor::back_fused_activation(int index) {
  const Node& node = node_at(index);
  if (!saves_preactivation(node)) return;
  for (int i = 0; i < input_.images; ++i) {
    float* dy = grad(node.y[0], i);
    kernels_->activation(saved(index, i), dy, dy, static_cast<size_t>(elements(node.y[0])), node.activation, false);
  }
}

// ---- convolution ----------------------------------------------------------------------------------------------------

void Executor::back_conv2d(int index) {
  const Node& node = node_at(index);
  back_fused_activation(index);
  back_conv2d_sums(index);
  for (int input = 0; input < 2; ++input) {
    if (node.x[static_cast<size_t>(input)] < 0) continue;
    if (parameter_gradient(node.weights) != nullptr) {
      node.upsample == 2 ? back_upsampled_weights(index, input) : back_conv2d_weights(index, input);
    }
    back_conv2d_data(index, input);
  }
  pass_gradient(index, input_residual);
}

// Bias and shift: dy summed over the pixels of each image.
void Executor::back_conv2d_sums(int index) {
  const Node& node = node_at(index);
  const Conv2dF32 shape = conv2d_shape(*graph_, node);
  float* dbias = parameter_gradient(node.bias);
  const GradientUse how = use(index, input_vector);
  const size_t channels = static_cast<size_t>(shape.out_channels);
  for (int i = 0; i < input_.images; ++i) {
    if (dbias == nullptr && how == GradientUse::none) return;
    float* sums = image_.data();
    kernels_->column_sums(grad(node.y[0], i), shape.out_height * shape.out_width, shape.out_channels, sums, false);
    if (dbias != nullptr) kernels_->add(sums, dbias, channels);
    if (how == GradientUse::add) kernels_->add(sums, grad(node.vector, i), channels);
    if (how == GradientUse::write) std::copy_n(sums, channels, grad(node.vector, i));
  }
}

namespace {

// The outputs [begin, end) of one axis whose input o * stride + shift lies in [0, size).
struct Span {
  int begin, end;
  Span(int outputs, int stride, int shift, int size) {
    begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    end = size - shift <= 0 ? 0 : (size - shift + stride - 1) / stride;
    end = std::min(end, outputs);
  }
  int count() const { return std::max(0, end - begin); }
};

// Runs a product over all images in groups whose operands stay in the first-level caches.
void correlate_images(const BackwardKernels& kernels, CorrelateF32 args, int images) {
  const int pixels = std::max(1, args.rows * args.cols), group = std::max(1, 192 / pixels);
  for (int first = 0; first < images; first += group) {
    args.images = std::min(group, images - first);
    kernels.correlate(args);
    args.a += args.a_image * args.images;
    args.b += args.b_image * args.images;
  }
}

}  // namespace

// dW[o][kh][kw][i] = sum over pixels of dy[oy][ox][o] * x[oy * stride + kh - pad][...][i]: a product for each tap, over
// the rectangle of outputs whose input lies inside.
void Executor::back_conv2d_weights(int index, int input) {
  const Node& node = node_at(index);
  const Conv2dF32 s = conv2d_shape(*graph_, node);
  const int channels = s.channels[input], total = s.channels[0] + s.channels[1];
  const int x_tensor = node.x[static_cast<size_t>(input)];
  float* dw = parameter_gradient(node.weights) + (input == 0 ? 0 : s.channels[0]);
  CorrelateF32 args = {};
  args.a_image = stride(node.y[0]);
  args.a_row = ptrdiff_t{s.out_width} * s.out_channels;
  args.a_col = s.out_channels;
  args.b_image = stride(x_tensor);
  args.b_row = ptrdiff_t{s.stride} * s.in_width * channels;
  args.b_col = ptrdiff_t{s.stride} * channels;
  args.m = s.out_channels;
  args.n = channels;
  args.c_row = ptrdiff_t{s.kernel_height} * s.kernel_width * total;
  for (int tap = 0; tap < s.kernel_height * s.kernel_width; ++tap) {
    const int shift_y = tap / s.kernel_width - s.pad_top, shift_x = tap % s.kernel_width - s.pad_left;
    const Span rows(s.out_height, s.stride, shift_y, s.in_height), cols(s.out_width, s.stride, shift_x, s.in_width);
    args.rows = rows.count();
    args.cols = cols.count();
    if (args.rows == 0 || args.cols == 0) continue;
    args.a = grad(node.y[0]) + rows.begin * args.a_row + cols.begin * args.a_col;
    args.b = act(x_tensor) +
             (ptrdiff_t{rows.begin * s.stride + shift_y} * s.in_width + cols.begin * s.stride + shift_x) * channels;
    args.c = dw + ptrdiff_t{tap} * total;
    correlate_images(*kernels_, args, input_.images);
  }
}

// Behind a 2x upsampling the products are taken with the stored pixels: g[t] = sum_i x[i] * dy[2i + t - (K - 1 - pad)]
// for K + 1 taps a axis (ParameterStore turns the weights the same way), and dW[k] = g[K - 1 - k] + g[K - k].
void Executor::back_upsampled_weights(int index, int input) {
  const Node& node = node_at(index);
  const Conv2dF32 s = conv2d_shape(*graph_, node);
  const int channels = s.channels[input], total = s.channels[0] + s.channels[1], outputs = s.out_channels;
  const int taps_y = s.kernel_height + 1, taps_x = s.kernel_width + 1, taps = taps_y * taps_x;
  const int x_tensor = node.x[static_cast<size_t>(input)];
  std::fill_n(turned_.data(), ptrdiff_t{outputs} * taps * channels, 0.0f);
  CorrelateF32 args = {};
  args.a_image = stride(node.y[0]);
  args.a_row = ptrdiff_t{2} * s.out_width * outputs;
  args.a_col = ptrdiff_t{2} * outputs;
  args.b_image = stride(x_tensor);
  args.b_row = ptrdiff_t{s.in_width} * channels;
  args.b_col = channels;
  args.m = outputs;
  args.n = channels;
  args.c_row = ptrdiff_t{taps} * channels;
  for (int tap = 0; tap < taps; ++tap) {
    const int shift_y = tap / taps_x - (s.kernel_height - 1 - s.pad_top);
    const int shift_x = tap % taps_x - (s.kernel_width - 1 - s.pad_left);
    const Span rows(s.in_height, 2, shift_y, s.out_height), cols(s.in_width, 2, shift_x, s.out_width);
    args.rows = rows.count();
    args.cols = cols.count();
    if (args.rows == 0 || args.cols == 0) continue;
    args.a = grad(node.y[0]) + (ptrdiff_t{2 * rows.begin + shift_y} * s.out_width + 2 * cols.begin + shift_x) * outputs;
    args.b = act(x_tensor) + rows.begin * args.b_row + cols.begin * args.b_col;
    args.c = turned_.data() + ptrdiff_t{tap} * channels;
    correlate_images(*kernels_, args, input_.images);
  }
  float* dw = parameter_gradient(node.weights) + (input == 0 ? 0 : s.channels[0]);
  for (int o = 0; o < outputs; ++o) {
    for (int tap = 0; tap < s.kernel_height * s.kernel_width; ++tap, dw += total) {
      const int y = s.kernel_height - 1 - tap / s.kernel_width, x = s.kernel_width - 1 - tap % s.kernel_width;
      for (int corner = 0; corner < 4; ++corner) {
        const ptrdiff_t from = ptrdiff_t{o} * taps + (y + corner / 2) * taps_x + x + corner % 2;
        kernels_->add(turned_.data() + from * channels, dw, static_cast<size_t>(channels));
      }
    }
  }
}

void Executor::back_conv2d_data(int index, int input) {
  const GradientUse how = use(index, input == 0 ? input_x0 : input_x1);
  if (how == GradientUse::none) return;
  const Node& node = node_at(index);
  const int x_tensor = node.x[static_cast<size_t>(input)];
  const Conv2dF32Kernel& kernel = pick_kernel(conv2d_f32_kernels, set_);
  Conv2dF32 args = store_->data_gradient(index, input);
  for (int i = 0; i < input_.images; ++i) {
    args.x[0] = grad(node.y[0], i);
    args.y = how == GradientUse::add ? image_.data() : grad(x_tensor, i);
    kernel.run(args, 0, args.out_height, scratch_.data());
    if (how == GradientUse::add) kernels_->add(args.y, grad(x_tensor, i), static_cast<size_t>(elements(x_tensor)));
  }
}

// ---- linear ---------------------------------------------------------------------------------------------------------

void Executor::back_linear(int index) {
  const Node& node = node_at(index);
  back_fused_activation(index);
  const LinearF32 shape = linear_shape(*graph_, node);
  const bool joined = contiguous(node.x[0]) && contiguous(node.y[0]);
  const int calls = joined ? 1 : input_.images, rows = joined ? shape.rows * input_.images : shape.rows;
  for (int i = 0; i < calls; ++i) {
    if (float* dbias = parameter_gradient(node.bias)) {
      kernels_->column_sums(grad(node.y[0], i), rows, shape.out_features, dbias, true);
    }
    float* dw = parameter_gradient(node.weights);
    if (dw == nullptr) continue;
    CorrelateF32 args = {};
    args.a = grad(node.y[0], i);
    args.b = act(node.x[0], i);
    args.a_col = shape.out_features;
    args.b_col = shape.in_features;
    args.images = args.rows = 1;
    args.cols = rows;
    args.m = shape.out_features;
    args.n = shape.in_features;
    args.c = dw;
    args.c_row = shape.in_features;
    kernels_->correlate(args);
  }
  const GradientUse how = use(index, input_x0);
  const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set_);
  LinearF32 args = store_->linear_gradient(index);
  for (int i = 0; how != GradientUse::none && i < input_.images; ++i) {
    args.x = grad(node.y[0], i);
    args.y = how == GradientUse::add ? image_.data() : grad(node.x[0], i);
    kernel.run(args, 0, args.rows, scratch_.data());
    if (how == GradientUse::add) kernels_->add(args.y, grad(node.x[0], i), static_cast<size_t>(elements(node.x[0])));
  }
  pass_gradient(index, input_residual);
}

// ---- the rest -------------------------------------------------------------------------------------------------------

void Executor::back_group_norm(int index) {
  const Node& node = node_at(index);
  GroupNormGradF32 args = {};
  args.dgamma = parameter_gradient(node.weights);
  args.dbeta = parameter_gradient(node.bias);
  args.scratch = scratch_.data();
  args.add_scale_shift = use(index, input_vector) == GradientUse::add;
  for (int i = 0; i < input_.images; ++i) {
    args.forward = group_norm_args(index, i);
    const int channels = args.forward.channels[0] + args.forward.channels[1];
    args.factors = args.forward.stats + ptrdiff_t{2} * group_norm_slices(args.forward.height) * channels;
    args.offsets = args.factors + channels;
    for (size_t k = 0; k < 2; ++k) {
      const GradientUse how = use(index, k == 0 ? input_x0 : input_x1);
      args.dx[k] = how == GradientUse::none ? nullptr : grad(node.x[k], i);
      args.add[k] = how == GradientUse::add;
      args.dy[k] = node.y[k] < 0 ? nullptr : grad(node.y[k], i);
    }
    if (use(index, input_vector) != GradientUse::none) args.dscale_shift = grad(node.vector, i);
    kernels_->group_norm(args);
  }
}

void Executor::back_attention(int index) {
  const GradientUse how = use(index, input_x0);
  if (how == GradientUse::none) return;
  const Node& node = node_at(index);
  AttentionGradF32 args = {};
  args.forward = attention_shape(*graph_, node);
  args.scratch = scratch_.data();
  for (int i = 0; i < input_.images; ++i) {
    args.forward.qkv = act(node.x[0], i);
    args.dy = grad(node.y[0], i);
    args.dqkv = how == GradientUse::add ? image_.data() : grad(node.x[0], i);
    kernels_->attention(args);
    if (how == GradientUse::add) kernels_->add(args.dqkv, grad(node.x[0], i), static_cast<size_t>(elements(node.x[0])));
  }
}

void Executor::back_activation(int index) {
  const Node& node = node_at(index);
  const GradientUse how = use(index, input_x0);
  const size_t n = static_cast<size_t>(elements(node.x[0]));
  for (int i = 0; i < input_.images; ++i) {
    kernels_->activation(act(node.x[0], i), grad(node.y[0], i), grad(node.x[0], i), n, node.activation,
                         how == GradientUse::add);
  }
}

void Executor::back_scale_shift(int index) {
  const Node& node = node_at(index);
  ScaleShiftGradF32 args = {};
  for (int i = 0; i < input_.images; ++i) {
    args.forward = scale_shift_args(index, i);
    args.dy = grad(node.y[0], i);
    args.dx = use(index, input_x0) == GradientUse::none ? nullptr : grad(node.x[0], i);
    args.add = use(index, input_x0) == GradientUse::add;
    if (use(index, input_vector) != GradientUse::none) {
      float* vector = grad(node.vector, i);
      args.dscale = args.forward.scale != nullptr ? vector : nullptr;
      args.dshift = args.forward.scale != nullptr ? vector + args.forward.channels : vector;
      args.add_vector = use(index, input_vector) == GradientUse::add;
    }
    kernels_->scale_shift(args);
  }
}

void Executor::back_resample(int index) {
  const Node& node = node_at(index);
  const Tensor& x = graph_->tensors[static_cast<size_t>(node.x[0])];
  const bool add = use(index, input_x0) == GradientUse::add;
  const bool signal = x.dims[0] == 1 && graph_->tensors[static_cast<size_t>(node.y[0])].dims[0] == 1;
  const int rows = signal ? 1 : node.factor;  // of a window
  const float share = 1.0f / static_cast<float>(rows * node.factor);
  for (int i = 0; i < input_.images; ++i) {
    const float* dy = grad(node.y[0], i);
    float* dx = grad(node.x[0], i);
    if (node.kind == OpKind::upsample) {
      kernels_->sum_windows(dy, x.dims[0], x.dims[1], x.dims[2], rows, node.factor, dx, add);
    } else {
      kernels_->spread_windows(dy, x.dims[0], x.dims[1], x.dims[2], rows, node.factor, share, dx, add);
    }
  }
}

void Executor::back_class_embedding(int index) {
  const Node& node = node_at(index);
  float* table = parameter_gradient(node.weights);
  const int64_t features = elements(node.y[0]);
  for (int i = 0; table != nullptr && i < input_.images; ++i) {
    kernels_->add(grad(node.y[0], i), table + classes_[static_cast<size_t>(i)] * features,
                  static_cast<size_t>(features));
  }
}

void Executor::back_dropout(int index) {
  const Node& node = node_at(index);
  const int threshold = input_.dropout ? dropout_threshold(node) : 0;  // 0 keeps everything, whatever the bytes
  const float scale = 256.0f / static_cast<float>(256 - threshold);
  const bool add = use(index, input_x0) == GradientUse::add;
  for (int i = 0; i < input_.images; ++i) {
    kernels_->mask(grad(node.y[0], i), reinterpret_cast<const uint8_t*>(saved(index, i)), threshold, scale,
                   grad(node.x[0], i), static_cast<size_t>(elements(node.x[0])), add);
  }
}

}  // namespace mote::tool
