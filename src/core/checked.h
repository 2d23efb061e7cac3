// Arithmetic on sizes that says when it overflows, and a pointer with a count. Everything that computes a size from
// numbers of a file or of a caller goes through here; nothing else in this library checks for overflow.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace mote {

// Each returns true and writes the exact result, or returns false and leaves nothing to rely on in *out. The operands
// may be of any integer types: the result is exact or refused, never wrapped or narrowed.
template <class A, class B, class T>
[[nodiscard]] constexpr bool checked_add(A a, B b, T* out) {
  return !__builtin_add_overflow(a, b, out);
}
template <class A, class B, class T>
[[nodiscard]] constexpr bool checked_sub(A a, B b, T* out) {
  return !__builtin_sub_overflow(a, b, out);
}
template <class A, class B, class T>
[[nodiscard]] constexpr bool checked_mul(A a, B b, T* out) {
  return !__builtin_mul_overflow(a, b, out);
}
template <class A, class T>
[[nodiscard]] constexpr bool checked_cast(A a, T* out) {
  return !__builtin_add_overflow(a, A{0}, out);
}

// The smallest multiple of `alignment` (a power of two; false otherwise) that is not below `value`.
template <class T>
[[nodiscard]] constexpr bool checked_align_up(T value, std::common_type_t<T> alignment, T* out) {
  static_assert(std::is_unsigned_v<T>);
  if (alignment == 0 || (alignment & (alignment - 1)) != 0) return false;
  T raised = 0;
  if (!checked_add(value, alignment - 1, &raised)) return false;
  *out = static_cast<T>(raised & ~(alignment - 1));
  return true;
}

// Whether [offset, offset + length) lies inside [0, size).
[[nodiscard]] constexpr bool checked_range(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

// `count` values at `data`, owned by somebody else. No bounds checks: whoever indexes knows the count.
template <class T>
struct Span {
  T* data = nullptr;
  size_t count = 0;

  constexpr T& operator[](size_t i) const { return data[i]; }
  constexpr T* begin() const { return data; }
  constexpr T* end() const { return data + count; }
  constexpr bool empty() const { return count == 0; }
};

}  // namespace mote
