// `signal` on a network that nobody has trained: every task runs, prints what its help says, and is the same again.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/commands/run_tool.h"
#include "tests/io/support.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/io/json.h"
#include "weights_tool/io/npy.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

const char* const kConfig = R"({"model": {"height": 1, "width": 64, "channels": 1, "base_channels": 4, "groups": 2,
  "multipliers": [1, 2], "middle_attention": false, "time_features": 8, "sinusoid_features": 8},
  "signal": {"rate": 100, "offset": 10, "scale": 0.5, "high_pass": 0.5, "end": 0.8}, "timesteps": 50})";

void write_files(const TemporaryFolder& folder) {
  std::vector<float> recording(6000);
  for (size_t i = 0; i < recording.size(); ++i)
    recording[i] = 10 + std::pow(std::sin(0.03f * static_cast<float>(i)), 8.0f);
  write_npy(folder / "x.npy", {recording.size()}, recording.data(), false);
  save(folder / "c.json", std::string(kConfig));
}

test::ToolResult run_on(const TemporaryFolder& folder, std::vector<std::string> more) {
  std::vector<std::string> words = {"signal", folder / "c.json", "--data", folder / "x.npy", "--threads",
                                    "2",      "--draws",         "2"};
  if (std::find(more.begin(), more.end(), "--hop") == more.end()) words.insert(words.end(), {"--hop", "64"});
  words.insert(words.end(), more.begin(), more.end());
  return test::run_tool(run_signal, words);
}

}  // namespace

TEST_CASE("signal measures denoising, gaps and anomalies, and draws them") {
  const TemporaryFolder folder;
  write_files(folder);
  const struct {
    const char *task, *key;
    size_t rows;
  } tasks[] = {{"denoise", "model_db", 7}, {"gaps", "model_mean", 4}, {"anomalies", "area", 3}};
  for (const auto& task : tasks) {
    CAPTURE(task.task);
    const std::string picture = folder / (std::string(task.task) + ".png");
    const test::ToolResult result = run_on(folder, {"--task", task.task, "--json", "--out", picture});
    CHECK(result.error == "");
    REQUIRE(result.code == 0);
    const Json json = parse_json(result.output, "output");
    CHECK(json.find("task")->text() == task.task);
    const std::vector<Json>& rows = json.find("rows")->items();
    REQUIRE(rows.size() == task.rows);
    for (const Json& row : rows) CHECK(std::isfinite(row.find(task.key)->number()));
    CHECK(load(picture).size() > 1000);
    CHECK(run_on(folder, {"--task", task.task, "--json"}).output == result.output);
    CHECK(contains(run_on(folder, {"--task", task.task}).output, "model"));
  }
}

TEST_CASE("signal writes a window as C source") {
  const TemporaryFolder folder;
  write_files(folder);
  CHECK(run_on(folder, {"--task", "window"}).code == 2);
  REQUIRE(run_on(folder, {"--task", "window", "--out", folder / "window.h"}).code == 0);
  const std::vector<uint8_t> bytes = load(folder / "window.h");
  const std::string text(bytes.begin(), bytes.end());
  CHECK(contains(text, "#define WINDOW_OFFSET 10.0000000f\n"));
  CHECK(contains(text, "#define WINDOW_SCALE 0.500000000f\n"));
  CHECK(contains(text, "static const short window_noisy[] = {\n"));
  CHECK(contains(text, "static const short window_clean[] = {\n"));
}

TEST_CASE("signal says what it cannot measure") {
  const TemporaryFolder folder;
  write_files(folder);
  CHECK(contains(run_on(folder, {"--begin", "0.9", "--end", "0.9"}).error, "--begin and --end"));
  CHECK(contains(run_on(folder, {"--begin", "0.95"}).error, "too short"));
  CHECK(contains(run_on(folder, {"--hop", "65"}).error, "at most the width of a window, 64"));
  save(folder / "c.json", std::string(R"({"model": {"height": 1, "width": 64, "channels": 1, "groups": 4}})"));
  CHECK(contains(run_on(folder, {}).error, "was not trained on a recording"));
  save(folder / "c.json", std::string(R"({"model": {"height": 8, "width": 8, "channels": 1, "multipliers": [1]}})"));
  CHECK(contains(run_on(folder, {}).error, "not a network of signals"));
}

}  // namespace mote::tool
