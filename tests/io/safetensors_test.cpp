#include "weights_tool/io/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <stdexcept>

#include "weights_tool/io/error.h"

using namespace mote::tool;

namespace {

// A file from its two parts, the length put in front.
std::vector<uint8_t> file_of(const std::string& header, const std::string& data) {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<uint8_t>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    parse_safetensors(ByteView(bytes), "x.safetensors");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    const std::string line = error.what();
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.rfind("x.safetensors: ", 0) == 0);
    return line;
  }
  return "";
}

std::string refusal(const std::string& header, const std::string& data = "") { return refusal(file_of(header, data)); }

bool says(const std::string& line, const std::string& part) {
  INFO(line);
  return line.find(part) != std::string::npos;
}

std::string entry(const std::string& name, const std::string& shape, int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":" + shape + ",\"data_offsets\":[" + std::to_string(begin) + "," +
         std::to_string(end) + "]}";
}

std::vector<float> converted(SafeDType dtype, const std::vector<uint8_t>& bytes) {
  SafeTensor tensor;
  tensor.dtype = dtype;
  tensor.shape = {bytes.size() / safe_dtype_bytes(dtype)};
  tensor.bytes = ByteView(bytes);
  return as_f32(tensor);
}

}  // namespace

TEST_CASE("safetensors: arrays, shapes and metadata of a file written by hand") {
  const auto bytes = file_of(
      "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[2,6]},"
      "\"a\":{\"shape\":[1,2],\"dtype\":\"I8\",\"data_offsets\":[0,2]},"
      "\"none\":{\"shape\":[0,7],\"dtype\":\"F64\",\"data_offsets\":[6,6]}}   ",
      std::string("\x05\xFF\x00\x00\x80\x3F", 6));
  const SafetensorsView view = parse_safetensors(ByteView(bytes), "x");
  REQUIRE(view.tensors.size() == 3);
  CHECK(view.tensors[0].name == "b");  // header order
  CHECK(view.find("b")->shape.empty());
  CHECK(as_f32(*view.find("b")) == std::vector<float>{1.0f});
  CHECK(view.find("a")->shape == std::vector<uint64_t>{1, 2});
  CHECK(as_f32(*view.find("a")) == std::vector<float>{5.0f, -1.0f});
  CHECK(view.find("a")->bytes.data == bytes.data() + bytes.size() - 6);  // no copy
  CHECK(view.find("none")->elements() == 0);
  CHECK(view.find("c") == nullptr);
  REQUIRE(view.find_metadata("format") != nullptr);
  CHECK(*view.find_metadata("format") == "pt");
  CHECK(view.find_metadata("other") == nullptr);
}

TEST_CASE("safetensors: a file without arrays is fine") {
  CHECK(parse_safetensors(ByteView(file_of("{}", "")), "x").tensors.empty());
}

TEST_CASE("safetensors: each kind of broken header is refused with its place") {
  CHECK(says(refusal(std::vector<uint8_t>{1, 2, 3}), "byte 3"));
  CHECK(says(refusal(std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 1}), "exceeds the limit"));
  CHECK(says(refusal(std::vector<uint8_t>{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, '{'}), "exceeds the limit"));
  CHECK(says(refusal(std::vector<uint8_t>{9, 0, 0, 0, 0, 0, 0, 0, '{', '}'}), "only 2 bytes follow"));
  CHECK(says(refusal(""), "must begin with '{'"));
  CHECK(says(refusal(" {}"), "must begin with '{'"));
  CHECK(says(refusal("{} x"), "header"));
  CHECK(says(refusal("{\"a\":1}"), "tensor 'a'"));
  CHECK(says(refusal("{\"__metadata__\":{\"a\":1}}"), "must be a string"));
  CHECK(says(refusal("{\"__metadata__\":[]}"), "__metadata__"));
  CHECK(says(refusal("{" + entry("a", "[1]", 0, 1) + "," + entry("a", "[1]", 1, 2) + "}", "ab"), "a"));  // the same key
  CHECK(says(refusal("{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,1]}}", "a"), "unknown dtype 'F99'"));
  CHECK(says(refusal("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", "a"), "lacks \"shape\""));
  CHECK(
      says(refusal("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":0}}", "a"), "unknown key 'x'"));
  CHECK(says(refusal("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", "a"), "[begin, end]"));
}

TEST_CASE("safetensors: shapes that are negative, fractional or overflow are refused") {
  CHECK(says(refusal("{" + entry("a", "[-1]", 0, 1) + "}", "a"), "integers >= 0, got -1"));
  CHECK(says(refusal("{" + entry("a", "[1.0]", 0, 1) + "}", "a"), "integers >= 0"));
  CHECK(says(refusal("{" + entry("a", "[1e0]", 0, 1) + "}", "a"), "integers >= 0"));
  CHECK(says(refusal("{" + entry("a", "[\"1\"]", 0, 1) + "}", "a"), "integers >= 0"));
  CHECK(says(refusal("{" + entry("a", "[4294967296,4294967296,4294967296]", 0, 1) + "}", "a"), "overflows"));
  CHECK(says(refusal("{" + entry("a", "3", 0, 1) + "}", "a"), "must be an array"));
}

TEST_CASE("safetensors: data must be covered once and whole") {
  CHECK(refusal("{" + entry("a", "[2]", 0, 2) + "," + entry("b", "[2]", 2, 4) + "}", "abcd") == "");
  CHECK(refusal("{" + entry("b", "[2]", 2, 4) + "," + entry("a", "[2]", 0, 2) + "}", "abcd") == "");
  CHECK(says(refusal("{" + entry("a", "[2]", 0, 2) + "," + entry("b", "[2]", 1, 3) + "}", "abc"), "overlaps"));
  CHECK(
      says(refusal("{" + entry("a", "[1]", 0, 1) + "," + entry("b", "[1]", 2, 3) + "}", "abc"), "belong to no tensor"));
  CHECK(says(refusal("{" + entry("a", "[1]", 1, 2) + "}", "ab"), "1 bytes before tensor 'a'"));
  CHECK(says(refusal("{" + entry("a", "[1]", 0, 1) + "}", "abc"), "2 bytes after the last tensor"));
  CHECK(says(refusal("{" + entry("a", "[2]", 0, 2) + "}", "a"), "leave the 1 bytes"));
  CHECK(says(refusal("{" + entry("a", "[2]", 2, 0) + "}", "ab"), "leave the"));
  CHECK(says(refusal("{" + entry("a", "[3]", 0, 2) + "}", "ab"), "takes 3 bytes"));
}

TEST_CASE("safetensors: a file cut anywhere is refused") {
  const auto whole = file_of("{" + entry("a", "[3]", 0, 3) + "}", "abc");
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK(refusal(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) != "");
  }
}

TEST_CASE("safetensors: every type becomes the float it stands for") {
  const float infinity = std::numeric_limits<float>::infinity();
  // IEEE 754 binary16: 1, the largest, the smallest denormal, -infinity, -2.
  CHECK(converted(SafeDType::f16, {0x00, 0x3C, 0xFF, 0x7B, 0x01, 0x00, 0x00, 0xFC, 0x00, 0xC0}) ==
        std::vector<float>{1.0f, 65504.0f, std::ldexp(1.0f, -24), -infinity, -2.0f});
  CHECK(std::isnan(converted(SafeDType::f16, {0x01, 0x7E})[0]));
  CHECK(std::signbit(converted(SafeDType::f16, {0x00, 0x80})[0]));
  CHECK(converted(SafeDType::bf16, {0x80, 0x3F, 0x00, 0xC0}) == std::vector<float>{1.0f, -2.0f});
  // OCP 8-bit formats: largest 448 and 57344, smallest denormals 2^-9 and 2^-16.
  CHECK(converted(SafeDType::f8_e4m3, {0x7E, 0x01, 0x08, 0xB8, 0x78}) ==
        std::vector<float>{448.0f, std::ldexp(1.0f, -9), std::ldexp(1.0f, -6), -1.0f, 256.0f});
  CHECK(std::isnan(converted(SafeDType::f8_e4m3, {0x7F})[0]));
  CHECK(converted(SafeDType::f8_e5m2, {0x7B, 0x01, 0x3C, 0xFC}) ==
        std::vector<float>{57344.0f, std::ldexp(1.0f, -16), 1.0f, -infinity});
  CHECK(converted(SafeDType::f64, {0, 0, 0, 0, 0, 0, 0xF8, 0xBF}) == std::vector<float>{-1.5f});
  CHECK(converted(SafeDType::i64, {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}) == std::vector<float>{-2.0f});
  CHECK(converted(SafeDType::u64, {0, 0, 0, 0, 0, 0, 0, 0x80}) == std::vector<float>{std::ldexp(1.0f, 63)});
  CHECK(converted(SafeDType::i32, {0xFF, 0xFF, 0xFF, 0xFF}) == std::vector<float>{-1.0f});
  CHECK(converted(SafeDType::u32, {0, 0, 0, 0x80}) == std::vector<float>{2147483648.0f});
  CHECK(converted(SafeDType::i16, {0x00, 0x80}) == std::vector<float>{-32768.0f});
  CHECK(converted(SafeDType::u16, {0x00, 0x80}) == std::vector<float>{32768.0f});
  CHECK(converted(SafeDType::u8, {0xFF}) == std::vector<float>{255.0f});
  CHECK(converted(SafeDType::boolean, {0, 1}) == std::vector<float>{0.0f, 1.0f});
}

TEST_CASE("safetensors: what is written is read back, aligned, and an existing file is safe") {
  const std::string path = (std::filesystem::temp_directory_path() / "mote-safetensors-test.safetensors").string();
  std::filesystem::remove(path);
  const std::vector<float> values = {1.5f, -2.0f, 3.25f, 0.0f, 1e-30f, 7.0f};
  const std::vector<uint8_t> raw = {1, 2, 3};
  SafeTensor bytes{"raw \"quoted\" \xC3\xA9", SafeDType::u8, {3}, ByteView(raw)};
  write_safetensors(path, {f32_tensor("w", {2, 3}, values.data()), bytes, f32_tensor("scalar", {}, values.data())},
                    {{"key", "line\nbreak"}, {"other", ""}}, false);
  {
    const SafetensorsFile file(path);
    REQUIRE(file.tensors().size() == 3);
    CHECK(file.tensors()[0].name == "w");
    CHECK(as_f32(*file.find("w")) == values);
    CHECK(file.find("w")->shape == std::vector<uint64_t>{2, 3});
    CHECK(reinterpret_cast<uintptr_t>(file.find("w")->bytes.data) % 64 == 0);
    CHECK(as_f32(*file.find(bytes.name)) == std::vector<float>{1, 2, 3});
    CHECK(as_f32(*file.find("scalar")) == std::vector<float>{1.5f});
    CHECK(*file.metadata("key") == "line\nbreak");
    CHECK(*file.metadata("other") == "");
  }
  CHECK_THROWS_AS(write_safetensors(path, {}, {}, false), Error);
  CHECK(SafetensorsFile(path).tensors().size() == 3);
  CHECK_THROWS_AS(write_safetensors(path, {bytes, bytes}, {}, true), std::invalid_argument);
  bytes.shape = {4};
  CHECK_THROWS_AS(write_safetensors(path, {bytes}, {}, true), std::invalid_argument);
  CHECK(SafetensorsFile(path).tensors().size() == 3);
  std::filesystem::remove(path);
}
