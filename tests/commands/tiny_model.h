// A UNet of a few thousand random weights, and the ways the command tests need it.
#pragma once
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/graph/writer.h"

namespace mote::test {

inline const char* tiny_config_text() {
  return R"({"height": 8, "width": 12, "channels": 1, "classes": 3, "base_channels": 8, "multipliers": [1, 2],
             "groups": 4, "time_features": 16, "attention_levels": [1], "heads": 2, "dropout": 0.1})";
}

// Adds up to 0.1 to every trained parameter, so that the zero convolutions of a fresh UNet count too.
inline void perturb_parameters(tool::Graph& graph, unsigned seed) {
  std::mt19937 random(seed);
  for (tool::Tensor& t : graph.tensors) {
    if (t.role != tool::Role::parameter || t.constant) continue;
    for (float& value : t.values) value += 0.1f * (static_cast<float>(random() % 2001) / 1000.0f - 1.0f);
  }
}

// As training has it: dropout and all. The UNet's zero convolutions are random too, so that every weight counts.
inline tool::Graph tiny_training_graph(int channels = 1) {
  const tool::Json json = tool::parse_json(tiny_config_text(), "tiny.json");
  tool::UNetConfig config = tool::unet_config_from_json(tool::JsonView(json, "tiny.json"));
  config.channels = channels;
  tool::Graph graph = tool::build_unet(config, 1);
  graph.train_steps = 50;
  graph.prediction = tool::Prediction::v;
  perturb_parameters(graph, 17);
  return graph;
}

inline tool::Graph tiny_graph(int channels = 1) {
  tool::Graph graph = tiny_training_graph(channels);
  tool::prepare_for_inference(graph);
  return graph;
}

inline tool::DiffusionInfo tiny_diffusion(int steps = 5) {
  tool::ScheduleOptions options;
  options.kind = tool::ScheduleKind::cosine;
  options.train_steps = 50;
  tool::DiffusionInfo info;
  info.schedule = tool::exact_alpha_bar_table(tool::make_schedule(options));
  info.default_steps = steps;
  return info;
}

inline std::vector<uint8_t> tiny_model(int channels = 1) {
  const tool::Graph graph = tiny_graph(channels);
  return tool::write_model(graph, tool::plan_memory(graph), tiny_diffusion(),
                           tool::Json::object().set("made", "by a test"));
}

}  // namespace mote::test
