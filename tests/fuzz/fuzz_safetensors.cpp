// Any bytes as a safetensors file: refused with an Error, or readable to the last element.
#include <cstddef>
#include <cstdint>

#include "weights_tool/io/error.h"
#include "weights_tool/io/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mote::tool;
  try {
    const SafetensorsView view = parse_safetensors(ByteView(data, size), "input");
    float sum = 0;
    for (const SafeTensor& tensor : view.tensors) {
      for (const float value : as_f32(tensor)) sum += value;
      if (view.find(tensor.name) == nullptr) __builtin_trap();
    }
    volatile float sink = sum;
    (void)sink;
  } catch (const Error&) {
  }
  return 0;
}
