// CRC-32 as in IEEE 802.3, gzip and PNG: polynomial 0x04C11DB7 reflected, start and end inverted. Detects accidents,
// not attacks. One table of 512 bytes, for flash.
#pragma once
#include <cstddef>
#include <cstdint>

namespace mote {

// The checksum of the bytes of `previous` followed by these; previous = 0 for none. crc32 of nothing is 0.
uint32_t crc32(uint32_t previous, const void* data, size_t size);

}  // namespace mote
