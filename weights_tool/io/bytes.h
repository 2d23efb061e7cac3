// A read-only look at bytes that somebody else owns, and little helpers to read integers out of them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace mote::tool {

// Not owning; valid as long as the bytes it was made from.
struct ByteView {
  const uint8_t* data = nullptr;
  size_t size = 0;

  ByteView() = default;
  ByteView(const uint8_t* first, size_t count) : data(first), size(count) {}
  ByteView(const std::vector<uint8_t>& bytes)
      : data(bytes.data()), size(bytes.size()) {}  // NOLINT: implicit on purpose
  ByteView(std::string_view text)                  // NOLINT: implicit on purpose
      : data(reinterpret_cast<const uint8_t*>(text.data())), size(text.size()) {}

  // The bytes [offset, offset + count); the caller has checked that they exist.
  ByteView slice(size_t offset, size_t count) const { return ByteView(data + offset, count); }
  std::string_view text() const { return std::string_view(reinterpret_cast<const char*>(data), size); }
};

inline uint16_t load_u16_le(const uint8_t* p) { return static_cast<uint16_t>(p[0] | p[1] << 8); }

inline uint32_t load_u32_le(const uint8_t* p) {
  return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}

inline uint64_t load_u64_le(const uint8_t* p) { return load_u32_le(p) | uint64_t{load_u32_le(p + 4)} << 32; }

inline uint32_t load_u32_be(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}

inline void append_u32_be(std::vector<uint8_t>& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

inline void append_u32_le(std::vector<uint8_t>& out, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

}  // namespace mote::tool
