// tests/data/diffusers/schedulers.json (its origin is beside it) and what several tests do with it.
#pragma once
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "weights_tool/diffusers/scheduler_config.h"

namespace mote::test {

inline const tool::Json& scheduler_reference() {
  static const tool::Json json = [] {
    const std::string path = std::string(MOTE_TEST_DATA) + "/diffusers/schedulers.json";
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return tool::parse_scheduler_json(text.str(), path);
  }();
  return json;
}

inline std::vector<double> numbers_of(const tool::Json& json) {
  std::vector<double> values;
  for (const tool::Json& item : json.items()) values.push_back(item.number());
  return values;
}

inline std::vector<float> floats_of(const tool::Json& json) {
  std::vector<float> values;
  for (const tool::Json& item : json.items()) values.push_back(static_cast<float>(item.number()));
  return values;
}

// A configuration with the keys of `init`, and _class_name.
inline tool::Json with_class(const tool::Json& init, const std::string& name) {
  tool::Json json = init;
  return json.set("_class_name", name);
}

inline tool::SchedulerConfig config_of(const tool::Json& json) {
  return tool::parse_scheduler_config(tool::JsonView(json, "scheduler_config.json"));
}
inline tool::SchedulerConfig config_of_text(const std::string& text) {
  return config_of(tool::parse_scheduler_json(text, "scheduler_config.json"));
}

}  // namespace mote::test
