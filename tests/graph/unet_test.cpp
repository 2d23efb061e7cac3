// The UNet builder: sizes against closed forms counted by hand for each layer, and configurations that do not fit.
#include <doctest/doctest.h>

#include <string>

#include "weights_tool/graph/unet.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

UNetConfig parse(const std::string& text) {
  const Json json = parse_json(text, "test.json");
  return unet_config_from_json(JsonView(json, "test.json"));
}

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "";
}

// Multiply-accumulates and parameters counted along the published structure, without the builder's graph.
struct Count {
  int64_t parameters = 0, macs = 0;
  int time = 0;
  void conv(int64_t in, int64_t out, int64_t k, int64_t size) {
    parameters += in * out * k * k + out;
    macs += in * out * k * k * size * size;
  }
  void linear(int64_t in, int64_t out) {
    parameters += in * out + out;
    macs += in * out;
  }
  void residual(int64_t in, int64_t out, int64_t size, bool concatenated) {
    parameters += 2 * in + 2 * out;
    conv(in, out, 3, size);
    conv(out, out, 3, size);
    linear(time, out);
    if (in != out || concatenated) conv(in, out, 1, size);
  }
  void attention(int64_t c, int64_t size) {
    parameters += 2 * c;
    conv(c, 3 * c, 1, size);
    conv(c, c, 1, size);
    macs += 2 * size * size * size * size * c;
  }
};

}  // namespace

TEST_CASE("unet: parameters and multiply-accumulates of a small class-conditional network match a count by hand") {
  UNetConfig config;  // 28x28x1, channels 16, 32, 48, one block, attention in the middle
  config.classes = 10;
  const Graph graph = build_unet(config, 1);
  Count count;
  count.time = 64;
  count.linear(32, 64);
  count.linear(64, 64);
  count.parameters += 11 * 64;
  count.conv(1, 16, 3, 28);
  count.residual(16, 16, 28, false);
  count.conv(16, 16, 3, 14);
  count.residual(16, 32, 14, false);
  count.conv(32, 32, 3, 7);
  count.residual(32, 48, 7, false);
  count.residual(48, 48, 7, false);
  count.attention(48, 7);
  count.residual(48, 48, 7, false);
  count.residual(48 + 48, 48, 7, true);
  count.residual(48 + 32, 48, 7, true);
  count.conv(48, 32, 3, 14);
  count.residual(32 + 32, 32, 14, true);
  count.residual(32 + 16, 32, 14, true);
  count.conv(32, 16, 3, 28);
  count.residual(16 + 16, 16, 28, true);
  count.residual(16 + 16, 16, 28, true);
  count.parameters += 2 * 16;
  count.conv(16, 1, 3, 28);
  CHECK(graph_macs(graph) == count.macs);
  CHECK(graph_parameters(graph) == count.parameters + 16);  // the sinusoid's 16 frequencies are stored, not trained
}

TEST_CASE("unet: the DDPM CIFAR-10 layout comes within 1 % of the published 35.7 million parameters") {
  const Graph graph = build_unet(parse(R"({"height": 32, "width": 32, "channels": 3, "base_channels": 128,
      "multipliers": [1, 2, 2, 2], "blocks": 2, "attention_levels": [1], "groups": 32, "time_features": 512,
      "reduce_on_upsample": false})"),
                                 1);
  CHECK(graph_parameters(graph) > 35746307 * 0.99);
  CHECK(graph_parameters(graph) < 35746307 * 1.01);
}

TEST_CASE("unet: every tensor is written once, before it is read, and the output has the shape of the input") {
  for (const char* text : {R"({"classes": 3, "scale_shift": true, "dropout": 0.1, "attention_levels": [1, 2]})",
                           R"({"height": 8, "width": 16, "channels": 3, "multipliers": [1, 1], "blocks": [2, 1],
                               "middle_attention": false, "heads": 2, "reduce_on_upsample": false})"}) {
    const Graph graph = build_unet(parse(text), 5);
    std::vector<int> written(graph.tensors.size(), 0);
    written[static_cast<size_t>(graph.input)] = 1;
    for (size_t i = 0; i < graph.tensors.size(); ++i)
      if (graph.tensors[i].role == Role::parameter) {
        written[i] = 1;
        CHECK(static_cast<int64_t>(graph.tensors[i].values.size()) == graph.tensors[i].elements());
      }
    for (const Node& node : graph.nodes) {
      for (const int tensor : node_inputs(node)) CHECK(written[static_cast<size_t>(tensor)] == 1);
      for (const int tensor : node_outputs(node)) CHECK(++written[static_cast<size_t>(tensor)] == 1);
    }
    CHECK(graph.tensors[static_cast<size_t>(graph.output)].dims ==
          graph.tensors[static_cast<size_t>(graph.input)].dims);
  }
}

TEST_CASE("unet: a signal has kernels of one row, and only its width is halved and doubled") {
  const Graph graph = build_unet(parse(R"({"height": 1, "width": 24, "channels": 2, "kernel": 5, "base_channels": 8,
      "multipliers": [1, 2, 3], "attention_levels": [2], "groups": 4})"),
                                 3);
  std::vector<int> widths;  // after each convolution that changes it
  int last = 24;
  for (const Node& node : graph.nodes) {
    const std::array<int, 4>& y = graph.tensors[static_cast<size_t>(node.y[0])].dims;
    if (node.kind != OpKind::conv2d) continue;
    CHECK(y[0] == 1);
    CHECK(node.kernel_height == 1);
    CHECK(node.pad_top + node.pad_bottom == 0);
    const bool point = node.kernel_width == 1;
    CHECK((point || node.kernel_width == 5));
    CHECK(node.pad_left == (point ? 0 : 2));
    CHECK(graph.tensors[static_cast<size_t>(node.weights)].dims[1] == 1);
    if (y[1] != last) widths.push_back(y[1]);
    last = y[1];
  }
  CHECK(widths == std::vector<int>{12, 6, 12, 24});
  CHECK(graph.tensors[static_cast<size_t>(graph.output)].dims == std::array<int, 4>{1, 24, 2, 1});
}

TEST_CASE("unet: kernels of pictures are as high as wide, and a count by hand knows them") {
  const std::string text = R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1], "groups": 4,
      "middle_attention": false, "kernel": )";
  const int64_t three = graph_macs(build_unet(parse(text + "3}"), 1));
  const int64_t five = graph_macs(build_unet(parse(text + "5}"), 1));
  // conv_in and conv_out of 1 channel; 1 block down, 2 in the middle, 2 up, of two convolutions each, the first of the
  // last two over 16 channels.
  CHECK(five - three == (25 - 9) * 64 * (8 + 8 + 64 * (3 * 2 + 2 * 3)));
}

TEST_CASE("unet: heads of a width are as many as the channels of their level make") {
  const Graph graph = build_unet(parse(R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1, 2, 3],
      "groups": 4, "attention_levels": [0, 1, 2], "head_width": 4})"),
                                 3);
  int attentions = 0;
  for (const Node& node : graph.nodes) {
    if (node.kind != OpKind::attention) continue;
    ++attentions;
    CHECK(node.head_dim == 4);
    CHECK(node.heads == graph.tensors[static_cast<size_t>(node.y[0])].dims[2] / 4);
    CHECK(node.scale == 0.5f);
  }
  CHECK(attentions == 3 + 1 + 3 * 2);  // down, middle, up
}

// Dhariwal & Nichol's network counted by hand: a block at each change of size, of two convolutions at the lower and the
// higher size: the first one is computed where the block ends.
TEST_CASE("unet: residual blocks that halve and double have the parameters and work of a count by hand") {
  const std::string common = R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
      "time_features": 16, "middle_attention": false, "resample_blocks": )";
  const Graph conv = build_unet(parse(common + "\"conv\"}"), 1), block = build_unet(parse(common + "\"residual\"}"), 1);
  const int64_t down_macs = 2 * 8 * 8 * 9 * 16 + 16 * 8, up_macs = (16 * 8 + 8 * 8) * 9 * 64 + 16 * 8 * 16 + 16 * 8;
  CHECK(graph_macs(block) - graph_macs(conv) == down_macs + up_macs - 8 * 8 * 9 * 16 - 16 * 8 * 9 * 64);
  const int64_t down = 2 * (8 * 8 * 9 + 8) + 4 * 8 + 16 * 8 + 8;
  const int64_t up = (16 * 8 * 9 + 8) + (8 * 8 * 9 + 8) + 2 * 16 + 2 * 8 + (16 * 8 + 8) + 16 * 8 + 8;
  CHECK(graph_parameters(block) - graph_parameters(conv) == down + up - (8 * 8 * 9 + 8) - (16 * 8 * 9 + 8));
}

TEST_CASE("unet: dropout disappears when the training operators are stripped") {
  Graph graph = build_unet(parse(R"({"dropout": 0.1})"), 1);
  const int64_t macs = graph_macs(graph);
  strip_training_ops(graph);
  for (const Node& node : graph.nodes) CHECK(node.kind != op_dropout);
  CHECK(graph_macs(graph) == macs);
}

TEST_CASE("unet: the seed decides the parameters") {
  UNetConfig config;
  const Graph a = build_unet(config, 1), b = build_unet(config, 1), c = build_unet(config, 2);
  bool same = true, differs = false;
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    same = same && a.tensors[i].values == b.tensors[i].values;
    differs = differs || a.tensors[i].values != c.tensors[i].values;
  }
  CHECK(same);
  CHECK(differs);
}

TEST_CASE("unet: a configuration survives the way to JSON and back") {
  const UNetConfig config = parse(R"({"height": 8, "width": 16, "channels": 3, "classes": 4, "level_channels": [8, 24],
      "blocks": [2, 1], "attention_levels": [1], "heads": 2, "groups": 4, "dropout": 0.25, "scale_shift": true,
      "reduce_on_upsample": false, "time_features": 32, "middle_attention": false, "kernel": 7,
      "resample_blocks": "residual"})");
  const Json json = unet_config_to_json(config);
  const UNetConfig back = unet_config_from_json(JsonView(json, "again"));
  CHECK(unet_config_to_json(back) == json);
  CHECK(unet_level_channels(back) == std::vector<int>{8, 24});
  CHECK(back.blocks == std::vector<int>{2, 1});
  CHECK(back.scale_shift);
  CHECK_FALSE(back.reduce_on_upsample);
}

TEST_CASE("unet: a configuration that does not fit together is refused by name") {
  CHECK(error_of(R"({"groups": 5})").find("groups: 5 does not divide") != std::string::npos);
  CHECK(error_of(R"({"heads": 3, "multipliers": [1]})").find("heads: 3") != std::string::npos);
  CHECK(error_of(R"({"height": 30})").find("halved") != std::string::npos);
  CHECK(error_of(R"({"height": 1, "width": 30})").find("halved") != std::string::npos);
  CHECK(error_of(R"({"head_width": 5})").find("head_width: 5") != std::string::npos);
  CHECK(error_of(R"({"head_width": 4, "heads": 2})").find("not both") != std::string::npos);
  CHECK(error_of(R"({"resample_blocks": "pool"})").find("residual") != std::string::npos);
  CHECK(error_of(R"({"kernel": 4})").find("odd") != std::string::npos);
  CHECK(error_of(R"({"attention_levels": [3]})").find("no level 3") != std::string::npos);
  CHECK(error_of(R"({"blocks": [1, 1]})").find("blocks") != std::string::npos);
  CHECK(error_of(R"({"multipliers": []})").find("levels") != std::string::npos);
  CHECK(error_of(R"({"chanels": 3})").find("channels") != std::string::npos);
  CHECK(error_of(R"({"multipliers": [1], "level_channels": [16]})").find("not both") != std::string::npos);
}

}  // namespace mote::tool
