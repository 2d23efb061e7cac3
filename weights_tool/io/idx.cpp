// IDX: header checks, files, pictures and labels.
#include "weights_tool/io/idx.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/gzip.h"

namespace mote::tool {
namespace {

constexpr uint8_t kUnsignedByte = 8;

[[noreturn]] void fail(const std::string& name, size_t at, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": byte " + std::to_string(at) + ": " + what);
}

bool known_rank(size_t rank) { return rank == 1 || rank == 3 || rank == 4; }

// Number of elements; false on overflow.
bool element_count(const std::vector<uint32_t>& shape, size_t* count) {
  *count = 1;
  for (const uint32_t size : shape) {
    if (size != 0 && *count > SIZE_MAX / size) return false;
    *count *= size;
  }
  return true;
}

std::string type_name(uint8_t type) {
  switch (type) {
    case 0x09: return "signed bytes";
    case 0x0B: return "16-bit integers";
    case 0x0C: return "32-bit integers";
    case 0x0D: return "32-bit floats";
    case 0x0E: return "64-bit floats";
    default: return "type " + std::to_string(type);
  }
}

IdxArray read_idx(const std::string& path) {
  std::vector<uint8_t> content = read_file(path);
  if (!is_gzip(content)) return parse_idx(content, path);
  return parse_idx(gzip_decompress(content, path), path + " (unpacked)");
}

void write_idx(const std::string& path, const IdxArray& array, bool force) {
  const bool packed = path.size() >= 3 && path.compare(path.size() - 3, 3, ".gz") == 0;
  std::vector<uint8_t> content = encode_idx(array);
  write_file(path, packed ? gzip_compress(content) : content, force);
}

uint32_t size_of(size_t value) {
  if (value > UINT32_MAX) throw std::invalid_argument("an IDX size above 2^32 - 1");
  return static_cast<uint32_t>(value);
}

}  // namespace

IdxArray parse_idx(ByteView bytes, const std::string& name) {
  if (bytes.size < 4) fail(name, bytes.size, "an IDX file starts with 4 bytes of magic, this one is shorter");
  if (bytes.data[0] != 0 || bytes.data[1] != 0) fail(name, 0, "not an IDX file (it starts with two zero bytes)");
  if (bytes.data[2] != kUnsignedByte) {
    fail(name, 2, "IDX of " + type_name(bytes.data[2]) + "; only unsigned bytes (type 8) are supported");
  }
  const size_t rank = bytes.data[3];
  if (!known_rank(rank))
    fail(name, 3, "IDX of rank " + std::to_string(rank) + "; expected 1 (labels), 3 or 4 (pictures)");
  const size_t header = 4 + 4 * rank;
  if (bytes.size < header)
    fail(name, bytes.size, "the IDX header ends too early, " + std::to_string(header) + " bytes expected");
  IdxArray out;
  for (size_t i = 0; i < rank; ++i) out.shape.push_back(load_u32_be(bytes.data + 4 + 4 * i));
  size_t count;
  if (!element_count(out.shape, &count)) fail(name, 4, "the sizes multiply to more than an address can hold");
  if (bytes.size - header != count) {
    fail(name, std::min(bytes.size, header + std::min(count, SIZE_MAX - header)),
         "the header promises " + std::to_string(count) + " values, the file has " +
             std::to_string(bytes.size - header));
  }
  out.values.assign(bytes.data + header, bytes.data + bytes.size);
  return out;
}

std::vector<uint8_t> encode_idx(const IdxArray& array) {
  size_t count;
  if (!known_rank(array.shape.size()) || !element_count(array.shape, &count) || count != array.values.size()) {
    throw std::invalid_argument("an IDX array needs rank 1, 3 or 4 and as many values as its shape says");
  }
  std::vector<uint8_t> out = {0, 0, kUnsignedByte, static_cast<uint8_t>(array.shape.size())};
  for (const uint32_t size : array.shape) append_u32_be(out, size);
  out.insert(out.end(), array.values.begin(), array.values.end());
  return out;
}

ImageSet read_idx_images(const std::string& path) {
  IdxArray array = read_idx(path);
  if (array.shape.size() == 1) fail(path, 3, "labels (rank 1) where pictures (rank 3 or 4) are expected");
  ImageSet out;
  out.count = array.shape[0];
  out.height = array.shape[1];
  out.width = array.shape[2];
  out.channels = array.shape.size() == 4 ? array.shape[3] : 1;
  if (array.values.empty()) fail(path, 4, "there are no pictures in it");
  if (out.channels != 1 && out.channels != 3 && out.channels != 4) {
    fail(path, 16, std::to_string(out.channels) + " channels; expected 1, 3 or 4 as the last size");
  }
  out.pixels = std::move(array.values);
  return out;
}

std::vector<uint8_t> read_idx_labels(const std::string& path, size_t expected_count, unsigned classes) {
  IdxArray array = read_idx(path);
  if (array.shape.size() != 1) fail(path, 3, "pictures where labels (rank 1) are expected");
  if (array.values.size() != expected_count) {
    fail(path, 4, std::to_string(array.values.size()) + " labels for " + std::to_string(expected_count) + " pictures");
  }
  const auto above =
      std::find_if(array.values.begin(), array.values.end(), [&](uint8_t label) { return label >= classes; });
  if (above != array.values.end()) {
    const size_t index = static_cast<size_t>(above - array.values.begin());
    fail(path, 8 + index,
         "label " + std::to_string(*above) + " of picture " + std::to_string(index) + " is not below " +
             std::to_string(classes));
  }
  return std::move(array.values);
}

void write_idx_images(const std::string& path, const ImageSet& images, bool force) {
  IdxArray array;
  array.shape = {size_of(images.count), size_of(images.height), size_of(images.width)};
  if (images.channels != 1) array.shape.push_back(size_of(images.channels));
  array.values = images.pixels;
  write_idx(path, array, force);
}

void write_idx_labels(const std::string& path, const std::vector<uint8_t>& labels, bool force) {
  write_idx(path, IdxArray{{size_of(labels.size())}, labels}, force);
}

}  // namespace mote::tool
