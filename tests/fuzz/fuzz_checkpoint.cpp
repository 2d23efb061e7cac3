// Any bytes as a checkpoint, and as the JSON text inside of one, which the checksum hides from flipped bits.
#include <cstddef>
#include <cstdint>
#include <string>

#include "weights_tool/io/error.h"
#include "weights_tool/train/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mote::tool;
  try {
    load_checkpoint(ByteView(data, size), "input", true);
  } catch (const Error&) {
  }
  try {
    const TrainState state = parse_train_state(std::string(data, data + size), "input");
    // What was read can be written and read again.
    train_config_from_json(train_config_to_json(state.config), "again");
  } catch (const Error&) {
  }
  return 0;
}
