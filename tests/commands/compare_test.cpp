// `compare`: the rows of the grid are the pictures that `sample` draws, and their difference.
#include <doctest/doctest.h>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

constexpr size_t height = 8, width = 12;

std::vector<uint8_t> drawn(const std::string& model, const std::string& idx) {
  REQUIRE(test::run_tool(run_sample, {"sample", model, "--n", "3", "--seed", "5", "--idx", idx, "--force"}).code == 0);
  return read_idx_images(idx).pixels;
}

TEST_CASE("compare shows both models' pictures and gray plus the difference") {
  const TemporaryFolder folder;
  save(folder / "a.mote", test::tiny_model());
  REQUIRE(test::run_tool(run_quantize, {"quantize", folder / "a.mote", "--steps", "5", "--calibrate", "4", "--quiet",
                                        "--out", folder / "b.mote"})
              .code == 0);
  const test::ToolResult result =
      test::run_tool(run_compare, {"compare", folder / "a.mote", folder / "b.mote", "--n", "3", "--columns", "2",
                                   "--seed", "5", "--scale", "1", "--gain", "3", "--out", folder / "c.png"});
  CHECK(result.error == "");
  CHECK(contains(result.output, "3 pictures: mean difference"));
  const std::vector<uint8_t> a = drawn(folder / "a.mote", folder / "a.idx");
  const std::vector<uint8_t> b = drawn(folder / "b.mote", folder / "b.idx");
  const Image image = read_png(folder / "c.png");
  REQUIRE(image.width == 2 * width + 3);
  REQUIRE(image.height == 6 * height + 7);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t e = 0; e < height * width; ++e) {
      const size_t x = 1 + (i % 2) * (width + 1) + e % width;
      const auto at = [&](size_t row) {
        const size_t y = 1 + (i / 2 * 3 + row) * (height + 1) + e / width;
        return int{image.pixels[(y * image.width + x) * image.channels]};
      };
      const int first = a[i * height * width + e], second = b[i * height * width + e];
      CHECK(at(0) == first);
      CHECK(at(1) == second);
      const int gray = 128 + 3 * (second - first);
      CHECK(at(2) == (gray < 0 ? 0 : gray > 255 ? 255 : gray));
    }
  }
}

TEST_CASE("compare refuses models of other pictures, other steps and existing files") {
  const TemporaryFolder folder;
  save(folder / "a.mote", test::tiny_model());
  save(folder / "three.mote", test::tiny_model(3));
  const std::string out = folder / "c.png";
  CHECK(test::run_tool(run_compare, {"compare", folder / "a.mote", folder / "three.mote", "--out", out}).code == 3);
  REQUIRE(test::run_tool(run_quantize, {"quantize", folder / "a.mote", "--steps", "2", "--calibrate", "2", "--quiet",
                                        "--out", folder / "b.mote"})
              .code == 0);
  const test::ToolResult steps =
      test::run_tool(run_compare, {"compare", folder / "a.mote", folder / "b.mote", "--steps", "4", "--out", out});
  CHECK(steps.code == 2);
  CHECK(contains(steps.error, "exactly 2 steps"));
  // Without --steps both take those of the model that has no others.
  CHECK(test::run_tool(run_compare, {"compare", folder / "a.mote", folder / "b.mote", "--out", out}).code == 0);
  CHECK(test::run_tool(run_compare, {"compare", folder / "a.mote", folder / "b.mote", "--out", out}).code == 4);
  CHECK(test::run_tool(run_compare, {"compare", folder / "a.mote", "--out", out, "--force"}).code == 2);
}

}  // namespace
}  // namespace mote::tool
