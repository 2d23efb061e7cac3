// The command `import`: what it writes, and its options.
#include <doctest/doctest.h>

#include "tests/diffusers/unet_support.h"
#include "weights_tool/commands/model_source.h"
#include "weights_tool/graph/plan_rewrite.h"

namespace mote::test {
namespace {

using ::test::contains;

struct Import {
  ::test::TemporaryFolder folder;
  Json config = small_unet();
  std::string model = folder / "m.mote";

  void save() {
    UnetTwin twin(config);
    save_unet(folder / "unet", config, &twin, noise_picture(2, 8, 8, 3), 0);
  }
  ToolResult run(std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {"import", folder / "unet", "--out", model});
    return run_tool(tool::run_import, words);
  }
};

}  // namespace

TEST_CASE("an imported model carries both configurations as they were read") {
  Import import;
  import.config.set("decay", 0.5);
  import.save();
  CHECK(contains(import.run().output, import.model + ": "));
  const tool::ModelSource source = tool::load_model_source(import.model, {});
  const Json& origin = *source.meta.find("diffusers");
  CHECK(*origin.find("unet") == import.config);
  CHECK(origin.find("scheduler")->find("_class_name")->text() == "DDPMScheduler");
  CHECK(contains(source.meta.find("producer")->text(), "mote"));
  CHECK(source.diffusion.schedule.size() == 1000);
  CHECK(source.diffusion.default_steps == 10);
}

TEST_CASE("a file streamed is the file written at once") {
  Import import;
  import.save();
  REQUIRE(import.run({"--steps", "7"}).error == "");
  const std::vector<uint8_t> bytes = ::test::load(import.model);
  const tool::ModelSource source = tool::load_model_source(import.model, {});
  CHECK(source.diffusion.default_steps == 7);
  CHECK(tool::write_model(source.graph, source.plan, source.diffusion, source.meta) == bytes);
}

TEST_CASE("an existing file is replaced only by force, and stays as it was when something is wrong") {
  Import import;
  import.save();
  ::test::save(import.model, std::string("old"));
  CHECK(import.run().code == 4);
  import.config.set("norm_num_groups", 5);
  tool::write_json_file(import.folder / "unet/config.json", import.config, true);
  CHECK(import.run({"--force"}).code == 3);
  CHECK(::test::load(import.model).size() == 3);
  import.config.set("norm_num_groups", 4);
  tool::write_json_file(import.folder / "unet/config.json", import.config, true);
  CHECK(import.run({"--force"}).error == "");
  CHECK(::test::load(import.model).size() > 3);
}

TEST_CASE("the size comes from the configuration or the command line") {
  Import import;
  import.config.set("sample_size", nullptr);
  import.save();
  CHECK(import.run().code == 2);
  CHECK(contains(import.run().error, "give --size HxW"));
  for (const char* const size : {"8", "8x", "x8", "0x8", "8x8x8", "8x99999"})
    CHECK(contains(import.run({"--size", size}).error, "--size is HEIGHTxWIDTH"));
  const ToolResult odd = import.run({"--size", "7x8"});
  CHECK(odd.code == 3);
  CHECK(contains(odd.error, "7x8 cannot be halved and doubled back 1 times"));
  CHECK(contains(import.run({"--size", "6x4"}).output, "6x4x2"));
}

TEST_CASE("classes are asked for where the configuration needs them, and only there") {
  Import import;
  import.save();
  CHECK(contains(import.run({"--classes", "3"}).error, "--classes is for"));
  import.config.set("class_embed_type", "timestep");
  import.save();
  CHECK(contains(import.run().error, "say how many there are with --classes"));
  CHECK(contains(import.run({"--classes", "3"}).output, "3 classes"));
  import.config.set("class_embed_type", "identity");
  import.save();
  CHECK(contains(import.run({"--force"}).error, "bring them with --class-embeddings"));
  const std::vector<float> values(2 * 33);
  tool::write_npy(import.folder / "e.npy", {2, 33}, values.data(), false);
  CHECK(contains(import.run({"--force", "--class-embeddings", import.folder / "e.npy"}).error, "(2, 33)"));
}

TEST_CASE("an imported model is quantized, planned and sampled like any other") {
  Import import;
  import.config.set("mid_block_scale_factor", 1.5).set("center_input_sample", true).set("act_fn", "mish");
  import.config.set("block_out_channels", Json::array(std::vector<int>{8}))
      .set("down_block_types", Json::array(std::vector<std::string>{"AttnDownBlock2D"}))
      .set("up_block_types", Json::array(std::vector<std::string>{"UpBlock2D"}));
  import.save();
  REQUIRE(import.run().error == "");
  const std::string small = import.folder / "small.mote", planned = import.folder / "planned.mote";
  const ToolResult quantized = run_tool(
      tool::run_quantize, {"quantize", import.model, "--steps", "4", "--calibrate", "4", "--quiet", "--out", small});
  REQUIRE(quantized.error == "");
  CHECK(run_tool(tool::run_plan, {"plan", small, "--out", planned}).error == "");
  CHECK(run_tool(tool::run_inspect, {"inspect", planned}).error == "");
  CHECK(run_tool(tool::run_sample, {"sample", planned, "--n", "1", "--npy", import.folder / "p.npy"}).error == "");
  CHECK(tool::read_npy(import.folder / "p.npy").values.size() == 2 * 8 * 8);
}

TEST_CASE("a noise level at which the network is no number is named when quantizing") {
  Import import;
  import.config.set("time_embedding_type", "fourier");
  import.save();
  REQUIRE(import.run().error == "");  // leading steps end at level 0, whose logarithm there is none
  const ToolResult result = run_tool(tool::run_quantize, {"quantize", import.model, "--steps", "4", "--calibrate", "2",
                                                          "--quiet", "--out", import.folder / "small.mote"});
  CHECK(result.code == 3);
  CHECK(contains(result.error, "at noise level 0 the network's output"));
}

}  // namespace mote::test
