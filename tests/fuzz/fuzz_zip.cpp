// Zip reader: any bytes give members of the promised sizes within the cap, or an Error.
#include <cstdint>
#include <cstdlib>

#include "weights_tool/io/error.h"
#include "weights_tool/io/zip.h"

namespace {

using namespace mote::tool;
constexpr size_t kCap = 1 << 18, kMembers = 64;

template <class Read>
void try_reading(Read read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.code() != ExitCode::invalid_input) abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  try_reading([&] {
    const std::vector<ZipMember> members = list_zip(input, "input");
    for (size_t i = 0; i < members.size() && i < kMembers; ++i) {
      try_reading([&] {
        const std::vector<uint8_t> content = read_zip_member(input, members[i], "input", kCap);
        if (content.size() != members[i].size || content.size() > kCap) abort();
      });
    }
  });
  return 0;
}
