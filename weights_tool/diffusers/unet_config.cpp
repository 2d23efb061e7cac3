#include "weights_tool/diffusers/unet_config.h"

#include <algorithm>
#include <cmath>

namespace mote::tool {
namespace {

constexpr int most_channels = 16384;  // as format::max_channels
constexpr size_t most_levels = 16;

// A value of the file; absent and, where the library means the same by it, null give nothing.
bool given(const JsonView& view, const char* key, bool null_is_absent = false) {
  return view.has(key) && !(null_is_absent && view.at(key).is_null());
}

int int_or(const JsonView& view, const char* key, int fallback, int low, int high) {
  return static_cast<int>(view.integer_or(key, fallback, low, high));
}

// In quotes, on one line whatever it holds.
std::string quoted(const std::string& text) { return write_json(Json(text), 0); }

// "a, b and c"
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + quoted(names[i]);
  return text;
}

std::string choice(const JsonView& value, const std::vector<std::string>& supported) {
  const std::string text = value.text();
  if (std::find(supported.begin(), supported.end(), text) == supported.end())
    value.fail(quoted(text) + " is not supported; supported: " + listed(supported));
  return text;
}

std::string choice_or(const JsonView& view, const char* key, const std::string& fallback,
                      const std::vector<std::string>& supported) {
  return given(view, key) ? choice(view.at(key), supported) : fallback;
}

void read_sample_size(const JsonView& view, Unet2DConfig* config) {
  if (!given(view, "sample_size", true)) return;
  const JsonView size = view.at("sample_size");
  if (size.value().kind() == Json::Kind::array) {
    const std::vector<int64_t> sizes = size.integers(1, 4096);
    if (sizes.size() != 2) size.fail("expected one size, or [height, width]");
    config->height = static_cast<int>(sizes[0]);
    config->width = static_cast<int>(sizes[1]);
  } else {
    config->height = config->width = static_cast<int>(size.integer(1, 4096));
  }
}

// direction: "Down" or "Up". Names of old files carry "UNetRes" in front.
std::vector<UnetBlock> blocks_of(const JsonView& view, const std::string& key, const std::string& direction) {
  const std::vector<std::string> names{direction + "Block2D", "Attn" + direction + "Block2D",
                                       "Resnet" + direction + "sampleBlock2D"};
  const UnetBlock kinds[] = {UnetBlock::plain, UnetBlock::attention, UnetBlock::resample};
  if (!given(view, key.c_str())) {
    std::vector<UnetBlock> blocks(4, UnetBlock::attention);
    blocks[direction == "Down" ? 0 : 3] = UnetBlock::plain;
    return blocks;
  }
  std::vector<UnetBlock> blocks;
  for (const JsonView& item : view.at(key).items()) {
    std::string name = item.text();
    if (name.rfind("UNetRes", 0) == 0) name = name.substr(7);
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) item.fail(quoted(name) + " is not supported; supported: " + listed(names));
    blocks.push_back(kinds[at - names.begin()]);
  }
  return blocks;
}

void read_levels(const JsonView& view, Unet2DConfig* config) {
  config->down = blocks_of(view, "down_block_types", "Down");
  config->up = blocks_of(view, "up_block_types", "Up");
  config->channels = {224, 448, 672, 896};
  if (given(view, "block_out_channels")) {
    const std::vector<int64_t> channels = view.at("block_out_channels").integers(2, most_channels);
    config->channels.assign(channels.begin(), channels.end());
  }
  const size_t levels = config->channels.size();
  if (levels == 0 || levels > most_levels)
    view.fail("block_out_channels: " + std::to_string(levels) + " levels; supported: 1 to " +
              std::to_string(most_levels));
  if (config->down.size() != levels || config->up.size() != levels)
    view.fail("block_out_channels, down_block_types and up_block_types have " + std::to_string(levels) + ", " +
              std::to_string(config->down.size()) + " and " + std::to_string(config->up.size()) +
              " entries; they must have as many each");
  config->layers_per_block = int_or(view, "layers_per_block", config->layers_per_block, 1, 64);
  config->resnet_downsample =
      given(view, "downsample_type", true) && choice(view.at("downsample_type"), {"conv", "resnet"}) == "resnet";
  config->resnet_upsample =
      given(view, "upsample_type", true) && choice(view.at("upsample_type"), {"conv", "resnet"}) == "resnet";
  config->downsample_padding = int_or(view, "downsample_padding", config->downsample_padding, 0, 1);
}

void read_middle(const JsonView& view, Unet2DConfig* config) {
  config->middle = !given(view, "mid_block_type") || !view.at("mid_block_type").is_null();
  if (given(view, "mid_block_type", true)) choice(view.at("mid_block_type"), {"UNetMidBlock2D"});
  config->middle_attention = view.boolean_or("add_attention", true);
  config->middle_scale = view.number_or("mid_block_scale_factor", 1.0, -1e6, 1e6);
  if (std::fabs(config->middle_scale) < 1e-6) view.at("mid_block_scale_factor").fail("must not be 0");
  if (given(view, "attn_norm_num_groups", true)) {
    config->middle_attention_groups = static_cast<int>(view.at("attn_norm_num_groups").integer(1, most_channels));
  } else {
    config->middle_attention_groups = config->scale_shift ? 0 : config->groups;
  }
}

void read_time(const JsonView& view, Unet2DConfig* config) {
  config->time_embedding = choice_or(view, "time_embedding_type", "positional", {"positional", "fourier"}) == "fourier"
                               ? TimeEmbedding::fourier
                               : TimeEmbedding::positional;
  config->freq_shift = view.number_or("freq_shift", 0, -1e6, 1e6);
  config->flip_sin_to_cos = view.boolean_or("flip_sin_to_cos", true);
  if (given(view, "time_embedding_dim", true))
    config->time_features = static_cast<int>(view.at("time_embedding_dim").integer(0, most_channels));
  if (config->time_features == 0) config->time_features = 4 * config->channels[0];
  if (config->time_embedding == TimeEmbedding::positional && config->channels[0] / 2 == config->freq_shift)
    view.fail("freq_shift: half the channels of the first level less this is 0, which the frequencies are divided by");
}

void read_classes(const JsonView& view, Unet2DConfig* config) {
  if (given(view, "num_class_embeds", true))
    config->num_class_embeds = static_cast<int>(view.at("num_class_embeds").integer(1, 65535));
  if (given(view, "class_embed_type", true)) {
    const std::string type = choice(view.at("class_embed_type"), {"timestep", "identity"});
    config->class_embedding = type == "timestep" ? ClassEmbedding::timestep : ClassEmbedding::identity;
    config->num_class_embeds = 0;
  } else if (config->num_class_embeds > 0) {
    config->class_embedding = ClassEmbedding::table;
  }
  if (config->class_embedding == ClassEmbedding::timestep && config->time_embedding == TimeEmbedding::fourier)
    view.fail(
        "class_embed_type: \"timestep\" is not supported with the time_embedding_type \"fourier\", which takes "
        "the logarithm of class 0; supported with it: null and \"identity\"");
}

void read_norms(const JsonView& view, Unet2DConfig* config) {
  static const std::vector<std::pair<std::string, Activation>> activations{{"silu", Activation::silu},
                                                                           {"swish", Activation::silu},
                                                                           {"mish", Activation::mish},
                                                                           {"gelu", Activation::gelu},
                                                                           {"relu", Activation::relu}};
  if (given(view, "act_fn")) {
    std::string name = view.at("act_fn").text();
    for (char& c : name)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    std::vector<std::string> names;
    bool found = false;
    for (const auto& [text, activation] : activations) {
      names.push_back(text);
      if (text == name) config->activation = activation, found = true;
    }
    if (!found) view.at("act_fn").fail(quoted(name) + " is not supported; supported: " + listed(names));
  }
  config->groups = int_or(view, "norm_num_groups", config->groups, 1, most_channels);
  config->epsilon = view.number_or("norm_eps", config->epsilon, 0x1p-40, 1.0);
  config->scale_shift =
      choice_or(view, "resnet_time_scale_shift", "default", {"default", "scale_shift"}) == "scale_shift";
  if (given(view, "attention_head_dim"))
    config->head_dim =
        view.at("attention_head_dim").is_null() ? 0 : int_or(view, "attention_head_dim", 8, 1, most_channels);
}

void check_attention(const JsonView& view, const Unet2DConfig& config) {
  const size_t levels = config.channels.size();
  for (size_t i = 0; i < levels; ++i) {
    const bool middle = i + 1 == levels && config.middle && config.middle_attention;
    const bool attends =
        config.down[i] == UnetBlock::attention || config.up[levels - 1 - i] == UnetBlock::attention || middle;
    if (attends && config.heads(config.channels[i]) < 1)
      view.fail("attention_head_dim: heads of " + std::to_string(config.head_dim) + " channels, and a level of " +
                std::to_string(config.channels[i]) + " that attends; a head must not be wider");
  }
}

// Every normalisation must come out even, the concatenated ones of the way up too.
void check_groups(const JsonView& view, const Unet2DConfig& config) {
  const auto check = [&](int channels, int groups, const char* key, const char* where) {
    if (channels % groups != 0)
      view.fail(std::string(key) + ": " + std::to_string(groups) + " groups do not divide the " +
                std::to_string(channels) + " channels of " + where);
  };
  for (const int channels : config.channels) check(channels, config.groups, "norm_num_groups", "a level");
  if (config.middle && config.middle_attention && config.middle_attention_groups > 0)
    check(config.channels.back(), config.middle_attention_groups, "attn_norm_num_groups", "the middle");
}

void check_channels(const JsonView& view, const Unet2DConfig& config) {
  const int in = config.in_channels, out = config.out_channels;
  if (out != in && out != 2 * in)
    view.fail("out_channels: " + std::to_string(out) + " is not supported with in_channels " + std::to_string(in) +
              "; supported: " + std::to_string(in) + ", and " + std::to_string(2 * in) + " for a learned variance");
}

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys{"sample_size",
                                             "in_channels",
                                             "out_channels",
                                             "center_input_sample",
                                             "time_embedding_type",
                                             "time_embedding_dim",
                                             "freq_shift",
                                             "flip_sin_to_cos",
                                             "down_block_types",
                                             "mid_block_type",
                                             "up_block_types",
                                             "block_out_channels",
                                             "layers_per_block",
                                             "mid_block_scale_factor",
                                             "downsample_padding",
                                             "downsample_type",
                                             "upsample_type",
                                             "dropout",
                                             "act_fn",
                                             "attention_head_dim",
                                             "norm_num_groups",
                                             "attn_norm_num_groups",
                                             "norm_eps",
                                             "resnet_time_scale_shift",
                                             "add_attention",
                                             "class_embed_type",
                                             "num_class_embeds",
                                             "num_train_timesteps"};
  return keys;
}

}  // namespace

Unet2DConfig parse_unet2d_config(const JsonView& view) {
  if (view.value().kind() != Json::Kind::object) view.fail("expected an object, the configuration of a UNet2DModel");
  if (given(view, "_class_name")) choice(view.at("_class_name"), {"UNet2DModel"});
  Unet2DConfig config;
  for (const std::string& key : view.unknown_keys(known_keys()))
    if (key.empty() || key[0] != '_') config.ignored.push_back(key);
  read_sample_size(view, &config);
  config.in_channels = int_or(view, "in_channels", config.in_channels, 1, most_channels);
  config.out_channels = int_or(view, "out_channels", config.out_channels, 1, most_channels);
  config.center_input_sample = view.boolean_or("center_input_sample", false);
  read_levels(view, &config);
  read_norms(view, &config);
  read_time(view, &config);
  read_classes(view, &config);
  read_middle(view, &config);
  check_channels(view, config);
  check_groups(view, config);
  check_attention(view, config);
  return config;
}

}  // namespace mote::tool
