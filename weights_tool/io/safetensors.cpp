#include "weights_tool/io/safetensors.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <unordered_set>

#include "weights_tool/io/error.h"
#include "weights_tool/io/json.h"

namespace mote::tool {
namespace {

struct DTypeInfo {
  const char* name;
  SafeDType dtype;
  size_t bytes;
};

// In the order of the enumeration.
constexpr DTypeInfo kDTypes[] = {
    {"BOOL", SafeDType::boolean, 1},    {"U8", SafeDType::u8, 1},           {"I8", SafeDType::i8, 1},
    {"F8_E4M3", SafeDType::f8_e4m3, 1}, {"F8_E5M2", SafeDType::f8_e5m2, 1}, {"U16", SafeDType::u16, 2},
    {"I16", SafeDType::i16, 2},         {"F16", SafeDType::f16, 2},         {"BF16", SafeDType::bf16, 2},
    {"U32", SafeDType::u32, 4},         {"I32", SafeDType::i32, 4},         {"F32", SafeDType::f32, 4},
    {"U64", SafeDType::u64, 8},         {"I64", SafeDType::i64, 8},         {"F64", SafeDType::f64, 8},
};

const DTypeInfo& info(SafeDType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": " + what);
}

// Control characters would break the one line of a message.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text.substr(0, 120)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out + (text.size() > 120 ? "...'" : "'");
}

[[noreturn]] void fail_tensor(const std::string& name, const std::string& tensor, const std::string& what) {
  fail(name, "tensor " + quoted(tensor) + ": " + what);
}

// One entry of the header and where it lies.
struct Entry {
  SafeTensor tensor;
  uint64_t begin = 0, end = 0;
};

const Json& member(const std::string& name, const std::string& tensor, const Json& object, const char* key) {
  const Json* found = object.find(key);
  if (found == nullptr) fail_tensor(name, tensor, std::string("the header lacks \"") + key + "\"");
  return *found;
}

uint64_t size_of(const std::string& name, const std::string& tensor, const Json& value, const char* what) {
  if (value.kind() != Json::Kind::number || !value.is_integer() || value.integer() < 0) {
    fail_tensor(name, tensor, std::string(what) + " must be integers >= 0, got " + write_json(value, 0).substr(0, 60));
  }
  return static_cast<uint64_t>(value.integer());
}

const std::vector<Json>& array_of(const std::string& name, const std::string& tensor, const Json& value,
                                  const char* what) {
  if (value.kind() != Json::Kind::array) fail_tensor(name, tensor, std::string(what) + " must be an array");
  return value.items();
}

SafeDType dtype_of(const std::string& name, const std::string& tensor, const Json& value) {
  if (value.kind() != Json::Kind::string) fail_tensor(name, tensor, "dtype must be a string");
  for (const DTypeInfo& candidate : kDTypes) {
    if (value.text() == candidate.name) return candidate.dtype;
  }
  fail_tensor(name, tensor,
              "unknown dtype " + quoted(value.text()) +
                  "; known are BOOL, U8 to U64, I8 to I64, F8_E4M3, "
                  "F8_E5M2, F16, BF16, F32, F64");
}

// Bytes the shape asks for; overflow cannot pass.
uint64_t bytes_of(const std::string& name, const SafeTensor& tensor) {
  uint64_t bytes = safe_dtype_bytes(tensor.dtype);
  bool overflow = false;
  for (const uint64_t dim : tensor.shape) overflow |= __builtin_mul_overflow(bytes, dim, &bytes);
  // A zero after an overflow would hide it; such a shape is refused all the same.
  if (overflow) fail_tensor(name, tensor.name, "shape " + safe_shape_text(tensor.shape) + " overflows");
  return bytes;
}

Entry entry_of(const std::string& name, const std::string& tensor, const Json& value, ByteView data) {
  if (value.kind() != Json::Kind::object) fail_tensor(name, tensor, "its header entry must be an object");
  for (const auto& [key, unused] : value.members()) {
    (void)unused;
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      fail_tensor(name, tensor, "unknown key " + quoted(key) + " in its header entry");
    }
  }
  Entry entry;
  entry.tensor.name = tensor;
  entry.tensor.dtype = dtype_of(name, tensor, member(name, tensor, value, "dtype"));
  for (const Json& dim : array_of(name, tensor, member(name, tensor, value, "shape"), "shape")) {
    entry.tensor.shape.push_back(size_of(name, tensor, dim, "shape"));
  }
  const auto& offsets = array_of(name, tensor, member(name, tensor, value, "data_offsets"), "data_offsets");
  if (offsets.size() != 2) fail_tensor(name, tensor, "data_offsets must be [begin, end]");
  entry.begin = size_of(name, tensor, offsets[0], "data_offsets");
  entry.end = size_of(name, tensor, offsets[1], "data_offsets");
  const std::string range = "[" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
  if (entry.begin > entry.end || entry.end > data.size) {
    fail_tensor(name, tensor, "data_offsets " + range + " leave the " + std::to_string(data.size) + " bytes of data");
  }
  const uint64_t wanted = bytes_of(name, entry.tensor);
  if (wanted != entry.end - entry.begin) {
    fail_tensor(name, tensor,
                std::string(safe_dtype_name(entry.tensor.dtype)) + safe_shape_text(entry.tensor.shape) + " takes " +
                    std::to_string(wanted) + " bytes, data_offsets " + range + " give " +
                    std::to_string(entry.end - entry.begin));
  }
  entry.tensor.bytes = data.slice(static_cast<size_t>(entry.begin), static_cast<size_t>(wanted));
  return entry;
}

// Together the arrays must cover the data once.
void check_cover(const std::string& name, const std::vector<Entry>& entries, uint64_t data_begin, uint64_t data_size) {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  uint64_t at = 0;
  for (const Entry* entry : order) {
    if (entry->begin < at) {
      fail_tensor(name, entry->tensor.name,
                  "byte " + std::to_string(data_begin + entry->begin) + ": overlaps the tensor before it");
    }
    if (entry->begin > at) {
      fail(name, "byte " + std::to_string(data_begin + at) + ": " + std::to_string(entry->begin - at) +
                     " bytes before tensor " + quoted(entry->tensor.name) + " belong to no tensor");
    }
    at = entry->end;
  }
  if (at != data_size) {
    fail(name, "byte " + std::to_string(data_begin + at) + ": " + std::to_string(data_size - at) +
                   " bytes after the last tensor");
  }
}

SafeMetadata metadata_of(const std::string& name, const Json& value) {
  if (value.kind() != Json::Kind::object) fail(name, "__metadata__ must be an object of strings");
  SafeMetadata metadata;
  for (const auto& [key, text] : value.members()) {
    if (text.kind() != Json::Kind::string) fail(name, "__metadata__: " + quoted(key) + " must be a string");
    metadata.emplace_back(key, text.text());
  }
  return metadata;
}

// ---- conversions to float32 ----

float f32_of(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// A small float with `exponent` and `mantissa` bits, IEEE style: the widest exponent is infinity and NaN.
float small_float(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const uint32_t exponent = bits >> mantissa_bits & ((1u << exponent_bits) - 1);
  const uint32_t sign = (bits >> (exponent_bits + mantissa_bits) & 1) << 31;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  if (exponent == (1u << exponent_bits) - 1) return f32_of(sign | 0x7F800000u | mantissa << (23 - mantissa_bits));
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), 1 - bias - mantissa_bits)
                                        : std::ldexp(static_cast<float>(mantissa | 1u << mantissa_bits),
                                                     static_cast<int>(exponent) - bias - mantissa_bits);
  return sign != 0 ? -magnitude : magnitude;
}

// E4M3 has no infinity: only the widest exponent with all mantissa bits is NaN, the rest of it are numbers.
float f8_e4m3(uint8_t bits) {
  if ((bits & 0x7F) == 0x7F) return f32_of(0x7FC00000u | uint32_t{bits & 0x80u} << 24);
  if ((bits & 0x78) != 0x78) return small_float(bits, 4, 3);
  const float magnitude = std::ldexp(static_cast<float>(8 + (bits & 7)), 5);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class T, class Convert>
void convert(const SafeTensor& tensor, float* out, Convert to_float) {
  const uint64_t count = tensor.elements();
  for (uint64_t i = 0; i < count; ++i) out[i] = to_float(load<T>(tensor.bytes.data + i * sizeof(T)));
}

template <class T>
void cast(const SafeTensor& tensor, float* out) {
  convert<T>(tensor, out, [](T value) { return static_cast<float>(value); });
}

// ---- writing ----

std::string header_of(const std::vector<SafeTensor>& tensors, const SafeMetadata& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) {
    Json object = Json::object();
    for (const auto& [key, text] : metadata) object.set(key, text);
    header.set("__metadata__", std::move(object));
  }
  std::unordered_set<std::string> names;
  uint64_t at = 0;
  std::string text = write_json(header, 0);
  text.pop_back();  // the brace; entries follow one by one, for Json::set looks through all keys
  for (const SafeTensor& tensor : tensors) {
    if (tensor.name == "__metadata__" || !names.insert(tensor.name).second) {
      throw std::invalid_argument("write_safetensors: name '" + tensor.name + "' is taken");
    }
    if (bytes_of("write_safetensors", tensor) != tensor.bytes.size) {
      throw std::invalid_argument("write_safetensors: '" + tensor.name + "' has the wrong number of bytes");
    }
    Json entry = Json::object();
    entry.set("dtype", safe_dtype_name(tensor.dtype)).set("shape", Json::array(tensor.shape));
    entry.set("data_offsets", Json::array().push(at).push(at + tensor.bytes.size));
    at += tensor.bytes.size;
    if (text.size() > 1) text += ',';
    text += write_json(Json(tensor.name), 0) + ":" + write_json(entry, 0);
  }
  text += '}';
  while ((8 + text.size()) % 64 != 0) text += ' ';
  return text;
}

}  // namespace

const char* safe_dtype_name(SafeDType dtype) { return info(dtype).name; }
size_t safe_dtype_bytes(SafeDType dtype) { return info(dtype).bytes; }

std::string safe_shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

const SafeTensor* SafetensorsView::find(std::string_view tensor) const {
  for (const SafeTensor& candidate : tensors) {
    if (candidate.name == tensor) return &candidate;
  }
  return nullptr;
}

const std::string* SafetensorsView::find_metadata(std::string_view key) const {
  for (const auto& [candidate, text] : metadata) {
    if (candidate == key) return &text;
  }
  return nullptr;
}

SafetensorsView parse_safetensors(ByteView bytes, const std::string& name) {
  if (bytes.size < 8) {
    fail(name, "byte " + std::to_string(bytes.size) + ": ends inside the 8 bytes of the header length; no safetensors");
  }
  const uint64_t header_size = load_u64_le(bytes.data);
  if (header_size > kSafetensorsHeaderCap) {
    fail(name, "byte 0: header length " + std::to_string(header_size) + " exceeds the limit of " +
                   std::to_string(kSafetensorsHeaderCap) + "; no safetensors file");
  }
  if (header_size > bytes.size - 8) {
    fail(name, "byte 0: header length " + std::to_string(header_size) + " but only " + std::to_string(bytes.size - 8) +
                   " bytes follow; the file is cut short");
  }
  if (header_size < 2 || bytes.data[8] != '{') fail(name, "byte 8: the header must begin with '{'");
  const size_t data_begin = 8 + static_cast<size_t>(header_size);
  const ByteView data = bytes.slice(data_begin, bytes.size - data_begin);
  const Json header = parse_json(bytes.slice(8, static_cast<size_t>(header_size)).text(), name + ": header");
  SafetensorsView view;
  view.name = name;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.members()) {
    if (key == "__metadata__") {
      view.metadata = metadata_of(name, value);
    } else {
      entries.push_back(entry_of(name, key, value, data));
    }
  }
  check_cover(name, entries, data_begin, data.size);
  for (Entry& entry : entries) view.tensors.push_back(std::move(entry.tensor));
  return view;
}

SafetensorsFile::SafetensorsFile(const std::string& path)
    : file_(path), view_(parse_safetensors(file_.bytes(), path)) {}

void copy_as_f32(const SafeTensor& tensor, float* out) {
  switch (tensor.dtype) {
    case SafeDType::boolean: return convert<uint8_t>(tensor, out, [](uint8_t v) { return v != 0 ? 1.0f : 0.0f; });
    case SafeDType::u8: return cast<uint8_t>(tensor, out);
    case SafeDType::i8: return cast<int8_t>(tensor, out);
    case SafeDType::f8_e4m3: return convert<uint8_t>(tensor, out, f8_e4m3);
    case SafeDType::f8_e5m2: return convert<uint8_t>(tensor, out, [](uint8_t v) { return small_float(v, 5, 2); });
    case SafeDType::u16: return cast<uint16_t>(tensor, out);
    case SafeDType::i16: return cast<int16_t>(tensor, out);
    case SafeDType::f16: return convert<uint16_t>(tensor, out, [](uint16_t v) { return small_float(v, 5, 10); });
    case SafeDType::bf16: return convert<uint16_t>(tensor, out, [](uint16_t v) { return f32_of(uint32_t{v} << 16); });
    case SafeDType::u32: return cast<uint32_t>(tensor, out);
    case SafeDType::i32: return cast<int32_t>(tensor, out);
    case SafeDType::f32:
      if (tensor.bytes.size > 0) std::memcpy(out, tensor.bytes.data, tensor.bytes.size);
      return;
    case SafeDType::u64: return cast<uint64_t>(tensor, out);
    case SafeDType::i64: return cast<int64_t>(tensor, out);
    case SafeDType::f64: return cast<double>(tensor, out);
  }
}

std::vector<float> as_f32(const SafeTensor& tensor) {
  std::vector<float> out(static_cast<size_t>(tensor.elements()));
  copy_as_f32(tensor, out.data());
  return out;
}

void write_safetensors(const std::string& path, const std::vector<SafeTensor>& tensors, const SafeMetadata& metadata,
                       bool force) {
  const std::string header = header_of(tensors, metadata);
  AtomicFile file(path, force);
  uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(uint64_t{header.size()} >> (8 * i));
  file.write(length, sizeof length);
  file.write(header);
  for (const SafeTensor& tensor : tensors) file.write(tensor.bytes);
  file.commit();
}

SafeTensor f32_tensor(std::string name, std::vector<uint64_t> shape, const float* values) {
  size_t count = 1;
  for (const uint64_t dim : shape) count *= static_cast<size_t>(dim);
  const ByteView bytes(reinterpret_cast<const uint8_t*>(values), count * sizeof(float));
  return SafeTensor{std::move(name), SafeDType::f32, std::move(shape), bytes};
}

}  // namespace mote::tool
