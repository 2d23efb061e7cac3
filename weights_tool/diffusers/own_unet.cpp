#include "weights_tool/diffusers/own_unet.h"

#include <algorithm>
#include <vector>

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": UNet2DModel " + what);
}

// The channels of each level once down and once up, with those that a skip brings: where both together have as many as
// the level, ours has a shortcut convolution and theirs none.
void check_shortcuts(const UNetConfig& config, const std::vector<int>& channels, const std::string& name) {
  std::vector<int> skips{channels[0]};
  const int levels = static_cast<int>(channels.size()), blocks = config.blocks[0];
  for (int level = 0; level < levels; ++level) {
    const size_t count = static_cast<size_t>(blocks + (level + 1 < levels ? 1 : 0));
    skips.insert(skips.end(), count, channels[static_cast<size_t>(level)]);
  }
  int below = channels.back();
  for (int level = levels - 1; level >= 0; --level) {
    for (int block = 0; block <= blocks; ++block) {
      const int out = channels[static_cast<size_t>(level)];
      if (below + skips.back() == out)
        refuse(name, "has no shortcut in a block of " + std::to_string(out) +
                         " channels whose inputs have as many together; train with other level_channels");
      skips.pop_back();
      below = out;
    }
  }
}

// One head, or the width of the heads if every attention has the same.
Json head_dim(const UNetConfig& config, const std::vector<int>& channels, const std::string& name) {
  if (config.head_width > 0) return Json(config.head_width);
  if (config.heads == 1) return Json();
  std::vector<int> widths;
  for (const int level : config.attention_levels) widths.push_back(channels[static_cast<size_t>(level)] / config.heads);
  if (config.middle_attention) widths.push_back(channels.back() / config.heads);
  for (const int width : widths)
    if (width != widths[0]) refuse(name, "has heads of one width in all levels; train with \"heads\": 1");
  return widths.empty() ? Json() : Json(widths[0]);
}

}  // namespace

Json own_unet_config(const UNetConfig& config, const std::string& name) {
  const std::vector<int> channels = unet_level_channels(config);
  const size_t levels = channels.size();
  if (config.height == 1 || config.kernel != 3) refuse(name, "has 3x3 convolutions, which this model has not");
  if (config.reduce_on_upsample && levels > 1 && channels.front() != channels.back())
    refuse(name, "keeps the channels where it upsamples; train with \"reduce_on_upsample\": false");
  if (config.sinusoid_features != channels[0])
    refuse(name,
           "embeds the timestep in as many features as the first level has channels; train with "
           "\"sinusoid_features\": " +
               std::to_string(channels[0]));
  for (const int blocks : config.blocks)
    if (blocks != config.blocks[0]) refuse(name, "has the same number of blocks in every level; train with one number");
  check_shortcuts(config, channels, name);

  const bool residual = config.residual_resampling;
  std::vector<std::string> down(levels, residual ? "ResnetDownsampleBlock2D" : "DownBlock2D"),
      up(levels, residual ? "ResnetUpsampleBlock2D" : "UpBlock2D");
  for (const int level : config.attention_levels) {
    down[static_cast<size_t>(level)] = "AttnDownBlock2D";
    up[levels - 1 - static_cast<size_t>(level)] = "AttnUpBlock2D";
  }
  const bool square = config.height == config.width;
  Json json = Json::object();
  json.set("_class_name", "UNet2DModel").set("_diffusers_version", "0.40.0").set("act_fn", "silu");
  json.set("add_attention", config.middle_attention).set("attention_head_dim", head_dim(config, channels, name));
  json.set("attn_norm_num_groups", config.groups).set("block_out_channels", Json::array(channels));
  json.set("center_input_sample", false).set("class_embed_type", Json());
  json.set("down_block_types", Json::array(down)).set("downsample_padding", 1);
  json.set("downsample_type", residual ? "resnet" : "conv");
  json.set("dropout", config.dropout).set("flip_sin_to_cos", false).set("freq_shift", 1);
  json.set("in_channels", config.channels).set("layers_per_block", config.blocks[0]);
  json.set("mid_block_scale_factor", 1).set("mid_block_type", "UNetMidBlock2D");
  json.set("norm_eps", 1e-5).set("norm_num_groups", config.groups);
  json.set("num_class_embeds", config.classes > 0 ? Json(config.classes + 1) : Json());
  json.set("num_train_timesteps", Json()).set("out_channels", config.channels * (config.learned_variance ? 2 : 1));
  json.set("resnet_time_scale_shift", config.scale_shift ? "scale_shift" : "default");
  json.set("sample_size", square ? Json(config.height) : Json::array(std::vector<int>{config.height, config.width}));
  json.set("time_embedding_dim", config.time_features).set("time_embedding_type", "positional");
  json.set("up_block_types", Json::array(up)).set("upsample_type", residual ? "resnet" : "conv");
  return json;
}

namespace {

// The block's number, then "attention" if it is one; the middle's attention has no number.
std::string block_of(const std::vector<std::string>& parts, size_t at) {
  const bool attention = parts[at] == "attention" || (at + 2 < parts.size() && parts[at + 1] == "attention");
  const std::string number = parts[at] == "attention" ? "0" : parts[at];
  return (attention ? ".attentions." : ".resnets.") + number;
}

}  // namespace

std::string diffusers_operator_name(const std::string& name, int levels) {
  static const std::vector<std::pair<std::string, std::string>> whole = {{"time.linear1", "time_embedding.linear_1"},
                                                                         {"time.linear2", "time_embedding.linear_2"},
                                                                         {"class.embedding", "class_embedding"},
                                                                         {"norm_out", "conv_norm_out"}};
  static const std::vector<std::pair<std::string, std::string>> last = {{"norm", "group_norm"},
                                                                        {"qkv", "to_qkv"},
                                                                        {"out", "to_out.0"},
                                                                        {"shortcut", "conv_shortcut"},
                                                                        {"time", "time_emb_proj"}};
  for (const auto& [ours, theirs] : whole)
    if (name == ours) return theirs;
  std::vector<std::string> parts{""};
  for (const char c : name) {
    if (c == '.') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const bool down = parts[0] == "down", up = parts[0] == "up", middle = parts[0] == "middle";
  if (!(down || up || middle)) return name;
  const int level = middle ? 0 : std::stoi(parts[1]);
  std::string out =
      middle ? "mid_block" : (down ? "down_blocks." : "up_blocks.") + std::to_string(down ? level : levels - 1 - level);
  size_t at = middle ? 1 : 2;
  if (parts[at] == "downsample" || parts[at] == "upsample") {
    out += "." + parts[at] + "rs.0";
    if (parts.size() == at + 1) return out + ".conv";
  } else {
    out += block_of(parts, at);
  }
  for (const auto& [ours, theirs] : last)
    if (parts.back() == ours) return out + "." + theirs;
  return out + "." + parts.back();
}

Json own_scheduler_config(const Json& train, const Graph& graph, const DiffusionInfo& info) {
  static const std::vector<std::pair<std::string, std::string>> schedules = {
      {"linear", "linear"}, {"quadratic", "scaled_linear"}, {"cosine", "squaredcos_cap_v2"}, {"sigmoid", "sigmoid"}};
  const Json* const schedule = train.find("schedule");
  std::string kind = schedule == nullptr ? "cosine" : schedule->text();
  for (const auto& [ours, theirs] : schedules)
    if (kind == ours) {
      kind = theirs;
      break;
    }
  const char* const prediction = graph.prediction == Prediction::epsilon ? "epsilon"
                                 : graph.prediction == Prediction::x0    ? "sample"
                                                                         : "v_prediction";
  Json json = Json::object();
  json.set("_class_name", "DDIMScheduler").set("_diffusers_version", "0.40.0");
  json.set("beta_start", 1e-4).set("beta_end", 0.02).set("beta_schedule", kind).set("trained_betas", Json());
  json.set("num_train_timesteps", graph.train_steps).set("prediction_type", prediction);
  json.set("clip_sample", info.clip).set("clip_sample_range", static_cast<double>(info.clip_range));
  json.set("set_alpha_to_one", true).set("steps_offset", 0).set("timestep_spacing", "trailing");
  json.set("rescale_betas_zero_snr", false).set("thresholding", false);
  json.set("dynamic_thresholding_ratio", 0.995).set("sample_max_value", 1.0);
  return json;
}

}  // namespace mote::tool
