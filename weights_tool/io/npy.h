// numpy's .npy, versions 1, 2 and 3. Read: '<f4' '<f8' '<f2' '<i2' '<u2' '<i4' '<i8' '|u1' '|i1' in C order, converted to
// float32 (rounded to nearest even; a finite float64 that float32 cannot hold is an error). Fortran order, other dtypes and
// structured dtypes are refused by name. Written: '<f4' version 1.0. Errors are Error(invalid_input): "NAME: byte 10:
// what is wrong".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"

namespace mote::tool {

// values.size() == product of shape (1 for an empty shape: a scalar), the last axis fastest.
struct NpyArray {
  std::vector<size_t> shape;
  std::vector<float> values;
};

NpyArray parse_npy(ByteView bytes, const std::string& name);
NpyArray read_npy(const std::string& path);
// As above, and the shape must be `expected`; a 0 in `expected` stands for any size.
NpyArray read_npy(const std::string& path, const std::vector<size_t>& expected);

std::vector<uint8_t> encode_npy(const std::vector<size_t>& shape, const float* values);
void write_npy(const std::string& path, const std::vector<size_t>& shape, const float* values, bool force);

// "(2, 3)"; "(3,)"; "()": as numpy prints it.
std::string shape_text(const std::vector<size_t>& shape);

}  // namespace mote::tool
