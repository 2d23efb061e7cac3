// Helpers of the tests in this folder: test data, errors as text, temporary folders, and the formulas of
// tests/data/io/make_data.py.
#pragma once
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "weights_tool/io/error.h"

namespace test {

inline std::string data_path(const std::string& name) { return std::string(MOTE_TEST_DATA) + "/io/" + name; }

// Reads with the standard library, so that io/file.cpp is not needed to test the others.
inline std::vector<uint8_t> load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path);
  return std::vector<uint8_t>(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}
inline std::vector<uint8_t> load_data(const std::string& name) { return load(data_path(name)); }

inline void save(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}
inline void save(const std::string& path, const std::string& text) {
  save(path, std::vector<uint8_t>(text.begin(), text.end()));
}

// The line of the Error that `action` throws, behind its exit code: "3: x.png: byte 0: ..."; "no error" if it throws
// none. Every such line must be a line.
template <class Action>
std::string error_of(Action action) {
  try {
    action();
  } catch (const mote::tool::Error& error) {
    const std::string line = error.what();
    CHECK(line.find('\n') == std::string::npos);
    CHECK(!line.empty());
    return std::to_string(static_cast<int>(error.code())) + ": " + line;
  }
  return "no error";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A folder of its own under the system's temporary one, removed with all it holds.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "mote-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  size_t count() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator()));
  }

 private:
  std::string path_;
};

// make_data.py: text(), noise(), pattern().
inline std::vector<uint8_t> squares_text(int lines) {
  std::string out;
  for (int i = 0; i < lines; ++i) out += "line " + std::to_string(i) + ": " + std::to_string(i * i % 97) + " squares\n";
  return std::vector<uint8_t>(out.begin(), out.end());
}

inline std::vector<uint8_t> noise(size_t count, uint32_t seed) {
  std::vector<uint8_t> out(count);
  for (uint8_t& byte : out) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<uint8_t>(seed >> 24);
  }
  return out;
}

inline std::vector<uint8_t> pattern(size_t height, size_t width, size_t channels) {
  std::vector<uint8_t> out;
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      for (size_t c = 0; c < channels; ++c) {
        const uint8_t value = static_cast<uint8_t>(7 * y + 13 * x + 31 * c + x * y);
        out.push_back(y % 16 == 15 ? static_cast<uint8_t>(255 - value) : value);
      }
    }
  }
  return out;
}

}  // namespace test
