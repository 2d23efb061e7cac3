// The wrappers around DEFLATE: gzip (RFC 1952) and zlib (RFC 1950), headers and checksums.
#include "weights_tool/io/gzip.h"

#include <algorithm>
#include <utility>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/inflate.h"

namespace mote::tool {
namespace {

constexpr uint8_t kMagic0 = 0x1F, kMagic1 = 0x8B, kDeflate = 8;
constexpr size_t kGzipHeader = 10, kGzipTrailer = 8;

[[noreturn]] void fail(const std::string& name, size_t at, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": byte " + std::to_string(at) + ": " + what);
}

std::vector<uint8_t> finish(InflateOutput* output) {
  output->bytes.resize(output->filled);
  return std::move(output->bytes);
}

// A first size for the output: the hint, but so little compared with the input that a lying one is cheap.
InflateOutput output_for(size_t input_size, uint64_t hint, size_t max_output) {
  InflateOutput output;
  output.cap = max_output;
  const uint64_t most = uint64_t{input_size} * 64;
  constexpr uint64_t kSlack = 512;  // keeps the fast loop going to the end
  output.bytes.resize(static_cast<size_t>(std::min<uint64_t>(std::min(hint, most) + kSlack, max_output)));
  return output;
}

// Returns where the compressed data begins.
size_t gzip_header(ByteView input, size_t start, const std::string& name) {
  const auto need = [&](size_t at, size_t count) {
    if (count > input.size - std::min(at, input.size)) fail(name, input.size, "the gzip header ends too early");
  };
  const auto skip_text = [&](size_t at) {
    do need(at, 1);
    while (input.data[at++] != 0);
    return at;
  };
  need(start, 2);
  if (input.data[start] != kMagic0 || input.data[start + 1] != kMagic1)
    fail(name, start, "not gzip data (no magic bytes)");
  need(start, kGzipHeader);
  if (input.data[start + 2] != kDeflate) fail(name, start + 2, "a gzip compression method other than deflate");
  const uint8_t flags = input.data[start + 3];
  if ((flags & 0xE0) != 0) fail(name, start + 3, "reserved gzip flags are set");
  size_t at = start + kGzipHeader;
  if ((flags & 4) != 0) {  // extra field
    need(at, 2);
    const size_t length = load_u16_le(input.data + at);
    need(at + 2, length);
    at += 2 + length;
  }
  if ((flags & 8) != 0) at = skip_text(at);   // file name
  if ((flags & 16) != 0) at = skip_text(at);  // comment
  if ((flags & 2) != 0) {
    need(at, 2);
    const uint32_t sum = crc32(input.data + start, at - start) & 0xFFFF;
    if (load_u16_le(input.data + at) != sum) fail(name, at, "the checksum of the gzip header is wrong");
    at += 2;
  }
  return at;
}

}  // namespace

bool is_gzip(ByteView input) { return input.size >= 2 && input.data[0] == kMagic0 && input.data[1] == kMagic1; }

std::vector<uint8_t> inflate(ByteView input, const std::string& name, size_t max_output, size_t* consumed) {
  InflateOutput output = output_for(input.size, uint64_t{input.size} * 4, max_output);
  const size_t end = inflate_stream(input, 0, name, &output);
  if (consumed != nullptr) {
    *consumed = end;
  } else if (end != input.size) {
    fail(name, end, std::to_string(input.size - end) + " bytes behind the compressed data");
  }
  return finish(&output);
}

std::vector<uint8_t> zlib_decompress(ByteView input, const std::string& name, size_t max_output) {
  constexpr size_t kHeader = 2, kTrailer = 4;
  if (input.size < kHeader) fail(name, input.size, "the zlib header ends too early");
  const uint32_t method = input.data[0], flags = input.data[1];
  if ((method & 15) != kDeflate || method >> 4 > 7) fail(name, 0, "a zlib compression method other than deflate");
  if ((method * 256 + flags) % 31 != 0) fail(name, 1, "the check bits of the zlib header are wrong");
  if ((flags & 32) != 0) fail(name, 1, "zlib data with a preset dictionary is not supported");
  InflateOutput output = output_for(input.size, uint64_t{input.size} * 4, max_output);
  const size_t end = inflate_stream(input, kHeader, name, &output);
  if (input.size - end < kTrailer) fail(name, input.size, "the zlib checksum is cut off");
  if (load_u32_be(input.data + end) != adler32(output.bytes.data(), output.filled)) {
    fail(name, end, "the Adler-32 checksum does not match the data");
  }
  if (input.size - end > kTrailer) {
    fail(name, end + kTrailer, std::to_string(input.size - end - kTrailer) + " bytes behind the zlib data");
  }
  return finish(&output);
}

std::vector<uint8_t> gzip_decompress(ByteView input, const std::string& name, size_t max_output) {
  // The last member's size stands at the end; with one member, the usual case, that is the size of all.
  const uint64_t hint = input.size >= kGzipTrailer ? load_u32_le(input.data + input.size - 4) : 0;
  InflateOutput output = output_for(input.size, hint, max_output);
  size_t at = 0;
  do {
    const size_t begin = output.filled;
    const size_t end = inflate_stream(input, gzip_header(input, at, name), name, &output);
    if (input.size - end < kGzipTrailer) fail(name, input.size, "the gzip checksum is cut off");
    const size_t size = output.filled - begin;
    if (load_u32_le(input.data + end) != crc32(output.bytes.data() + begin, size)) {
      fail(name, end, "the CRC-32 checksum does not match the data");
    }
    if (load_u32_le(input.data + end + 4) != static_cast<uint32_t>(size)) {
      fail(name, end + 4, "the stored size does not match the data");
    }
    at = end + kGzipTrailer;
  } while (at < input.size);
  return finish(&output);
}

std::vector<uint8_t> zlib_compress(ByteView input) {
  std::vector<uint8_t> out = {0x78, 0x9C};  // 32 KiB window, default compression
  const std::vector<uint8_t> body = deflate(input);
  out.insert(out.end(), body.begin(), body.end());
  append_u32_be(out, adler32(input.data, input.size));
  return out;
}

std::vector<uint8_t> gzip_compress(ByteView input) {
  constexpr uint8_t kUnknownSystem = 255;
  std::vector<uint8_t> out = {kMagic0, kMagic1, kDeflate, 0, 0, 0, 0, 0, 0, kUnknownSystem};
  const std::vector<uint8_t> body = deflate(input);
  out.insert(out.end(), body.begin(), body.end());
  append_u32_le(out, crc32(input.data, input.size));
  append_u32_le(out, static_cast<uint32_t>(input.size));
  return out;
}

std::vector<uint8_t> gunzip_if_needed(std::vector<uint8_t> content, const std::string& name, size_t max_output) {
  if (!is_gzip(content)) return content;
  return gzip_decompress(content, name, max_output);
}

}  // namespace mote::tool
