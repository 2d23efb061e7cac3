// `export --diffusers`: a model of mote's own trainer computes the same after a trip through a folder of diffusers, and a
// folder that went through a model file has the same tensors, byte by byte. Whether the import reads such folders as the
// library means them is the subject of the other tests here.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/safetensors.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

// A model as `export` makes it of a checkpoint of this configuration.
std::vector<uint8_t> trained_model(const std::string& network) {
  const Json json = parse_json(network, "net.json");
  Graph graph = build_unet(unet_config_from_json(JsonView(json, "net.json")), 1);
  graph.train_steps = 50;
  graph.prediction = Prediction::v;
  test::perturb_parameters(graph, 3);
  prepare_for_inference(graph);
  const Json config = Json::object().set("model", json).set("schedule", "cosine").set("prediction", "v");
  return write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json::object().set("config", config));
}

std::vector<float> network_output(const std::string& model, const std::string& x, const std::string& label,
                                  const TemporaryFolder& folder) {
  const std::string out = folder / "y.npy";
  const test::ToolResult result = test::run_tool(
      run_forward, {"forward", model, "--in", x, "--timestep", "17", "--class", label, "--out", out, "--force"});
  REQUIRE(result.error == "");
  return read_npy(out).values;
}

test::ToolResult export_folder(const std::string& model, const std::string& to) {
  return test::run_tool(run_export, {"export", model, "--diffusers", to});
}
test::ToolResult import_folder(const std::string& from, const std::string& model) {
  return test::run_tool(run_import, {"import", from, "--out", model, "--force"});
}

const char* const networks[] = {
    R"({"height": 8, "width": 12, "channels": 2, "classes": 3, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
        "time_features": 24, "attention_levels": [1], "heads": 2, "reduce_on_upsample": false, "sinusoid_features": 8})",
    R"({"height": 12, "width": 12, "channels": 1, "base_channels": 8, "multipliers": [1, 2, 3], "groups": 4,
        "blocks": 2, "scale_shift": true, "attention_levels": [0, 2], "reduce_on_upsample": false,
        "sinusoid_features": 8, "time_features": 16})",
    R"({"height": 8, "width": 8, "channels": 3, "base_channels": 16, "multipliers": [1, 1], "groups": 8,
        "middle_attention": false, "sinusoid_features": 16})",
    R"({"height": 8, "width": 8, "channels": 3, "base_channels": 8, "multipliers": [1, 2, 3], "groups": 4,
        "resample_blocks": "residual", "attention_levels": [1], "head_width": 4, "reduce_on_upsample": false,
        "scale_shift": true, "sinusoid_features": 8})"};

}  // namespace

TEST_CASE("a trained model that goes to diffusers and comes back computes the same") {
  for (const char* network : networks) {
    CAPTURE(network);
    const TemporaryFolder folder;
    const std::string model = folder / "m.mote", to = folder / "pipeline", back = folder / "back.mote";
    save(model, trained_model(network));
    const test::ToolResult exported = export_folder(model, to);
    REQUIRE(exported.error == "");
    const test::ToolResult imported = import_folder(to, back);
    REQUIRE(imported.error == "");
    const Json json = parse_json(network, "net.json");
    const auto size = [&](const char* key) { return static_cast<size_t>(json.find(key)->integer()); };
    std::vector<float> x(size("channels") * size("height") * size("width"));
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (float& value : x) value = normal(random);
    write_npy(folder / "x.npy", {1, size("channels"), size("height"), size("width")}, x.data(), false);
    for (const std::string& label : {std::string("0"), std::string("none")}) {
      const bool classes = json.find("classes") != nullptr;
      if (!classes && label == "0") continue;
      // "No class" is a class of its own there, the last.
      const std::vector<float> before = network_output(model, folder / "x.npy", label == "0" ? "0" : "-1", folder);
      const std::vector<float> after = network_output(back, folder / "x.npy",
                                                      label == "0" ? "0"
                                                      : classes    ? "3"
                                                                   : "-1",
                                                      folder);
      REQUIRE(before.size() == after.size());
      for (size_t i = 0; i < before.size(); ++i) REQUIRE(std::fabs(before[i] - after[i]) < 2e-5);
    }
  }
}

TEST_CASE("a folder that was imported is exported with the same tensors, settings and scheduler") {
  for (const char* network : networks) {
    CAPTURE(network);
    const TemporaryFolder folder;
    save(folder / "m.mote", trained_model(network));
    REQUIRE(export_folder(folder / "m.mote", folder / "first").error == "");
    REQUIRE(import_folder(folder / "first", folder / "back.mote").error == "");
    REQUIRE(export_folder(folder / "back.mote", folder / "second").error == "");
    for (const char* file : {"/model_index.json", "/unet/config.json", "/scheduler/scheduler_config.json",
                             "/unet/diffusion_pytorch_model.safetensors"}) {
      CAPTURE(file);
      CHECK(load(folder / "first" + file) == load(folder / "second" + file));
    }
    const SafetensorsFile weights(folder / "first/unet/diffusion_pytorch_model.safetensors");
    REQUIRE(weights.metadata("format") != nullptr);
    CHECK(*weights.metadata("format") == "pt");
    CHECK(weights.find("down_blocks.0.resnets.0.time_emb_proj.weight") != nullptr);
    CHECK(weights.find("up_blocks.0.resnets.1.conv_shortcut.weight")->shape.size() == 4);
  }
}

TEST_CASE("checkpoints of the library itself come back with the tensors they had, under the names they had") {
  const std::string data = std::string(MOTE_TEST_DATA) + "/diffusers/";
  struct Folder {
    std::string name, weights;
  };
  for (const Folder& each : {Folder{"a_old_root", ""}, {"b", "unet/"}, {"c", "unet/"}, {"f_v", "unet/"}}) {
    const std::string &name = each.name, &weights = each.weights;
    CAPTURE(name);
    const TemporaryFolder folder;
    REQUIRE(import_folder(data + name, folder / "m.mote").error == "");
    REQUIRE(export_folder(folder / "m.mote", folder / "back").error == "");
    const std::string file = "diffusion_pytorch_model.safetensors";
    const SafetensorsFile before(data + name + "/" + weights + file), after(folder / "back/unet/" + file);
    CHECK(before.tensors().size() == after.tensors().size());
    for (const SafeTensor& tensor : before.tensors()) {
      CAPTURE(tensor.name);
      const SafeTensor* const same = after.find(tensor.name);
      REQUIRE(same != nullptr);
      CHECK(same->shape == tensor.shape);
      REQUIRE(same->bytes.size == tensor.bytes.size);
      CHECK(std::memcmp(same->bytes.data, tensor.bytes.data, tensor.bytes.size) == 0);
    }
  }
}

TEST_CASE(
    "compare takes an imported model and its int8 version through the same noise levels, those of its scheduler") {
  const TemporaryFolder folder;
  const std::string data = std::string(MOTE_TEST_DATA) + "/diffusers/a_old_root", m = folder / "m.mote";
  REQUIRE(import_folder(data, m).error == "");
  REQUIRE(test::run_tool(run_quantize,
                         {"quantize", m, "--steps", "4", "--calibrate", "2", "--quiet", "--out", folder / "q.mote"})
              .error == "");
  const test::ToolResult result =
      test::run_tool(run_compare, {"compare", m, folder / "q.mote", "--n", "2", "--out", folder / "c.png"});
  REQUIRE(result.error == "");
  const std::string before = "mean difference ";
  const size_t at = result.output.find(before);
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(result.output.substr(at + before.size())) < 20);  // by other levels: 127
}

TEST_CASE("what UNet2DModel cannot be is refused, with what to train instead") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& network) {
    save(folder / "m.mote", trained_model(network));
    return export_folder(folder / "m.mote", folder / "out").error;
  };
  CHECK(contains(error(R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1, 2], "groups": 4})"),
                 "\"reduce_on_upsample\": false"));
  CHECK(contains(error(R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
                           "reduce_on_upsample": false})"),
                 "\"sinusoid_features\": 8"));
  CHECK(contains(error(R"({"height": 8, "width": 8, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
                           "blocks": [1, 2], "reduce_on_upsample": false, "sinusoid_features": 8})"),
                 "the same number of blocks"));
  CHECK(contains(error(R"({"height": 1, "width": 8, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
                           "reduce_on_upsample": false, "sinusoid_features": 8})"),
                 "3x3 convolutions"));
  save(folder / "m.mote", test::tiny_model());
  CHECK(contains(export_folder(folder / "m.mote", folder / "out").error, "does not say how its network is configured"));
  REQUIRE(test::run_tool(run_quantize, {"quantize", folder / "m.mote", "--steps", "5", "--calibrate", "4", "--quiet",
                                        "--out", folder / "q.mote"})
              .code == 0);
  CHECK(contains(export_folder(folder / "q.mote", folder / "out").error, "is quantized"));
}

TEST_CASE("an export to a folder that holds a model needs --force") {
  const TemporaryFolder folder;
  save(folder / "m.mote", trained_model(networks[2]));
  REQUIRE(export_folder(folder / "m.mote", folder / "out").error == "");
  const std::vector<uint8_t> before = load(folder / "out/unet/config.json");
  CHECK(export_folder(folder / "m.mote", folder / "out").code == 4);
  CHECK(load(folder / "out/unet/config.json") == before);
  CHECK(test::run_tool(run_export, {"export", folder / "m.mote", "--diffusers", folder / "out", "--force"}).code == 0);
}

}  // namespace mote::tool
