// DEFLATE (RFC 1951) and its wrappers gzip (RFC 1952) and zlib (RFC 1950), strict: over-subscribed and incomplete
// codes, distances before the start, wrong checksums, reserved bits and data after the end are errors. Whole buffers in
// memory, no streaming. Errors are Error(invalid_input): "NAME: byte 123: what is wrong"; `name` is the path to show,
// the byte an offset into `input`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"

namespace mote::tool {

// Output larger than `max_output` bytes is an error before it is produced.
constexpr size_t kDefaultInflateCap = size_t{1} << 31;

// A raw DEFLATE stream at the start of `input`. `consumed`, when given, receives the bytes it took, and what follows is
// left to the caller; without it anything after the stream is an error.
std::vector<uint8_t> inflate(ByteView input, const std::string& name, size_t max_output = kDefaultInflateCap,
                             size_t* consumed = nullptr);
std::vector<uint8_t> zlib_decompress(ByteView input, const std::string& name, size_t max_output = kDefaultInflateCap);
// All members of a gzip file, one after another.
std::vector<uint8_t> gzip_decompress(ByteView input, const std::string& name, size_t max_output = kDefaultInflateCap);
bool is_gzip(ByteView input);

// Compressors: LZ77 with hash chains and lazy matching, a stored, fixed or dynamic Huffman block, whichever is
// smallest. The same input always gives the same bytes.
std::vector<uint8_t> deflate(ByteView input);
std::vector<uint8_t> zlib_compress(ByteView input);
std::vector<uint8_t> gzip_compress(ByteView input);  // no name, time 0

// `content` as it is, or unpacked when it starts with gzip's magic bytes.
std::vector<uint8_t> gunzip_if_needed(std::vector<uint8_t> content, const std::string& name,
                                      size_t max_output = kDefaultInflateCap);

}  // namespace mote::tool
