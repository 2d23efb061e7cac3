// `edit`: what it writes is what the C API draws, masks and means are read as documented, and command lines that are refused.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::save;
using ::test::TemporaryFolder;

constexpr size_t elements = 8 * 12;

struct Bench {
  TemporaryFolder folder;
  std::string model = path("tiny.mote"), input = path("in.npy"), mask = path("mask.png"), out = path("out.npy");
  std::vector<float> pictures;

  Bench() {
    save(model, test::tiny_model());
    for (size_t i = 0; i < 2 * elements; ++i) pictures.push_back(static_cast<float>(i % 31) / 31 - 0.25f);
    write_npy(input, {2, 1, 8, 12}, pictures.data(), false);
    Image left(8, 12, 1);
    for (size_t y = 0; y < 8; ++y) std::fill_n(left.row(y), 6, uint8_t{255});
    write_png(mask, left, false);
  }
  std::string path(const std::string& name) const { return folder / name; }
  test::ToolResult edit(std::vector<std::string> options) const {
    options.insert(options.begin(), {"edit", model, "--quiet", "--force", "--n", "3", "--npy", out});
    return test::run_tool(run_edit, options);
  }
  std::vector<float> results(const std::vector<std::string>& options) const {
    const test::ToolResult result = edit(options);
    REQUIRE(result.error == "");
    const NpyArray array = read_npy(out);
    REQUIRE(array.shape == std::vector<size_t>{6, 1, 8, 12});
    return array.values;
  }
};

}  // namespace

TEST_CASE("edit: results keep what is known, differ in what is open, and agree with means") {
  const Bench bench;
  const std::vector<float> filled = bench.results({"--inpaint", bench.input, "--mask", bench.mask, "--class", "1"});
  size_t open_differs = 0;
  for (size_t i = 0; i < filled.size(); ++i) {
    const float given = bench.pictures[i / elements / 3 * elements + i % elements];
    if (i % 12 < 6) REQUIRE(filled[i] == given);
    if (i % 12 >= 6 && filled[i] != given) ++open_differs;
  }
  CHECK(open_differs > filled.size() / 3);
  for (const char* rounds : {"1", "3"}) {
    const std::vector<float> sharp = bench.results({"--measure", bench.input, "--average", "4", "--rounds", rounds});
    for (size_t block = 0; block < 6 * 6; ++block) {
      double wanted = 0, got = 0;
      for (size_t e = 0; e < 16; ++e) {
        const size_t at = (block % 6 / 3 * 4 + e / 4) * 12 + block % 3 * 4 + e % 4, picture = block / 6;
        wanted += static_cast<double>(bench.pictures[picture / 3 * elements + at]) / 16;
        got += static_cast<double>(sharp[picture * elements + at]) / 16;
      }
      REQUIRE(std::fabs(wanted - got) < 1e-5);
    }
  }
  // The means themselves say the same as a picture that has them.
  std::vector<float> means;
  for (size_t i = 0; i < 12; ++i) means.push_back(0.125f * static_cast<float>(i % 5));
  write_npy(bench.path("means.npy"), {2, 1, 2, 3}, means.data(), false);
  std::vector<float> spread(2 * elements);
  for (size_t i = 0; i < spread.size(); ++i) spread[i] = means[i / elements * 6 + i % elements / 48 * 3 + i % 12 / 4];
  write_npy(bench.path("spread.npy"), {2, 1, 8, 12}, spread.data(), false);
  CHECK(bench.results({"--measure", bench.path("means.npy"), "--average", "4"}) ==
        bench.results({"--measure", bench.path("spread.npy"), "--average", "4"}));
}

TEST_CASE("edit: denoising and image-to-image begin at the inputs; guidance counts") {
  const Bench bench;
  const std::vector<float> clean = bench.results({"--denoise", bench.input, "--sigma", "0"});
  CHECK(clean == bench.results({"--denoise", bench.input, "--sigma", "0", "--add-noise"}));
  CHECK(clean != bench.results({"--denoise", bench.input, "--sigma", "0.5", "--add-noise"}));
  const std::vector<std::string> redraw = {"--init", bench.input, "--strength", "0.5", "--class", "2"};
  std::vector<std::string> guided = redraw, more = redraw;
  guided.insert(guided.end(), {"--guidance", "4"});
  more[3] = "1";
  const std::vector<float> plain = bench.results(redraw);
  CHECK(plain != bench.results(guided));
  CHECK(plain != bench.results(more));
  const test::ToolResult json = bench.edit({"--init", bench.input, "--json", "--out", bench.path("grid.png")});
  CHECK(json.error == "");
  CHECK(contains(json.output, "\"result_rms\""));
  const Image grid = read_png(bench.path("grid.png"));
  CHECK(grid.height == 2 * 9 + 1);
  CHECK(grid.width == 5 * 13 + 1);
}

TEST_CASE("edit: command lines that make no sense are refused") {
  const Bench bench;
  const std::string &in = bench.input, &mask = bench.mask;
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{}, "nothing to edit"},
      {{"--init", in, "--denoise", in, "--sigma", "1"}, "both say where to begin"},
      {{"--denoise", in}, "needs --sigma"},
      {{"--inpaint", in}, "needs --mask"},
      {{"--measure", in}, "needs --average or --mask"},
      {{"--init", in, "--mask", mask}, "--mask is for"},
      {{"--measure", in, "--average", "5"}, "does not divide"},
      {{"--init", in, "--strength", "0"}, "change nothing"},
      {{"--init", in, "--class", "3"}, "has no class 3"},
      {{"--init", mask, "--inpaint", in, "--mask", mask}, "--inpaint has 2 pictures"},
      {{"--inpaint", in, "--mask", in}, "is no mask"},
  };
  for (const auto& c : cases) {
    const test::ToolResult result = bench.edit(c.first);
    CAPTURE(result.error);
    CHECK(contains(result.error, c.second));
    CHECK((result.code == 2 || result.code == 3));
  }
}

}  // namespace mote::tool
