// The DEFLATE decoder as gzip.cpp uses it: appends to a growing output. Everybody else uses gzip.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"

namespace mote::tool {

// Bytes that grow in big steps; `filled` of them are valid. The cap counts all of them.
struct InflateOutput {
  std::vector<uint8_t> bytes;
  size_t filled = 0;
  size_t cap = 0;

  // Room for `count` more bytes at least, as far as the cap allows.
  void grow(size_t count);
};

// Decodes the stream that starts at input[start] and returns the offset behind its last byte.
size_t inflate_stream(ByteView input, size_t start, const std::string& name, InflateOutput* output);

}  // namespace mote::tool
