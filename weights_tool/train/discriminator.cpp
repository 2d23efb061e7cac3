#include "weights_tool/train/discriminator.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "weights_tool/train/picture_builder.h"

namespace mote::tool {
namespace {

constexpr double kProbe = 0.01;  // root mean square of a probe's distance

class Builder : private PictureBuilder {
 public:
  Builder(const DiscriminatorOptions& options, uint64_t seed) : PictureBuilder(seed), options_(options) {}

  Graph build() {
    graph_.input = add_tensor("pair", Role::input, {options_.height, options_.width, 2 * options_.channels});
    time_ = time_embedding(options_.time_features);
    int h = graph_.input;
    for (size_t level = 0; level < options_.widths.size(); ++level) {
      const std::string name = "level." + std::to_string(level);
      const bool last = level + 1 == options_.widths.size();
      h = convolution(name + ".conv1", h, options_.widths[level], 1);
      h = convolution(name + ".conv2", h, options_.widths[level], last || small(h) ? 1 : 2);
    }
    graph_.output = logits(mean_of_squares("mean", h));
    return std::move(graph_);
  }

 private:
  bool small(int t) const { return size(t, 0) == 1 || size(t, 1) == 1; }

  int convolution(const std::string& name, int x, int out, int stride) {
    const int in = size(x, 2);
    const int shift = vector_layer(name + ".time", time_, out, Activation::none, false);
    Node node;
    node.kind = OpKind::conv2d;
    node.name = name;
    node.x[0] = x;
    node.vector = shift;
    node.kernel_height = node.kernel_width = 3;
    node.stride = stride;
    node.pad_top = node.pad_left = node.pad_bottom = node.pad_right = 1;
    node.activation = Activation::silu;
    // He et al. 2015 (arXiv 1502.01852, eq. 10): what keeps the size of values through layers that cut half of them off.
    const float deviation = std::sqrt(2.0f / static_cast<float>(9 * in));
    node.weights = parameter(name + ".weight", {out, 3, 3, in}, init_.normal(int64_t{9} * out * in, deviation));
    node.bias = parameter(name + ".bias", {out}, init_.zeros(out));
    return emit(std::move(node), {(size(x, 0) - 1) / stride + 1, (size(x, 1) - 1) / stride + 1, out});
  }

  // A convolution as large as what is left: a linear layer over all of it.
  int logits(int x) {
    const int height = size(x, 0), width = size(x, 1), in = size(x, 2), out = options_.classes + 1;
    Node node;
    node.kind = OpKind::conv2d;
    node.name = "logits";
    node.x[0] = x;
    node.kernel_height = height;
    node.kernel_width = width;
    node.weights =
        parameter("logits.weight", {out, height, width, in}, init_.zeros(int64_t{out} * height * width * in));
    node.bias = parameter("logits.bias", {out}, init_.zeros(out));
    return emit(std::move(node), {1, 1, out});
  }

  const DiscriminatorOptions& options_;
  int time_ = -1;
};

}  // namespace

Graph build_discriminator(const DiscriminatorOptions& options, uint64_t seed) { return Builder(options, seed).build(); }

void join_pair(const float* previous, const float* x_t, size_t pixels, size_t channels, float* pair) {
  for (size_t p = 0; p < pixels; ++p) {
    std::copy_n(previous + p * channels, channels, pair + p * 2 * channels);
    std::copy_n(x_t + p * channels, channels, pair + p * 2 * channels + channels);
  }
}

void first_of_pair(const float* pair, size_t pixels, size_t channels, float* previous) {
  for (size_t p = 0; p < pixels; ++p) std::copy_n(pair + p * 2 * channels, channels, previous + p * channels);
}

double softplus_loss(double logit) { return std::max(-logit, 0.0) + std::log1p(std::exp(-std::fabs(logit))); }

double softplus_slope(double logit) {
  const double e = std::exp(-std::fabs(logit));
  return -(logit >= 0 ? e : 1.0) / (1.0 + e);
}

double r1_probes(const float* pair, const float* gradient, size_t pixels, size_t channels, float* plus, float* minus,
                 double* squared) {
  const size_t count = pixels * 2 * channels;
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    if (i % (2 * channels) < channels) sum += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
  }
  *squared = sum;
  const double norm = std::sqrt(sum), h = kProbe * std::sqrt(static_cast<double>(pixels * channels));
  const float step = norm > 0 ? static_cast<float>(h / norm) : 0.0f;
  for (size_t i = 0; i < count; ++i) {
    const float move = i % (2 * channels) < channels ? step * gradient[i] : 0.0f;
    plus[i] = pair[i] + move;
    minus[i] = pair[i] - move;
  }
  return norm > 0 ? norm / (2 * h) : 0.0;
}

}  // namespace mote::tool
