// Zip: the end record is searched from the back, the central directory lists the members, each has a local header.
#include "weights_tool/io/zip.h"

#include <algorithm>

#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr uint32_t kLocalMagic = 0x04034B50, kDirectoryMagic = 0x02014B50, kEndMagic = 0x06054B50;
constexpr size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kMaxComment = 65535;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr uint16_t kEncrypted = 1, kSizesFollow = 8;  // flags

[[noreturn]] void fail(const std::string& name, size_t at, const std::string& what) {
  throw Error(ExitCode::invalid_input, name + ": byte " + std::to_string(at) + ": " + what);
}

// The last end record whose comment reaches exactly to the end of the file.
size_t find_end(ByteView input, const std::string& name) {
  if (input.size >= kEndSize) {
    const size_t last = input.size - kEndSize, first = last - std::min(last, kMaxComment);
    for (size_t at = last + 1; at-- > first;) {
      if (load_u32_le(input.data + at) == kEndMagic && load_u16_le(input.data + at + 20) == last - at) return at;
    }
  }
  fail(name, input.size, "not a zip archive, or its end is missing (no end record)");
}

ZipMember directory_record(ByteView input, size_t at, size_t end, const std::string& name) {
  if (end - at < kDirectorySize) fail(name, at, "the central directory ends too early");
  const uint8_t* record = input.data + at;
  if (load_u32_le(record) != kDirectoryMagic) fail(name, at, "expected a record of the central directory");
  ZipMember member;
  member.directory_at = at;
  member.flags = load_u16_le(record + 8);
  member.method = load_u16_le(record + 10);
  member.crc = load_u32_le(record + 16);
  member.packed_size = load_u32_le(record + 20);
  member.size = load_u32_le(record + 24);
  member.header_at = load_u32_le(record + 42);
  const size_t name_size = load_u16_le(record + 28);
  if (end - at - kDirectorySize < name_size) fail(name, at, "the name of a member reaches over the central directory");
  member.name = std::string(input.slice(at + kDirectorySize, name_size).text());
  if (member.size == UINT32_MAX || member.packed_size == UINT32_MAX || member.header_at == UINT32_MAX)
    fail(name, at, "Zip64 is not supported");
  if (load_u16_le(record + 34) != 0) fail(name, at + 34, "an archive on several disks is not supported");
  return member;
}

// Where the data of a member begins; its local header must say what the directory says.
size_t data_start(ByteView input, const ZipMember& member, const std::string& name) {
  const size_t at = member.header_at;
  if (at > input.size || input.size - at < kLocalSize) fail(name, member.directory_at, "a member lies behind the end");
  const uint8_t* header = input.data + at;
  if (load_u32_le(header) != kLocalMagic) fail(name, at, "expected the header of a member");
  const size_t name_size = load_u16_le(header + 26), extra_size = load_u16_le(header + 28);
  const size_t room = input.size - at - kLocalSize;
  if (room < name_size + extra_size) fail(name, at, "the header of a member ends too early");
  if (input.slice(at + kLocalSize, name_size).text() != member.name || load_u16_le(header + 6) != member.flags ||
      load_u16_le(header + 8) != member.method)
    fail(name, at, "the header of a member differs from the central directory");
  const bool known = (member.flags & kSizesFollow) == 0;
  if (known && (load_u32_le(header + 14) != member.crc || load_u32_le(header + 18) != member.packed_size ||
                load_u32_le(header + 22) != member.size))
    fail(name, at, "sizes or checksum of a member differ from the central directory");
  if (room - name_size - extra_size < member.packed_size) fail(name, at, "the data of a member ends too early");
  return at + kLocalSize + name_size + extra_size;
}

}  // namespace

bool is_zip(ByteView input) { return input.size >= 4 && load_u32_le(input.data) == kLocalMagic; }

std::vector<ZipMember> list_zip(ByteView input, const std::string& name) {
  const size_t end = find_end(input, name);
  const uint8_t* record = input.data + end;
  if (load_u16_le(record + 4) != 0 || load_u16_le(record + 6) != 0)
    fail(name, end + 4, "an archive on several disks is not supported");
  const size_t count = load_u16_le(record + 10);
  const size_t size = load_u32_le(record + 12), start = load_u32_le(record + 16);
  if (count == 65535 || size == UINT32_MAX || start == UINT32_MAX) fail(name, end, "Zip64 is not supported");
  if (load_u16_le(record + 8) != count) fail(name, end + 8, "the two counts of members differ");
  if (start > end || size != end - start) fail(name, end + 12, "the central directory does not end at the end record");
  std::vector<ZipMember> members;
  size_t at = start;
  for (size_t i = 0; i < count; ++i) {
    members.push_back(directory_record(input, at, end, name));
    const size_t tail = size_t{load_u16_le(input.data + at + 30)} + load_u16_le(input.data + at + 32);
    at += kDirectorySize + members.back().name.size();
    if (end - at < tail) fail(name, members.back().directory_at, "a record reaches over the central directory");
    at += tail;
  }
  if (at != end) fail(name, at, "the central directory is longer than its members");
  return members;
}

std::vector<uint8_t> read_zip_member(ByteView input, const ZipMember& member, const std::string& name,
                                     size_t max_output) {
  if ((member.flags & kEncrypted) != 0) fail(name, member.directory_at, "an encrypted member");
  if (member.method != kStored && member.method != kDeflated)
    fail(name, member.directory_at,
         "compression method " + std::to_string(member.method) + "; only stored (0) and deflate (8) are supported");
  if (member.size > max_output)
    fail(name, member.directory_at, "a member of more than " + std::to_string(max_output) + " bytes");
  const size_t start = data_start(input, member, name);
  const ByteView packed = input.slice(start, member.packed_size);
  std::vector<uint8_t> out;
  if (member.method == kStored) {
    out.assign(packed.data, packed.data + packed.size);
  } else {
    // The decoder counts bytes from the start of the data.
    out = inflate(packed, name + ": " + member.name, member.size);
  }
  if (out.size() != member.size)
    fail(name, start,
         "the data of a member gives " + std::to_string(out.size()) + " bytes where " + std::to_string(member.size) +
             " are promised");
  if (crc32(out.data(), out.size()) != member.crc) fail(name, start, "the checksum of a member is wrong");
  return out;
}

}  // namespace mote::tool
