// .npy against files of numpy, and every way to break one.
#include "weights_tool/io/npy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::data_path;
using test::error_of;
using test::load_data;

namespace {

using Bytes = std::vector<uint8_t>;
using Shape = std::vector<size_t>;

std::string parse_error(const Bytes& bytes) {
  return error_of([&] { parse_npy(bytes, "x.npy"); });
}

// A version 1 file with any header text and data.
Bytes file_of(const std::string& header, const Bytes& data) {
  const Bytes start = {0x93,
                       'N',
                       'U',
                       'M',
                       'P',
                       'Y',
                       1,
                       0,
                       static_cast<uint8_t>(header.size()),
                       static_cast<uint8_t>(header.size() >> 8)};
  Bytes out(start.size() + header.size() + data.size());
  std::copy(data.begin(), data.end(),
            std::copy(header.begin(), header.end(), std::copy(start.begin(), start.end(), out.begin())));
  return out;
}

std::string header_error(const std::string& header) { return parse_error(file_of(header, Bytes(8))); }

}  // namespace

TEST_CASE("every supported dtype of numpy becomes float32") {
  for (const std::string dtype : {"f4", "f8", "f2", "i4", "i8", "i1", "u1"}) {
    CAPTURE(dtype);
    const NpyArray array = read_npy(data_path(dtype + ".npy"));
    CHECK(array.shape == Shape{2, 3, 4});
    REQUIRE(array.values.size() == 24);
    for (int i = 0; i < 24; ++i) {
      const float expected = dtype == "u1" ? 10.0f * i : dtype[0] == 'i' ? 3.0f * (i - 5) : 1.5f * (i - 5);
      CHECK(array.values[static_cast<size_t>(i)] == expected);
    }
  }
}

TEST_CASE("16-bit integers keep their sign, or have none") {
  const Bytes data = {0, 0, 1, 0, 255, 127, 0, 128, 255, 255};
  const auto values_of = [&](const std::string& descr) {
    const std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (5,), }\n";
    return parse_npy(file_of(header, data), "x.npy").values;
  };
  CHECK(values_of("<u2") == std::vector<float>{0, 1, 32767, 32768, 65535});
  CHECK(values_of("<i2") == std::vector<float>{0, 1, 32767, -32768, -1});
}

TEST_CASE("half precision is exact: zeros, subnormals, largest, infinities, NaN") {
  const std::vector<float> values = read_npy(data_path("halves.npy")).values;
  REQUIRE(values.size() == 12);
  const float expected[] = {0.0f,  -0.0f,       0x1p-24f, 0x1.FF8p-15f, 0x1p-14f, 1.0f,
                            -2.0f, 0x1.554p-2f, 65504.0f, INFINITY,     -INFINITY};
  for (size_t i = 0; i < 11; ++i) {
    CHECK(values[i] == expected[i]);
    CHECK(std::signbit(values[i]) == std::signbit(expected[i]));
  }
  CHECK(std::isnan(values[11]));
}

TEST_CASE("scalars, empty arrays, vectors and all versions are read") {
  CHECK(read_npy(data_path("scalar.npy")).shape.empty());
  CHECK(read_npy(data_path("scalar.npy")).values == std::vector<float>{2.5f});
  CHECK(read_npy(data_path("empty.npy")).shape == Shape{3, 0});
  CHECK(read_npy(data_path("empty.npy")).values.empty());
  for (const char* name : {"vector.npy", "version2.npy", "version3.npy"}) {
    CHECK(read_npy(data_path(name)).shape == Shape{3});
    CHECK(read_npy(data_path(name)).values == std::vector<float>{1, -2, 3});
  }
}

TEST_CASE("what numpy can write but this reader does not take is refused by name") {
  CHECK(contains(error_of([] { read_npy(data_path("fortran.npy")); }), "Fortran order is not supported"));
  CHECK(
      contains(error_of([] { read_npy(data_path("big_endian.npy")); }), "dtype '>f4' is not supported; use <f4, <f8"));
  CHECK(contains(error_of([] { read_npy(data_path("structured.npy")); }), "structured dtypes are not supported"));
  CHECK(contains(error_of([] { read_npy(data_path("too_large.npy")); }), "element 1: does not fit a float32"));
  CHECK(contains(error_of([] { read_npy(data_path("none.npy")); }), "4: "));
}

TEST_CASE("float64 is rounded like numpy does, up to the edge of float32") {
  const auto one = [](double value) {
    Bytes data(8);
    std::memcpy(data.data(), &value, 8);
    return file_of("{'descr': '<f8', 'fortran_order': False, 'shape': ()}", data);
  };
  CHECK(parse_npy(one(0.1), "x").values[0] == 0.1f);
  CHECK(parse_npy(one(3.4028235677973362e38), "x").values[0] == std::numeric_limits<float>::max());
  CHECK(contains(parse_error(one(3.4028235677973366e38)), "does not fit"));
  CHECK(contains(parse_error(one(-1e39)), "does not fit"));
  CHECK(std::isinf(parse_npy(one(INFINITY), "x").values[0]));
  CHECK(std::isnan(parse_npy(one(NAN), "x").values[0]));
}

TEST_CASE("a file cut off or extended anywhere is an error") {
  for (const char* name : {"f4.npy", "version2.npy"}) {
    const Bytes good = load_data(name);
    for (size_t size = 0; size < good.size(); ++size) {
      CHECK(contains(parse_error(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))),
                     "3: x.npy: byte "));
    }
    Bytes longer = good;
    longer.push_back(0);
    CHECK(contains(parse_error(longer), "bytes of data, the file has"));
  }
  CHECK(parse_error({}) == "3: x.npy: byte 0: not a .npy file (no magic bytes)");
  Bytes version = load_data("f4.npy");
  version[6] = 4;
  CHECK(parse_error(version) == "3: x.npy: byte 6: unknown .npy version 4.0");
}

TEST_CASE("each kind of broken header is named") {
  CHECK(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  \n") == "no error");
  CHECK(header_error("{\"shape\":(1,2),\"fortran_order\":False,\"descr\":\"<f4\"}") == "no error");
  CHECK(contains(header_error(""), "expected '{'"));
  CHECK(contains(header_error("{"), "expected a quoted word"));
  CHECK(contains(header_error("{'descr"), "does not end"));
  CHECK(contains(header_error("{'descr' '<f4'}"), "expected ':'"));
  CHECK(contains(header_error("{'descr': '<f4'}"), "the header needs descr, fortran_order and shape"));
  CHECK(contains(header_error("{'descr': '<f4', 'descr': '<f4'}"), "a second key 'descr'"));
  CHECK(contains(header_error("{'order': 1}"), "unknown key 'order'"));
  CHECK(contains(header_error("{'a\nb': 1}"), "unexpected character"));
  CHECK(contains(header_error("{'fortran_order': Maybe}"), "must be True or False"));
  CHECK(contains(header_error("{'shape': 2}"), "expected '('"));
  CHECK(contains(header_error("{'shape': (2)}"), "a shape of one size is written with a comma"));
  CHECK(contains(header_error("{'shape': (2 3)}"), "expected ',' or ')'"));
  CHECK(contains(header_error("{'shape': (-2,)}"), "expected a size"));
  CHECK(contains(header_error("{'shape': (,)}"), "expected a size"));
  CHECK(contains(header_error("{'shape': (2"), "expected ',' or ')'"));
  CHECK(contains(header_error("{'shape': (99999999999999999999,)}"), "too large"));
  CHECK(contains(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}"),
                 "is too large"));
  CHECK(contains(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"),
                 "needs 12 bytes of data, the file has 8"));
  CHECK(contains(header_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x"), "something behind"));
  CHECK(contains(header_error("{'descr': '<f4' 'shape': (2,)}"), "expected '}'"));
  CHECK(contains(header_error("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}"),
                 "dtype '<c8' is not supported"));
  std::string deep = "{'shape': (";
  for (int i = 0; i < 33; ++i) deep += "1,";
  CHECK(contains(header_error(deep + ")}"), "more than 32 dimensions"));
}

TEST_CASE("what is written equals numpy's file byte for byte") {
  const float vector[] = {1, -2, 3};
  CHECK(encode_npy({3}, vector) == load_data("vector.npy"));
  const float scalar = 2.5f;
  CHECK(encode_npy({}, &scalar) == load_data("scalar.npy"));
  CHECK(encode_npy({3, 0}, nullptr) == load_data("empty.npy"));
  std::vector<float> cube;
  for (int i = 0; i < 24; ++i) cube.push_back(1.5f * static_cast<float>(i - 5));
  CHECK(encode_npy({2, 3, 4}, cube.data()) == load_data("f4.npy"));
  const test::TemporaryFolder folder;
  write_npy(folder / "a.npy", {2, 3, 4}, cube.data(), false);
  CHECK(test::load(folder / "a.npy") == load_data("f4.npy"));
  CHECK(contains(error_of([&] { write_npy(folder / "a.npy", {2, 3, 4}, cube.data(), false); }), "use --force"));
}

TEST_CASE("a wrong shape is refused with both shapes") {
  CHECK(read_npy(data_path("f4.npy"), {0, 3, 4}).values.size() == 24);
  CHECK(contains(error_of([] {
                   read_npy(data_path("f4.npy"), {0, 1, 28, 28});
                 }),
                 ": shape (2, 3, 4) where (N, 1, 28, 28) is expected"));
  CHECK(contains(error_of([] {
                   read_npy(data_path("f4.npy"), {2, 3, 5});
                 }),
                 ": shape (2, 3, 4) where (2, 3, 5) is expected"));
  CHECK(contains(error_of([] { read_npy(data_path("f4.npy"), {0}); }), "where (N,) is expected"));
}
