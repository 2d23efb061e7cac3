// Folders as the library writes them, and models imported from them, for the tests beside this.
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/commands/run_tool.h"
#include "tests/diffusers/unet_twin.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/npy.h"

namespace mote::test {

// A small network that attends in the middle; tests change what they are about.
inline Json small_unet() {
  return tool::parse_json(R"({"_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 2, "out_channels": 2,
    "block_out_channels": [8, 12], "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "layers_per_block": 1, "norm_num_groups": 4,
    "attention_head_dim": 4})",
                          "small unet");
}

inline Picture noise_picture(int channels, int height, int width, uint32_t seed) {
  Picture x(channels, height, width);
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (double& v : x.v) v = double{normal(random)};
  return x;
}

// What save_pretrained wrote in old repositories: configurations and weights at the root. Random weights.
inline void save_unet(const std::string& folder, const Json& config, UnetTwin* twin, const Picture& x, int label = -1) {
  tool::create_directories(folder);
  tool::write_json_file(folder + "/config.json", config, true);
  tool::write_json_file(folder + "/scheduler_config.json", Json::object().set("_class_name", "DDPMScheduler"), true);
  twin->run(x, 1, label);
  twin->save(folder + "/diffusion_pytorch_model.safetensors");
}

// The network's output for one picture, by the command line. [channels][height][width]
inline std::vector<float> run_forward_command(const ::test::TemporaryFolder& folder, const std::string& model,
                                              const std::vector<float>& x, const std::vector<size_t>& shape, double t,
                                              int label) {
  const std::string in = folder / "x.npy", out = folder / "y.npy";
  tool::write_npy(in, shape, x.data(), true);
  const ToolResult result =
      run_tool(tool::run_forward, {"forward", model, "--in", in, "--out", out, "--force", "--timestep",
                                   std::to_string(t), "--class", std::to_string(label), "--threads", "1"});
  REQUIRE(result.error == "");
  return tool::read_npy(out).values;
}

inline double largest_difference(const std::vector<double>& expected, const std::vector<float>& got) {
  REQUIRE(expected.size() == got.size());
  double largest = 0;
  for (size_t i = 0; i < got.size(); ++i) largest = std::max(largest, std::fabs(expected[i] - double{got[i]}));
  return std::isfinite(largest) ? largest : 1e30;
}

// Imports a network of random weights and runs it beside the twin. Options of `import` in `words`.
struct TwinRun {
  ::test::TemporaryFolder folder;
  UnetTwin twin;
  Picture x;
  std::string model = folder / "m.mote";

  TwinRun(const Json& config, int channels, int height, int width, std::vector<std::string> words = {})
      : twin(config), x(noise_picture(channels, height, width, 7)) {
    save_unet(folder / "unet", config, &twin, x, 0);
    words.insert(words.begin(), {"import", folder / "unet", "--out", model});
    const ToolResult result = run_tool(tool::run_import, words);
    REQUIRE(result.error == "");
  }
  double difference(double t, int label = -1, const Vector& class_vector = {}) {
    const std::vector<size_t> shape{1, static_cast<size_t>(x.c), static_cast<size_t>(x.h), static_cast<size_t>(x.w)};
    const std::vector<float> values(x.v.begin(), x.v.end());
    return largest_difference(twin.run(x, t, label, class_vector).v,
                              run_forward_command(folder, model, values, shape, t, label));
  }
};

}  // namespace mote::test
