// `sample`: the same bytes however the work is cut, files in the stated forms, and command lines that are refused.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cstring>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

constexpr size_t elements = 8 * 12;

struct Bench {
  TemporaryFolder folder;
  std::string model = path("tiny.mote");
  Bench() { save(model, test::tiny_model()); }
  std::string path(const std::string& name) const { return folder / name; }
  test::ToolResult sample(std::vector<std::string> options) const {
    options.insert(options.begin(), {"sample", model, "--quiet"});
    return test::run_tool(run_sample, options);
  }
  // The bytes of a .npy of one run.
  std::vector<uint8_t> npy(std::vector<std::string> options) const {
    options.insert(options.end(), {"--npy", path("out.npy"), "--force"});
    CHECK(sample(options).error == "");
    return load(path("out.npy"));
  }
};

// What the C API draws when it is called as mote.h says.
std::vector<float> draw(const ModelBuffer& model, uint64_t seed, uint32_t index, int32_t label, const float* init) {
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.seed = seed;
  config.sample_index = index;
  config.class_label = label;
  size_t size = 0;
  REQUIRE(mote_working_size(model.model(), &config, &size) == MOTE_OK);
  const AlignedBuffer buffer(size);
  mote_sampler* sampler = nullptr;
  REQUIRE(mote_sampler_create(&sampler, model.model(), &config, buffer.data(), size) == MOTE_OK);
  if (init != nullptr) REQUIRE(mote_sampler_set_x(sampler, init, elements) == MOTE_OK);
  while (mote_sampler_run(sampler, 1000) == MOTE_PENDING) {
  }
  std::vector<float> picture(elements);
  REQUIRE(mote_sampler_read_f32(sampler, picture.data(), elements) == MOTE_OK);
  return picture;
}

}  // namespace

TEST_CASE("sample gives the same bytes for any number of threads and any number of pictures") {
  const Bench bench;
  for (const char* kernels : {"ref", ""}) {
    std::vector<std::string> set;
    if (*kernels) set = {"--kernels", kernels};
    const auto with = [&](std::vector<std::string> options) {
      options.insert(options.end(), set.begin(), set.end());
      return bench.npy(options);
    };
    const std::vector<uint8_t> one = with({"--n", "7", "--threads", "1"});
    CHECK(with({"--n", "7", "--threads", "3"}) == one);
    CHECK(with({"--n", "7", "--threads", "16"}) == one);  // one sampler on all threads
    const NpyArray all = parse_npy(one, "all"),
                   few = parse_npy(with({"--n", "2", "--first", "3", "--threads", "2"}), "few");
    REQUIRE(few.values.size() == 2 * elements);
    CHECK(std::equal(few.values.begin(), few.values.end(), all.values.begin() + 3 * elements));
  }
}

TEST_CASE("sample draws what the C API draws, classes in turn") {
  const Bench bench;
  const NpyArray got = parse_npy(bench.npy({"--n", "4", "--seed", "9"}), "got");
  CHECK(got.shape == std::vector<size_t>{4, 1, 8, 12});
  const ModelBuffer model(test::tiny_model(), "tiny");
  for (uint32_t i = 0; i < 4; ++i) {
    const std::vector<float> picture = draw(model, 9, i, static_cast<int32_t>(i % 3), nullptr);
    for (size_t e = 0; e < elements; ++e)
      CHECK(got.values[i * elements + e] == doctest::Approx(picture[e]).epsilon(1e-4));
  }
}

TEST_CASE("a class, another seed, steps, eta and the method all change the picture; naming the defaults does not") {
  const Bench bench;
  const std::vector<uint8_t> plain = bench.npy({"--n", "3"});
  CHECK(bench.npy({"--n", "3", "--sampler", "ddim", "--eta", "0", "--steps", "5", "--seed", "1"}) == plain);
  CHECK(bench.npy({"--n", "3", "--timesteps", "49,39,29,19,9"}) == plain);
  for (const std::vector<std::string>& options : std::vector<std::vector<std::string>>{{"--class", "2"},
                                                                                       {"--class", "-1"},
                                                                                       {"--seed", "2"},
                                                                                       {"--steps", "6"},
                                                                                       {"--eta", "0.5"},
                                                                                       {"--sampler", "ddpm"},
                                                                                       {"--timesteps", "49,20"}}) {
    CAPTURE(options[0]);
    std::vector<std::string> words = {"--n", "3"};
    words.insert(words.end(), options.begin(), options.end());
    CHECK(bench.npy(words) != plain);
  }
  CHECK(bench.npy({"--n", "3", "--sampler", "ddpm"}) != bench.npy({"--n", "3", "--sampler", "ddpm-large"}));
}

TEST_CASE("all outputs of a run agree: grid, IDX, npy and the end of the trajectory") {
  const Bench bench;
  const test::ToolResult result =
      bench.sample({"--n", "4", "--out", bench.path("g.png"), "--idx", bench.path("p.idx"), "--npy",
                    bench.path("p.npy"), "--trajectory", bench.path("t.npy"), "--json", "--scale", "2"});
  CHECK(result.error == "");
  const Json summary = parse_json(result.output, "summary");
  CHECK(summary.find("n")->integer() == 4);
  CHECK(summary.find("steps")->integer() == 5);
  CHECK(summary.find("working_bytes")->integer() > 0);
  CHECK(summary.find("model_bytes")->integer() == static_cast<int64_t>(test::tiny_model().size()));
  const ImageSet idx = read_idx_images(bench.path("p.idx"));
  const NpyArray npy = read_npy(bench.path("p.npy"), {4, 1, 8, 12});
  const NpyArray trajectory = read_npy(bench.path("t.npy"), {6, 4, 1, 8, 12});
  CHECK(std::equal(npy.values.begin(), npy.values.end(), trajectory.values.end() - 4 * elements));
  CHECK(trajectory.values[0] != npy.values[0]);
  REQUIRE(idx.pixels.size() == npy.values.size());
  for (size_t i = 0; i < npy.values.size(); ++i) {
    const float clamped = std::min(1.0f, std::max(-1.0f, npy.values[i]));
    CHECK(std::fabs((clamped + 1) * 127.5f - static_cast<float>(idx.pixels[i])) <= 0.5001f);
  }
  const Image grid = read_png(bench.path("g.png"));
  CHECK(grid.height == 2 * (8 * 2) + 3);
  CHECK(grid.width == 2 * (12 * 2) + 3);
  CHECK(grid.row(1)[1] == idx.pixels[0]);  // behind the gap
}

TEST_CASE("--init replaces x_T: NCHW in, and the first state of the trajectory") {
  const Bench bench;
  std::vector<uint8_t> bytes = test::tiny_model(3);
  save(bench.model, bytes);
  std::vector<float> x(2 * 3 * elements);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 31) / 10 - 1.5f;
  write_npy(bench.path("x.npy"), {2, 3, 8, 12}, x.data(), false);
  CHECK(bench.sample({"--init", bench.path("x.npy"), "--trajectory", bench.path("t.npy")}).error == "");
  const NpyArray trajectory = read_npy(bench.path("t.npy"), {6, 2, 3, 8, 12});
  CHECK(std::equal(x.begin(), x.end(), trajectory.values.begin()));
}

TEST_CASE("wrong command lines are refused with exit code 2, before anything is drawn") {
  const Bench bench;
  const std::string out = bench.path("g.png");
  const auto refused = [&](std::vector<std::string> options, const std::string& part) {
    const test::ToolResult result = bench.sample(options);
    CAPTURE(part);
    CAPTURE(result.error);
    CHECK(result.code == 2);
    CHECK(contains(result.error, part));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused({}, "nothing to write");
  refused({"--out", out, "--class", "3"}, "classes 0 to 2");
  refused({"--out", out, "--steps", "51"}, "50 noise levels");
  refused({"--out", out, "--kernels", "sse9"}, "not 'sse9'");
  refused({"--out", out, "--npy", out}, "two outputs");
  refused({"--out", out, "--sampler", "ddpm", "--eta", "1"}, "--eta");
  refused({"--out", out, "--timesteps", "3,9"}, "must fall");
  refused({"--out", out, "--timesteps", "50,9"}, "noise levels 0 to 49");
  refused({"--out", out, "--steps", "3", "--timesteps", "30,9"}, "differ");
}

TEST_CASE("an existing output is replaced only with --force") {
  const Bench bench;
  save(bench.path("g.png"), std::string("old"));
  const test::ToolResult result = bench.sample({"--n", "1", "--out", bench.path("g.png")});
  CHECK(result.code == 4);
  CHECK(contains(result.error, "--force"));
  CHECK(load(bench.path("g.png")).size() == 3);
  CHECK(bench.sample({"--n", "1", "--out", bench.path("g.png"), "--force"}).error == "");
  CHECK(load(bench.path("g.png")).size() > 3);
}

TEST_CASE("input that is no model or does not fit it is refused with exit code 3, and nothing is written") {
  const Bench bench;
  const std::string out = bench.path("g.png");
  const auto refused = [&](const std::string& part, std::vector<std::string> options = {}) {
    options.insert(options.end(), {"--out", out});
    const test::ToolResult result = bench.sample(options);
    CAPTURE(part);
    CAPTURE(result.error);
    CHECK(result.code == 3);
    CHECK(contains(result.error, part));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  write_npy(bench.path("x.npy"), {1, 1, 12, 8}, std::vector<float>(elements).data(), false);
  refused("x.npy", {"--init", bench.path("x.npy")});
  std::vector<float> poison(elements, 0.5f);
  poison[7] = std::numeric_limits<float>::quiet_NaN();
  write_npy(bench.path("nan.npy"), {1, 1, 8, 12}, poison.data(), false);
  refused("NaN", {"--init", bench.path("nan.npy")});
  save(bench.model, std::string("{}"));
  refused("does not begin with \"MOTE\"");
  save(bench.model, std::string());
  refused("empty");
  std::vector<uint8_t> cut = test::tiny_model();
  cut.resize(cut.size() / 2);
  save(bench.model, cut);
  refused("shorter than its header says");
}

TEST_CASE("help opens with examples") {
  const std::string help = test::run_tool(run_sample, {"sample", "--help"}).output;
  CHECK(help.rfind("weights_tool sample", 0) != 0);
  CHECK(help.find("Examples") < help.find("Usage"));
}

}  // namespace mote::tool
