// PNG reader: any bytes give a picture or an Error; a picture of 1 or 3 channels survives being written and read
// again. Random bytes hardly ever have right checksums, so each input is also tried with its chunk checksums
// repaired, and as the content of a file made around it: header, palette, transparency and rows.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/gzip.h"
#include "weights_tool/io/png.h"

namespace {

using namespace mote::tool;
using Bytes = std::vector<uint8_t>;

void try_decoding(ByteView bytes) {
  constexpr size_t kMaxPixels = 1 << 16;
  Image image;
  try {
    image = decode_png(bytes, "input", kMaxPixels);
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input) abort();
    return;
  }
  if (image.pixels.size() != image.height * image.width * image.channels || image.pixels.empty()) abort();
  if (image.channels != 1 && image.channels != 3) return;
  if (decode_png(encode_png(image), "own").pixels != image.pixels) abort();
}

Bytes repaired(ByteView input) {
  Bytes out(input.data, input.data + input.size);
  for (size_t at = 8; out.size() - std::min(at, out.size()) >= 12;) {
    const size_t length = load_u32_be(out.data() + at);
    if (length > out.size() - at - 12) break;
    const uint32_t sum = crc32(out.data() + at + 4, length + 4);
    for (size_t i = 0; i < 4; ++i) out[at + 8 + length + i] = static_cast<uint8_t>(sum >> (24 - 8 * i));
    at += length + 12;
  }
  return out;
}

void append_chunk(Bytes* out, const char* type, ByteView data) {
  append_u32_be(*out, static_cast<uint32_t>(data.size));
  const size_t begin = out->size();
  out->insert(out->end(), type, type + 4);
  out->insert(out->end(), data.data, data.data + data.size);
  append_u32_be(*out, crc32(out->data() + begin, out->size() - begin));
}

// Of the first bytes: width, height, depth, colour type, entries of the palette, of the transparency; then these; the
// rest is rows.
Bytes built_around(ByteView input) {
  constexpr size_t kNumbers = 6;
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (input.size < kNumbers) return out;
  const uint8_t* p = input.data;
  append_chunk(&out, "IHDR", Bytes{0, 0, 0, p[0], 0, 0, 0, p[1], p[2], p[3], 0, 0, 0});
  size_t at = kNumbers;
  const auto take = [&](size_t count) {
    count = std::min(count, input.size - at);
    at += count;
    return input.slice(at - count, count);
  };
  if (p[4] != 0) append_chunk(&out, "PLTE", take(size_t{3} * p[4]));
  if (p[5] != 0) append_chunk(&out, "tRNS", take(p[5]));
  append_chunk(&out, "IDAT", zlib_compress(take(input.size)));
  append_chunk(&out, "IEND", {});
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  try_decoding(input);
  try_decoding(repaired(input));
  try_decoding(built_around(input));
  return 0;
}
