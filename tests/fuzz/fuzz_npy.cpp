// .npy reader: any bytes give an array or an Error; an array that was read survives being written and read again.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "weights_tool/io/error.h"
#include "weights_tool/io/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mote::tool;
  try {
    const NpyArray array = parse_npy(ByteView(data, size), "input");
    size_t count = 1;
    for (const size_t axis : array.shape) count *= axis;
    if (count != array.values.size()) abort();
    const NpyArray back = parse_npy(encode_npy(array.shape, array.values.data()), "own");
    if (back.shape != array.shape || back.values.size() != count) abort();
    if (count > 0 && std::memcmp(back.values.data(), array.values.data(), count * sizeof(float)) != 0) abort();
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input) abort();
  }
  return 0;
}
