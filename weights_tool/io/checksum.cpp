// CRC-32 eight bytes at a time over eight tables ("slicing"), Adler-32 with its modulo taken once a block.
#include "weights_tool/io/checksum.h"

#include <algorithm>
#include <array>

#include "weights_tool/io/bytes.h"

namespace mote::tool {
namespace {

using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: the checksum of byte b followed by k zero bytes.
constexpr CrcTables make_tables() {
  CrcTables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
    tables[0][b] = crc;
  }
  for (uint32_t b = 0; b < 256; ++b) {
    for (size_t k = 1; k < 8; ++k) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 255];
  }
  return tables;
}

constexpr CrcTables kTables = make_tables();

}  // namespace

uint32_t crc32(const void* data, size_t size, uint32_t seed) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t crc = ~seed;
  for (; size >= 8; size -= 8, p += 8) {
    const uint32_t low = crc ^ load_u32_le(p), high = load_u32_le(p + 4);
    crc = kTables[7][low & 255] ^ kTables[6][low >> 8 & 255] ^ kTables[5][low >> 16 & 255] ^ kTables[4][low >> 24] ^
          kTables[3][high & 255] ^ kTables[2][high >> 8 & 255] ^ kTables[1][high >> 16 & 255] ^ kTables[0][high >> 24];
  }
  for (; size > 0; --size, ++p) crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 255];
  return ~crc;
}

uint32_t adler32(const void* data, size_t size, uint32_t seed) {
  constexpr uint32_t kModulus = 65521;
  // The longest run for which the sums cannot overflow 32 bits: 255 n (n + 1) / 2 + (n + 1)(kModulus - 1) < 2^32.
  constexpr size_t kBlock = 5552;
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t a = seed & 0xFFFF, b = seed >> 16;
  while (size > 0) {
    const size_t count = std::min(size, kBlock);
    for (size_t i = 0; i < count; ++i) {
      a += p[i];
      b += a;
    }
    a %= kModulus;
    b %= kModulus;
    p += count;
    size -= count;
  }
  return b << 16 | a;
}

}  // namespace mote::tool
