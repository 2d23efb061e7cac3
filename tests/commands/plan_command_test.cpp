// `plan`: another placement of the same model draws the same pictures.
#include <doctest/doctest.h>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/idx.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

std::vector<uint8_t> drawn(const std::string& model, const std::string& threads) {
  const std::string idx = model + threads + ".idx";
  REQUIRE(test::run_tool(run_sample,
                         {"sample", model, "--n", "2", "--threads", threads, "--seed", "5", "--idx", idx, "--force"})
              .code == 0);
  return read_idx_images(idx).pixels;
}

int64_t workspaces(const ModelFile& file) {
  int64_t bytes = 0;
  for (size_t n = 0; n < file.graph.nodes.size(); ++n) {
    if (file.graph.nodes[n].kind != OpKind::attention) bytes += file.plan.scratch[n].worker_bytes;
  }
  return bytes;
}

TEST_CASE("plan gives convolutions workspace, as much as the arena may have, and changes nothing else") {
  const TemporaryFolder folder;
  save(folder / "float.mote", test::tiny_model());
  const std::string model = folder / "m.mote", bare = folder / "bare.mote", roomy = folder / "roomy.mote";
  REQUIRE(test::run_tool(run_quantize, {"quantize", folder / "float.mote", "--steps", "5", "--calibrate", "4",
                                        "--quiet", "--out", model})
              .code == 0);
  REQUIRE(test::run_tool(run_plan, {"plan", model, "--no-workspaces", "--out", bare}).code == 0);
  const ModelFile planned = read_model(load(model), model), without = read_model(load(bare), bare);
  CHECK(workspaces(planned) > 0);
  CHECK(workspaces(without) == 0);
  CHECK(planned.plan.arena_bytes == without.plan.arena_bytes);
  const int64_t arena = without.plan.arena_bytes + 4096;
  REQUIRE(test::run_tool(run_plan, {"plan", bare, "--arena", std::to_string(arena), "--out", roomy}).code == 0);
  const ModelFile with = read_model(load(roomy), roomy);
  CHECK(with.plan.arena_bytes > without.plan.arena_bytes);
  CHECK(with.plan.arena_bytes <= arena);
  CHECK(workspaces(with) > workspaces(planned));
  const std::vector<uint8_t> pictures = drawn(bare, "1");
  for (const std::string& path : {model, roomy}) {
    CHECK(drawn(path, "1") == pictures);
    CHECK(drawn(path, "3") == pictures);
  }
}

TEST_CASE("plan says what an arena would have to have, and refuses what is no model") {
  const TemporaryFolder folder;
  const std::string model = folder / "m.mote", out = folder / "out.mote";
  save(model, test::tiny_model());
  const test::ToolResult small = test::run_tool(run_plan, {"plan", model, "--arena", "64", "--out", out});
  CHECK(small.code == 5);
  CHECK(contains(small.error, "needs an arena of"));
  save(folder / "net.json", std::string(test::tiny_config_text()));
  CHECK(test::run_tool(run_plan, {"plan", folder / "net.json", "--out", out}).code == 3);
  CHECK(test::run_tool(run_plan, {"plan", model}).code == 2);
  CHECK(test::run_tool(run_plan, {"plan", model, "--out", model}).code != 0);
}

}  // namespace
}  // namespace mote::tool
