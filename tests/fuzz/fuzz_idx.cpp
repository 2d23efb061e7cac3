// IDX reader, plain and gzipped: any bytes give an array or an Error; an array that was read is written as the same
// bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "weights_tool/io/error.h"
#include "weights_tool/io/gzip.h"
#include "weights_tool/io/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mote::tool;
  try {
    const std::vector<uint8_t> plain = gunzip_if_needed(std::vector<uint8_t>(data, data + size), "input", 1 << 18);
    if (encode_idx(parse_idx(plain, "input")) != plain) abort();
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input) abort();
  }
  return 0;
}
