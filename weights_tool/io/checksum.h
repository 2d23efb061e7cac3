// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320: the one of gzip and PNG) and Adler-32 (zlib, RFC 1950).
#pragma once
#include <cstddef>
#include <cstdint>

namespace mote::tool {

// Continues from `seed`, so that crc32(b, nb, crc32(a, na)) is the checksum of a followed by b.
uint32_t crc32(const void* data, size_t size, uint32_t seed = 0);
uint32_t adler32(const void* data, size_t size, uint32_t seed = 1);

}  // namespace mote::tool
