// config.json: the library's defaults for what it does not say, and refusals that name the key and what is supported.
#include <doctest/doctest.h>

#include "tests/diffusers/unet_support.h"
#include "weights_tool/diffusers/unet_config.h"

namespace mote::tool {
namespace {

using ::test::contains;

Unet2DConfig parsed(const std::string& text) {
  const Json json = parse_json(text, "config.json");
  return parse_unet2d_config(JsonView(json, "config.json"));
}

// The message for a configuration of the small network with these changes.
std::string refusal(const std::string& changes) {
  Json config = ::mote::test::small_unet();
  const Json json = parse_json(changes, "changes");
  for (const auto& [key, value] : json.members()) config.set(key, value);
  return ::test::error_of([&] { parse_unet2d_config(JsonView(config, "config.json")); });
}

void check_refusal(const std::string& changes, const std::string& key, const std::string& supported) {
  CAPTURE(changes);
  const std::string line = refusal(changes);
  CHECK_MESSAGE(line.rfind("3: config.json: ", 0) == 0, line);
  CHECK_MESSAGE(contains(line, key), line);
  CHECK_MESSAGE(contains(line, supported), line);
}

}  // namespace

TEST_CASE("an empty configuration has the library's defaults") {
  const Unet2DConfig config = parsed("{}");
  CHECK(config.height == 0);
  CHECK(config.in_channels == 3);
  CHECK(config.out_channels == 3);
  CHECK_FALSE(config.center_input_sample);
  CHECK(config.time_embedding == TimeEmbedding::positional);
  CHECK(config.time_features == 4 * 224);
  CHECK(config.freq_shift == 0);
  CHECK(config.flip_sin_to_cos);
  const UnetBlock plain = UnetBlock::plain, attention = UnetBlock::attention;
  CHECK(config.down == std::vector<UnetBlock>{plain, attention, attention, attention});
  CHECK(config.up == std::vector<UnetBlock>{attention, attention, attention, plain});
  CHECK(config.channels == std::vector<int>{224, 448, 672, 896});
  CHECK(config.layers_per_block == 2);
  CHECK(config.middle);
  CHECK(config.middle_attention);
  CHECK(config.middle_scale == 1);
  CHECK(config.downsample_padding == 1);
  CHECK_FALSE(config.resnet_downsample);
  CHECK_FALSE(config.resnet_upsample);
  CHECK(config.activation == Activation::silu);
  CHECK(config.head_dim == 8);
  CHECK(config.groups == 32);
  CHECK(config.middle_attention_groups == 32);
  CHECK(config.epsilon == 1e-5);
  CHECK_FALSE(config.scale_shift);
  CHECK(config.class_embedding == ClassEmbedding::none);
}

TEST_CASE("null means one head, an absent key heads of 8") {
  Json config = ::mote::test::small_unet();
  CHECK(parse_unet2d_config(JsonView(config, "x")).heads(12) == 3);
  config.set("attention_head_dim", nullptr);
  CHECK(parse_unet2d_config(JsonView(config, "x")).heads(12) == 1);
  CHECK(parse_unet2d_config(JsonView(config, "x")).head_size(12) == 12);
  config.set("attention_head_dim", 5);
  CHECK(parse_unet2d_config(JsonView(config, "x")).heads(12) == 2);
}

TEST_CASE("null in the middle, and names and numbers that mean the same") {
  const Unet2DConfig config = parsed(R"({"mid_block_type": null, "time_embedding_dim": 0, "act_fn": "SiLU",
    "down_block_types": ["UNetResDownBlock2D"], "up_block_types": ["UNetResAttnUpBlock2D"],
    "block_out_channels": [32], "sample_size": [5, 7], "downsample_type": null})");
  CHECK_FALSE(config.middle);
  CHECK(config.time_features == 128);
  CHECK(config.up[0] == UnetBlock::attention);
  CHECK(config.height == 5);
  CHECK(config.width == 7);
}

TEST_CASE("keys that the library ignores are kept for a note; its own private ones are not") {
  const Unet2DConfig config = parsed(R"({"_name_or_path": "x", "decay": 0.99, "power": 0.75})");
  CHECK(config.ignored == std::vector<std::string>{"decay", "power"});
}

TEST_CASE("an unsupported setting is refused by name with what is supported") {
  check_refusal(R"({"_class_name": "UNet2DConditionModel"})", "_class_name", "UNet2DModel");
  check_refusal(R"({"down_block_types": ["DownBlock2D", "SkipDownBlock2D"]})", "down_block_types[1]",
                "AttnDownBlock2D");
  check_refusal(R"({"up_block_types": ["AttnSkipUpBlock2D", "UpBlock2D"]})", "up_block_types[0]",
                "ResnetUpsampleBlock2D");
  check_refusal(R"({"mid_block_type": "UNetMidBlock2DCrossAttn"})", "mid_block_type", "UNetMidBlock2D");
  check_refusal(R"({"act_fn": "tanh"})", "act_fn", "mish");
  check_refusal(R"({"time_embedding_type": "learned"})", "time_embedding_type", "fourier");
  check_refusal(R"({"class_embed_type": "projection"})", "class_embed_type", "identity");
  check_refusal(R"({"class_embed_type": "timestep", "time_embedding_type": "fourier"})", "class_embed_type",
                "identity");
  check_refusal(R"({"resnet_time_scale_shift": "spatial"})", "resnet_time_scale_shift", "scale_shift");
  check_refusal(R"({"downsample_type": "fir"})", "downsample_type", "resnet");
  check_refusal(R"({"upsample_type": "fir"})", "upsample_type", "conv");
  check_refusal(R"({"downsample_padding": 2})", "downsample_padding", "1");
  check_refusal(R"({"out_channels": 3})", "out_channels", "supported: 2, and 4");
}

TEST_CASE("numbers that do not fit together are refused") {
  check_refusal(R"({"norm_num_groups": 8})", "norm_num_groups", "12 channels");
  check_refusal(R"({"norm_num_groups": null})", "norm_num_groups", "integer");
  check_refusal(R"({"attn_norm_num_groups": 5})", "attn_norm_num_groups", "12 channels");
  check_refusal(R"({"attention_head_dim": 13})", "attention_head_dim", "12");
  check_refusal(R"({"block_out_channels": [8]})", "block_out_channels", "as many");
  check_refusal(R"({"block_out_channels": [], "down_block_types": [], "up_block_types": []})", "block_out_channels",
                "levels");
  check_refusal(R"({"sample_size": [8, 8, 8]})", "sample_size", "[height, width]");
  check_refusal(R"({"sample_size": -8})", "sample_size", "1");
  check_refusal(R"({"mid_block_scale_factor": 0})", "mid_block_scale_factor", "0");
  check_refusal(R"({"freq_shift": 4})", "freq_shift", "0");
  check_refusal(R"({"layers_per_block": [1, 2]})", "layers_per_block", "integer");
}

}  // namespace mote::tool
