// The executor's construction and forward pass; executor_backward.cpp has the rest.
#include "weights_tool/train/executor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "core/random.h"
#include "diffusion/noise.h"
#include "graph/ops/timestep_embedding.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

Executor::Executor(const Graph& graph, const ParameterStore& store, int slice, bool training, bool keep_all,
                   bool input_gradient)
    : graph_(&graph),
      store_(&store),
      slice_(slice),
      training_(training),
      set_(store.kernel_set()),
      kernels_(&backward_kernels(set_)),
      plan_(plan_execution(graph, slice, training, keep_all, input_gradient)),
      block_(static_cast<size_t>(plan_.floats)) {
  if (input_gradient && !(training && store.input_gradient()))
    throw Error(ExitCode::failure, "executor: the gradient of the input needs training and a store made for it");
  measure_scratch();
}

void Executor::measure_scratch() {
  size_t scratch = 0, image = 0, turned = 0;
  const Conv2dF32Kernel& conv = pick_kernel(conv2d_f32_kernels, set_);
  const auto conv_scratch = [&](const Conv2dF32& shape) {
    if (conv.packed_scratch_bytes == nullptr) return;
    scratch = std::max(scratch, (conv.packed_scratch_bytes(shape) + sizeof(float) - 1) / sizeof(float));
  };
  for (size_t n = 0; n < graph_->nodes.size(); ++n) {
    const Node& node = graph_->nodes[n];
    const int index = static_cast<int>(n);
    for (int which = 0; training_ && which < node_input_count; ++which) {
      const int t = node_input(node, which);
      if (t >= 0) image = std::max(image, static_cast<size_t>(elements(t)));
    }
    if (node.kind == OpKind::conv2d) {
      conv_scratch(conv2d_shape(*graph_, node));
      image = std::max(image, static_cast<size_t>(graph_->tensors[static_cast<size_t>(node.y[0])].dims[2]));
      for (int input = 0; training_ && input < 2; ++input) {
        const Conv2dF32& g = store_->data_gradient(index, input);
        if (g.weights == nullptr) continue;
        conv_scratch(g);
        if (node.upsample == 2) {
          turned = std::max(turned, static_cast<size_t>(g.kernel_height) * static_cast<size_t>(g.kernel_width) *
                                        static_cast<size_t>(g.channels[0]) * static_cast<size_t>(g.out_channels));
        }
      }
    } else if (node.kind == OpKind::attention) {
      const AttentionF32 shape = attention_shape(*graph_, node);
      scratch = std::max(scratch, attention_scratch_floats(shape.tokens));
      if (training_) scratch = std::max(scratch, attention_grad_floats(shape.tokens, shape.head_dim));
    } else if (node.kind == OpKind::group_norm && training_) {
      const GroupNormF32 shape = group_norm_shape(*graph_, node);
      scratch = std::max(scratch, group_norm_grad_floats(shape.channels[0] + shape.channels[1]));
    }
  }
  scratch_ = AlignedFloats(scratch);
  if (training_) image_ = AlignedFloats(image);
  turned_ = AlignedFloats(turned);
}

const float* Executor::forward(const SliceInput& input) {
  if (input.images < 1 || input.images > slice_) throw Error(ExitCode::failure, "executor: wrong number of images");
  input_ = input;
  classes_.assign(static_cast<size_t>(input.images), graph_->num_classes);
  for (int i = 0; i < input.images; ++i) {
    const size_t n = static_cast<size_t>(i);
    if (input.classes != nullptr) classes_[n] = input.classes[i];
    if (classes_[n] < 0 || classes_[n] > graph_->num_classes) throw Error(ExitCode::failure, "executor: no such class");
    std::copy_n(input.x + i * elements(graph_->input), elements(graph_->input), act(graph_->input, i));
  }
  for (int node = 0; node < static_cast<int>(graph_->nodes.size()); ++node) run_node(node);
  return act(graph_->output);
}

void Executor::run_node(int node) {
  switch (node_at(node).kind) {
    case OpKind::conv2d: return run_conv2d(node);
    case OpKind::linear: return run_linear(node);
    case OpKind::group_norm: return run_group_norm(node);
    case OpKind::attention: return run_attention(node);
    case OpKind::activation:
    case OpKind::add:
    case OpKind::scale_shift: return run_elementwise(node);
    case OpKind::upsample:
    case OpKind::average_pool: return run_resample(node);
    case OpKind::timestep_embedding:
    case OpKind::class_embedding: return run_embedding(node);
    default: break;
  }
  if (node_at(node).kind != op_dropout)
    throw Error(ExitCode::failure, "executor: node " + node_at(node).name + " is of unknown kind");
  run_dropout(node);
}

void Executor::run_conv2d(int index) {
  const Node& node = node_at(index);
  const Conv2dF32Kernel& kernel = pick_kernel(conv2d_f32_kernels, set_);
  Conv2dF32 args = conv2d_shape(*graph_, node);
  args.weights = parameter(node.weights);
  args.packed = store_->packed(index);
  args.bias = parameter(node.bias);
  const bool apart = training_ && saves_preactivation(node);
  if (apart) args.activation = Activation::none;
  for (int i = 0; i < input_.images; ++i) {
    args.x[0] = act(node.x[0], i);
    if (node.x[1] >= 0) args.x[1] = act(node.x[1], i);
    if (node.vector >= 0) args.shift = act(node.vector, i);
    if (node.residual >= 0) args.residual = act(node.residual, i);
    args.y = apart ? saved(index, i) : act(node.y[0], i);
    kernel.run(args, 0, args.out_height, scratch_.data());
    if (!apart) continue;
    const int row = args.out_width * args.out_channels;
    pick_kernel(activation_f32_kernels, set_)
        .run({args.y, act(node.y[0], i), args.out_height, row, node.activation}, 0, args.out_height);
  }
}

void Executor::run_linear(int index) {
  const Node& node = node_at(index);
  const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set_);
  LinearF32 args = linear_shape(*graph_, node);
  args.weights = parameter(node.weights);
  args.packed = store_->packed(index);
  args.bias = parameter(node.bias);
  const bool apart = training_ && saves_preactivation(node);
  if (apart) args.activation = Activation::none;
  // Images that lie one after the other are rows of one product.
  const bool joined = contiguous(node.x[0]) && contiguous(node.y[0]);
  const int calls = joined ? 1 : input_.images;
  if (joined) args.rows *= input_.images;
  for (int i = 0; i < calls; ++i) {
    args.x = act(node.x[0], i);
    if (node.residual >= 0) args.residual = act(node.residual, i);
    args.y = apart ? saved(index, i) : act(node.y[0], i);
    kernel.run(args, 0, args.rows, scratch_.data());
    if (!apart) continue;
    pick_kernel(activation_f32_kernels, set_)
        .run({args.y, act(node.y[0], i), args.rows, args.out_features, node.activation}, 0, args.rows);
  }
}

GroupNormF32 Executor::group_norm_args(int index, int image) {
  const Node& node = node_at(index);
  GroupNormF32 args = group_norm_shape(*graph_, node);
  args.gamma = parameter(node.weights);
  args.beta = parameter(node.bias);
  for (size_t k = 0; k < 2; ++k) {
    if (node.x[k] >= 0) args.x[k] = act(node.x[k], image);
    if (node.y[k] >= 0) args.y[k] = act(node.y[k], image);
  }
  if (node.vector >= 0) args.scale_shift = act(node.vector, image);
  args.stats = saved(index, image);
  return args;
}

void Executor::run_group_norm(int index) {
  const GroupNormF32Kernel& kernel = pick_kernel(group_norm_f32_kernels, set_);
  for (int i = 0; i < input_.images; ++i) {
    const GroupNormF32 args = group_norm_args(index, i);
    kernel.run(args, 0, 0, group_norm_slices(args.height));
    kernel.run(args, 1, 0, 1);
    kernel.run(args, 2, 0, args.height);
  }
}

void Executor::run_attention(int index) {
  const Node& node = node_at(index);
  AttentionF32 args = attention_shape(*graph_, node);
  for (int i = 0; i < input_.images; ++i) {
    args.qkv = act(node.x[0], i);
    args.y = act(node.y[0], i);
    pick_kernel(attention_f32_kernels, set_).run(args, 0, args.tokens, scratch_.data());
  }
}

ScaleShiftF32 Executor::scale_shift_args(int index, int image) {
  const Node& node = node_at(index);
  const Tensor& x = graph_->tensors[static_cast<size_t>(node.x[0])];
  ScaleShiftF32 args = {};
  args.channels = x.dims[static_cast<size_t>(x.rank - 1)];
  args.height = x.rank == 3 ? x.dims[0] : 1;
  args.width = static_cast<int32_t>(x.elements() / (int64_t{args.channels} * args.height));
  args.activation = node.activation;
  const float* vector = act(node.vector, image);
  const bool both = elements(node.vector) == 2 * args.channels;  // else a shift alone
  args.scale = both ? vector : nullptr;
  args.shift = both ? vector + args.channels : vector;
  args.x = act(node.x[0], image);
  args.y = act(node.y[0], image);
  return args;
}

void Executor::run_elementwise(int index) {
  const Node& node = node_at(index);
  const Tensor& shape = graph_->tensors[static_cast<size_t>(node.y[0])];
  const int rows = shape.rank == 1 ? 1 : shape.dims[0], row = static_cast<int>(shape.elements() / rows);
  for (int i = 0; i < input_.images; ++i) {
    if (node.kind == OpKind::activation) {
      const ActivationF32 args{act(node.x[0], i), act(node.y[0], i), rows, row, node.activation};
      pick_kernel(activation_f32_kernels, set_).run(args, 0, rows);
    } else if (node.kind == OpKind::add) {
      const AddF32 args{act(node.x[0], i), act(node.x[1], i), act(node.y[0], i), rows, row};
      pick_kernel(add_f32_kernels, set_).run(args, 0, rows);
    } else {
      const ScaleShiftF32 args = scale_shift_args(index, i);
      pick_kernel(scale_shift_f32_kernels, set_).run(args, 0, args.height);
    }
  }
}

void Executor::run_resample(int index) {
  const Node& node = node_at(index);
  const Tensor& x = graph_->tensors[static_cast<size_t>(node.x[0])];
  const int rows = graph_->tensors[static_cast<size_t>(node.y[0])].dims[0];
  for (int i = 0; i < input_.images; ++i) {
    if (node.kind == OpKind::upsample) {
      const UpsampleF32 args{act(node.x[0], i), act(node.y[0], i), x.dims[0], x.dims[1], x.dims[2], node.factor};
      pick_kernel(upsample_f32_kernels, set_).run(args, 0, rows);
    } else {
      const AveragePoolF32 args{act(node.x[0], i), act(node.y[0], i), x.dims[0], x.dims[1], x.dims[2], node.factor};
      pick_kernel(average_pool_f32_kernels, set_).run(args, 0, rows);
    }
  }
}

void Executor::run_embedding(int index) {
  const Node& node = node_at(index);
  const float* table = parameter(node.weights);
  const int64_t features = elements(node.y[0]);
  for (int i = 0; i < input_.images; ++i) {
    float* y = act(node.y[0], i);
    if (node.kind == OpKind::class_embedding) {
      std::copy_n(table + classes_[static_cast<size_t>(i)] * features, features, y);
      continue;
    }
    const int half = static_cast<int>(elements(node.weights));
    embed_timestep(input_.timesteps[i], table, half, node.fourier_time, node.flip_sin_cos ? y + half : y,
                   node.flip_sin_cos ? y : y + half);
  }
}

// In 256ths; never everything.
int Executor::dropout_threshold(const Node& node) {
  return static_cast<int>(std::clamp(std::lround(node.dropout * 256.0f), 0L, 255L));
}

// Element e is dropped if byte e % 16 of Philox block e / 16 is below 256 * probability, rounded; what is left is
// scaled by the exact reciprocal of what that keeps. The block's third counter word holds sample and node, the key is
// the seed.
void Executor::run_dropout(int index) {
  const Node& node = node_at(index);
  const int64_t n = elements(node.x[0]);
  const int threshold = dropout_threshold(node);
  for (int i = 0; i < input_.images; ++i) {
    const float* x = act(node.x[0], i);
    float* y = act(node.y[0], i);
    if (!training_ || !input_.dropout) {
      if (x != y) std::copy_n(x, n, y);
      continue;
    }
    uint8_t* random = reinterpret_cast<uint8_t*>(saved(index, i));
    const uint32_t key[2] = {static_cast<uint32_t>(input_.seed), static_cast<uint32_t>(input_.seed >> 32)};
    for (uint32_t block = 0; block < static_cast<uint32_t>((n + 15) / 16); ++block) {
      const uint32_t sample = input_.first_sample + static_cast<uint32_t>(i);
      const uint32_t counter[4] = {block, input_.step, sample << 12 | static_cast<uint32_t>(index), noise_dropout};
      const PhiloxBlock bits = philox4x32_10(counter, key);
      std::memcpy(random + size_t{16} * block, bits.word, 16);
    }
    kernels_->mask(x, random, threshold, 256.0f / static_cast<float>(256 - threshold), y, static_cast<size_t>(n),
                   false);
  }
}

}  // namespace mote::tool
