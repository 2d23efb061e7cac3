#include "weights_tool/train/gan_config.h"

namespace mote::tool {

GanConfig gan_config_from_json(const JsonView& view, int timesteps) {
  view.refuse_unknown({"steps", "widths", "time_features", "learning_rate", "r1", "r1_every"});
  GanConfig config;
  config.steps = static_cast<int>(view.at("steps").integer(1, timesteps));
  if (view.has("widths")) {
    config.widths.clear();
    for (const int64_t width : view.at("widths").integers(1, 4096)) config.widths.push_back(static_cast<int>(width));
    if (config.widths.empty() || config.widths.size() > 8) view.at("widths").fail("expected one to eight widths");
  }
  config.time_features = static_cast<int>(view.integer_or("time_features", config.time_features, 2, 4096));
  if (config.time_features % 2 != 0) view.at("time_features").fail("expected an even number");
  config.learning_rate = view.number_or("learning_rate", config.learning_rate, 0, 1);
  config.r1 = view.number_or("r1", config.r1, 0, 1e6);
  config.r1_every = static_cast<int>(view.integer_or("r1_every", config.r1_every, 1, 1000000));
  return config;
}

Json gan_config_to_json(const GanConfig& config) {
  Json json = Json::object();
  json.set("steps", config.steps).set("widths", Json::array(config.widths));
  json.set("time_features", config.time_features).set("learning_rate", config.learning_rate);
  return json.set("r1", config.r1).set("r1_every", config.r1_every);
}

}  // namespace mote::tool
