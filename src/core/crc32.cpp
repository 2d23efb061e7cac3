// Four bytes at a time by eight independent look-ups of four bits each: 512 bytes of table where the usual slicing by
// bytes takes 4 KiB, and no chain of dependent loads.
#include "core/crc32.h"

namespace mote {

namespace {

// entry[k][n]: what the four bits n become after 4 * (k + 1) zero bits have followed them.
struct NibbleTable {
  uint32_t entry[8][16];
};

constexpr NibbleTable make_table() {
  NibbleTable table{};
  for (uint32_t n = 0; n < 16; ++n) {
    uint32_t crc = n;
    for (int k = 0; k < 8; ++k) {
      for (int bit = 0; bit < 4; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
      table.entry[k][n] = crc;
    }
  }
  return table;
}

constexpr NibbleTable table = make_table();

uint32_t add_byte(uint32_t crc, uint8_t byte) {
  crc ^= byte;
  return (crc >> 8) ^ table.entry[1][crc & 15] ^ table.entry[0][crc >> 4 & 15];
}

uint32_t add_word(uint32_t crc, const uint8_t* p) {
  const uint32_t word = static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 |
                        static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
  crc ^= word;
  const auto& t = table.entry;
  return t[7][crc & 15] ^ t[6][crc >> 4 & 15] ^ t[5][crc >> 8 & 15] ^ t[4][crc >> 12 & 15] ^ t[3][crc >> 16 & 15] ^
         t[2][crc >> 20 & 15] ^ t[1][crc >> 24 & 15] ^ t[0][crc >> 28];
}

}  // namespace

uint32_t crc32(uint32_t previous, const void* data, size_t size) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t crc = ~previous;
  for (; size >= 4; size -= 4, p += 4) crc = add_word(crc, p);
  for (; size > 0; --size, ++p) crc = add_byte(crc, *p);
  return ~crc;
}

}  // namespace mote
