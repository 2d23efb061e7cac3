// The PNG reader: chunks, then rows. (PNG specification, 3rd edition; section numbers in the comments are its.)
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/gzip.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

constexpr uint8_t kSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr size_t kChunkFrame = 12;  // length, type, checksum

enum ColourType { kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6 };

[[noreturn]] void fail(const std::string& name, size_t at, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": byte " + std::to_string(at) + ": " + what);
}

struct Header {
  size_t width = 0, height = 0;
  int depth = 0, colour = 0;

  // Samples a pixel as stored.
  size_t samples() const { return colour == kRgb ? 3 : colour == kRgba ? 4 : colour == kGreyAlpha ? 2 : 1; }
  size_t row_bytes() const { return (width * samples() * static_cast<size_t>(depth) + 7) / 8; }
  // Distance of the filters' "left" byte (9.2).
  size_t filter_distance() const { return depth < 8 ? 1 : samples(); }
};

// 11.2.1
Header parse_header(ByteView data, size_t at, const std::string& name, size_t max_pixels) {
  if (data.size != 13) fail(name, at, "IHDR must have 13 bytes");
  Header header;
  const uint32_t width = load_u32_be(data.data), height = load_u32_be(data.data + 4);
  if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
    fail(name, at, "the picture's size is 0 or above 2^31 - 1");
  header.width = width;
  header.height = height;
  if (uint64_t{width} * height > max_pixels) {
    fail(name, at,
         std::to_string(width) + "x" + std::to_string(height) + " is more than the " + std::to_string(max_pixels) +
             " pixels allowed here");
  }
  header.depth = data.data[8];
  header.colour = data.data[9];
  const std::string depth = std::to_string(header.depth);
  switch (header.colour) {
    case kPalette:
      if (header.depth != 1 && header.depth != 2 && header.depth != 4 && header.depth != 8) {
        fail(name, at + 8, "a palette with " + depth + " bits does not exist");
      }
      break;
    case kGrey:
    case kGreyAlpha:
    case kRgb:
    case kRgba:
      if (header.depth != 8) fail(name, at + 8, depth + " bits a sample are not supported, only 8");
      break;
    default: fail(name, at + 9, "unknown colour type " + std::to_string(header.colour));
  }
  if (data.data[10] != 0) fail(name, at + 10, "unknown compression method");
  if (data.data[11] != 0) fail(name, at + 11, "unknown filter method");
  if (data.data[12] == 1) fail(name, at + 12, "interlaced (Adam7) PNG is not supported; save it without interlacing");
  if (data.data[12] != 0) fail(name, at + 12, "unknown interlace method");
  return header;
}

// Reads the chunks in order and keeps what matters.
class Chunks {
 public:
  Chunks(ByteView bytes, const std::string& name, size_t max_pixels)
      : bytes_(bytes), name_(name), max_pixels_(max_pixels) {}

  void read() {
    if (bytes_.size < sizeof kSignature || std::memcmp(bytes_.data, kSignature, sizeof kSignature) != 0) {
      fail(name_, 0, "not a PNG file (no signature)");
    }
    at_ = sizeof kSignature;
    while (!ended_) next();
    if (at_ != bytes_.size) fail(name_, at_, std::to_string(bytes_.size - at_) + " bytes behind the end chunk");
  }

  Header header;
  std::vector<uint8_t> palette;          // RGB triples
  std::optional<ByteView> transparency;  // the tRNS chunk
  std::vector<uint8_t> compressed;

 private:
  void next() {
    if (bytes_.size - at_ < kChunkFrame) fail(name_, bytes_.size, "the file ends inside a chunk");
    const size_t length = load_u32_be(bytes_.data + at_), start = at_ + 8;
    const uint8_t* type = bytes_.data + at_ + 4;
    for (int i = 0; i < 4; ++i) {
      if (!((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z')))
        fail(name_, at_ + 4, "a chunk type that is not four letters");
    }
    const std::string word(type, type + 4);
    if (length > INT32_MAX || length > bytes_.size - at_ - kChunkFrame)
      fail(name_, at_, "the chunk " + word + " is longer than the file");
    if (crc32(type, 4 + length) != load_u32_be(bytes_.data + start + length))
      fail(name_, start + length, "the checksum of the chunk " + word + " is wrong");
    chunk(word, bytes_.slice(start, length), start);
    previous_ = word;
    at_ = start + length + 4;
  }

  void chunk(const std::string& word, ByteView data, size_t start) {
    if (previous_.empty() != (word == "IHDR")) {
      fail(name_, start - 4, previous_.empty() ? "the first chunk must be IHDR, not " + word : "a second IHDR chunk");
    }
    if (word == "IHDR") {
      header = parse_header(data, start, name_, max_pixels_);
    } else if (word == "PLTE") {
      read_palette(data, start);
    } else if (word == "tRNS") {
      read_transparency(data, start);
    } else if (word == "IDAT") {
      if (seen_data_ && previous_ != "IDAT") fail(name_, start - 4, "the IDAT chunks are not consecutive");
      if (header.colour == kPalette && palette.empty())
        fail(name_, start - 4, "a palette picture without PLTE chunk before its data");
      seen_data_ = true;
      compressed.insert(compressed.end(), data.data, data.data + data.size);
    } else if (word == "IEND") {
      if (data.size != 0) fail(name_, start, "IEND must be empty");
      if (!seen_data_) fail(name_, start - 4, "no IDAT chunk");
      ended_ = true;
    } else if (word[0] >= 'A' && word[0] <= 'Z') {
      fail(name_, start - 4, "unknown critical chunk " + word);
    }
  }

  // 11.2.2
  void read_palette(ByteView data, size_t start) {
    if (!palette.empty() || seen_data_ || transparency)
      fail(name_, start - 4, "PLTE stands twice or behind tRNS or IDAT");
    if (header.colour == kGrey || header.colour == kGreyAlpha) fail(name_, start - 4, "a grey picture with a palette");
    if (data.size == 0 || data.size % 3 != 0 || data.size > 768)
      fail(name_, start, "PLTE must have 1 to 256 entries of 3 bytes");
    if (header.colour == kPalette && data.size / 3 > size_t{1} << header.depth)
      fail(name_, start, "PLTE has more entries than the bit depth can name");
    palette.assign(data.data, data.data + data.size);
  }

  // 11.3.1.1
  void read_transparency(ByteView data, size_t start) {
    if (transparency || seen_data_) fail(name_, start - 4, "tRNS stands twice or behind IDAT");
    const bool right_size = header.colour == kGrey      ? data.size == 2
                            : header.colour == kRgb     ? data.size == 6
                            : header.colour == kPalette ? data.size >= 1 && data.size <= palette.size() / 3
                                                        : false;
    if (!right_size) fail(name_, start, "tRNS does not fit the colour type or the palette");
    transparency = data;
  }

  ByteView bytes_;
  const std::string& name_;
  size_t max_pixels_, at_ = 0;
  std::string previous_;
  bool seen_data_ = false, ended_ = false;
};

// 9.4
uint8_t paeth(int left, int above, int corner) {
  const int estimate = left + above - corner;
  const int d_left = std::abs(estimate - left), d_above = std::abs(estimate - above),
            d_corner = std::abs(estimate - corner);
  return static_cast<uint8_t>(d_left <= d_above && d_left <= d_corner ? left : d_above <= d_corner ? above : corner);
}

// Undoes the filter of one row in place (9.2). `above` is the row before, all zero for the first.
void unfilter(int filter, uint8_t* row, const uint8_t* above, size_t count, size_t distance) {
  const size_t head = std::min(distance, count);
  switch (filter) {
    case 1:
      for (size_t i = distance; i < count; ++i) row[i] = static_cast<uint8_t>(row[i] + row[i - distance]);
      break;
    case 2:
      for (size_t i = 0; i < count; ++i) row[i] = static_cast<uint8_t>(row[i] + above[i]);
      break;
    case 3:
      for (size_t i = 0; i < head; ++i) row[i] = static_cast<uint8_t>(row[i] + above[i] / 2);
      for (size_t i = distance; i < count; ++i)
        row[i] = static_cast<uint8_t>(row[i] + (row[i - distance] + above[i]) / 2);
      break;
    case 4:
      for (size_t i = 0; i < head; ++i) row[i] = static_cast<uint8_t>(row[i] + above[i]);
      for (size_t i = distance; i < count; ++i) {
        row[i] = static_cast<uint8_t>(row[i] + paeth(row[i - distance], above[i], above[i - distance]));
      }
      break;
    default: break;
  }
}

// The filtered rows, each behind its filter byte, become the bare rows.
std::vector<uint8_t> unfilter_all(const Header& header, std::vector<uint8_t> data, const std::string& name) {
  const size_t row_bytes = header.row_bytes();
  std::vector<uint8_t> zeros(row_bytes);
  const uint8_t* above = zeros.data();
  uint8_t* out = data.data();
  for (size_t y = 0; y < header.height; ++y) {
    uint8_t* in = data.data() + y * (row_bytes + 1);
    const int filter = in[0];
    if (filter > 4)
      throw Error(ExitCode::invalid_input,
                  name + ": row " + std::to_string(y) + ": unknown filter " + std::to_string(filter));
    std::memmove(out, in + 1, row_bytes);
    unfilter(filter, out, above, row_bytes, header.filter_distance());
    above = out;
    out += row_bytes;
  }
  data.resize(row_bytes * header.height);
  return data;
}

// Palette indices become colours.
Image expand_palette(const Chunks& chunks, const std::vector<uint8_t>& rows, const std::string& name) {
  const Header& header = chunks.header;
  const size_t channels = chunks.transparency ? 4 : 3, entries = chunks.palette.size() / 3;
  Image out(header.height, header.width, channels);
  const size_t depth = static_cast<size_t>(header.depth), mask = (size_t{1} << depth) - 1;
  for (size_t y = 0; y < header.height; ++y) {
    const uint8_t* row = rows.data() + y * header.row_bytes();
    for (size_t x = 0; x < header.width; ++x) {
      const size_t bit = x * depth;
      const size_t index = row[bit / 8] >> (8 - depth - bit % 8) & mask;
      if (index >= entries) {
        throw Error(ExitCode::invalid_input, name + ": row " + std::to_string(y) + ": palette index " +
                                                 std::to_string(index) + " of only " + std::to_string(entries) +
                                                 " entries");
      }
      uint8_t* pixel = out.row(y) + x * channels;
      std::memcpy(pixel, chunks.palette.data() + 3 * index, 3);
      if (channels == 4) pixel[3] = index < chunks.transparency->size ? chunks.transparency->data[index] : 255;
    }
  }
  return out;
}

// A colour key in tRNS: pixels of exactly that colour become transparent.
Image apply_colour_key(const Image& in, ByteView key) {
  Image out(in.height, in.width, in.channels + 1);
  for (size_t i = 0; i < in.height * in.width; ++i) {
    const uint8_t* from = in.pixels.data() + i * in.channels;
    uint8_t* to = out.pixels.data() + i * out.channels;
    bool same = true;
    for (size_t c = 0; c < in.channels; ++c) same = same && (key.data[2 * c] << 8 | key.data[2 * c + 1]) == from[c];
    std::memcpy(to, from, in.channels);
    to[in.channels] = same ? 0 : 255;
  }
  return out;
}

}  // namespace

Image decode_png(ByteView bytes, const std::string& name, size_t max_pixels) {
  Chunks chunks(bytes, name, max_pixels);
  chunks.read();
  const Header& header = chunks.header;
  const size_t expected = (header.row_bytes() + 1) * header.height;
  const std::string data_name = name + ": picture data";
  std::vector<uint8_t> data = zlib_decompress(chunks.compressed, data_name, expected);
  if (data.size() != expected) {
    throw Error(ExitCode::invalid_input, data_name + ": " + std::to_string(data.size()) + " bytes where " +
                                             std::to_string(expected) + " are expected");
  }
  data = unfilter_all(header, std::move(data), name);
  if (header.colour == kPalette) return expand_palette(chunks, data, name);
  Image out;
  out.height = header.height;
  out.width = header.width;
  out.channels = header.samples();
  out.pixels = std::move(data);
  return chunks.transparency ? apply_colour_key(out, *chunks.transparency) : out;
}

Image read_png(const std::string& path, size_t max_pixels) {
  return decode_png(read_file(path, uint64_t{1} << 30), path, max_pixels);
}

}  // namespace mote::tool
