// The .npy format: header dictionary, conversion of elements to float32.
#include "weights_tool/io/npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

constexpr uint8_t kMagic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr size_t kMaxRank = 32;  // numpy's own limit

[[noreturn]] void fail(const std::string& name, size_t at, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": byte " + std::to_string(at) + ": " + what);
}

// IEEE 754 half precision, exact in float32.
float half_to_float(uint16_t half) {
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  if (exponent == 31) {
    return fraction == 0 ? sign * std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return sign * std::ldexp(static_cast<float>(exponent == 0 ? fraction : fraction + 1024), std::max(exponent, 1) - 25);
}

// Reads the header, a Python dictionary literal such as {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, size_t offset, const std::string& name)
      : text_(text), offset_(offset), name_(name) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      const size_t key_at = skip_space();
      const std::string key = quoted();
      expect(':');
      bool* seen = key == "descr"           ? &has_descr_
                   : key == "fortran_order" ? &has_order_
                   : key == "shape"         ? &has_shape_
                                            : nullptr;
      if (seen == nullptr || *seen)
        fail_at(key_at, (seen == nullptr ? "unknown key '" : "a second key '") + key + "' in the header");
      *seen = true;
      if (key == "descr") parse_descr();
      if (key == "fortran_order") parse_order();
      if (key == "shape") parse_shape();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (at_ != text_.size()) fail_at(at_, "something behind the header's dictionary");
    if (!has_descr_ || !has_order_ || !has_shape_) fail_at(0, "the header needs descr, fortran_order and shape");
  }

  std::string descr;
  size_t descr_at = 0;
  std::vector<size_t> shape;

 private:
  [[noreturn]] void fail_at(size_t at, const std::string& what) const { fail(name_, offset_ + at, what); }

  size_t skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    return at_;
  }
  bool accept(char c) {
    if (skip_space() >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_at(at_, std::string("expected '") + c + "' in the header");
  }

  std::string quoted() {
    const size_t start = skip_space();
    if (start >= text_.size() || (text_[start] != '\'' && text_[start] != '"'))
      fail_at(start, "expected a quoted word in the header");
    const size_t end = text_.find(text_[start], start + 1);
    if (end == std::string_view::npos) fail_at(start, "a quoted word in the header does not end");
    at_ = end + 1;
    const std::string word(text_.substr(start + 1, end - start - 1));
    for (const char c : word) {
      if (c < 32 || c > 126 || c == '\\') fail_at(start, "an unexpected character in a quoted word of the header");
    }
    return word;
  }

  void parse_descr() {
    descr_at = offset_ + skip_space();
    if (at_ < text_.size() && text_[at_] == '[') fail_at(at_, "structured dtypes are not supported");
    descr = quoted();
  }

  void parse_order() {
    skip_space();
    if (text_.substr(at_, 4) == "True")
      fail_at(at_, "Fortran order is not supported; save with numpy.ascontiguousarray");
    if (text_.substr(at_, 5) != "False") fail_at(at_, "fortran_order must be True or False");
    at_ += 5;
  }

  void parse_shape() {
    expect('(');
    bool comma = true;
    while (!accept(')')) {
      if (!comma) fail_at(at_, "expected ',' or ')' in the shape");
      if (shape.size() == kMaxRank) fail_at(at_, "more than 32 dimensions");
      shape.push_back(number());
      comma = accept(',');
    }
    if (shape.size() == 1 && !comma) fail_at(at_, "a shape of one size is written with a comma: (3,)");
  }

  size_t number() {
    const size_t start = skip_space();
    size_t value = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const size_t digit = static_cast<size_t>(text_[at_] - '0');
      if (value > (SIZE_MAX - digit) / 10) fail_at(start, "a size in the shape is too large");
      value = value * 10 + digit;
    }
    if (at_ == start) fail_at(start, "expected a size in the shape");
    return value;
  }

  std::string_view text_;
  size_t offset_;
  const std::string& name_;
  size_t at_ = 0;
  bool has_descr_ = false, has_order_ = false, has_shape_ = false;
};

size_t element_bytes(const std::string& descr) {
  if (descr == "<f4" || descr == "<i4") return 4;
  if (descr == "<f8" || descr == "<i8") return 8;
  if (descr == "<f2" || descr == "<i2" || descr == "<u2") return 2;
  if (descr == "|u1" || descr == "|i1") return 1;
  return 0;
}

template <class T>
T load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

float narrowed(double value, size_t index, const std::string& name) {
  // The first value that rounds to infinity lies half a step above the largest float.
  constexpr double kTooLarge = 3.4028235677973366e38;
  if (std::isfinite(value) && std::fabs(value) >= kTooLarge) {
    throw Error(ExitCode::invalid_input, name + ": element " + std::to_string(index) + ": does not fit a float32");
  }
  return static_cast<float>(value);
}

void convert(const std::string& descr, const uint8_t* from, const std::string& name, std::vector<float>* to) {
  std::vector<float>& out = *to;
  const size_t count = out.size();
  if (descr == "<f4") {
    if (count > 0) std::memcpy(out.data(), from, count * 4);
  } else if (descr == "<f8") {
    for (size_t i = 0; i < count; ++i) out[i] = narrowed(load<double>(from + 8 * i), i, name);
  } else if (descr == "<f2") {
    for (size_t i = 0; i < count; ++i) out[i] = half_to_float(load_u16_le(from + 2 * i));
  } else if (descr == "<i2") {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<int16_t>(from + 2 * i));
  } else if (descr == "<u2") {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load_u16_le(from + 2 * i));
  } else if (descr == "<i4") {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<int32_t>(from + 4 * i));
  } else if (descr == "<i8") {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(load<int64_t>(from + 8 * i));
  } else if (descr == "|u1") {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(from[i]);
  } else {
    for (size_t i = 0; i < count; ++i) out[i] = static_cast<float>(static_cast<int8_t>(from[i]));
  }
}

// Number of elements, refusing products that overflow.
size_t element_count(const std::vector<size_t>& shape, const std::string& name, size_t at) {
  size_t count = 1;
  for (const size_t size : shape) {
    if (size != 0 && count > SIZE_MAX / 8 / size) fail(name, at, "the shape " + shape_text(shape) + " is too large");
    count *= size;
  }
  return count;
}

std::vector<uint8_t> header_of(const std::vector<size_t>& shape) {
  std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape_text(shape) + ", }";
  // numpy pads with spaces and a newline so that the data starts at a multiple of 64.
  constexpr size_t kPrefix = 10, kAlignment = 64;
  text.append((kAlignment - (kPrefix + text.size() + 1) % kAlignment) % kAlignment, ' ');
  text += '\n';
  std::vector<uint8_t> out(kMagic, kMagic + sizeof kMagic);
  for (const size_t byte : {size_t{1}, size_t{0}, text.size() & 255, text.size() >> 8})
    out.push_back(static_cast<uint8_t>(byte));
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

// As shape_text(), with N for sizes that may be anything.
std::string pattern_text(const std::vector<size_t>& sizes) {
  std::string out = "(";
  for (size_t i = 0; i < sizes.size(); ++i)
    out += (i > 0 ? ", " : "") + (sizes[i] == 0 ? "N" : std::to_string(sizes[i]));
  return out + (sizes.size() == 1 ? ",)" : ")");
}

size_t product(const std::vector<size_t>& shape) {
  size_t count = 1;
  for (const size_t size : shape) count *= size;
  return count;
}

}  // namespace

static_assert(std::numeric_limits<float>::is_iec559 && std::numeric_limits<double>::is_iec559,
              "elements are copied as they are");

NpyArray parse_npy(ByteView bytes, const std::string& name) {
  if (bytes.size < 10 || std::memcmp(bytes.data, kMagic, sizeof kMagic) != 0)
    fail(name, 0, "not a .npy file (no magic bytes)");
  const int version = bytes.data[6];
  if (version < 1 || version > 3 || bytes.data[7] != 0) {
    fail(name, 6, "unknown .npy version " + std::to_string(version) + "." + std::to_string(bytes.data[7]));
  }
  const size_t start = version == 1 ? 10 : 12;
  if (bytes.size < start) fail(name, bytes.size, "the header ends too early");
  const size_t length = version == 1 ? load_u16_le(bytes.data + 8) : load_u32_le(bytes.data + 8);
  if (length > bytes.size - start) fail(name, 8, "the header says it is longer than the file");
  HeaderParser header(bytes.slice(start, length).text(), start, name);
  header.parse();
  const size_t width = element_bytes(header.descr);
  if (width == 0) {
    fail(name, header.descr_at,
         "dtype '" + header.descr + "' is not supported; use <f4, <f8, <f2, <i2, <u2, <i4, <i8, |u1 or |i1");
  }
  const size_t count = element_count(header.shape, name, start);
  const size_t data = bytes.size - start - length;
  if (data != count * width) {
    fail(name, start + length,
         "the shape " + shape_text(header.shape) + " needs " + std::to_string(count * width) +
             " bytes of data, the file has " + std::to_string(data));
  }
  NpyArray out;
  out.shape = header.shape;
  out.values.resize(count);
  convert(header.descr, bytes.data + start + length, name, &out.values);
  return out;
}

NpyArray read_npy(const std::string& path) { return parse_npy(MappedFile(path).bytes(), path); }

NpyArray read_npy(const std::string& path, const std::vector<size_t>& expected) {
  NpyArray out = read_npy(path);
  bool same = out.shape.size() == expected.size();
  for (size_t i = 0; same && i < expected.size(); ++i) same = expected[i] == 0 || expected[i] == out.shape[i];
  if (!same) {
    throw Error(ExitCode::invalid_input,
                path + ": shape " + shape_text(out.shape) + " where " + pattern_text(expected) + " is expected");
  }
  return out;
}

std::vector<uint8_t> encode_npy(const std::vector<size_t>& shape, const float* values) {
  std::vector<uint8_t> out = header_of(shape);
  const size_t begin = out.size(), bytes = product(shape) * sizeof(float);
  out.resize(begin + bytes);
  if (bytes > 0) std::memcpy(out.data() + begin, values, bytes);
  return out;
}

void write_npy(const std::string& path, const std::vector<size_t>& shape, const float* values, bool force) {
  AtomicFile file(path, force);
  file.write(header_of(shape));
  file.write(values, product(shape) * sizeof(float));
  file.commit();
}

std::string shape_text(const std::vector<size_t>& shape) {
  std::string out = "(";
  for (size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace mote::tool
