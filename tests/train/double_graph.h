// The naive twin of the executor for tests: runs a graph forward for one image in double precision, straight from the
// definitions in kernels/kernels.h. Slow and simple; parameters are taken as doubles so that differences can be taken.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "diffusion/noise.h"
#include "weights_tool/graph/graph.h"

namespace mote::test {

using tool::Graph;
using tool::Node;
using tool::OpKind;
using Values = std::vector<double>;

struct DoubleInput {
  std::vector<double> x;
  double timestep = 0;
  int class_index = 0;
  uint64_t seed = 0;
  uint32_t step = 0, sample = 0;
  bool dropout = true;
};

class DoubleGraph {
 public:
  explicit DoubleGraph(const Graph& graph) : graph_(graph), values_(graph.tensors.size()) {
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      values_[t].assign(static_cast<size_t>(graph.tensors[t].elements()), 0.0);
      for (size_t i = 0; i < graph.tensors[t].values.size(); ++i) values_[t][i] = double{graph.tensors[t].values[i]};
    }
  }
  Values& values(int tensor) { return values_[static_cast<size_t>(tensor)]; }

  const Values& run(const DoubleInput& input) {
    values(graph_.input) = input.x;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) run_node(static_cast<int>(n), graph_.nodes[n], input);
    return values(graph_.output);
  }

 private:
  const std::array<int, 4>& dims(int t) const { return graph_.tensors[static_cast<size_t>(t)].dims; }
  int channels(int t) const { return dims(t)[static_cast<size_t>(graph_.tensors[static_cast<size_t>(t)].rank - 1)]; }

  static double activate(double x, Activation activation) {
    switch (activation) {
      case Activation::silu: return x / (1 + std::exp(-x));
      case Activation::gelu: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
      case Activation::relu: return x > 0 ? x : 0;
      case Activation::mish: return x * std::tanh(std::log1p(std::exp(x)));
      default: return x;
    }
  }

  void run_node(int index, const Node& node, const DoubleInput& input) {
    Values& y = values(node.y[0]);
    switch (node.kind) {
      case OpKind::conv2d: conv2d(node); break;
      case OpKind::linear: linear(node); break;
      case OpKind::group_norm: group_norm(node); break;
      case OpKind::attention: attention(node); break;
      case OpKind::activation:
        for (size_t i = 0; i < y.size(); ++i) y[i] = activate(values(node.x[0])[i], node.activation);
        break;
      case OpKind::add:
        for (size_t i = 0; i < y.size(); ++i) y[i] = values(node.x[0])[i] + values(node.x[1])[i];
        break;
      case OpKind::scale_shift: scale_shift(node); break;
      case OpKind::upsample:
      case OpKind::average_pool: resample(node); break;
      case OpKind::timestep_embedding: {
        const Values& f = values(node.weights);
        for (size_t i = 0; i < f.size(); ++i) {
          y[i + (node.flip_sin_cos ? f.size() : 0)] = std::sin(input.timestep * f[i]);
          y[i + (node.flip_sin_cos ? 0 : f.size())] = std::cos(input.timestep * f[i]);
        }
        break;
      }
      case OpKind::class_embedding:
        for (size_t i = 0; i < y.size(); ++i)
          y[i] = values(node.weights)[static_cast<size_t>(input.class_index) * y.size() + i];
        break;
      default: dropout(index, node, input);
    }
  }

  void conv2d(const Node& node) {
    const auto& out = dims(node.y[0]);
    const auto& in = dims(node.x[0]);
    const int c0 = in[2], c1 = node.x[1] >= 0 ? channels(node.x[1]) : 0;
    const Values& w = values(node.weights);
    Values& y = values(node.y[0]);
    for (int oy = 0, at = 0; oy < out[0]; ++oy) {
      for (int ox = 0; ox < out[1]; ++ox) {
        for (int o = 0; o < out[2]; ++o, ++at) {
          double sum = node.bias >= 0 ? values(node.bias)[static_cast<size_t>(o)] : 0;
          if (node.vector >= 0) sum += values(node.vector)[static_cast<size_t>(o)];
          if (node.residual >= 0) sum += values(node.residual)[static_cast<size_t>(at)];
          for (int kh = 0; kh < node.kernel_height; ++kh) {
            for (int kw = 0; kw < node.kernel_width; ++kw) {
              const int uy = oy * node.stride + kh - node.pad_top, ux = ox * node.stride + kw - node.pad_left;
              if (uy < 0 || ux < 0 || uy >= in[0] * node.upsample || ux >= in[1] * node.upsample) continue;
              const int pixel = uy / node.upsample * in[1] + ux / node.upsample;
              const int tap = ((o * node.kernel_height + kh) * node.kernel_width + kw) * (c0 + c1);
              for (int c = 0; c < c0 + c1; ++c) {
                const double x = c < c0 ? values(node.x[0])[static_cast<size_t>(pixel * c0 + c)]
                                        : values(node.x[1])[static_cast<size_t>(pixel * c1 + c - c0)];
                sum += x * w[static_cast<size_t>(tap + c)];
              }
            }
          }
          y[static_cast<size_t>(at)] = activate(sum, node.activation);
        }
      }
    }
  }

  void linear(const Node& node) {
    const int in = channels(node.x[0]), out = channels(node.y[0]);
    const Values &x = values(node.x[0]), &w = values(node.weights);
    Values& y = values(node.y[0]);
    for (size_t at = 0; at < y.size(); ++at) {
      const size_t row = at / static_cast<size_t>(out), o = at % static_cast<size_t>(out);
      double sum = node.bias >= 0 ? values(node.bias)[o] : 0;
      for (int i = 0; i < in; ++i) {
        sum += x[row * static_cast<size_t>(in) + static_cast<size_t>(i)] *
               w[o * static_cast<size_t>(in) + static_cast<size_t>(i)];
      }
      if (node.residual >= 0) sum += values(node.residual)[at];
      y[at] = activate(sum, node.activation);
    }
  }

  void group_norm(const Node& node) {
    const int c0 = channels(node.x[0]), c1 = node.x[1] >= 0 ? channels(node.x[1]) : 0, all = c0 + c1;
    const int pixels = dims(node.x[0])[0] * dims(node.x[0])[1], size = all / node.groups;
    const auto x = [&](int p, int c) {
      return c < c0 ? values(node.x[0])[static_cast<size_t>(p * c0 + c)]
                    : values(node.x[1])[static_cast<size_t>(p * c1 + c - c0)];
    };
    const auto y = [&](int p, int c) -> double& {
      if (node.y[1] < 0) return values(node.y[0])[static_cast<size_t>(p * all + c)];
      return c < c0 ? values(node.y[0])[static_cast<size_t>(p * c0 + c)]
                    : values(node.y[1])[static_cast<size_t>(p * c1 + c - c0)];
    };
    for (int c = 0; c < all; ++c) {
      double mean = 0, variance = 0;
      const int begin = c / size * size, n = size * pixels;
      for (int p = 0; p < pixels; ++p) {
        for (int k = begin; k < begin + size; ++k) mean += x(p, k) / n;
      }
      for (int p = 0; p < pixels; ++p) {
        for (int k = begin; k < begin + size; ++k) variance += (x(p, k) - mean) * (x(p, k) - mean) / n;
      }
      const size_t channel = static_cast<size_t>(c);
      const double gamma = node.weights >= 0 ? values(node.weights)[channel] : 1,
                   beta = node.bias >= 0 ? values(node.bias)[channel] : 0;
      for (int p = 0; p < pixels; ++p) {
        double z = (x(p, c) - mean) / std::sqrt(variance + double{node.epsilon}) * gamma + beta;
        if (node.vector >= 0)
          z = z * (1 + values(node.vector)[channel]) + values(node.vector)[channel + static_cast<size_t>(all)];
        y(p, c) = activate(z, node.activation);
      }
    }
  }

  void attention(const Node& node) {
    const int dim = node.head_dim, inner = node.heads * dim;
    const Values& qkv = values(node.x[0]);
    Values& y = values(node.y[0]);
    const int tokens = static_cast<int>(y.size()) / inner;
    const auto at = [&](int t, int part, int c) { return qkv[static_cast<size_t>(t * 3 * inner + part * inner + c)]; };
    std::fill(y.begin(), y.end(), 0.0);
    for (int h = 0; h < node.heads; ++h) {
      for (int t = 0; t < tokens; ++t) {
        Values p(static_cast<size_t>(tokens));
        double total = 0;
        for (int s = 0; s < tokens; ++s) {
          double dot = 0;
          for (int c = h * dim; c < (h + 1) * dim; ++c) dot += at(t, 0, c) * at(s, 1, c);
          total += p[static_cast<size_t>(s)] = std::exp(dot * double{node.scale});
        }
        for (int s = 0; s < tokens; ++s) {
          for (int c = h * dim; c < (h + 1) * dim; ++c) {
            y[static_cast<size_t>(t * inner + c)] += p[static_cast<size_t>(s)] / total * at(s, 2, c);
          }
        }
      }
    }
  }

  void scale_shift(const Node& node) {
    const size_t c = static_cast<size_t>(channels(node.x[0]));
    const Values& v = values(node.vector);
    const bool both = v.size() == 2 * c;
    Values& y = values(node.y[0]);
    for (size_t i = 0; i < y.size(); ++i) {
      const double scale = both ? 1 + v[i % c] : 1, shift = both ? v[c + i % c] : v[i % c];
      y[i] = activate(values(node.x[0])[i] * scale + shift, node.activation);
    }
  }

  void resample(const Node& node) {
    const auto &in = dims(node.x[0]), &out = dims(node.y[0]);
    const int f = node.factor;
    const auto x = [&](int h, int w, int c) {
      return values(node.x[0])[static_cast<size_t>((h * in[1] + w) * in[2] + c)];
    };
    for (int h = 0, at = 0; h < out[0]; ++h) {
      for (int w = 0; w < out[1]; ++w) {
        for (int c = 0; c < out[2]; ++c, ++at) {
          double& y = values(node.y[0])[static_cast<size_t>(at)];
          if (node.kind == OpKind::upsample) {
            y = x(h / f, w / f, c);
          } else {
            y = 0;
            const int area = in[0] == 1 ? f : f * f;
            for (int k = 0; k < area; ++k) y += x(h * f + k / f, w * f + k % f, c) / area;
          }
        }
      }
    }
  }

  void dropout(int index, const Node& node, const DoubleInput& input) {
    Values& y = values(node.y[0]);
    const int threshold = static_cast<int>(std::lround(double{node.dropout} * 256));
    for (size_t i = 0; i < y.size(); ++i) {
      const uint32_t counter[4] = {static_cast<uint32_t>(i / 16), input.step,
                                   input.sample << 12 | static_cast<uint32_t>(index), noise_dropout};
      const uint32_t key[2] = {static_cast<uint32_t>(input.seed), static_cast<uint32_t>(input.seed >> 32)};
      const uint32_t byte = philox4x32_10(counter, key).word[i % 16 / 4] >> (8 * (i % 4)) & 255;
      y[i] = values(node.x[0])[i];
      if (!input.dropout) continue;
      y[i] = static_cast<int>(byte) < threshold ? 0.0 : y[i] * 256.0 / (256 - threshold);
    }
  }

  const Graph& graph_;
  std::vector<Values> values_;
};

}  // namespace mote::test
