// Checksums against published values and a bit-by-bit twin.
#include "weights_tool/io/checksum.h"

#include "tests/io/support.h"

using mote::tool::adler32;
using mote::tool::crc32;

namespace {

uint32_t naive_crc32(const std::vector<uint8_t>& bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
  }
  return crc ^ 0xFFFFFFFF;
}

uint32_t naive_adler32(const std::vector<uint8_t>& bytes) {
  uint64_t a = 1, b = 0;
  for (const uint8_t byte : bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return static_cast<uint32_t>(b << 16 | a);
}

}  // namespace

TEST_CASE("CRC-32 and Adler-32 of 123456789 are the published check values") {
  CHECK(crc32("123456789", 9) == 0xCBF43926);
  CHECK(adler32("123456789", 9) == 0x091E01DE);
  CHECK(crc32("", 0) == 0);
  CHECK(adler32("", 0) == 1);
}

TEST_CASE("CRC-32 and Adler-32 equal their naive twins at every length and alignment") {
  for (size_t size = 0; size < 70; ++size) {
    for (size_t skip = 0; skip < 3; ++skip) {
      const std::vector<uint8_t> padded = test::noise(size + skip, static_cast<uint32_t>(size));
      const std::vector<uint8_t> bytes(padded.begin() + static_cast<std::ptrdiff_t>(skip), padded.end());
      CHECK(crc32(padded.data() + skip, size) == naive_crc32(bytes));
      CHECK(adler32(padded.data() + skip, size) == naive_adler32(bytes));
    }
  }
  const std::vector<uint8_t> largest(100000, 255);  // sums that overflow when the modulo is taken too late
  CHECK(adler32(largest.data(), largest.size()) == naive_adler32(largest));
  CHECK(crc32(largest.data(), largest.size()) == naive_crc32(largest));
}

TEST_CASE("checksums can be continued") {
  const std::vector<uint8_t> bytes = test::noise(1000, 5);
  for (const size_t cut : {0, 1, 7, 8, 333, 1000}) {
    CHECK(crc32(bytes.data() + cut, 1000 - cut, crc32(bytes.data(), cut)) == naive_crc32(bytes));
    CHECK(adler32(bytes.data() + cut, 1000 - cut, adler32(bytes.data(), cut)) == naive_adler32(bytes));
  }
}
