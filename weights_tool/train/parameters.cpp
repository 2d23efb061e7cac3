#include "weights_tool/train/parameters.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "weights_tool/io/error.h"

namespace mote::tool {

AlignedFloats::AlignedFloats(size_t count) : size_(count) {
  if (count == 0) return;
  const size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  data_.reset(static_cast<float*>(::operator new (bytes, std::align_val_t{64})));
  std::memset(data_.get(), 0, bytes);
}
void AlignedFloats::Free::operator()(float* p) const { ::operator delete (p, std::align_val_t{64}); }

namespace {

// Weights of the convolution that gives dx of channels [first, first + channels) of the concatenated input, for a
// forward convolution without upsampling: [channels][KH][KW][O], taps flipped.
void turn_weights(const Conv2dF32& forward, const float* weights, int first, int channels, float* turned) {
  const int total = forward.channels[0] + forward.channels[1], outputs = forward.out_channels;
  const int taps = forward.kernel_height * forward.kernel_width;
  for (int o = 0; o < outputs; ++o) {
    for (int tap = 0; tap < taps; ++tap) {
      const float* from = weights + (static_cast<ptrdiff_t>(o) * taps + tap) * total + first;
      float* to = turned + static_cast<ptrdiff_t>(taps - 1 - tap) * outputs + o;
      for (int c = 0; c < channels; ++c) to[static_cast<ptrdiff_t>(c) * taps * outputs] = from[c];
    }
  }
}

// The same behind a 2x nearest upsampling: dx[i] = du[2i] + du[2i + 1] along each axis, which is a convolution of dy
// with stride 2 and one more tap, each the sum of (up to) two neighbouring taps: flipped tap t adds to taps t and t +
// 1.
void turn_upsampled_weights(const Conv2dF32& forward, const float* weights, int first, int channels, float* turned) {
  const int total = forward.channels[0] + forward.channels[1], outputs = forward.out_channels;
  const int kh = forward.kernel_height, kw = forward.kernel_width;
  const ptrdiff_t taps = static_cast<ptrdiff_t>(kh + 1) * (kw + 1);
  std::memset(turned, 0, static_cast<size_t>(channels) * taps * outputs * sizeof(float));
  for (int o = 0; o < outputs; ++o) {
    for (int y = 0; y < kh; ++y) {
      for (int x = 0; x < kw; ++x) {
        const float* from = weights + ((static_cast<ptrdiff_t>(o) * kh + y) * kw + x) * total + first;
        for (int corner = 0; corner < 4; ++corner) {
          const int ty = kh - 1 - y + corner / 2, tx = kw - 1 - x + corner % 2;
          float* to = turned + static_cast<ptrdiff_t>(ty * (kw + 1) + tx) * outputs + o;
          for (int c = 0; c < channels; ++c) to[static_cast<ptrdiff_t>(c) * taps * outputs] += from[c];
        }
      }
    }
  }
}

// The gradient's convolution: shapes only.
Conv2dF32 gradient_shape(const Node& node, const Conv2dF32& forward, int input) {
  if (forward.stride > 2 || (forward.stride == 2 && forward.upsample == 2) || forward.upsample > 2 ||
      forward.pad_top >= forward.kernel_height || forward.pad_left >= forward.kernel_width) {
    throw Error(ExitCode::invalid_input, "node " + node.name +
                                             ": cannot train a convolution with a stride above 2, with both stride and "
                                             "upsampling, or with padding as large as its kernel");
  }
  Conv2dF32 g = {};
  const int more = forward.upsample == 2 ? 1 : 0;
  g.channels[0] = forward.out_channels;
  g.in_height = forward.out_height;
  g.in_width = forward.out_width;
  g.out_height = forward.in_height;
  g.out_width = forward.in_width;
  g.out_channels = forward.channels[input];
  g.kernel_height = forward.kernel_height + more;
  g.kernel_width = forward.kernel_width + more;
  g.stride = forward.upsample;
  g.pad_top = forward.kernel_height - 1 - forward.pad_top;
  g.pad_left = forward.kernel_width - 1 - forward.pad_left;
  g.upsample = forward.stride;
  g.zero_insert = forward.stride == 2;
  return g;
}

size_t floats_of(size_t bytes) { return (bytes + sizeof(float) - 1) / sizeof(float); }

}  // namespace

ParameterStore::ParameterStore(const Graph& graph, KernelSet set, ThreadPool& pool, bool training, bool input_gradient)
    : graph_(&graph),
      set_(set),
      training_(training),
      input_gradient_(training && input_gradient),
      offsets_(graph.tensors.size(), -1),
      derived_(graph.nodes.size()) {
  int64_t total = 0;
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const Tensor& tensor = graph.tensors[t];
    if (tensor.role != Role::parameter || tensor.constant) continue;
    offsets_[t] = total;
    total += (tensor.elements() + 15) / 16 * 16;
  }
  values_ = AlignedFloats(static_cast<size_t>(total));
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (offsets_[t] >= 0) {
      std::copy(graph.tensors[t].values.begin(), graph.tensors[t].values.end(), values_.data() + offsets_[t]);
    }
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const OpKind kind = graph.nodes[n].kind;
    if (kind != OpKind::conv2d && kind != OpKind::linear) continue;
    prepare(static_cast<int>(n), training);
    nodes_.push_back(static_cast<int>(n));
  }
  // Largest first: the last one to finish is then a small one.
  std::stable_sort(nodes_.begin(), nodes_.end(), [&](int a, int b) {
    const auto size = [&](int n) {
      return graph.tensors[static_cast<size_t>(graph.nodes[static_cast<size_t>(n)].weights)].elements();
    };
    return size(a) > size(b);
  });
  refresh(pool);
}

const float* ParameterStore::data(int tensor) const {
  const int64_t at = offset(tensor);
  return at >= 0 ? values_.data() + at : graph_->tensors[static_cast<size_t>(tensor)].values.data();
}

void ParameterStore::prepare(int node_index, bool training) {
  const Node& node = graph_->nodes[static_cast<size_t>(node_index)];
  Derived& derived = derived_[static_cast<size_t>(node_index)];
  if (node.kind == OpKind::linear) {
    const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set_);
    const LinearF32 forward = linear_shape(*graph_, node);
    if (kernel.packed_bytes != nullptr) derived.packed = AlignedFloats(floats_of(kernel.packed_bytes(forward)));
    if (!training) return;
    LinearF32& g = derived.linear;
    g = LinearF32{};
    g.rows = forward.rows;
    g.in_features = forward.out_features;
    g.out_features = forward.in_features;
    derived.weights[0] = AlignedFloats(static_cast<size_t>(g.in_features) * static_cast<size_t>(g.out_features));
    g.weights = derived.weights[0].data();
    if (kernel.packed_bytes != nullptr) derived.gradient_packed[0] = AlignedFloats(floats_of(kernel.packed_bytes(g)));
    g.packed = derived.gradient_packed[0].data();
    return;
  }
  const Conv2dF32Kernel& kernel = pick_kernel(conv2d_f32_kernels, set_);
  const Conv2dF32 forward = conv2d_shape(*graph_, node);
  if (kernel.packed_bytes != nullptr) derived.packed = AlignedFloats(floats_of(kernel.packed_bytes(forward)));
  for (int input = 0; training && input < 2; ++input) {
    const int x = node.x[static_cast<size_t>(input)];
    if (x < 0 || (x == graph_->input && !input_gradient_)) continue;
    Conv2dF32& g = derived.conv[input];
    g = gradient_shape(node, forward, input);
    derived.weights[input] = AlignedFloats(static_cast<size_t>(g.kernel_height) * static_cast<size_t>(g.kernel_width) *
                                           static_cast<size_t>(g.channels[0]) * static_cast<size_t>(g.out_channels));
    g.weights = derived.weights[input].data();
    if (kernel.packed_bytes != nullptr) {
      derived.gradient_packed[input] = AlignedFloats(floats_of(kernel.packed_bytes(g)));
    }
    g.packed = derived.gradient_packed[input].data();
  }
}

void ParameterStore::refresh(ThreadPool& pool) {
  pool.parallel_for(static_cast<int>(nodes_.size()),
                    [&](int index, int) { refresh_node(nodes_[static_cast<size_t>(index)]); });
}

void ParameterStore::refresh_node(int node_index) {
  const Node& node = graph_->nodes[static_cast<size_t>(node_index)];
  Derived& derived = derived_[static_cast<size_t>(node_index)];
  const float* weights = data(node.weights);
  if (node.kind == OpKind::linear) {
    const LinearF32Kernel& kernel = pick_kernel(linear_f32_kernels, set_);
    LinearF32 forward = linear_shape(*graph_, node);
    forward.weights = weights;
    if (derived.packed.size() > 0) kernel.pack(forward, derived.packed.data());
    if (!training_) return;
    float* turned = derived.weights[0].data();
    for (int o = 0; o < forward.out_features; ++o) {
      for (int i = 0; i < forward.in_features; ++i) {
        turned[static_cast<ptrdiff_t>(i) * forward.out_features + o] =
            weights[static_cast<ptrdiff_t>(o) * forward.in_features + i];
      }
    }
    if (derived.gradient_packed[0].size() > 0) kernel.pack(derived.linear, derived.gradient_packed[0].data());
    return;
  }
  const Conv2dF32Kernel& kernel = pick_kernel(conv2d_f32_kernels, set_);
  Conv2dF32 forward = conv2d_shape(*graph_, node);
  forward.weights = weights;
  if (derived.packed.size() > 0) kernel.pack(forward, derived.packed.data());
  for (int input = 0; input < 2; ++input) {
    if (derived.weights[input].size() == 0) continue;
    const int first = input == 0 ? 0 : forward.channels[0];
    (forward.upsample == 2 ? turn_upsampled_weights : turn_weights)(forward, weights, first, forward.channels[input],
                                                                    derived.weights[input].data());
    if (derived.gradient_packed[input].size() > 0) {
      kernel.pack(derived.conv[input], derived.gradient_packed[input].data());
    }
  }
}

void ParameterStore::write_to(Graph& graph, const float* values) const {
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (offsets_[t] < 0) continue;
    const float* from = values + offsets_[t];
    graph.tensors[t].values.assign(from, from + graph.tensors[t].elements());
  }
}

const float* ParameterStore::packed(int node) const { return derived_[static_cast<size_t>(node)].packed.data(); }
const Conv2dF32& ParameterStore::data_gradient(int node, int input) const {
  return derived_[static_cast<size_t>(node)].conv[input];
}
const LinearF32& ParameterStore::linear_gradient(int node) const { return derived_[static_cast<size_t>(node)].linear; }

}  // namespace mote::tool
