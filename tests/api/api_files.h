// Model files of the repository for the tests of the API.
#pragma once
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "tests/support/model_builder.h"

namespace mote::test {

inline AlignedBytes read_model_file(const std::string& path) {
  std::FILE* file = std::fopen((std::string(MOTE_TEST_DATA) + "/../../" + path).c_str(), "rb");
  REQUIRE_MESSAGE(file != nullptr, path);
  REQUIRE(std::fseek(file, 0, SEEK_END) == 0);
  AlignedBytes bytes(static_cast<size_t>(std::ftell(file)));
  std::rewind(file);
  REQUIRE(std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size());
  std::fclose(file);
  return bytes;
}

// Other processors are mostly emulated: there a part of what takes long must do.
#if defined(__x86_64__)
constexpr bool emulated = false;
#else
constexpr bool emulated = true;
#endif

constexpr const char* shipped_model = "examples/models/fashion-int8.mote";

}  // namespace mote::test
