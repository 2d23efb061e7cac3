// core/crc32.h against published values and a bit-by-bit twin.
#include "core/crc32.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

namespace {

// One bit at a time, from the definition.
uint32_t crc32_bitwise(const uint8_t* data, size_t size) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      const uint32_t feedback = (crc ^ (data[i] >> bit)) & 1;
      crc >>= 1;
      if (feedback) crc ^= 0xEDB88320u;
    }
  }
  return ~crc;
}

std::vector<uint8_t> some_bytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  uint32_t state = 12345;
  for (uint8_t& b : bytes) b = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return bytes;
}

}  // namespace

TEST_CASE("crc32 gives the published values") {
  CHECK(mote::crc32(0, "", 0) == 0);
  CHECK(mote::crc32(0, "123456789", 9) == 0xCBF43926u);  // the check value of the CRC catalogues
  CHECK(mote::crc32(0, "a", 1) == 0xE8B7BE43u);
  CHECK(mote::crc32(0, "abc", 3) == 0x352441C2u);
  const std::vector<uint8_t> zeros(32, 0), ones(32, 0xFF);
  CHECK(mote::crc32(0, zeros.data(), 32) == 0x190A55ADu);
  CHECK(mote::crc32(0, ones.data(), 32) == 0xFF6CAB0Bu);
}

TEST_CASE("crc32 equals the definition for every length and alignment") {
  const std::vector<uint8_t> bytes = some_bytes(128);
  for (size_t offset = 0; offset < 8; ++offset) {
    for (size_t size = 0; size + offset <= bytes.size(); ++size) {
      REQUIRE(mote::crc32(0, bytes.data() + offset, size) == crc32_bitwise(bytes.data() + offset, size));
    }
  }
}

TEST_CASE("crc32 of a text in two parts is that of the whole") {
  const std::vector<uint8_t> bytes = some_bytes(101);
  const uint32_t whole = crc32_bitwise(bytes.data(), bytes.size());
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    const uint32_t first = mote::crc32(0, bytes.data(), cut);
    REQUIRE(mote::crc32(first, bytes.data() + cut, bytes.size() - cut) == whole);
  }
}
