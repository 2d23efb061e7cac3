// The PNG writer: for each row the filter whose result has the smallest sum of absolute (signed) values, the
// heuristic of the PNG specification (12.7), then one zlib stream.
#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/gzip.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

constexpr int kFilters = 5;
constexpr size_t kChunkMost = size_t{1} << 24;  // of data in one IDAT chunk

int predicted(int filter, int left, int above, int corner) {
  switch (filter) {
    case 1: return left;
    case 2: return above;
    case 3: return (left + above) / 2;
    case 4: {
      const int estimate = left + above - corner;
      const int d_left = std::abs(estimate - left), d_above = std::abs(estimate - above),
                d_corner = std::abs(estimate - corner);
      return d_left <= d_above && d_left <= d_corner ? left : d_above <= d_corner ? above : corner;
    }
    default: return 0;
  }
}

// Writes the filtered row and returns its cost. `above` may be null for the first row.
uint64_t filter_row(int filter, const uint8_t* row, const uint8_t* above, size_t count, size_t distance, uint8_t* out) {
  uint64_t cost = 0;
  for (size_t i = 0; i < count; ++i) {
    const int left = i >= distance ? row[i - distance] : 0;
    const int up = above != nullptr ? above[i] : 0;
    const int corner = above != nullptr && i >= distance ? above[i - distance] : 0;
    out[i] = static_cast<uint8_t>(row[i] - predicted(filter, left, up, corner));
    cost += static_cast<uint64_t>(std::abs(static_cast<int>(static_cast<int8_t>(out[i]))));
  }
  return cost;
}

std::vector<uint8_t> filtered(const Image& image) {
  const size_t count = image.width * image.channels;
  std::vector<uint8_t> out, candidate(count), best(count);
  out.reserve((count + 1) * image.height);
  for (size_t y = 0; y < image.height; ++y) {
    const uint8_t* above = y > 0 ? image.row(y - 1) : nullptr;
    uint64_t best_cost = UINT64_MAX;
    int best_filter = 0;
    for (int filter = 0; filter < kFilters; ++filter) {
      const uint64_t cost = filter_row(filter, image.row(y), above, count, image.channels, candidate.data());
      if (cost >= best_cost) continue;
      best_cost = cost;
      best_filter = filter;
      best.swap(candidate);
    }
    out.push_back(static_cast<uint8_t>(best_filter));
    out.insert(out.end(), best.begin(), best.end());
  }
  return out;
}

void append_chunk(std::vector<uint8_t>* out, const char* type, ByteView data) {
  append_u32_be(*out, static_cast<uint32_t>(data.size));
  const size_t begin = out->size();
  out->insert(out->end(), type, type + 4);
  out->insert(out->end(), data.data, data.data + data.size);
  append_u32_be(*out, crc32(out->data() + begin, out->size() - begin));
}

// Unfiltered rows, for pictures with few different values (drawings, text): there the filters destroy the repetitions
// that LZ77 lives on.
std::vector<uint8_t> unfiltered(const Image& image) {
  std::vector<uint8_t> out;
  const size_t count = image.width * image.channels;
  for (size_t y = 0; y < image.height; ++y) {
    out.push_back(0);
    out.insert(out.end(), image.row(y), image.row(y) + count);
  }
  return out;
}

}  // namespace

std::vector<uint8_t> encode_png(const Image& image) {
  const bool fits = image.height > 0 && image.width > 0 && image.height <= INT32_MAX && image.width <= INT32_MAX;
  if (!fits || (image.channels != 1 && image.channels != 3) ||
      image.pixels.size() != image.height * image.width * image.channels) {
    throw std::invalid_argument("a PNG is written from a picture of 1 or 3 channels with at least one pixel");
  }
  std::vector<uint8_t> out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  std::vector<uint8_t> header;
  append_u32_be(header, static_cast<uint32_t>(image.width));
  append_u32_be(header, static_cast<uint32_t>(image.height));
  for (const int byte : {8, image.channels == 3 ? 2 : 0, 0, 0, 0}) header.push_back(static_cast<uint8_t>(byte));
  append_chunk(&out, "IHDR", header);
  std::vector<uint8_t> data = zlib_compress(filtered(image));
  std::vector<uint8_t> plain = zlib_compress(unfiltered(image));
  if (plain.size() < data.size()) data.swap(plain);
  for (size_t at = 0; at < data.size(); at += kChunkMost) {
    append_chunk(&out, "IDAT", ByteView(data).slice(at, std::min(kChunkMost, data.size() - at)));
  }
  append_chunk(&out, "IEND", {});
  return out;
}

void write_png(const std::string& path, const Image& image, bool force) { write_file(path, encode_png(image), force); }

}  // namespace mote::tool
