// `inspect`: its numbers against the graph and the planner, for a model file, a configuration and a training's one.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/commands/run_tool.h"
#include "tests/commands/tiny_model.h"
#include "tests/graph/quantized_graph.h"
#include "weights_tool/commands/commands.h"
#include "weights_tool/commands/inspect_cost.h"
#include "weights_tool/commands/target_costs.h"
#include "weights_tool/io/png.h"

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

const std::string shipped_model = MOTE_TEST_DATA "/../../examples/models/fashion-int8.mote";

// The rows of the table of counts: target, table, name, kind, unit, count, instructions, per_unit, per_output, per_weight.
std::vector<std::vector<std::string>> counts() {
  std::ifstream file(MOTE_TEST_DATA "/../targets/counts.csv");
  REQUIRE(file);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line + ",");
    std::vector<std::string> row;
    for (std::string field; std::getline(fields, field, ',');) row.push_back(field);
    REQUIRE(row.size() == 10);
    rows.push_back(row);
  }
  return rows;
}

double counted_step(const std::string& target) {
  for (const std::vector<std::string>& row : counts())
    if (row[0] == target && row[1] == "whole" && row[2] == "step") return std::stod(row[6]);
  return 0;
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
  for (const char* part : {"conv_in", "lower bound", "Peak of the arena", "^ peak", "arena of an int8 version",
                           "over the orders tried", "largest uninterrupted piece of work", "Flash, in bytes"})
    CHECK(contains(text, part));
}

TEST_CASE("inspect takes the bytes of a quantized model apart") {
  const ::test::TemporaryFolder folder;
  const std::string path = folder / "q.mote";
  const Graph graph = test::quantized_graph();
  const Json noise = Json::object()
                         .set("conv2d.3", Json::array().push(31.25).push(30).push(29.96).push(7.5))
                         .set("short", Json::array().push(200));
  const Json meta = Json::object().set("quantization", Json::object().set("snr_db", noise));
  save(path, write_model(graph, plan_memory(graph), test::tiny_diffusion(4), meta));
  const Json json = inspect(path);
  const auto flash = [&](const char* key) { return json.find("flash")->find(key)->integer(); };
  // In the order of the operators: linear 6 to 8, conv2d 1 to 8, linear 6 to 16, conv2d 16 to 24, linear 8 to 8, conv2d
  // 8 to 1.
  const int64_t weights = 6 * 8 + 9 * 8 + 6 * 16 + 16 * 24 + 8 * 8 + 9 * 8, channels = 8 + 8 + 16 + 24 + 8 + 1;
  CHECK(flash("weights") == weights);
  CHECK(flash("weight_count") == weights);
  CHECK(flash("weight_scales") == 8 * channels);
  CHECK(flash("vectors") == 4 * channels + 2 * 4 * 16);  // and gamma, beta
  CHECK(flash("embeddings") == 4 * 4 * 6);
  CHECK(flash("tables") == 256 + 1024 + 256 + 256);
  CHECK(flash("folded") == 4 * (4 * 8 + 4 * 4 * 32 + 4 * 24));
  CHECK(flash("steps") == 4 * 64);
  CHECK(flash("total") == json.find("model_bytes")->integer());
  int64_t sum = 0;
  for (const char* key : {"weights", "weight_scales", "vectors", "embeddings", "tables", "folded", "scales", "steps",
                          "records", "names", "meta", "other"})
    sum += flash(key);
  CHECK(sum == flash("total"));
  CHECK(flash("other") < 16 * (8 + static_cast<int64_t>(graph.tensors.size())));  // gaps
  CHECK(json.find("flash")->find("bytes_per_weight")->number() ==
        doctest::Approx(double(weights + 8 * channels) / double(weights)));
  CHECK(json.find("parameters")->integer() == weights + channels + 2 * 16 + 4 * 6);
  CHECK(json.find("arena_bytes_int8")->integer() == json.find("arena_bytes")->integer());
  CHECK(json.find("arena_best_order_bound_bytes")->integer() <= json.find("arena_lower_bound_bytes")->integer());
  // Not less than a row of the widest convolution, not more than the whole attention.
  CHECK(json.find("largest_band")->integer() >= 8 * 16 * 24);
  CHECK(json.find("largest_band")->integer() <= 2 * 64 * 64 * 8);
  CHECK(*json.find("snr_db") == noise);
  bool found = false;
  for (const Json& layer : json.find("layers")->items()) {
    if (layer.find("name")->text() != "conv2d.10") continue;
    found = true;
    CHECK(layer.find("macs")->integer() == 64 * 16 * 24);
    // Two inputs, weights and their scales, biases, a row of the folded vector, the output.
    CHECK(layer.find("moved_bytes")->integer() == 2 * 512 + 384 + 8 * 24 + 4 * 24 + 4 * 24 + 64 * 24);
  }
  CHECK(found);
  const std::string text = test::run_tool(run_inspect, {"inspect", path}).output;
  for (const char* part : {"quantized model file", "8x8x24 i8", "int8 weights and their scales: 1 256 bytes for 736",
                           "conv2d.3   31.2  30.0  30.0  7.5\n", "short     200.0\n"})
    CHECK(contains(text, part));
}

TEST_CASE("inspect draws the arena of float and quantized models, and replaces a picture only with --force") {
  const ::test::TemporaryFolder folder;
  const std::string path = folder / "m.mote", png = folder / "arena.png";
  const Graph quantized = test::quantized_graph();
  for (bool int8 : {false, true}) {
    save(path,
         int8 ? write_model(quantized, plan_memory(quantized), test::tiny_diffusion(4), Json()) : test::tiny_model());
    CHECK(test::run_tool(run_inspect, {"inspect", path, "--arena-png", png, "--force"}).error == "");
    const Image image = read_png(png);
    CHECK(image.channels == 3);
    CHECK(image.width >= 800);
    std::map<std::array<uint8_t, 3>, int> colours;
    for (size_t i = 0; i < image.pixels.size(); i += 3)
      ++colours[{image.pixels[i], image.pixels[i + 1], image.pixels[i + 2]}];
    // White and the fills of convolutions, normalisations, attention and scratch cover areas, not only legends.
    int areas = 0;
    for (const auto& [colour, pixels] : colours) areas += pixels > 1000;
    CHECK(areas >= 5);
  }
  const test::ToolResult again = test::run_tool(run_inspect, {"inspect", path, "--arena-png", png});
  CHECK(again.code == 4);
  CHECK(contains(again.error, "--force"));
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

TEST_CASE("inspect predicts of the shipped model what was counted on each target, and when to kick the watchdog") {
  for (const TargetCore& core : target_cores()) {
    CAPTURE(core.name);
    const test::ToolResult result =
        test::run_tool(run_inspect, {"inspect", shipped_model, "--json", "--target", core.name, "--mhz", "100"});
    CHECK(result.error == "");
    const Json json = parse_json(result.output, "inspect");
    const Json& prediction = *json.find("prediction_on_target");
    const auto number = [&](const char* key) { return prediction.find(key)->number(); };
    const auto run = [&](const char* which, const char* key) { return prediction.find(which)->find(key)->number(); };
    const double counted = counted_step(core.name);
    REQUIRE(counted > 0);
    CHECK(number("instructions_step") == doctest::Approx(counted).epsilon(0.03));
    CHECK(number("seconds_step") == doctest::Approx(number("instructions_step") * core.cpi / 100e6));
    const double steps = number("steps");
    CHECK(number("instructions_picture") > steps * number("instructions_step"));
    CHECK(number("instructions_picture") < steps * number("instructions_step") + 30e6);  // the check of the model
    // A bounded run does its work, and at most a band more.
    const auto band = json.find("largest_band")->integer();
    CHECK(run("longest_band", "work") == double(band));
    CHECK(run("longest_run", "work") >= 100000);
    CHECK(run("longest_run", "work") < 100000 + double(band));
    CHECK(run("longest_run", "instructions") > run("longest_band", "instructions"));
    CHECK(run("longest_run", "instructions") < 0.1 * counted);
  }
}

TEST_CASE("the costs that inspect predicts from are those of the table of counts") {
  std::map<std::pair<std::string, std::string>, std::array<std::string, 3>> recorded;
  for (const std::vector<std::string>& row : counts())
    if (row[1] == "class") recorded[{row[0], row[2]}] = {row[7], row[8], row[9]};
  REQUIRE(!recorded.empty());
  for (const TargetCost& cost : target_costs) {
    const auto found = recorded.find({cost.target, cost.work_class});
    if (found == recorded.end()) continue;  // from a single kernel call
    CAPTURE(cost.target);
    CAPTURE(cost.work_class);
    CHECK(cost.work_cost == std::stod(found->second[0]));
    CHECK(cost.output_cost == std::stod(found->second[1]));
    CHECK(cost.weight_cost == std::stod(found->second[2]));
    recorded.erase(found);
  }
  CHECK(recorded.empty());  // else: make counts ACCEPT=1
}

TEST_CASE("inspect refuses targets that nobody counted on, float models, and a clock without a target") {
  const ::test::TemporaryFolder folder;
  const std::string path = folder / "tiny.mote";
  save(path, test::tiny_model());
  const auto refused = [&](std::vector<std::string> words, int code, const char* part) {
    words.insert(words.begin(), {"inspect"});
    const test::ToolResult result = test::run_tool(run_inspect, words);
    CHECK(result.code == code);
    CHECK(contains(result.error, part));
  };
  refused({shipped_model, "--target", "z80"}, 2, "m4f");
  refused({shipped_model, "--mhz", "168"}, 2, "--target");
  refused({shipped_model, "--cpi", "2"}, 2, "--target");
  refused({shipped_model, "--work", "2"}, 2, "--target");
  refused({path, "--target", "m4f"}, 3, "quantize");
  const std::string text =
      test::run_tool(run_inspect, {"inspect", shipped_model, "--target", "m7", "--mhz", "400", "--cpi", "1"}).output;
  for (const char* part : {"Predicted for m7", "400 MHz", "a picture, 10 steps", "between kicks", "1.00"})
    CHECK(contains(text, part));
}

}  // namespace mote::tool
