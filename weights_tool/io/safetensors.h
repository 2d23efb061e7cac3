// safetensors files: named arrays behind a JSON header.
//   8 bytes      N, little-endian: length of the header
//   N bytes      JSON object: {"__metadata__": {string: string}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}}
//   the rest     the arrays' bytes, row-major, little-endian; offsets count from here
// The reader is strict: the arrays must cover the data exactly, without overlaps, holes or bytes left over. It works
// over a memory map and copies nothing. Knows nothing of what the arrays mean.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weights_tool/io/bytes.h"
#include "weights_tool/io/file.h"

namespace mote::tool {

enum class SafeDType { boolean, u8, i8, f8_e4m3, f8_e5m2, u16, i16, f16, bf16, u32, i32, f32, u64, i64, f64 };
const char* safe_dtype_name(SafeDType dtype);  // as in the file: "F32", "BF16"
size_t safe_dtype_bytes(SafeDType dtype);

// bytes.data need not be aligned; bytes.size is the element count times the size of the type. No dimension: a scalar.
struct SafeTensor {
  std::string name;
  SafeDType dtype = SafeDType::f32;
  std::vector<uint64_t> shape;
  ByteView bytes;
  uint64_t elements() const { return bytes.size / safe_dtype_bytes(dtype); }
};
std::string safe_shape_text(const std::vector<uint64_t>& shape);  // "[16, 3, 3, 1]"

using SafeMetadata = std::vector<std::pair<std::string, std::string>>;

constexpr uint64_t kSafetensorsHeaderCap = 100'000'000;

// What a file holds, in the order of the header. Views into the bytes it was parsed from.
struct SafetensorsView {
  std::string name;  // for messages
  std::vector<SafeTensor> tensors;
  SafeMetadata metadata;

  // nullptr when there is none.
  const SafeTensor* find(std::string_view tensor) const;
  const std::string* find_metadata(std::string_view key) const;
};

// Checks everything before it returns. Error(invalid_input): "NAME: byte 0: header length 12 exceeds ...",
// "NAME: tensor 'a.weight': ...".
SafetensorsView parse_safetensors(ByteView bytes, const std::string& name);

// The same over a mapped file that lives as long as this.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);
  const SafetensorsView& view() const { return view_; }
  const std::vector<SafeTensor>& tensors() const { return view_.tensors; }
  const SafeTensor* find(std::string_view tensor) const { return view_.find(tensor); }
  const std::string* metadata(std::string_view key) const { return view_.find_metadata(key); }
  // Its bytes need not stay in memory (MappedFile::forget).
  void forget(const SafeTensor& tensor) const { file_.forget(tensor.bytes); }

 private:
  MappedFile file_;
  SafetensorsView view_;
};

// The elements as float32: F64 and integers rounded to nearest, F16, BF16 and the 8-bit floats exactly.
// `out` holds tensor.elements() floats.
void copy_as_f32(const SafeTensor& tensor, float* out);
std::vector<float> as_f32(const SafeTensor& tensor);

// Streams the arrays into an AtomicFile in the order given; the data begins at a multiple of 64 bytes
// of the file. Names must be unique, sizes must match: otherwise std::invalid_argument.
void write_safetensors(const std::string& path, const std::vector<SafeTensor>& tensors, const SafeMetadata& metadata,
                       bool force);
// A view of floats that somebody else owns, to be written.
SafeTensor f32_tensor(std::string name, std::vector<uint64_t> shape, const float* values);

}  // namespace mote::tool
