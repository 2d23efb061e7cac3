// Where the files of a folder are looked for, and what is said when they are not there.
#include "weights_tool/diffusers/folder.h"

#include <doctest/doctest.h>

#include "tests/io/support.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::error_of;

struct Files {
  ::test::TemporaryFolder folder;
  // Files with these names; a .json holds an empty object.
  explicit Files(const std::vector<std::string>& names) {
    for (const std::string& name : names) add(name, name.find(".json") != std::string::npos ? "{}" : "x");
  }
  void add(const std::string& name, const std::string& text) {
    create_directories(parent_directory(folder / name));
    ::test::save(folder / name, text);
  }
  DiffusersFolder find(const std::string& variant = "") const { return find_diffusers_files(folder.path(), variant); }
  std::string error(const std::string& variant = "") const {
    return error_of([&] { find(variant); });
  }
};

const std::string plain = "diffusion_pytorch_model.safetensors";

std::string shards_error(const std::string& name) {
  const Json json =
      Json::object().set("weight_map", Json::object().set("a", "model-00001-of-00002.safetensors").set("b", name));
  return error_of([&] { shard_names(JsonView(json, "index.json")); });
}

}  // namespace

TEST_CASE("a pipeline's folder, an old repository's and a model's alone are found") {
  const Files pipeline({"model_index.json", "unet/config.json", "unet/" + plain, "scheduler/scheduler_config.json"});
  CHECK(contains(pipeline.error(), "model_index.json: names no \"unet\""));
  Files named({"unet/config.json", "unet/" + plain, "scheduler/scheduler_config.json"});
  named.add("model_index.json", R"({"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]})");
  const DiffusersFolder found = named.find();
  CHECK(found.pipeline_class == "DDPMPipeline");
  CHECK(found.unet_path == named.folder / "unet/config.json");
  CHECK(found.weights == std::vector<std::string>{named.folder / ("unet/" + plain)});
  CHECK(found.scheduler_path == named.folder / "scheduler/scheduler_config.json");
  CHECK(found.scheduler_text == "{}");
  const Files old({"config.json", plain, "scheduler_config.json"});
  CHECK(old.find().unet_path == old.folder / "config.json");
  CHECK(old.find().scheduler_path == old.folder / "scheduler_config.json");
  const Files alone({"config.json", plain});
  CHECK(alone.find().scheduler_path == "");
}

TEST_CASE("a pipeline of another network is refused by name") {
  Files files({"unet/config.json", "unet/" + plain});
  files.add("model_index.json", R"({"unet": ["diffusers", "UNet2DConditionModel"]})");
  CHECK(contains(files.error(), "\"UNet2DConditionModel\" is not supported; supported: \"UNet2DModel\""));
  files.add("model_index.json", R"({"unet": "UNet2DModel"})");
  CHECK(contains(files.error(), "expected [library, class]"));
}

TEST_CASE("the only variant is taken, one of several must be named") {
  const Files one({"config.json", "diffusion_pytorch_model.fp16.safetensors"});
  CHECK(one.find().weights[0] == one.folder / "diffusion_pytorch_model.fp16.safetensors");
  const Files several(
      {"config.json", "diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.non_ema.safetensors"});
  CHECK(contains(several.error(), "--variant: fp16, non_ema"));
  CHECK(several.find("non_ema").weights[0] == several.folder / "diffusion_pytorch_model.non_ema.safetensors");
  CHECK(contains(several.error("fp8"), "no weights of the variant \"fp8\""));
  const Files both({"config.json", plain, "diffusion_pytorch_model.fp16.safetensors"});
  CHECK(both.find().weights[0] == both.folder / plain);
  CHECK(both.find("fp16").weights[0] == both.folder / "diffusion_pytorch_model.fp16.safetensors");
}

TEST_CASE("weights that are not safetensors are named, with the way to save them again") {
  const Files files({"config.json", "diffusion_pytorch_model.bin"});
  const std::string line = files.error();
  CHECK(line.rfind("3: " + files.folder / "diffusion_pytorch_model.bin: ", 0) == 0);
  CHECK(contains(line, "safe_serialization=True"));
}

TEST_CASE("what is missing is said, and where it was looked for") {
  CHECK(contains(Files({}).error(), "holds neither unet/config.json nor config.json"));
  CHECK(contains(Files({"config.json"}).error(), "holds no diffusion_pytorch_model.safetensors"));
  CHECK(contains(error_of([] { find_diffusers_files("no/such/folder", ""); }), "no/such/folder: is no folder"));
}

TEST_CASE("an index names its shards; a name that leads out of the folder is refused") {
  Files files({"config.json"});
  const std::string shard = "diffusion_pytorch_model-00001-of-00001.safetensors";
  files.add(plain + ".index.json", R"({"weight_map": {"a": ")" + shard + R"(", "b": ")" + shard + R"("}})");
  CHECK(contains(files.error(), shard + ": is missing"));
  files.add(shard, "x");
  CHECK(files.find().weights == std::vector<std::string>{files.folder / shard});
  for (const char* const name : {"../m.safetensors", "/m.safetensors", "a/b.safetensors", "..", "", "m.bin",
                                 ".hidden.safetensors", "a\\b.safetensors", "a\nb.safetensors"}) {
    CAPTURE(name);
    const std::string line = shards_error(name);
    CHECK(line.rfind("3: index.json: weight_map.b: ", 0) == 0);
  }
  CHECK(shards_error("model-00002-of-00002.safetensors") == "no error");
  const Json empty = parse_json(R"({"weight_map": {}})", "index.json");
  CHECK(contains(error_of([&] { shard_names(JsonView(empty, "index.json")); }), "names no files"));
}

}  // namespace mote::tool
