// `inspect`: its numbers against the graph and the planner, for a model file, a configuration and a training's one.
#include <doctest/doctest.h>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/commands.h"

namespace mote::tool {
namespace {

using ::test::contains;
using ::test::save;

Json inspect(const std::string& path) {
  const test::ToolResult result = test::run_tool(run_inspect, {"inspect", path, "--json"});
  CHECK(result.error == "");
  return parse_json(result.output, "inspect");
}

void check_numbers(const Json& json, const Graph& graph) {
  CHECK(json.find("parameters")->integer() == graph_parameters(graph));
  CHECK(json.find("macs")->integer() == graph_macs(graph));
  CHECK(json.find("arena_bytes")->integer() == plan_memory(graph).arena_bytes);
  CHECK(json.find("arena_lower_bound_bytes")->integer() == plan_memory(graph).lower_bound);
  CHECK(json.find("arena_bytes_int8")->integer() == plan_memory(graph, 1).arena_bytes);
  CHECK(json.find("working_bytes")->integer() > json.find("arena_bytes")->integer());
  REQUIRE(json.find("layers")->items().size() == graph.nodes.size());
  int64_t parameters = 0, macs = 0;
  for (const Json& layer : json.find("layers")->items()) {
    parameters += layer.find("parameters")->integer();
    macs += layer.find("macs")->integer();
  }
  CHECK(parameters == graph_parameters(graph));
  CHECK(macs == graph_macs(graph));
}

}  // namespace

TEST_CASE("inspect says the same of a model file as the graph and the planner do") {
  const ::test::TemporaryFolder folder;
  const std::string path = folder / "tiny.mote";
  save(path, test::tiny_model());
  const Json json = inspect(path);
  check_numbers(json, test::tiny_graph());
  CHECK(json.find("model_bytes")->integer() == static_cast<int64_t>(test::tiny_model().size()));
  CHECK(json.find("steps")->integer() == 5);
  const std::string text = test::run_tool(run_inspect, {"inspect", path}).output;
  for (const char* part : {"conv_in", "lower bound", "Peak of the arena", "^ peak", "arena at one byte an element"})
    CHECK(contains(text, part));
}

TEST_CASE("inspect takes the configuration of a network, and of a training, before there is a model") {
  const ::test::TemporaryFolder folder;
  const std::string network = folder / "network.json", training = folder / "training.json";
  save(network, std::string(test::tiny_config_text()));
  save(training,
       std::string("{\"model\": ") + test::tiny_config_text() + ", \"timesteps\": 50, \"prediction\": \"v\"}");
  check_numbers(inspect(network), test::tiny_graph());
  const Json json = inspect(training);
  check_numbers(json, test::tiny_graph());
  CHECK(json.find("train_steps")->integer() == 50);
  CHECK(json.find("steps")->integer() == 10);
}

TEST_CASE("inspect refuses what is no model with one line and exit code 3") {
  const ::test::TemporaryFolder folder;
  const std::string path = folder / "bad";
  const auto refused = [&](const std::string& content, const std::string& part) {
    save(path, content);
    const test::ToolResult result = test::run_tool(run_inspect, {"inspect", path});
    CAPTURE(content);
    CAPTURE(result.error);
    CHECK(result.code == 3);
    CHECK(contains(result.error, path));
    CHECK(contains(result.error, part));
  };
  refused("", "empty");
  refused("hello", "no model file, checkpoint or JSON");
  refused("{\"heigth\": 28}", "heigth");
  refused("{\"height\": 28,", "1:");
  refused("{\"model\": {\"groups\": 7}}", "7");
  refused("MOTE", "ends inside its header");
  refused(std::string("\x02\0\0\0\0\0\0\0{}", 10), "checkpoint");
  CHECK(test::run_tool(run_inspect, {"inspect", folder / "absent"}).code == 4);
}

}  // namespace mote::tool
