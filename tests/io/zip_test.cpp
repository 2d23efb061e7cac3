// Zip archives of Python's zipfile (tests/data/io/make_data.py), and every way to break one.
#include "weights_tool/io/zip.h"

#include <algorithm>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;
using test::load_data;

namespace {

using Bytes = std::vector<uint8_t>;

// Of listing and reading every member.
std::string read_error(const Bytes& bytes, size_t cap = 1 << 20) {
  return error_of([&] {
    for (const ZipMember& member : list_zip(bytes, "x.zip")) read_zip_member(bytes, member, "x.zip", cap);
  });
}

// Where four bytes stand first, from `from` on.
size_t find(const Bytes& bytes, const Bytes& magic, size_t from = 0) {
  const auto at =
      std::search(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), magic.begin(), magic.end());
  REQUIRE(at != bytes.end());
  return static_cast<size_t>(at - bytes.begin());
}

const Bytes kDirectory = {'P', 'K', 1, 2}, kEnd = {'P', 'K', 5, 6};

Bytes with(Bytes bytes, size_t at, const Bytes& values) {
  std::copy(values.begin(), values.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  return bytes;
}

}  // namespace

TEST_CASE("stored and deflated members are read, with sizes in front or behind") {
  for (const char* name : {"members.zip", "piped.zip"}) {
    CAPTURE(name);
    const Bytes bytes = load_data(name);
    CHECK(is_zip(bytes));
    const std::vector<ZipMember> members = list_zip(bytes, name);
    REQUIRE(members.size() == 3);
    CHECK(members[0].name == "text.txt");
    CHECK(members[1].name == "noise.bin");
    CHECK(members[2].name == "folder/empty");
    CHECK(read_zip_member(bytes, members[0], name) == test::squares_text(400));
    CHECK(read_zip_member(bytes, members[1], name) == test::noise(300, 7));
    CHECK(read_zip_member(bytes, members[2], name).empty());
  }
}

TEST_CASE("each kind of broken archive is named") {
  const Bytes good = load_data("members.zip");
  const size_t directory = find(good, kDirectory), end = find(good, kEnd);
  CHECK(contains(read_error({}), "3: x.zip: byte 0: not a zip archive"));
  CHECK(contains(read_error(with(good, end, {'p'})), "not a zip archive, or its end is missing"));
  CHECK(contains(read_error(with(good, end + 4, {1})), "several disks"));
  CHECK(contains(read_error(with(good, end + 8, {2})), "the two counts of members differ"));
  CHECK(contains(read_error(with(good, end + 8, {2, 0, 2, 0})), "the central directory is longer than its members"));
  CHECK(contains(read_error(with(good, end + 8, {4, 0, 4, 0})), "the central directory ends too early"));
  CHECK(contains(read_error(with(good, end + 8, {255, 255, 255, 255})), "Zip64"));
  CHECK(contains(read_error(with(good, end + 12, {1})), "does not end at the end record"));
  CHECK(contains(read_error(with(good, end + 16, {0, 0, 0, 80})), "does not end at the end record"));
  CHECK(contains(read_error(with(good, directory, {'p'})), "expected a record of the central directory"));
  CHECK(contains(read_error(with(good, directory + 28, {255, 255})), "reaches over the central directory"));
  CHECK(contains(read_error(with(good, directory + 30, {255, 255})), "reaches over the central directory"));
  CHECK(contains(read_error(with(good, directory + 24, {255, 255, 255, 255})), "Zip64"));
  CHECK(contains(read_error(with(good, directory + 8, {1})), "an encrypted member"));
  CHECK(contains(read_error(with(good, directory + 10, {12})), "compression method 12"));
  CHECK(contains(read_error(with(good, directory + 42, {0, 0, 0, 80})), "a member lies behind the end"));
  CHECK(contains(read_error(with(good, directory + 42, {1})), "expected the header of a member"));
  CHECK(contains(read_error(with(good, 30, {'T'})), "differs from the central directory"));
  CHECK(contains(read_error(with(good, 14, {1, 2, 3, 4})), "sizes or checksum of a member differ"));
}

TEST_CASE("damaged content, lying sizes and too much of it are refused") {
  const Bytes good = load_data("members.zip"), piped = load_data("piped.zip");
  const size_t directory = find(good, kDirectory), second = find(good, kDirectory, directory + 1);
  const size_t noise_at = static_cast<size_t>(good[second + 42]) + (size_t{good[second + 43]} << 8) + 30 + 9;
  CHECK(contains(read_error(with(good, noise_at + 5, {static_cast<uint8_t>(good[noise_at + 5] ^ 1)})),
                 "the checksum of a member is wrong"));
  // Of the piped archive only the central directory knows the size: the header and the directory agree then.
  const size_t at = find(piped, kDirectory);
  CHECK(contains(read_error(with(piped, at + 24, {1, 0, 0, 0})), "x.zip: text.txt: byte"));
  CHECK(contains(read_error(with(piped, at + 24, {255, 255, 0, 0})), "bytes where 65535 are promised"));
  CHECK(contains(read_error(with(piped, at + 20, {255, 255, 0, 0})), "the data of a member ends too early"));
  CHECK(contains(read_error(with(piped, at + 16, {1, 2, 3, 4})), "the checksum of a member is wrong"));
  CHECK(contains(read_error(good, 299), "a member of more than 299 bytes"));
}

TEST_CASE("every truncation is an error") {
  const Bytes good = load_data("members.zip");
  for (size_t size = 0; size < good.size(); ++size)
    CHECK(
        contains(read_error(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size))), "3: x.zip: byte "));
}
