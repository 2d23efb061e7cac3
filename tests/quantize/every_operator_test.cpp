// Networks that no UNet configuration builds, as imported ones may be: every operator that has a quantized form, in
// places where scales must be shared, and what has none is refused by name.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/commands/tiny_model.h"
#include "tests/train/graph_maker.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"
#include "weights_tool/quantize/quantize.h"

namespace mote::tool {
namespace {

using test::GraphMaker;

QuantizedModel quantized(const Graph& graph, TimeForm time = TimeForm::smaller) {
  QuantizeOptions options;
  options.steps = 3;
  options.calibration.pictures = 8;
  options.corrected_pictures = options.compared_pictures = 4;
  options.threads = 2;
  options.quiet = true;
  options.time = time;
  options.plan.reorder = false;
  options.plan.placements = 10;
  return quantize_model(graph, test::tiny_diffusion(3), Json(), options);
}

Graph finished(GraphMaker& maker) {
  maker.graph.train_steps = 50;
  maker.graph.prediction = Prediction::v;
  return maker.graph;
}

// Of each operator, the step where it is farthest from the float network.
void check_noise(const QuantizedModel& model, double least) {
  check_model_bytes(model.bytes, "model");
  for (const LayerNoise& layer : model.noise) {
    for (double decibel : layer.decibel) {
      INFO(layer.name);
      CHECK(decibel > least);
    }
  }
}

std::string refusal(const Graph& graph, TimeForm time = TimeForm::smaller) {
  try {
    quantized(graph, time);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "";
}

TEST_CASE("Every operator has a quantized form near the float one") {
  GraphMaker make(8, 12, 1);
  const int time = make.time_vector(16);
  GraphMaker::Conv gelu, plain, relu, last;
  gelu.activation = Activation::gelu;
  const int a = make.conv({make.graph.input, -1}, 8, gelu);  // an activation of its own, after a convolution
  const int pooled = make.simple(OpKind::average_pool, a);
  const int up = make.simple(OpKind::upsample, pooled);                        // shares the scales of what it repeats
  const int silu = make.simple(OpKind::activation, up, -1, Activation::silu);  // so these must not depend on the step
  const int sum = make.simple(OpKind::add, a, silu);
  const int shift = make.linear(time, 16);
  const int scaled = make.simple(OpKind::scale_shift, sum, shift, Activation::silu);
  const int b = make.linear(scaled, 12, Activation::none);  // of a picture: a 1 x 1 convolution
  const int norm = make.group_norm({b, -1}, 3, Activation::none);
  const int attended = make.attention(make.linear(norm, 36), 2);
  make.graph.nodes.back().scale = 0.1f;  // with random weights scores are large: softmax would multiply every rounding
  plain.residual = b;
  const int c = make.conv({attended, -1}, 12, plain);
  relu.activation = Activation::relu;
  const int d = make.conv({c, sum}, 8, relu);
  make.conv({d, -1}, 1, last);
  const Graph graph = finished(make);
  for (TimeForm form : {TimeForm::smaller, TimeForm::folded}) check_noise(quantized(graph, form), 15.0);
}

TEST_CASE("What has no quantized form is refused by the operator's name") {
  {
    GraphMaker make(8, 8, 1);
    const int time = make.time_vector(8);
    GraphMaker::Conv shifted;
    shifted.shift = make.linear(time, 4);  // no activation before it: nothing to keep
    make.conv({make.conv({make.graph.input, -1}, 4, shifted), -1}, 1, {});
    const Graph graph = finished(make);
    CHECK(refusal(graph).empty());
    CHECK(refusal(graph, TimeForm::network).find("fold it") != std::string::npos);
  }
  {
    GraphMaker make(8, 8, 4);
    const int x = make.conv({make.graph.input, -1}, 4, {});
    make.group_norm({x, -1}, 2, Activation::none);  // the last one
    CHECK(refusal(finished(make)).find("does not end in a convolution") != std::string::npos);
  }
  {
    GraphMaker make(8, 8, 1);
    const int a = make.conv({make.graph.input, -1}, 4, {}), b = make.conv({make.graph.input, -1}, 4, {});
    const int joined = make.group_norm({a, b}, 2, Activation::silu);
    const int name = static_cast<int>(make.graph.nodes.size()) - 1;
    make.conv({make.simple(OpKind::add, joined, joined), -1}, 1, {});
    const std::string line = refusal(finished(make));
    CHECK(line.find("n" + std::to_string(name)) != std::string::npos);
    CHECK(line.find("joins two tensors") != std::string::npos);
  }
}

}  // namespace
}  // namespace mote::tool
