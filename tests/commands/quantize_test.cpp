// `quantize`: a model and a checkpoint become the same int8 model, which draws, refuses other steps by name, and is
// refused where it cannot be used.
#include <doctest/doctest.h>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/train/checkpoint.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::load;
using ::test::save;
using ::test::TemporaryFolder;

test::ToolResult quantize(std::vector<std::string> words) {
  words.insert(words.begin(), "quantize");
  words.insert(words.end(), {"--calibrate", "4", "--threads", "2", "--quiet"});
  return test::run_tool(run_quantize, words);
}

TEST_CASE("quantize makes a model of the asked steps and says what it costs") {
  const TemporaryFolder folder;
  save(folder / "m.mote", test::tiny_model());
  const test::ToolResult result = quantize({folder / "m.mote", "--steps", "3", "--out", folder / "q.mote"});
  CHECK(result.error == "");
  CHECK(result.code == 0);
  const std::vector<uint8_t> bytes = load(folder / "q.mote");
  const ModelBuffer model(bytes, "q.mote");
  CHECK(model.info().default_steps == 3);
  CHECK(model.info().folded == 1);
  CHECK(contains(result.output, std::to_string(bytes.size()) + " bytes"));
  CHECK(contains(result.output, "3 steps"));
  CHECK(contains(result.output, "time folded to constants"));
  CHECK(contains(result.output, "last layers of the time network"));
  CHECK(contains(result.output, "signal to noise"));

  // Drawing with other steps names the ones it has.
  const test::ToolResult sampled =
      test::run_tool(run_sample, {"sample", folder / "q.mote", "--n", "2", "--steps", "4", "--idx", folder / "x.idx"});
  CHECK(sampled.code == 2);
  CHECK(contains(sampled.error, "exactly 3 steps"));
  CHECK(test::run_tool(run_sample, {"sample", folder / "q.mote", "--n", "2", "--idx", folder / "x.idx"}).code == 0);

  // Existing files stay, quantized models are not quantized again, and neither is a configuration.
  CHECK(quantize({folder / "m.mote", "--out", folder / "q.mote"}).code == 4);
  CHECK(load(folder / "q.mote") == bytes);
  const test::ToolResult again = quantize({folder / "q.mote", "--out", folder / "r.mote"});
  CHECK(again.code == 3);
  CHECK(contains(again.error, "quantized already"));
  const std::string config = test::tiny_config_text();
  save(folder / "c.json", std::vector<uint8_t>(config.begin(), config.end()));
  CHECK(quantize({folder / "c.json", "--out", folder / "r.mote"}).code == 3);
  CHECK(quantize({folder / "m.mote"}).code == 2);
  CHECK(quantize({folder / "m.mote", "--steps", "51", "--out", folder / "r.mote"}).code == 3);
  CHECK(quantize({folder / "none.mote", "--out", folder / "r.mote"}).code == 4);
}

TEST_CASE("quantize takes the noise levels it is given, and refuses what is no falling list of them") {
  const TemporaryFolder folder;
  save(folder / "m.mote", test::tiny_model());
  const auto with = [&](const std::string& levels) {
    return quantize({folder / "m.mote", "--timesteps", levels, "--out", folder / "q.mote", "--force"}).code;
  };
  REQUIRE(with("49,20,3") == 0);
  const ModelBuffer model(load(folder / "q.mote"), "q.mote");
  REQUIRE(model.info().default_steps == 3);
  int32_t levels[3];
  REQUIRE(mote_model_get_timesteps(model.model(), levels, 3) == MOTE_OK);
  CHECK(levels[0] == 49);
  CHECK(levels[1] == 20);
  CHECK(levels[2] == 3);
  CHECK(with("3,20") == 3);
  CHECK(with("50,20") == 3);
  CHECK(quantize({folder / "m.mote", "--timesteps", "9,3", "--steps", "2", "--out", folder / "r.mote"}).code == 2);
}

TEST_CASE("A checkpoint's averaged weights give the model that the exported file gives") {
  const TemporaryFolder folder;
  const std::string text = std::string("{\"model\": ") + test::tiny_config_text() + ", \"timesteps\": 50}";
  TrainState state;
  state.config = train_config_from_json(parse_json(text, "t"), "t");
  const Graph graph = test::tiny_training_graph();
  ThreadPool pool(1);
  ParameterStore store(graph, KernelSet::ref, pool, false);
  std::vector<float> doubled(store.values(), store.values() + store.size()), zeros(store.size());
  for (float& value : doubled) value *= 2;
  save_checkpoint(folder / "c.safetensors", graph, store, state,
                  {doubled.data(), store.values(), zeros.data(), zeros.data()});
  REQUIRE(test::run_tool(run_export, {"export", folder / "c.safetensors", "--steps", "3", "--out", folder / "m.mote"})
              .code == 0);
  REQUIRE(quantize({folder / "m.mote", "--out", folder / "a.mote"}).code == 0);
  REQUIRE(quantize({folder / "c.safetensors", "--steps", "3", "--out", folder / "b.mote"}).code == 0);
  REQUIRE(quantize({folder / "c.safetensors", "--steps", "3", "--no-ema", "--out", folder / "d.mote"}).code == 0);
  CHECK(load(folder / "a.mote") == load(folder / "b.mote"));
  CHECK(load(folder / "a.mote") != load(folder / "d.mote"));
}

}  // namespace
}  // namespace mote::tool
