// Zip archives (PKWARE's APPNOTE, and ISO/IEC 21320-1), read only: what numpy's .npz and many data packages are. Members
// stored or compressed with DEFLATE. Strict: the central directory counts, the local header in front of each member must
// agree with it, sizes and CRC-32 are checked. Refused by name: encryption, several disks, Zip64, other methods.
// Errors are Error(invalid_input): "NAME: byte 123: what is wrong".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/bytes.h"
#include "weights_tool/io/gzip.h"

namespace mote::tool {

struct ZipMember {
  std::string name;  // as in the archive: any bytes, '/' between folders
  uint16_t method = 0;
  uint16_t flags = 0;
  uint32_t crc = 0;
  size_t size = 0, packed_size = 0;
  size_t directory_at = 0;  // of its record in the central directory, for messages
  size_t header_at = 0;     // of its local header
};

// Begins as an archive with members does, "PK\3\4".
bool is_zip(ByteView input);

// In the order of the central directory. At most 65,534 members.
std::vector<ZipMember> list_zip(ByteView input, const std::string& name);

// The content of a member that list_zip gave for the same input. More than `max_output` bytes is an error before they
// are produced.
std::vector<uint8_t> read_zip_member(ByteView input, const ZipMember& member, const std::string& name,
                                     size_t max_output = kDefaultInflateCap);

}  // namespace mote::tool
