// See unet_graph.h; the operators themselves are made in unet_nodes.h. The blocks are those of Ho et al. 2020 (arXiv
// 2006.11239), Dhariwal & Nichol 2021 (arXiv 2105.05233) and Song et al. 2021 (arXiv 2011.13456) in the arrangement
// of the library.
#include "weights_tool/diffusers/unet_graph.h"

#include <cmath>
#include <utility>

#include "weights_tool/diffusers/unet_nodes.h"

namespace mote::tool {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr float small_frequency = 0x1p-18f;
constexpr float offset_0 = 18, offset_1 = 36;  // the k of Builder::reciprocal_features

std::string numbered(const std::string& name, int index) { return name + "." + std::to_string(index); }

class Builder : UnetNodes {
 public:
  Builder(const Unet2DConfig& config, int height, int width, int classes, const std::string& name)
      : UnetNodes(config, height, width, name), classes_(classes) {}

  UnetGraph build() {
    Graph& graph = out_.graph;
    graph.input = add_tensor("x_t", Role::input, {height_, width_, config_.in_channels});
    graph.num_classes = classes_;
    time_ = time_embedding();
    int h = conv_in();
    std::vector<int> skips{h};
    const int levels = static_cast<int>(config_.channels.size());
    for (int level = 0; level < levels; ++level) h = down_block(level, h, &skips);
    if (config_.middle) h = middle(h);
    for (int block = 0; block < levels; ++block) h = up_block(block, h, &skips);
    conv_out(h);
    return std::move(out_);
  }

 private:
  // ---- time ----

  int time_embedding() {
    const bool fourier = config_.time_embedding == TimeEmbedding::fourier;
    const int first = config_.channels[0], count = fourier ? first : first / 2;
    Node angles = start(OpKind::timestep_embedding, "time_proj");
    angles.fourier_time = fourier;
    angles.flip_sin_cos = !fourier && config_.flip_sin_to_cos;
    angles.weights = fourier ? vector_weight("time_proj.weight", first)
                             : constant("time_proj.frequencies", {count}, sinusoid_frequencies(config_));
    tensor(angles.weights).constant = true;
    int e = emit(std::move(angles), {2 * count});
    e = linear("time_embedding.linear_1", e, config_.time_features, fourier ? 0 : first);
    e = activate("time_embedding.act", e, Activation::silu);
    e = linear("time_embedding.linear_2", e, config_.time_features);
    if (config_.class_embedding != ClassEmbedding::none) e = with_class(e);
    return activate("nonlinearity", e, config_.activation);
  }

  int with_class(int e) {
    const int features = config_.time_features;
    Node row = start(OpKind::class_embedding, "class_embedding");
    if (config_.class_embedding == ClassEmbedding::table) {
      row.weights = weight("class_embedding.weight", {classes_ + 1, features}, WeightForm::table,
                           {size(classes_), size(features)});
    } else {
      row.weights = add_tensor("class_embedding.table", Role::parameter, {classes_ + 1, features});
    }
    if (config_.class_embedding == ClassEmbedding::timestep) {
      const int first = config_.channels[0];
      for (const auto& [name, in] : {std::pair<const char*, int>{"linear_1", first}, {"linear_2", features}}) {
        const std::string full = std::string("class_embedding.") + name;
        out_.weights.push_back({-1, WeightForm::copy, {{full + ".weight", "", {size(features), size(in)}}}, false});
        out_.weights.push_back({-1, WeightForm::copy, {{full + ".bias", "", {size(features)}}}, false});
      }
    }
    const int c = emit(std::move(row), {features});
    return emit(start(OpKind::add, "class_embedding.add", e, c), {features});
  }

  // 1/t out of plain operators, for the network with a Fourier embedding, whose output is divided by t. With L = log t
  // and silu(-x) = -x / (1 + e^x): silu(-aL - k) e^k is -(aL + k) t^-a to a part in e^k, and the difference of two such
  // with different k is t^-a times the difference of the k. L is the sine of a small multiple of itself. The first two
  // of the four features make 1/t, the others its square root: scaling by that twice keeps what 1 + scale rounds off.
  int reciprocal_features() {
    Node log = start(OpKind::timestep_embedding, "time_reciprocal.log");
    log.fourier_time = true;
    log.weights = constant("time_reciprocal.log.weight", {1}, {small_frequency});
    int e = emit(std::move(log), {2});
    Node powers = start(OpKind::linear, "time_reciprocal.powers", e);
    const float whole = static_cast<float>(-1.0 / (2 * pi * double{small_frequency})), half = whole / 2;
    powers.weights = constant("time_reciprocal.powers.weight", {4, 2}, {whole, 0, whole, 0, half, 0, half, 0});
    powers.bias = constant("time_reciprocal.powers.bias", {4}, {-offset_0, -offset_1, -offset_0, -offset_1});
    e = emit(std::move(powers), {4});
    return activate("time_reciprocal.features", e, Activation::silu);
  }

  // ---- blocks ----

  // The centred picture 2 x - 1 has zeros around it like any other: what the -1 adds is not the same at the borders, so
  // it is a convolution of a picture of ones.
  int conv_in() {
    const int input = out_.graph.input, in = config_.in_channels, first = config_.channels[0];
    if (!config_.center_input_sample) return conv("conv_in", {input, -1}, first, {});
    const std::vector<uint64_t> shape{size(first), size(in), 3, 3};
    const int zeros = constant("conv_in.ones.weight", {1, 1, 1, in}, std::vector<float>(static_cast<size_t>(in)));
    const int one = constant("conv_in.ones.bias", {1}, {1.0f});
    const int ones = conv_with("conv_in.ones", {input, -1}, zeros, one, pointwise());
    const int sums = add_tensor("conv_in.centre.weight", Role::parameter, {first, 3, 3, 1});
    out_.weights.push_back({sums, WeightForm::less_inputs_sum, {{"conv_in.weight", "", shape}}, false});
    Conv centred;
    centred.residual = conv_with("conv_in.centre", {ones, -1}, sums, -1, {});
    const int weights = weight("conv_in.weight", {first, 3, 3, in}, WeightForm::doubled, shape);
    return conv_with("conv_in", {input, -1}, weights, vector_weight("conv_in.bias", first), centred);
  }

  void conv_out(int h) {
    h = group_norm("conv_norm_out", {h, -1}, config_.groups, Activation::silu);
    Conv c;
    if (config_.time_embedding == TimeEmbedding::positional) {
      out_.graph.output = conv("conv_out", {h, -1}, config_.out_channels, c);
      return;
    }
    // Divided by t before the convolution, which is linear but for its bias.
    const int features = reciprocal_features(), channels = channels_of(h), out = config_.out_channels;
    const std::array<float, 2> factors = reciprocal_factors();
    Node root = start(OpKind::linear, "time_reciprocal.root", features);
    std::vector<float> weights(static_cast<size_t>(8 * channels)), bias(static_cast<size_t>(2 * channels));
    for (size_t i = 0; i < static_cast<size_t>(channels); ++i) {
      weights[4 * i + 2] = factors[0];
      weights[4 * i + 3] = factors[1];
      bias[i] = -1.0f;
    }
    root.weights = constant("time_reciprocal.root.weight", {2 * channels, 4}, std::move(weights));
    root.bias = constant("time_reciprocal.root.bias", {2 * channels}, std::move(bias));
    const int scale = emit(std::move(root), {2 * channels});
    h = scale_shift("time_reciprocal.scale_0", h, scale);
    h = scale_shift("time_reciprocal.scale_1", h, scale);
    Node shift = start(OpKind::linear, "time_reciprocal.bias", features);
    shift.weights = weight("conv_out.bias", {out, 4}, WeightForm::over_time, {size(out)});
    c.vector = emit(std::move(shift), {out});
    const int kernel =
        weight("conv_out.weight", {out, 3, 3, channels}, WeightForm::convolution, {size(out), size(channels), 3, 3});
    out_.graph.output = conv_with("conv_out", {h, -1}, kernel, -1, c);
  }

  enum class Resample { none, down, up };

  // norm, activation, (resampling,) convolution + time, norm, activation, convolution + shortcut; divided by `scale`.
  int resnet(const std::string& name, std::array<int, 2> x, int out, Resample resample = Resample::none) {
    if (x[1] >= 0 && (tensor(x[0]).dims[0] != tensor(x[1]).dims[0] || tensor(x[0]).dims[1] != tensor(x[1]).dims[1]))
      refuse_size();
    const int in = channels_of(x[0]) + (x[1] < 0 ? 0 : channels_of(x[1]));
    const int projected = linear(name + ".time_emb_proj", time_, config_.scale_shift ? 2 * out : out);
    int shortcut = x[0];
    if (in != out) shortcut = conv(name + ".conv_shortcut", x, out, pointwise());
    int h = group_norm(name + ".norm1", x, config_.groups, config_.activation);
    Conv first;
    if (resample == Resample::up) {
      shortcut = resampled(OpKind::upsample, name + ".upsample", shortcut);
      first.upsample = 2;
    } else if (resample == Resample::down) {
      shortcut = resampled(OpKind::average_pool, name + ".downsample_input", shortcut);
      h = resampled(OpKind::average_pool, name + ".downsample", h);
    }
    if (!config_.scale_shift) first.vector = projected;
    h = conv(name + ".conv1", {h, -1}, out, first);
    h = group_norm(name + ".norm2", {h, -1}, config_.groups, config_.activation, config_.scale_shift ? projected : -1);
    Conv second;
    second.residual = shortcut;
    return conv(name + ".conv2", {h, -1}, out, second);
  }

  // Queries, keys and values in one projection, each [heads][head size].
  int attention(const std::string& name, int x, int groups) {
    const int c = channels_of(x), heads = config_.heads(c), head_dim = config_.head_size(c), inner = heads * head_dim;
    int h = groups > 0 ? group_norm(name + ".group_norm", {x, -1}, groups, Activation::none) : x;
    const char* const names[][2] = {{"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}};
    ExpectedWeight weights, biases;
    for (const auto& [part, old] : names) {
      const std::string full = name + "." + part, before = name + "." + old;
      weights.parts.push_back({full + ".weight", before + ".weight", {size(inner), size(c)}});
      biases.parts.push_back({full + ".bias", before + ".bias", {size(inner)}});
    }
    weights.tensor = add_tensor(name + ".to_qkv.weight", Role::parameter, {3 * inner, 1, 1, c});
    biases.tensor = add_tensor(name + ".to_qkv.bias", Role::parameter, {3 * inner});
    biases.may_lack = true;
    const int qkv = conv_with(name + ".to_qkv", {h, -1}, weights.tensor, biases.tensor, pointwise());
    out_.weights.push_back(std::move(weights));
    out_.weights.push_back(std::move(biases));
    Node node = start(OpKind::attention, name + ".attention", qkv);
    node.heads = heads;
    node.head_dim = head_dim;
    node.scale = static_cast<float>(1.0 / std::sqrt(double{1.0} * head_dim));
    h = emit(std::move(node), {tensor(x).dims[0], tensor(x).dims[1], inner});
    const std::string to = name + ".to_out.0", old = name + ".proj_attn";
    const int kernel = add_tensor(to + ".weight", Role::parameter, {c, 1, 1, inner});
    const int bias = add_tensor(to + ".bias", Role::parameter, {c});
    out_.weights.push_back(
        {kernel, WeightForm::copy, {{to + ".weight", old + ".weight", {size(c), size(inner)}}}, false});
    out_.weights.push_back({bias, WeightForm::copy, {{to + ".bias", old + ".bias", {size(c)}}}, false});
    return conv_with(to, {h, -1}, kernel, bias, pointwise(x));
  }

  int down_block(int level, int h, std::vector<int>* skips) {
    const std::string name = numbered("down_blocks", level);
    const UnetBlock kind = config_.down[static_cast<size_t>(level)];
    const int out = config_.channels[static_cast<size_t>(level)];
    for (int i = 0; i < config_.layers_per_block; ++i) {
      h = resnet(numbered(name + ".resnets", i), {h, -1}, out);
      if (kind == UnetBlock::attention) h = attention(numbered(name + ".attentions", i), h, config_.groups);
      skips->push_back(h);
    }
    if (level + 1 == static_cast<int>(config_.channels.size())) return h;
    const std::string sampler = name + ".downsamplers.0";
    if (kind == UnetBlock::resample || (kind == UnetBlock::attention && config_.resnet_downsample)) {
      h = resnet(sampler, {h, -1}, out, Resample::down);
    } else {
      Conv c;
      c.stride = 2;
      c.pad_before = config_.downsample_padding;
      c.pad_after = 1;
      h = conv(sampler + ".conv", {h, -1}, out, c);
    }
    skips->push_back(h);
    return h;
  }

  int middle(int h) {
    const int c = config_.channels.back();
    h = divided("mid_block.resnets.0", resnet("mid_block.resnets.0", {h, -1}, c));
    if (config_.middle_attention)
      h = divided("mid_block.attentions.0", attention("mid_block.attentions.0", h, config_.middle_attention_groups));
    return divided("mid_block.resnets.1", resnet("mid_block.resnets.1", {h, -1}, c));
  }

  int divided(const std::string& name, int h) {
    if (config_.middle_scale == 1) return h;
    if (middle_factor_ < 0) {
      const int c = channels_of(h);
      std::vector<float> values(static_cast<size_t>(2 * c));
      for (int i = 0; i < c; ++i) values[static_cast<size_t>(i)] = static_cast<float>(1.0 / config_.middle_scale - 1.0);
      middle_factor_ = constant("mid_block.output_scale", {2 * c}, std::move(values));
    }
    return scale_shift(name + ".output_scale", h, middle_factor_);
  }

  int up_block(int block, int h, std::vector<int>* skips) {
    const std::string name = numbered("up_blocks", block);
    const UnetBlock kind = config_.up[static_cast<size_t>(block)];
    const int levels = static_cast<int>(config_.channels.size());
    const int out = config_.channels[static_cast<size_t>(levels - 1 - block)];
    for (int i = 0; i <= config_.layers_per_block; ++i) {
      const int skip = skips->back();
      skips->pop_back();
      h = resnet(numbered(name + ".resnets", i), {h, skip}, out);
      if (kind == UnetBlock::attention) h = attention(numbered(name + ".attentions", i), h, config_.groups);
    }
    if (block + 1 == levels) return h;
    const std::string sampler = name + ".upsamplers.0";
    if (kind == UnetBlock::resample || (kind == UnetBlock::attention && config_.resnet_upsample))
      return resnet(sampler, {h, -1}, out, Resample::up);
    Conv c;
    c.upsample = 2;
    return conv(sampler + ".conv", {h, -1}, out, c);
  }

  const int classes_;
  int time_ = -1;           // the time (and class) embedding behind its activation
  int middle_factor_ = -1;  // constant [2c]: what scales by 1 / mid_block_scale_factor
};

}  // namespace

UnetGraph build_diffusers_unet(const Unet2DConfig& config, int height, int width, int classes,
                               const std::string& name) {
  return Builder(config, height, width, classes, name).build();
}

std::array<float, 2> reciprocal_factors() {
  const double apart = double{offset_1 - offset_0};
  return {static_cast<float>(std::exp(double{offset_0}) / apart),
          static_cast<float>(-std::exp(double{offset_1}) / apart)};
}

std::vector<float> sinusoid_frequencies(const Unet2DConfig& config) {
  const int half = config.channels[0] / 2;
  const float log_period = static_cast<float>(-std::log(10000.0));
  const float count = static_cast<float>(half - config.freq_shift);
  std::vector<float> frequencies;
  for (int i = 0; i < half; ++i) {
    const float exponent = log_period * static_cast<float>(i) / count;
    frequencies.push_back(static_cast<float>(std::exp(double{exponent})));
  }
  return frequencies;
}

}  // namespace mote::tool
