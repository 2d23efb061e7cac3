// Decompressors: any bytes give an output within the cap or an Error; what the compressor makes of any bytes unpacks
// to them.
#include <cstdint>
#include <cstdlib>

#include "weights_tool/io/error.h"
#include "weights_tool/io/gzip.h"

namespace {

using namespace mote::tool;
constexpr size_t kCap = 1 << 18;

template <class Unpack>
void try_unpacking(Unpack unpack) {
  try {
    if (unpack().size() > kCap) abort();
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  size_t consumed = 0;
  try_unpacking([&] { return gzip_decompress(input, "input", kCap); });
  try_unpacking([&] { return zlib_decompress(input, "input", kCap); });
  // The bare stream behind a gzip header, where seeds have it: mutations of it need no right checksum to get far.
  if (size > 10) try_unpacking([&] { return inflate(input.slice(10, size - 10), "input", kCap, &consumed); });
  try_unpacking([&] { return inflate(input, "input", kCap, &consumed); });
  if (consumed > size) abort();
  if (gzip_decompress(gzip_compress(input), "own") != std::vector<uint8_t>(data, data + size)) abort();
  return 0;
}
