// See unet.h. Two parts: the configuration, and the builder that walks down, across and up.
#include "weights_tool/graph/unet.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "weights_tool/graph/graph_builder.h"
#include "weights_tool/graph/initialise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {

// ---- configuration ------------------------------------------------------------------------------------------------

namespace {

std::vector<int> to_ints(const std::vector<int64_t>& values) { return {values.begin(), values.end()}; }

std::vector<int> blocks_of(const JsonView& view) {
  if (!view.has("blocks")) return UNetConfig{}.blocks;
  const JsonView blocks = view.at("blocks");
  if (blocks.value().kind() == Json::Kind::array) return to_ints(blocks.integers(1, 16));
  return {static_cast<int>(blocks.integer(1, 16))};
}

bool in_list(const std::vector<int>& list, int value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

void check_head_width(const UNetConfig& config, const std::vector<int>& channels, const JsonView& view) {
  const int levels = static_cast<int>(channels.size());
  for (int level = 0; level < levels; ++level) {
    const bool attends = in_list(config.attention_levels, level) || (config.middle_attention && level + 1 == levels);
    const int c = channels[static_cast<size_t>(level)];
    if (attends && c % config.head_width != 0)
      view.fail("head_width: " + std::to_string(config.head_width) + " does not divide the " + std::to_string(c) +
                " channels of level " + std::to_string(level));
  }
}

void check_fit(const UNetConfig& config, const JsonView& view) {
  const std::vector<int> channels = unet_level_channels(config);
  const int levels = static_cast<int>(channels.size());
  if (levels == 0 || levels > 8) view.fail("there must be 1 to 8 levels, got " + std::to_string(levels));
  if (config.blocks.size() != 1 && static_cast<int>(config.blocks.size()) != levels)
    view.fail("blocks: give one number, or one for each of the " + std::to_string(levels) + " levels");
  for (const int c : channels) {
    if (c % config.groups != 0)
      view.fail("groups: " + std::to_string(config.groups) + " does not divide the " + std::to_string(c) +
                " channels of a level");
    if (c % config.heads != 0)
      view.fail("heads: " + std::to_string(config.heads) + " does not divide the " + std::to_string(c) +
                " channels of a level");
  }
  if (config.head_width > 0) check_head_width(config, channels, view);
  for (const int level : config.attention_levels)
    if (level >= levels) view.fail("attention_levels: there is no level " + std::to_string(level));
  int height = config.height, width = config.width;
  for (int level = 0; level + 1 < levels; ++level) {
    if ((height % 2 != 0 && config.height != 1) || width % 2 != 0)
      view.fail("a picture of " + std::to_string(config.height) + "x" + std::to_string(config.width) +
                " cannot be halved " + std::to_string(levels - 1) + " times");
    if (config.height != 1) height /= 2;
    width /= 2;
  }
}

}  // namespace

std::vector<int> unet_level_channels(const UNetConfig& config) {
  if (!config.level_channels.empty()) return config.level_channels;
  std::vector<int> channels;
  for (const int multiplier : config.multipliers) channels.push_back(config.base_channels * multiplier);
  return channels;
}

UNetConfig unet_config_from_json(const JsonView& view) {
  view.refuse_unknown({"kind",
                       "height",
                       "width",
                       "channels",
                       "classes",
                       "base_channels",
                       "multipliers",
                       "level_channels",
                       "blocks",
                       "attention_levels",
                       "middle_attention",
                       "heads",
                       "groups",
                       "dropout",
                       "scale_shift",
                       "reduce_on_upsample",
                       "time_features",
                       "sinusoid_features",
                       "kernel",
                       "head_width",
                       "resample_blocks",
                       "learned_variance"});
  UNetConfig config;
  if (view.has("kind")) view.at("kind").one_of({"unet"});  // graph/model_config.h has the others
  config.height = static_cast<int>(view.integer_or("height", config.height, 1, 1024));
  config.width = static_cast<int>(view.integer_or("width", config.width, 1, 1024));
  config.channels = static_cast<int>(view.integer_or("channels", config.channels, 1, 16));
  config.kernel = static_cast<int>(view.integer_or("kernel", config.kernel, 3, 7));
  if (config.kernel % 2 == 0) view.at("kernel").fail("expected an odd number");
  config.classes = static_cast<int>(view.integer_or("classes", config.classes, 0, 10000));
  config.base_channels = static_cast<int>(view.integer_or("base_channels", config.base_channels, 4, 1024));
  if (view.has("multipliers")) config.multipliers = to_ints(view.at("multipliers").integers(1, 64));
  if (view.has("level_channels")) config.level_channels = to_ints(view.at("level_channels").integers(4, 2048));
  config.blocks = blocks_of(view);
  if (view.has("attention_levels")) config.attention_levels = to_ints(view.at("attention_levels").integers(0, 7));
  config.middle_attention = view.boolean_or("middle_attention", config.middle_attention);
  config.heads = static_cast<int>(view.integer_or("heads", config.heads, 1, 64));
  config.head_width = static_cast<int>(view.integer_or("head_width", config.head_width, 1, 2048));
  if (view.has("heads") && view.has("head_width")) view.fail("give heads or head_width, not both");
  config.groups = static_cast<int>(view.integer_or("groups", config.groups, 1, 1024));
  config.dropout = view.number_or("dropout", config.dropout, 0.0, 0.9);
  config.scale_shift = view.boolean_or("scale_shift", config.scale_shift);
  config.reduce_on_upsample = view.boolean_or("reduce_on_upsample", config.reduce_on_upsample);
  config.residual_resampling = view.one_of_or("resample_blocks", "conv", {"conv", "residual"}) == "residual";
  config.learned_variance = view.boolean_or("learned_variance", config.learned_variance);
  config.time_features = static_cast<int>(view.integer_or("time_features", config.time_features, 8, 4096));
  config.sinusoid_features = static_cast<int>(view.integer_or("sinusoid_features", config.sinusoid_features, 4, 4096));
  if (config.sinusoid_features % 2 != 0) view.at("sinusoid_features").fail("expected an even number");
  if (view.has("multipliers") && view.has("level_channels")) view.fail("give multipliers or level_channels, not both");
  check_fit(config, view);
  return config;
}

Json unet_config_to_json(const UNetConfig& config) {
  Json json = Json::object();
  json.set("height", config.height).set("width", config.width).set("channels", config.channels);
  json.set("classes", config.classes);
  if (config.level_channels.empty()) {
    json.set("base_channels", config.base_channels).set("multipliers", Json::array(config.multipliers));
  } else {
    json.set("base_channels", config.base_channels).set("level_channels", Json::array(config.level_channels));
  }
  json.set("blocks", Json::array(config.blocks)).set("attention_levels", Json::array(config.attention_levels));
  json.set("middle_attention", config.middle_attention).set("groups", config.groups);
  if (config.head_width > 0) {
    json.set("head_width", config.head_width);
  } else {
    json.set("heads", config.heads);
  }
  json.set("dropout", config.dropout).set("scale_shift", config.scale_shift);
  json.set("reduce_on_upsample", config.reduce_on_upsample).set("time_features", config.time_features);
  json.set("sinusoid_features", config.sinusoid_features).set("kernel", config.kernel);
  json.set("resample_blocks", config.residual_resampling ? "residual" : "conv");
  json.set("learned_variance", config.learned_variance);
  return json;
}

// ---- builder ------------------------------------------------------------------------------------------------------

namespace {

constexpr float group_norm_epsilon = 1e-5f;
constexpr float sinusoid_period = 1e4f;  // Vaswani et al. 2017, section 3.5

class Builder : private GraphBuilder {
 public:
  Builder(const UNetConfig& config, uint64_t seed) : config_(config), init_(seed) {
    graph_.num_classes = config.classes;
  }

  Graph build() {
    const std::vector<int> channels = unet_level_channels(config_);
    const int levels = static_cast<int>(channels.size());
    graph_.input = add_tensor("x_t", Role::input, {config_.height, config_.width, config_.channels});
    const int time = time_embedding();
    int h = conv("conv_in", {graph_.input, -1}, channels[0], config_.kernel, {});
    std::vector<int> skips{h};
    for (int level = 0; level < levels; ++level) {
      const std::string prefix = "down." + std::to_string(level);
      for (int block = 0; block < blocks(level); ++block) {
        h = stage(prefix + "." + std::to_string(block), {h, -1}, channels[level], time, has_attention(level));
        skips.push_back(h);
      }
      if (level + 1 < levels) {
        h = config_.residual_resampling
                ? residual_block(prefix + ".downsample", {h, -1}, channels[level], time, Resample::down)
                : conv(prefix + ".downsample", {h, -1}, channels[level], config_.kernel, {2, 1, -1, -1, false});
        skips.push_back(h);
      }
    }
    h = residual_block("middle.0", {h, -1}, channels[levels - 1], time);
    if (config_.middle_attention) h = attention_block("middle.attention", h);
    h = residual_block("middle.1", {h, -1}, channels[levels - 1], time);
    for (int level = levels - 1; level >= 0; --level) {
      const std::string prefix = "up." + std::to_string(level);
      for (int block = 0; block <= blocks(level); ++block) {
        const int skip = skips.back();
        skips.pop_back();
        h = stage(prefix + "." + std::to_string(block), {h, skip}, channels[level], time, has_attention(level));
      }
      if (level > 0) {
        const int out = config_.reduce_on_upsample ? channels[level - 1] : channels[level];
        h = config_.residual_resampling
                ? residual_block(prefix + ".upsample", {h, -1}, out, time, Resample::up)
                : conv(prefix + ".upsample", {h, -1}, out, config_.kernel, {1, 2, -1, -1, false});
      }
    }
    h = group_norm("norm_out", {h, -1}, -1);
    const int outputs = config_.channels * (config_.learned_variance ? 2 : 1);
    graph_.output = conv("conv_out", {h, -1}, outputs, config_.kernel, {1, 1, -1, -1, true});
    return std::move(graph_);
  }

 private:
  struct ConvOptions {
    int stride = 1, upsample = 1;
    int shift = -1, residual = -1;
    bool zero = false;  // start at zero: the block begins as the identity
  };

  int blocks(int level) const {
    return config_.blocks.size() == 1 ? config_.blocks[0] : config_.blocks[static_cast<size_t>(level)];
  }
  bool has_attention(int level) const { return in_list(config_.attention_levels, level); }

  int channels_of(const std::array<int, 2>& x) const {
    return tensor(x[0]).dims[2] + (x[1] >= 0 ? tensor(x[1]).dims[2] : 0);
  }

  int conv(const std::string& name, std::array<int, 2> x, int out, int kernel, const ConvOptions& options) {
    const int in = channels_of(x);
    Node node;
    node.kind = OpKind::conv2d;
    node.name = name;
    node.x = x;
    const bool signal = config_.height == 1;
    node.kernel_height = signal ? 1 : kernel;
    node.kernel_width = kernel;
    node.stride = options.stride;
    node.upsample = options.upsample;
    node.pad_top = node.pad_bottom = node.kernel_height / 2;
    node.pad_left = node.pad_right = kernel / 2;
    node.vector = options.shift;
    node.residual = options.residual;
    const int fan_in = in * node.kernel_height * kernel;
    const int64_t count = int64_t{out} * fan_in;
    node.weights = parameter(name + ".weight", {out, node.kernel_height, kernel, in},
                             options.zero ? init_.zeros(count) : init_.uniform_fan_in(count, fan_in));
    node.bias = parameter(name + ".bias", {out}, options.zero ? init_.zeros(out) : init_.uniform_fan_in(out, fan_in));
    // Odd kernels with pads of half of them keep the size. A signal stays one row, whatever happens to its width.
    const int height = signal ? 1 : tensor(x[0]).dims[0] * options.upsample;
    const int width = tensor(x[0]).dims[1] * options.upsample;
    return emit(node, {(height - 1) / options.stride + 1, (width - 1) / options.stride + 1, out});
  }

  int linear(const std::string& name, int x, int out, bool zero = false) {
    const int in = tensor(x).dims[0];
    Node node;
    node.kind = OpKind::linear;
    node.name = name;
    node.x[0] = x;
    node.weights = parameter(name + ".weight", {out, in},
                             zero ? init_.zeros(int64_t{out} * in) : init_.uniform_fan_in(int64_t{out} * in, in));
    node.bias = parameter(name + ".bias", {out}, zero ? init_.zeros(out) : init_.uniform_fan_in(out, in));
    return emit(node, {out});
  }

  int silu(const std::string& name, int x) {
    Node node;
    node.kind = OpKind::activation;
    node.name = name;
    node.x[0] = x;
    node.activation = Activation::silu;
    return emit(node, {tensor(x).dims[0]});
  }

  int group_norm(const std::string& name, std::array<int, 2> x, int scale_shift,
                 Activation activation = Activation::silu) {
    const int c = channels_of(x);
    Node node;
    node.kind = OpKind::group_norm;
    node.name = name;
    node.x = x;
    node.groups = config_.groups;
    node.epsilon = group_norm_epsilon;
    node.activation = activation;
    node.vector = scale_shift;
    node.weights = parameter(name + ".weight", {c}, init_.constant(c, 1.0f));
    node.bias = parameter(name + ".bias", {c}, init_.zeros(c));
    return emit(node, {tensor(x[0]).dims[0], tensor(x[0]).dims[1], c});
  }

  int dropout(const std::string& name, int x) {
    if (config_.dropout <= 0) return x;
    Node node;
    node.kind = op_dropout;
    node.name = name;
    node.x[0] = x;
    node.dropout = static_cast<float>(config_.dropout);
    return emit(node, {tensor(x).dims[0], tensor(x).dims[1], tensor(x).dims[2]});
  }

  // Sinusoid -> linear -> SiLU -> linear (+ class embedding) -> SiLU, the last shared by all blocks.
  int time_embedding() {
    Node sinusoid;
    sinusoid.kind = OpKind::timestep_embedding;
    sinusoid.name = "time.sinusoid";
    const int half = config_.sinusoid_features / 2;
    std::vector<float> frequencies;
    for (int i = 0; i < half; ++i)
      frequencies.push_back(static_cast<float>(std::exp(-std::log(double{sinusoid_period}) * i / (half - 1))));
    sinusoid.weights = parameter("time.frequencies", {half}, std::move(frequencies));
    graph_.tensors[static_cast<size_t>(sinusoid.weights)].constant = true;
    int e = emit(sinusoid, {config_.sinusoid_features});
    e = linear("time.linear1", e, config_.time_features);
    e = silu("time.silu1", e);
    e = linear("time.linear2", e, config_.time_features);
    if (config_.classes > 0) {
      Node label;
      label.kind = OpKind::class_embedding;
      label.name = "class.embedding";
      const int rows = config_.classes + 1;
      label.weights = parameter("class.table", {rows, config_.time_features},
                                init_.normal(int64_t{rows} * config_.time_features, class_embedding_deviation));
      const int c = emit(label, {config_.time_features});
      Node add;
      add.kind = OpKind::add;
      add.name = "class.add";
      add.x = {e, c};
      e = emit(add, {config_.time_features});
    }
    return silu("time.silu2", e);
  }

  enum class Resample { none, down, up };

  // Averages of 2 x 2 pixels, or each repeated as 2 x 2; 1 x 2 in a signal.
  int resampled(const std::string& name, int x, Resample resample) {
    Node node;
    node.kind = resample == Resample::down ? OpKind::average_pool : OpKind::upsample;
    node.name = name;
    node.x[0] = x;
    node.factor = 2;
    const auto size = [&](int n) { return resample == Resample::down ? n / 2 : n * 2; };
    const int height = config_.height == 1 ? 1 : size(tensor(x).dims[0]);
    return emit(node, {height, size(tensor(x).dims[1]), tensor(x).dims[2]});
  }

  // Ho et al. 2020: norm, SiLU, (resampled,) conv, + time, norm, SiLU, dropout, conv, + (resampled) shortcut. The
  // resampling: Dhariwal & Nichol 2021, section 3; in front of a convolution, upsampling is an option of its.
  int residual_block(const std::string& name, std::array<int, 2> x, int out, int time,
                     Resample resample = Resample::none) {
    const int in = channels_of(x);
    const int projected = linear(name + ".time", time, config_.scale_shift ? 2 * out : out, config_.scale_shift);
    int shortcut = x[0];
    if (in != out || x[1] >= 0) shortcut = conv(name + ".shortcut", x, out, 1, {});
    if (resample != Resample::none) shortcut = resampled(name + ".resampled_shortcut", shortcut, resample);
    int h = group_norm(name + ".norm1", x, -1);
    ConvOptions first;
    if (resample == Resample::down) h = resampled(name + ".resampled", h, resample);
    if (resample == Resample::up) first.upsample = 2;
    first.shift = config_.scale_shift ? -1 : projected;
    h = conv(name + ".conv1", {h, -1}, out, config_.kernel, first);
    h = group_norm(name + ".norm2", {h, -1}, config_.scale_shift ? projected : -1);
    h = dropout(name + ".dropout", h);
    ConvOptions second;
    second.residual = shortcut;
    second.zero = true;
    return conv(name + ".conv2", {h, -1}, out, config_.kernel, second);
  }

  int attention_block(const std::string& name, int x) {
    const int c = tensor(x).dims[2];
    int h = group_norm(name + ".norm", {x, -1}, -1, Activation::none);
    h = conv(name + ".qkv", {h, -1}, 3 * c, 1, {});
    Node node;
    node.kind = OpKind::attention;
    node.name = name + ".attention";
    node.x[0] = h;
    node.heads = config_.head_width > 0 ? c / config_.head_width : config_.heads;
    node.head_dim = c / node.heads;
    node.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(node.head_dim)));
    h = emit(node, {tensor(x).dims[0], tensor(x).dims[1], c});
    ConvOptions out;
    out.residual = x;
    out.zero = true;
    return conv(name + ".out", {h, -1}, c, 1, out);
  }

  int stage(const std::string& name, std::array<int, 2> x, int out, int time, bool attention) {
    const int h = residual_block(name, x, out, time);
    return attention ? attention_block(name + ".attention", h) : h;
  }

  static constexpr float class_embedding_deviation = 1.0f;
  const UNetConfig& config_;
  Initialiser init_;
};

}  // namespace

Graph build_unet(const UNetConfig& config, uint64_t seed) { return Builder(config, seed).build(); }

}  // namespace mote::tool
