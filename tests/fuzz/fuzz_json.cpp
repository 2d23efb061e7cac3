// JSON reader: any bytes give a value or an Error of one line; a value that was read survives being written and read
// again.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "weights_tool/io/error.h"
#include "weights_tool/io/json.h"

namespace {

using namespace mote::tool;

// Touches every accessor that a reader of a configuration uses.
void walk(const JsonView& view) {
  try {
    view.refuse_unknown({"name", "train", "batch"});
    view.integer_or("batch", 1, 1, 100);
  } catch (const Error& error) {
    if (std::strchr(error.what(), '\n') != nullptr) abort();
  }
  if (view.value().kind() == Json::Kind::array) {
    for (const JsonView& item : view.items()) walk(item);
  }
  if (view.value().kind() == Json::Kind::object) {
    for (const std::string& key : view.keys()) walk(view.at(key));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Json json;
  try {
    json = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "input");
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input || std::strchr(error.what(), '\n') != nullptr) abort();
    return 0;
  }
  walk(JsonView(json, "input"));
  if (parse_json(write_json(json), "own") != json || parse_json(write_json(json, 0), "own") != json) abort();
  return 0;
}
