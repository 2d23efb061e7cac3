// The small random quantized models of tests/golden/models, for make_golden.cpp.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mote::golden {

struct NamedModel {
  std::string name;
  std::vector<uint8_t> bytes;
};
std::vector<NamedModel> golden_models();

}  // namespace mote::golden
