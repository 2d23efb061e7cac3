// Checkpoints: every tensor that does not fit is named, types are converted, shards are joined, old names are known.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/diffusers/unet_support.h"
#include "weights_tool/diffusers/unet_weights.h"

namespace mote::test {
namespace {

using ::test::contains;
using tool::SafeDType;
using tool::SafeTensor;

// A folder with a small network whose tensors a test changes before it is imported.
struct Folder {
  ::test::TemporaryFolder folder;
  UnetTwin twin{small_unet()};
  Picture x = noise_picture(2, 8, 8, 3);
  std::string unet = folder / "unet", weights = unet + "/diffusion_pytorch_model.safetensors";

  Folder() { save_unet(unet, small_unet(), &twin, x); }
  ToolResult import(std::vector<std::string> words = {}) const {
    words.insert(words.begin(), {"import", unet, "--out", folder / "m.mote", "--force"});
    return run_tool(tool::run_import, words);
  }
  double difference() {
    const std::vector<float> values(x.v.begin(), x.v.end());
    return largest_difference(twin.run(x, 321).v,
                              run_forward_command(folder, folder / "m.mote", values, {1, 2, 8, 8}, 321, -1));
  }
};

std::string renamed(std::string name) {
  const std::pair<const char*, const char*> pairs[] = {
      {"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}};
  for (const auto& [now, before] : pairs)
    if (const size_t at = name.find(now); at != std::string::npos) name.replace(at, std::strlen(now), before);
  return name;
}

}  // namespace

TEST_CASE("several wrong tensors are each named, in one line") {
  Folder folder;
  folder.twin.tensors.erase("conv_in.bias");
  folder.twin.tensors.erase("mid_block.attentions.0.to_q.weight");
  folder.twin.tensors["conv_out.bias"] = {{3}, {1, 2, 3}};
  folder.twin.tensors["stray.weight"] = {{1}, {1}};
  folder.twin.tensors["two\nlines"] = {{1}, {1}};
  folder.twin.save(folder.weights);
  const ToolResult result = folder.import();
  CHECK(result.code == 3);
  CHECK(contains(result.error, folder.weights + ": 5 tensors do not fit"));
  CHECK(contains(result.error, "'conv_in.bias' [8] is missing"));
  CHECK(contains(result.error, "'mid_block.attentions.0.to_q.weight' [12, 12] is missing"));
  CHECK(contains(result.error, "'conv_out.bias' has the shape [3], not [2]"));
  CHECK(contains(result.error, "'stray.weight' [1] is not part of this network"));
  CHECK(contains(result.error, R"("two\nlines" [1] is not part of this network)"));
  CHECK_FALSE(std::filesystem::exists(folder.folder / "m.mote"));
}

TEST_CASE("old names of attention are known, both at once are not") {
  Folder folder;
  std::map<std::string, UnetTwin::Values> old;
  for (const auto& [name, values] : folder.twin.tensors) old[renamed(name)] = values;
  UnetTwin before(small_unet());
  before.tensors = old;
  before.save(folder.weights);
  REQUIRE(folder.import().error == "");
  CHECK(folder.difference() < 2e-5);
  before.tensors["mid_block.attentions.0.to_q.weight"] = folder.twin.tensors["mid_block.attentions.0.to_q.weight"];
  before.save(folder.weights);
  CHECK(contains(folder.import().error, "'mid_block.attentions.0.to_q.weight' [12, 12] is not part"));
}

TEST_CASE("queries, keys and values may have no biases at all, but not some of them") {
  Folder folder;
  UnetTwin bare = folder.twin;
  for (const char* const part : {"to_q", "to_k", "to_v"}) {
    bare.tensors.erase(std::string("mid_block.attentions.0.") + part + ".bias");
    for (float& v : folder.twin.tensors[std::string("mid_block.attentions.0.") + part + ".bias"].values) v = 0;
  }
  bare.save(folder.weights);
  REQUIRE(folder.import().error == "");
  CHECK(folder.difference() < 2e-5);
  bare.tensors["mid_block.attentions.0.to_q.bias"] = {{12}, std::vector<float>(12)};
  bare.save(folder.weights);
  CHECK(contains(folder.import().error, "2 tensors do not fit"));
}

TEST_CASE("tensors of F64, BF16 and F16 are converted") {
  Folder folder;
  std::vector<std::vector<uint8_t>> bytes;
  std::vector<SafeTensor> list;
  int turn = 0;
  bytes.reserve(folder.twin.tensors.size());
  for (auto& [name, t] : folder.twin.tensors) {
    const bool wide = turn++ % 2 == 0;
    bytes.emplace_back();
    for (float& v : t.values) {
      uint32_t bits;
      std::memcpy(&bits, &v, 4);
      bits &= 0xFFFF0000u;  // a bfloat16
      std::memcpy(&v, &bits, 4);
      const double twice = double{v};
      const uint16_t half = static_cast<uint16_t>(bits >> 16);
      const uint8_t* const from =
          wide ? reinterpret_cast<const uint8_t*>(&twice) : reinterpret_cast<const uint8_t*>(&half);
      bytes.back().insert(bytes.back().end(), from, from + (wide ? 8 : 2));
    }
    list.push_back({name, wide ? SafeDType::f64 : SafeDType::bf16, t.shape, bytes.back()});
  }
  tool::write_safetensors(folder.weights, list, {}, true);
  REQUIRE(folder.import().error == "");
  CHECK(folder.difference() < 2e-5);
}

TEST_CASE("integers and numbers that are none are refused with the tensor's name") {
  Folder folder;
  folder.twin.tensors["conv_in.bias"].values[3] = std::numeric_limits<float>::quiet_NaN();
  folder.twin.save(folder.weights);
  ToolResult result = folder.import();
  CHECK(result.code == 3);
  CHECK(contains(result.error, folder.weights));
  CHECK(contains(result.error, "'conv_in.bias'"));
  CHECK_FALSE(std::filesystem::exists(folder.folder / "m.mote"));
  std::vector<SafeTensor> list;
  const std::vector<int32_t> ones(8, 1);
  for (const auto& [name, t] : folder.twin.tensors) list.push_back(tool::f32_tensor(name, t.shape, t.values.data()));
  for (SafeTensor& t : list)
    if (t.name == "conv_in.bias") t.dtype = SafeDType::i32;
  tool::write_safetensors(folder.weights, list, {}, true);
  result = folder.import();
  CHECK(contains(result.error, "'conv_in.bias' is of type I32, not F32, F16, BF16 or F64"));
}

TEST_CASE("shards are read together; a tensor in two of them is refused") {
  Folder folder;
  std::vector<SafeTensor> half[2];
  Json map = Json::object();
  const auto shard = [&](int i) {
    return "diffusion_pytorch_model-0000" + std::to_string(i + 1) + "-of-00002.safetensors";
  };
  int turn = 0;
  for (const auto& [name, t] : folder.twin.tensors) {
    map.set(name, shard(turn % 2));
    half[turn++ % 2].push_back(tool::f32_tensor(name, t.shape, t.values.data()));
  }
  tool::remove_file(folder.weights);
  tool::write_json_file(folder.weights + ".index.json", Json::object().set("weight_map", map), false);
  for (int i = 0; i < 2; ++i) tool::write_safetensors(folder.unet + "/" + shard(i), half[i], {}, true);
  REQUIRE(folder.import().error == "");
  CHECK(folder.difference() < 2e-5);
  half[0].push_back(half[1][0]);
  tool::write_safetensors(folder.unet + "/" + shard(0), half[0], {}, true);
  CHECK(contains(folder.import().error, "is in another file"));
}

}  // namespace mote::test
