// A naive UNet2DModel: loops in double precision over pictures [channels][height][width], written from the library's
// configuration keys and tensor names without a look at weights_tool/diffusers. Asked for a tensor it does not have, it
// makes one of random numbers, so that running it once on a configuration makes a checkpoint of it.
#pragma once
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "weights_tool/io/json.h"
#include "weights_tool/io/safetensors.h"

namespace mote::test {

using tool::Json;

struct Picture {
  int c = 0, h = 0, w = 0;
  std::vector<double> v;
  Picture(int channels, int height, int width)
      : c(channels), h(height), w(width), v(static_cast<size_t>(channels) * height * width) {}
  double& at(int k, int y, int x) { return v[(static_cast<size_t>(k) * h + y) * w + x]; }
  double at(int k, int y, int x) const { return v[(static_cast<size_t>(k) * h + y) * w + x]; }
};
using Vector = std::vector<double>;

class UnetTwin {
 public:
  struct Values {
    std::vector<uint64_t> shape;
    std::vector<float> values;
  };
  std::map<std::string, Values> tensors;
  std::mt19937 random{1};

  explicit UnetTwin(Json config) : config_(std::move(config)) {}
  void load(const std::string& path) {
    const tool::SafetensorsFile file(path);
    for (const tool::SafeTensor& tensor : file.tensors()) tensors[tensor.name] = {tensor.shape, tool::as_f32(tensor)};
  }
  void save(const std::string& path) const {
    std::vector<tool::SafeTensor> list;
    for (const auto& [name, t] : tensors) list.push_back(tool::f32_tensor(name, t.shape, t.values.data()));
    tool::write_safetensors(path, list, {}, true);
  }

  // class_vector: what is added to the time embedding for a class_embed_type "identity". label: else; -1: no class.
  Picture run(const Picture& sample, double t, int label = -1, const Vector& class_vector = {}) {
    Picture x = sample;
    if (flag("center_input_sample", false))
      for (double& v : x.v) v = 2 * v - 1;
    const std::vector<int> channels = integers("block_out_channels");
    const int levels = static_cast<int>(channels.size()), layers = integer("layers_per_block", 2);
    time_ = embed(t, label, class_vector);
    x = conv("conv_in", x, channels[0], 3, 1, 1, 1);
    std::vector<Picture> skips{x};
    for (int i = 0; i < levels; ++i) {
      const std::string type = config_.find("down_block_types")->items()[static_cast<size_t>(i)].text();
      const std::string name = "down_blocks." + std::to_string(i);
      const bool attends = type == "AttnDownBlock2D";
      for (int k = 0; k < layers; ++k) {
        x = resnet(name + ".resnets." + std::to_string(k), x, channels[static_cast<size_t>(i)], 0, 1);
        if (attends) x = attention(name + ".attentions." + std::to_string(k), x, integer("norm_num_groups", 32), 1);
        skips.push_back(x);
      }
      if (i + 1 == levels) break;
      if (type == "ResnetDownsampleBlock2D" || (attends && word("downsample_type", "conv") == "resnet")) {
        x = resnet(name + ".downsamplers.0", x, channels[static_cast<size_t>(i)], -1, 1);
      } else {
        const int pad = integer("downsample_padding", 1);
        x = conv(name + ".downsamplers.0.conv", x, channels[static_cast<size_t>(i)], 3, 2, pad, 1);
      }
      skips.push_back(x);
    }
    if (!is_null("mid_block_type")) x = middle(x, channels.back());
    for (int i = 0; i < levels; ++i) {
      const std::string type = config_.find("up_block_types")->items()[static_cast<size_t>(i)].text();
      const std::string name = "up_blocks." + std::to_string(i);
      const bool attends = type == "AttnUpBlock2D";
      const int out = channels[static_cast<size_t>(levels - 1 - i)];
      for (int k = 0; k <= layers; ++k) {
        x = resnet(name + ".resnets." + std::to_string(k), joined(x, skips.back()), out, 0, 1);
        skips.pop_back();
        if (attends) x = attention(name + ".attentions." + std::to_string(k), x, integer("norm_num_groups", 32), 1);
      }
      if (i + 1 == levels) break;
      if (type == "ResnetUpsampleBlock2D" || (attends && word("upsample_type", "conv") == "resnet")) {
        x = resnet(name + ".upsamplers.0", x, out, 1, 1);
      } else {
        x = conv(name + ".upsamplers.0.conv", doubled(x), out, 3, 1, 1, 1);
      }
    }
    x = normed("conv_norm_out", x, integer("norm_num_groups", 32));
    for (double& v : x.v) v = v / (1 + std::exp(-v));
    x = conv("conv_out", x, integer("out_channels", 3), 3, 1, 1, 1);
    if (word("time_embedding_type", "positional") == "fourier")
      for (double& v : x.v) v /= t;
    return x;
  }

 private:
  // ---- configuration ----
  const Json* find(const char* key) const {
    const Json* const value = config_.find(key);
    return value == nullptr || value->kind() == Json::Kind::null ? nullptr : value;
  }
  bool is_null(const char* key) const {
    const Json* const value = config_.find(key);
    return value != nullptr && value->kind() == Json::Kind::null;
  }
  int integer(const char* key, int otherwise) const {
    return find(key) == nullptr ? otherwise : static_cast<int>(find(key)->integer());
  }
  double number(const char* key, double otherwise) const {
    return find(key) == nullptr ? otherwise : find(key)->number();
  }
  bool flag(const char* key, bool otherwise) const { return find(key) == nullptr ? otherwise : find(key)->boolean(); }
  std::string word(const char* key, const std::string& otherwise) const {
    return find(key) == nullptr ? otherwise : find(key)->text();
  }
  std::vector<int> integers(const char* key) const {
    std::vector<int> values;
    for (const Json& item : find(key)->items()) values.push_back(static_cast<int>(item.integer()));
    return values;
  }

  // ---- tensors ----
  const std::vector<float>& tensor(const std::string& name, const std::vector<uint64_t>& shape) {
    Values& t = tensors[name];
    if (!t.values.empty()) return t.values;
    uint64_t count = 1, fan_in = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
      count *= shape[d];
      if (d > 0) fan_in *= shape[d];
    }
    const bool gain = name.find("norm") != std::string::npos && name.find(".weight") != std::string::npos;
    const bool frequency = name == "time_proj.weight";
    std::normal_distribution<float> normal;
    for (uint64_t i = 0; i < count; ++i) {
      const float scale = shape.size() > 1 ? 1 / std::sqrt(static_cast<float>(fan_in)) : frequency ? 16.0f : 0.2f;
      t.values.push_back(normal(random) * scale + (gain ? 1.0f : 0.0f));
    }
    t.shape = shape;
    return t.values;
  }
  static uint64_t u(int value) { return static_cast<uint64_t>(value); }

  Vector linear(const std::string& name, const Vector& x, int out) {
    const int in = static_cast<int>(x.size());
    const std::vector<float>& w = tensor(name + ".weight", {u(out), u(in)});
    const std::vector<float>& b = tensor(name + ".bias", {u(out)});
    Vector y(static_cast<size_t>(out));
    for (int o = 0; o < out; ++o) {
      double sum = double{b[u(o)]};
      for (int i = 0; i < in; ++i) sum += double{w[u(o * in + i)]} * x[u(i)];
      y[u(o)] = sum;
    }
    return y;
  }

  // Zeros: `before` at the top and left, `after` at the bottom and right.
  Picture conv(const std::string& name, const Picture& x, int out, int kernel, int stride, int before, int after) {
    const std::vector<float>& w = tensor(name + ".weight", {u(out), u(x.c), u(kernel), u(kernel)});
    const std::vector<float>& b = tensor(name + ".bias", {u(out)});
    Picture y(out, (x.h + before + after - kernel) / stride + 1, (x.w + before + after - kernel) / stride + 1);
    for (int o = 0; o < out; ++o)
      for (int r = 0; r < y.h; ++r)
        for (int s = 0; s < y.w; ++s) {
          double sum = double{b[u(o)]};
          for (int i = 0; i < x.c; ++i)
            for (int p = 0; p < kernel; ++p)
              for (int q = 0; q < kernel; ++q) {
                const int row = r * stride + p - before, column = s * stride + q - before;
                if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
                sum += double{w[u(((o * x.c + i) * kernel + p) * kernel + q)]} * x.at(i, row, column);
              }
          y.at(o, r, s) = sum;
        }
    return y;
  }

  Picture normed(const std::string& name, const Picture& x, int groups) {
    const std::vector<float>& gamma = tensor(name + ".weight", {u(x.c)});
    const std::vector<float>& beta = tensor(name + ".bias", {u(x.c)});
    const double epsilon = number("norm_eps", 1e-5);
    Picture y = x;
    const int each = x.c / groups, pixels = x.h * x.w;
    for (int g = 0; g < groups; ++g) {
      double mean = 0, variance = 0;
      for (int i = g * each * pixels; i < (g + 1) * each * pixels; ++i) mean += x.v[u(i)];
      mean /= each * pixels;
      for (int i = g * each * pixels; i < (g + 1) * each * pixels; ++i) variance += std::pow(x.v[u(i)] - mean, 2);
      variance /= each * pixels;
      for (int i = g * each * pixels; i < (g + 1) * each * pixels; ++i)
        y.v[u(i)] = (x.v[u(i)] - mean) / std::sqrt(variance + epsilon) * double{gamma[u(i / pixels)]} +
                    double{beta[u(i / pixels)]};
    }
    return y;
  }

  double activated(double x) const {
    const std::string name = word("act_fn", "silu");
    if (name == "relu") return std::max(x, 0.0);
    if (name == "gelu") return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    if (name == "mish") return x * std::tanh(std::log1p(std::exp(x)));
    return x / (1 + std::exp(-x));  // silu, swish
  }
  template <class T>
  void activate(T* values) const {
    for (double& v : *values) v = activated(v);
  }

  // ---- time ----
  Vector sinusoid(double t) {
    const int first = integers("block_out_channels")[0];
    Vector sines, cosines;
    if (word("time_embedding_type", "positional") == "fourier") {
      const std::vector<float>& w = tensor("time_proj.weight", {u(first)});
      for (const float f : w) {
        const float angle = static_cast<float>(std::log(t)) * f * 2 * 3.14159265f;
        sines.push_back(std::sin(double{angle}));
        cosines.push_back(std::cos(double{angle}));
      }
    } else {
      const int half = first / 2;
      for (int i = 0; i < half; ++i) {
        const float exponent = -9.2103404f * static_cast<float>(i) / static_cast<float>(half - number("freq_shift", 0));
        const float angle = static_cast<float>(t) * static_cast<float>(std::exp(double{exponent}));
        sines.push_back(std::sin(double{angle}));
        cosines.push_back(std::cos(double{angle}));
      }
      if (flag("flip_sin_to_cos", true)) std::swap(sines, cosines);
    }
    sines.insert(sines.end(), cosines.begin(), cosines.end());
    if (first % 2 == 1 && word("time_embedding_type", "positional") == "positional") sines.push_back(0);
    return sines;
  }
  Vector perceptron(const std::string& name, const Vector& x, int features) {
    Vector h = linear(name + ".linear_1", x, features);
    for (double& v : h) v = v / (1 + std::exp(-v));
    return linear(name + ".linear_2", h, features);
  }
  Vector embed(double t, int label, const Vector& class_vector) {
    int features = integer("time_embedding_dim", 0);
    if (features == 0) features = 4 * integers("block_out_channels")[0];
    Vector e = perceptron("time_embedding", sinusoid(t), features), added(e.size());
    if (!class_vector.empty()) added = class_vector;
    if (word("class_embed_type", "") == "timestep" && label >= 0)
      added = perceptron("class_embedding", sinusoid(label), features);
    if (find("class_embed_type") == nullptr && find("num_class_embeds") != nullptr) {
      const std::vector<float>& table =
          tensor("class_embedding.weight", {u(integer("num_class_embeds", 0)), u(features)});
      for (int i = 0; i < features && label >= 0; ++i) added[u(i)] = double{table[u(label * features + i)]};
    }
    for (size_t i = 0; i < e.size(); ++i) e[i] += added[i];
    return e;
  }

  // ---- blocks ----
  static Picture joined(const Picture& a, const Picture& b) {
    Picture y(a.c + b.c, a.h, a.w);
    std::copy(a.v.begin(), a.v.end(), y.v.begin());
    std::copy(b.v.begin(), b.v.end(), y.v.begin() + static_cast<std::ptrdiff_t>(a.v.size()));
    return y;
  }
  static Picture doubled(const Picture& x) {
    Picture y(x.c, 2 * x.h, 2 * x.w);
    for (int k = 0; k < y.c; ++k)
      for (int r = 0; r < y.h; ++r)
        for (int s = 0; s < y.w; ++s) y.at(k, r, s) = x.at(k, r / 2, s / 2);
    return y;
  }
  static Picture halved(const Picture& x) {
    Picture y(x.c, x.h / 2, x.w / 2);
    for (int k = 0; k < y.c; ++k)
      for (int r = 0; r < y.h; ++r)
        for (int s = 0; s < y.w; ++s)
          y.at(k, r, s) = (x.at(k, 2 * r, 2 * s) + x.at(k, 2 * r + 1, 2 * s) + x.at(k, 2 * r, 2 * s + 1) +
                           x.at(k, 2 * r + 1, 2 * s + 1)) /
                          4;
    return y;
  }

  // resample: -1 halves, 1 doubles.
  Picture resnet(const std::string& name, const Picture& x, int out, int resample, double divisor) {
    const bool scale_shift = word("resnet_time_scale_shift", "default") == "scale_shift";
    Picture h = normed(name + ".norm1", x, integer("norm_num_groups", 32)), side = x;
    activate(&h.v);
    if (resample != 0) {
      h = resample < 0 ? halved(h) : doubled(h);
      side = resample < 0 ? halved(side) : doubled(side);
    }
    h = conv(name + ".conv1", h, out, 3, 1, 1, 1);
    Vector e = time_;
    activate(&e);
    e = linear(name + ".time_emb_proj", e, scale_shift ? 2 * out : out);
    const int pixels = h.h * h.w;
    if (!scale_shift)
      for (size_t i = 0; i < h.v.size(); ++i) h.v[i] += e[i / u(pixels)];
    h = normed(name + ".norm2", h, integer("norm_num_groups", 32));
    if (scale_shift)
      for (size_t i = 0; i < h.v.size(); ++i) h.v[i] = h.v[i] * (1 + e[i / u(pixels)]) + e[u(out) + i / u(pixels)];
    activate(&h.v);
    h = conv(name + ".conv2", h, out, 3, 1, 1, 1);
    if (x.c != out) side = conv(name + ".conv_shortcut", side, out, 1, 1, 0, 0);
    for (size_t i = 0; i < h.v.size(); ++i) h.v[i] = (h.v[i] + side.v[i]) / divisor;
    return h;
  }

  // groups 0: no normalisation.
  Picture attention(const std::string& name, const Picture& x, int groups, double divisor) {
    const int head = is_null("attention_head_dim") ? x.c : integer("attention_head_dim", 8);
    const int heads = x.c / head, inner = heads * head, tokens = x.h * x.w;
    const Picture n = groups > 0 ? normed(name + ".group_norm", x, groups) : x;
    std::vector<Vector> q, k, v, rows;
    for (int t = 0; t < tokens; ++t) {
      Vector token;
      for (int c = 0; c < x.c; ++c) token.push_back(n.v[u(c * tokens + t)]);
      q.push_back(linear(name + ".to_q", token, inner));
      k.push_back(linear(name + ".to_k", token, inner));
      v.push_back(linear(name + ".to_v", token, inner));
    }
    for (int t = 0; t < tokens; ++t) {
      Vector row(u(inner));
      for (int h = 0; h < heads; ++h) {
        Vector score;
        double sum = 0;
        for (int s = 0; s < tokens; ++s) {
          double dot = 0;
          for (int d = h * head; d < (h + 1) * head; ++d) dot += q[u(t)][u(d)] * k[u(s)][u(d)];
          score.push_back(std::exp(dot / std::sqrt(static_cast<double>(head))));
          sum += score.back();
        }
        for (int d = h * head; d < (h + 1) * head; ++d)
          for (int s = 0; s < tokens; ++s) row[u(d)] += score[u(s)] / sum * v[u(s)][u(d)];
      }
      rows.push_back(linear(name + ".to_out.0", row, x.c));
    }
    Picture y = x;
    for (int t = 0; t < tokens; ++t)
      for (int c = 0; c < x.c; ++c) y.v[u(c * tokens + t)] = (x.v[u(c * tokens + t)] + rows[u(t)][u(c)]) / divisor;
    return y;
  }

  Picture middle(Picture x, int channels) {
    const double divisor = number("mid_block_scale_factor", 1);
    x = resnet("mid_block.resnets.0", x, channels, 0, divisor);
    if (flag("add_attention", true)) {
      const bool plain = word("resnet_time_scale_shift", "default") == "default";
      const int groups = integer("attn_norm_num_groups", plain ? integer("norm_num_groups", 32) : 0);
      x = attention("mid_block.attentions.0", x, groups, divisor);
    }
    return resnet("mid_block.resnets.1", x, channels, 0, divisor);
  }

  Json config_;
  Vector time_;
};

}  // namespace mote::test
