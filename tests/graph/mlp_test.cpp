// The perceptron's builder: what it computes, against plain loops over its named parameters; its configuration.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/model_config.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/writer.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

using Vector = std::vector<double>;

ModelConfig parse(const std::string& text) {
  const Json json = parse_json(text, "test.json");
  return model_config_from_json(JsonView(json, "test.json"));
}

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "";
}

// A graph whose zero layers are not: sines of the place.
Graph test_graph(const std::string& text) {
  Graph graph = build_model(parse(text), 3);
  for (Tensor& t : graph.tensors) {
    if (t.role != Role::parameter || t.constant) continue;
    for (size_t i = 0; i < t.values.size(); ++i) t.values[i] += 0.2f * std::sin(0.9f * static_cast<float>(i) + 1.0f);
  }
  graph.train_steps = 100;
  return graph;
}

const std::vector<float>& values(const Graph& graph, const std::string& name) {
  for (const Tensor& t : graph.tensors) {
    if (t.name == name) return t.values;
  }
  FAIL("no parameter " << name);
  return graph.tensors[0].values;
}

Vector linear(const Graph& graph, const std::string& name, const Vector& x) {
  const std::vector<float>&weights = values(graph, name + ".weight"), &bias = values(graph, name + ".bias");
  Vector y;
  for (size_t o = 0; o < bias.size(); ++o) {
    double sum = static_cast<double>(bias[o]);
    for (size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(weights[o * x.size() + i]) * x[i];
    y.push_back(sum);
  }
  return y;
}

Vector silu(Vector x) {
  for (double& v : x) v /= 1 + std::exp(-v);
  return x;
}

Vector sum(Vector a, const Vector& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

// The network of 2 blocks, width 12, 8 sinusoids, 3 classes.
Vector twin(const Graph& graph, const Vector& x, double t, int label) {
  Vector e(8);
  for (size_t i = 0; i < 4; ++i) {
    const double angle = t * std::pow(1e4, -static_cast<double>(i) / 3);
    e[i] = std::sin(angle);
    e[4 + i] = std::cos(angle);
  }
  e = linear(graph, "time.linear2", silu(linear(graph, "time.linear1", e)));
  const std::vector<float>& table = values(graph, "class.table");
  for (size_t i = 0; i < e.size(); ++i) e[i] += static_cast<double>(table[static_cast<size_t>(label) * e.size() + i]);
  e = silu(e);
  Vector h = linear(graph, "in", x);
  for (const std::string name : {"block.0", "block.1"}) {
    const Vector u = sum(linear(graph, name + ".linear1", silu(h)), linear(graph, name + ".time", e));
    h = sum(h, linear(graph, name + ".linear2", silu(u)));
  }
  return linear(graph, "out", silu(h));
}

const char* const small = R"({"kind": "mlp", "channels": 3, "classes": 3, "width": 12, "layers": 2,
                              "time_features": 16, "sinusoid_features": 8})";

}  // namespace

TEST_CASE("mlp: the model file computes what its parameters say, for points, times and classes") {
  Graph graph = test_graph(small);
  const Graph trained = graph;
  prepare_for_inference(graph);
  ScheduleOptions schedule;
  schedule.train_steps = 100;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule(schedule));
  info.default_steps = 4;
  const ModelBuffer model(write_model(graph, plan_memory(graph), info, Json()), "mlp.mote");
  size_t size = 0;
  REQUIRE(mote_working_size(model.model(), nullptr, &size) == MOTE_OK);
  const AlignedBuffer memory(size);
  mote_sampler* sampler = nullptr;
  REQUIRE(mote_sampler_create(&sampler, model.model(), nullptr, memory.data(), size) == MOTE_OK);
  const float points[][3] = {{0.3f, -0.7f, 0.1f}, {-1.5f, 2.0f, 0.9f}};
  for (const float* x : {points[0], points[1]}) {
    for (const int label : {0, 2, -1}) {
      for (const int t : {0, 7, 99}) {
        float y[3];
        REQUIRE(mote_sampler_predict(sampler, x, static_cast<float>(t), label, y, 3) == MOTE_OK);
        const Vector expected = twin(trained, Vector(x, x + 3), t, label < 0 ? 3 : label);
        for (size_t i = 0; i < 3; ++i) CHECK(static_cast<double>(y[i]) == doctest::Approx(expected[i]).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("mlp: a fresh network predicts zero, and the seed decides the rest") {
  const ModelConfig config = parse(R"({"kind": "mlp", "width": 8, "layers": 1})");
  const Graph a = build_model(config, 1), b = build_model(config, 1), c = build_model(config, 2);
  for (const float v : values(a, "out.weight")) CHECK(v == 0.0f);
  CHECK(values(a, "in.weight") == values(b, "in.weight"));
  CHECK(values(a, "in.weight") != values(c, "in.weight"));
}

TEST_CASE("mlp: a configuration survives the way to JSON and back and sets the sizes of x_t") {
  const ModelConfig config = parse(R"({"kind": "mlp", "channels": 5, "classes": 4, "width": 24, "layers": 7,
      "activation": "gelu", "time_features": 40, "sinusoid_features": 12})");
  CHECK(config.height == 1);
  CHECK(config.width == 1);
  CHECK(config.channels == 5);
  CHECK(config.classes == 4);
  const Json json = model_config_to_json(config);
  const ModelConfig back = model_config_from_json(JsonView(json, "again"));
  CHECK(model_config_to_json(back) == json);
  CHECK(back.mlp.layers == 7);
  CHECK(back.mlp.width == 24);
  CHECK(back.mlp.activation == Activation::gelu);
}

TEST_CASE("model: without a kind it is a UNet; keys of another kind are refused by name") {
  CHECK(parse(R"({"height": 8, "width": 8})").kind == ModelKind::unet);
  CHECK(parse(R"({"kind": "unet", "height": 8, "width": 8})").height == 8);
  CHECK(error_of(R"({"kind": "mlq"})").find("kind") != std::string::npos);
  CHECK(error_of(R"({"kind": "mlp", "multipliers": [1]})").find("multipliers") != std::string::npos);
  CHECK(error_of(R"({"layers": 2})").find("layers") != std::string::npos);
  CHECK(error_of(R"({"kind": "mlp", "sinusoid_features": 5})").find("even") != std::string::npos);
  CHECK(error_of(R"({"kind": "mlp", "activation": "sine"})").find("activation") != std::string::npos);
  const Json mlp = parse_json(R"({"kind": "mlp"})", "mlp.json");
  CHECK_THROWS_AS(unet_config_from_json(JsonView(mlp, "mlp.json")), Error);
}

}  // namespace mote::tool
