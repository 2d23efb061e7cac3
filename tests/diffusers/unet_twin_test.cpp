// Imported networks against a naive one in double precision (unet_twin.h): the settings that the reference
// checkpoints do not cover, and the twin itself against one of those.
#include <doctest/doctest.h>

#include "tests/diffusers/unet_support.h"

namespace mote::test {
namespace {

constexpr double tolerance = 2e-5;

Json with(const std::string& changes) {
  Json config = small_unet();
  const Json parsed = tool::parse_json(changes, "changes");
  for (const auto& [key, value] : parsed.members()) config.set(key, value);
  return config;
}

// The network at several noise levels, whose outputs are about 1.
void check(const Json& config, int channels = 2, int height = 8, int width = 8, int label = -1) {
  TwinRun run(config, channels, height, width);
  for (const double t : {0.0, 7.0, 250.5, 999.0}) {
    CAPTURE(t);
    CHECK(run.difference(t, label) < tolerance);
  }
}

}  // namespace

TEST_CASE("an imported network of few settings equals the naive one") { check(small_unet()); }

TEST_CASE("every activation, by every name of it") {
  for (const char* name : {"silu", "swish", "mish", "gelu", "relu"}) {
    CAPTURE(name);
    check(with(std::string("{\"act_fn\": \"") + name + "\"}"));
  }
}

TEST_CASE("the middle without attention, without anything, and divided") {
  check(with(R"({"add_attention": false})"));
  check(with(R"({"mid_block_type": null})"));
  check(with(R"({"mid_block_scale_factor": 1.7})"));
  check(with(R"({"mid_block_scale_factor": 0.6, "resnet_time_scale_shift": "scale_shift"})"));
}

TEST_CASE("groups of the attention in the middle") {
  check(with(R"({"attn_norm_num_groups": 3})"));
  check(with(R"({"attn_norm_num_groups": 2, "resnet_time_scale_shift": "scale_shift"})"));
  check(with(R"({"attn_norm_num_groups": null, "resnet_time_scale_shift": "scale_shift"})"));
}

TEST_CASE("heads: one, those that divide and those that leave channels over") {
  check(with(R"({"attention_head_dim": null})"));
  check(with(R"({"attention_head_dim": 5, "layers_per_block": 2})"));
  check(with(R"({"attention_head_dim": 12})"));
}

TEST_CASE("the time embedding's settings") {
  check(with(R"({"time_embedding_dim": 20})"));
  check(with(R"({"flip_sin_to_cos": false, "freq_shift": 1})"));
  check(with(R"({"freq_shift": 0.5})"));
  check(with(R"({"block_out_channels": [9, 12], "norm_num_groups": 3})"));  // an odd number of time features
}

TEST_CASE("a Fourier embedding, and the division by the noise level that goes with it") {
  TwinRun run(with(R"({"time_embedding_type": "fourier"})"), 2, 8, 8);
  for (const double t : {1.0, 7.0, 250.5, 999.0}) {
    CAPTURE(t);
    const double size = 1 / t;  // of the output; relative to it no more is lost
    CHECK(run.difference(t) < tolerance * std::max(size, 1e-6));
  }
  TwinRun small(with(R"({"time_embedding_type": "fourier", "out_channels": 4})"), 2, 8, 8);
  CHECK(small.difference(0.05) < 20 * tolerance);
}

TEST_CASE("a centred input, at the borders too") {
  check(with(R"({"center_input_sample": true})"));
  check(with(R"({"center_input_sample": true, "in_channels": 1, "out_channels": 1})"), 1);
}

TEST_CASE("classes from a table") {
  TwinRun run(with(R"({"num_class_embeds": 3})"), 2, 8, 8);
  for (const int label : {0, 2, -1}) CHECK(run.difference(500, label) < tolerance);  // none: nothing is added
}

TEST_CASE("classes embedded as timesteps") {
  TwinRun run(with(R"({"class_embed_type": "timestep"})"), 2, 8, 8, {"--classes", "12"});
  for (const int label : {0, 5, 11}) CHECK(run.difference(500, label) < tolerance);
}

TEST_CASE("classes whose embeddings somebody brings") {
  ::test::TemporaryFolder folder;
  std::vector<float> values;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 2 * 32; ++i) values.push_back(normal(random));
  tool::write_npy(folder / "e.npy", {2, 32}, values.data(), false);
  TwinRun run(with(R"({"class_embed_type": "identity"})"), 2, 8, 8, {"--class-embeddings", folder / "e.npy"});
  for (const int label : {0, 1})
    CHECK(run.difference(500, label, Vector(values.begin() + 32 * label, values.begin() + 32 * (label + 1))) <
          tolerance);
}

TEST_CASE("resampling blocks, and padding of one side, at odd and oblong sizes") {
  const char* const three = R"({"block_out_channels": [8, 8, 12],
    "down_block_types": ["AttnDownBlock2D", "DownBlock2D", "ResnetDownsampleBlock2D"],
    "up_block_types": ["ResnetUpsampleBlock2D", "UpBlock2D", "AttnUpBlock2D"], "sample_size": [12, 20])";
  check(with(std::string(three) + "}"), 2, 12, 20);
  check(with(std::string(three) + R"(, "downsample_type": "resnet", "upsample_type": "resnet"})"), 2, 12, 20);
  check(with(std::string(three) + R"(, "downsample_padding": 0, "layers_per_block": 2})"), 2, 12, 20);
  check(with(R"({"block_out_channels": [8], "down_block_types": ["AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D"], "sample_size": [7, 5], "mid_block_type": null})"),
        2, 7, 5);
}

TEST_CASE("a size given on the command line takes the place of the configuration's") {
  TwinRun run(with(R"({"sample_size": null})"), 2, 6, 10, {"--size", "6x10"});
  CHECK(run.difference(100) < tolerance);
}

}  // namespace mote::test
