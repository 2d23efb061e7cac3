// Whole networks quantized: what comes out verifies, runs, is near the float network, holds its promises about time,
// scales and proofs, and is the same for any number of threads.
#include "weights_tool/quantize/quantize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "format/verify.h"
#include "tests/commands/tiny_model.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"
#include "weights_tool/quantize/split_activations.h"

namespace mote::tool {
namespace {

Graph network(const std::string& text, unsigned seed = 5) {
  const Json json = parse_json(text, "net.json");
  Graph graph = build_unet(unet_config_from_json(JsonView(json, "net.json")), 1);
  graph.train_steps = 50;
  graph.prediction = Prediction::v;
  test::perturb_parameters(graph, seed);
  prepare_for_inference(graph);
  return graph;
}

const char* const with_classes =
    R"({"height": 8, "width": 12, "channels": 1, "classes": 3, "base_channels": 8, "multipliers": [1, 2],
        "groups": 4, "time_features": 16, "attention_levels": [1], "heads": 2})";
const char* const without_classes =
    R"({"height": 12, "width": 8, "channels": 3, "base_channels": 8, "multipliers": [1, 2], "groups": 2,
        "time_features": 16, "reduce_on_upsample": false})";
const char* const scaled =
    R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 8, "multipliers": [1, 2], "groups": 4,
        "time_features": 16, "scale_shift": true})";

const char* const signal =
    R"({"height": 1, "width": 64, "channels": 1, "kernel": 5, "base_channels": 8, "multipliers": [1, 2, 2], "groups": 4,
        "time_features": 16, "attention_levels": [1, 2], "heads": 2})";

const char* const of_blocks =
    R"({"height": 8, "width": 8, "channels": 1, "base_channels": 8, "multipliers": [1, 2, 3], "groups": 4,
        "time_features": 16, "attention_levels": [0, 1], "head_width": 4, "scale_shift": true,
        "resample_blocks": "residual"})";
const char* const signal_of_blocks =
    R"({"height": 1, "width": 48, "channels": 2, "classes": 2, "kernel": 7, "base_channels": 8, "multipliers": [1, 2],
        "groups": 2, "time_features": 16, "resample_blocks": "residual"})";

QuantizeOptions quick(int steps = 3) {
  QuantizeOptions options;
  options.steps = steps;
  options.calibration.pictures = 6;
  options.corrected_pictures = options.compared_pictures = 3;
  options.threads = 2;
  options.quiet = true;
  options.plan.reorder = false;
  options.plan.placements = 10;
  return options;
}

QuantizedModel quantized(const char* text, const QuantizeOptions& options) {
  return quantize_model(network(text), test::tiny_diffusion(options.steps), Json(), options);
}

// The largest error of the quantized network's output, as a share of the float output's deviation, along the float
// sampler's own x_t; through the C API.
double worst_error(const char* text, const QuantizedModel& model) {
  const Graph graph = network(text);
  DiffusionInfo info = test::tiny_diffusion(model.diffusion.default_steps);
  const std::vector<uint8_t> plain_bytes = write_model(graph, plan_memory(graph), info, Json());
  const ModelBuffer plain(plain_bytes, "float"), small(model.bytes, "int8");
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.class_label = plain.info().num_classes > 0 ? 1 : MOTE_NO_CLASS;
  size_t plain_size = 0, small_size = 0;
  REQUIRE(mote_working_size(plain.model(), &config, &plain_size) == MOTE_OK);
  REQUIRE(mote_working_size(small.model(), &config, &small_size) == MOTE_OK);
  const AlignedBuffer plain_memory(plain_size), small_memory(small_size);
  mote_sampler *a = nullptr, *b = nullptr;
  REQUIRE(mote_sampler_create(&a, plain.model(), &config, plain_memory.data(), plain_size) == MOTE_OK);
  REQUIRE(mote_sampler_create(&b, small.model(), &config, small_memory.data(), small_size) == MOTE_OK);
  const size_t count = plain.picture_elements();
  std::vector<float> x(count), wanted(count), got(count);
  double worst = 0;
  for (const format::RowRecord& row : model.diffusion.rows) {
    REQUIRE(mote_sampler_read_f32(a, x.data(), count) == MOTE_OK);
    const float t = static_cast<float>(row.timestep);
    REQUIRE(mote_sampler_predict(a, x.data(), t, config.class_label, wanted.data(), count) == MOTE_OK);
    REQUIRE(mote_sampler_predict(b, x.data(), t, config.class_label, got.data(), count) == MOTE_OK);
    double signal = 0, noise = 0;
    for (size_t i = 0; i < count; ++i) {
      signal += double{wanted[i]} * wanted[i];
      noise += (double{wanted[i]} - got[i]) * (double{wanted[i]} - got[i]);
    }
    worst = std::max(worst, std::sqrt(noise / signal));
    mote_sampler_step(a);
  }
  return worst;
}

TEST_CASE(
    "A quantized network is near the float one at every step: with classes, without, scaled and shifted, of signals") {
  for (const char* text : {with_classes, without_classes, scaled, signal, of_blocks, signal_of_blocks}) {
    CAPTURE(text);
    for (const bool per_step : {true, false}) {
      QuantizeOptions options = quick();
      options.graph.per_step = per_step;
      const QuantizedModel model = quantized(text, options);
      check_model_bytes(model.bytes, "model");
      CHECK(worst_error(text, model) < 0.12);
    }
  }
}

TEST_CASE("Both forms of the time network agree, and the smaller one is taken") {
  QuantizeOptions options = quick();
  options.time = TimeForm::folded;
  const QuantizedModel folded = quantized(with_classes, options);
  options.time = TimeForm::network;
  const QuantizedModel kept = quantized(with_classes, options);
  options.time = TimeForm::smaller;
  const QuantizedModel smaller = quantized(with_classes, options);
  CHECK(!folded.keeps_network);
  CHECK(kept.keeps_network);
  CHECK(worst_error(with_classes, folded) < 0.12);
  CHECK(worst_error(with_classes, kept) < 0.12);
  CHECK(smaller.bytes.size() == std::min(folded.bytes.size(), kept.bytes.size()));
  CHECK(smaller.keeps_network == (kept.bytes.size() < folded.bytes.size()));
  CHECK(smaller.folded_bytes == folded.folded_bytes);
  CHECK(smaller.network_bytes == kept.network_bytes);
  // Without metadata and names of operators the sizes named are those of the files.
  CHECK(folded.bytes.size() >= folded.folded_bytes);
  CHECK(folded.bytes.size() - folded.folded_bytes < 8192);
}

TEST_CASE("A folded model runs its own steps and refuses others by name") {
  const QuantizedModel model = quantized(with_classes, quick(4));
  const ModelBuffer buffer(model.bytes, "model");
  CHECK(buffer.info().folded == 1);
  CHECK(buffer.info().default_steps == 4);
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.steps = 5;
  size_t bytes = 0;
  CHECK(mote_working_size(buffer.model(), &config, &bytes) == MOTE_E_STEPS);
  config.steps = 4;
  CHECK(mote_working_size(buffer.model(), &config, &bytes) == MOTE_OK);
}

TEST_CASE("The bytes do not depend on the threads, and do on the seed") {
  QuantizeOptions options = quick();
  const std::vector<uint8_t> two = quantized(with_classes, options).bytes;
  options.threads = 1;
  CHECK(quantized(with_classes, options).bytes == two);
  options.calibration.seed = 9;
  CHECK(quantized(with_classes, options).bytes != two);
}

TEST_CASE("Scales are for each step where asked, one where a table needs it; proofs hold") {
  const QuantizedModel model = quantized(with_classes, quick());
  const Graph& graph = model.quantized.graph;
  int per_step = 0, tables = 0;
  for (const Node& node : graph.nodes) {
    const auto quant_of = [&](int t) -> const Quant& {
      return graph.quants[static_cast<size_t>(graph.tensors[static_cast<size_t>(t)].quant)];
    };
    if (node.kind == OpKind::group_norm && node.residual >= 0) {
      ++tables;
      CHECK(!quant_of(node.y[0]).per_step);
      CHECK(graph.tensors[static_cast<size_t>(node.residual)].quant ==
            graph.tensors[static_cast<size_t>(node.y[0])].quant);
    }
    if (node.kind != OpKind::conv2d) continue;
    if (graph.tensors[static_cast<size_t>(node.y[0])].dtype == DType::i8 && quant_of(node.y[0]).per_step) {
      ++per_step;
      CHECK(quant_of(node.y[0]).values.size() == 3);
    }
    CHECK((node.proofs & format::op_sums_below_2_29) != 0);  // these are small
  }
  CHECK(per_step > 5);
  CHECK(tables > 5);
  QuantizeOptions shared = quick();
  shared.graph.per_step = false;
  for (const Quant& quant : quantized(with_classes, shared).quantized.graph.quants) CHECK(!quant.per_step);
}

TEST_CASE("The noise of each operator is in the file, and more table entries do not make it worse") {
  QuantizeOptions options = quick();
  options.graph.table_entries = 256;
  const QuantizedModel coarse = quantized(with_classes, options);
  options.graph.table_entries = 4096;
  const QuantizedModel fine = quantized(with_classes, options);
  REQUIRE(!coarse.noise.empty());
  CHECK(coarse.noise.size() == coarse.quantized.graph.nodes.size());
  double coarse_sum = 0, fine_sum = 0;
  for (size_t step = 0; step < 3; ++step) {
    coarse_sum += coarse.noise.back().decibel[step];
    fine_sum += fine.noise.back().decibel[step];
  }
  CHECK(fine_sum > coarse_sum - 3.0);
  const ModelFile read = read_model(coarse.bytes, "model");
  const JsonView snr = JsonView(read.meta, "meta").at("quantization").at("snr_db");
  CHECK(snr.keys().size() == coarse.noise.size());
  CHECK(snr.at(coarse.noise.back().name).at(size_t{1}).number() ==
        doctest::Approx(coarse.noise.back().decibel[1]).epsilon(0.01));
}

TEST_CASE("Taking activations out does not change what a network computes") {
  const Graph whole = network(with_classes);
  Graph split = whole;
  split_activations(split);
  for (const Node& node : split.nodes) CHECK((node.activation == Activation::none || node.kind == OpKind::activation));
  CHECK(split.nodes.size() > whole.nodes.size());
  const DiffusionInfo info = test::tiny_diffusion(3);
  const RunnableGraph a(whole, info), b(split, info);
  GraphRunner first(a), second(b);
  std::vector<float> x(96);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.03f * static_cast<float>(i % 37) - 0.5f;
  first.run(x.data(), 20.0f, 0, 1, [](int) {});
  second.run(x.data(), 20.0f, 0, 1, [](int) {});
  for (size_t i = 0; i < x.size(); ++i) CHECK(second.output()[i] == doctest::Approx(first.output()[i]).epsilon(1e-4));
}

}  // namespace
}  // namespace mote::tool
