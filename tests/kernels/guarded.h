// Shared by the tests of the int8 kernels: arrays of any type that notice a stray access to the byte, and a check of
// every kernel set, whole and in pieces.
//
// Like Floats of kernel_test.h an array starts at a multiple of 16, ends at an inaccessible page but for up to 15 bytes
// of slack, and lies between marks that are checked. AddressSanitizer is told of the slack, so that it sees reads too.
#pragma once
#include <algorithm>
#include <type_traits>

#include "core/math.h"
#include "kernel_test.h"
#include "tests/support/poison.h"

namespace mote::test {

template <class T>
class Guarded {
  static_assert(std::is_trivially_copyable<T>::value, "bytes are copied");

 public:
  explicit Guarded(size_t count) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE)), bytes = (count * sizeof(T) + 15) / 16 * 16;
    pages_ = (bytes + 64 + page - 1) / page * page;
    mapped_ = pages_ + page;
    base_ = static_cast<char*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_ + pages_, page, PROT_NONE) == 0);
    data_ = reinterpret_cast<T*>(base_ + pages_ - bytes);
    std::memset(base_, mark, pages_);
    ASAN_POISON_MEMORY_REGION(end(), static_cast<size_t>(base_ + pages_ - end()));
  }
  Guarded(const Guarded& other) : Guarded(other.count_) { copy_from(other); }
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() {
    ASAN_UNPOISON_MEMORY_REGION(base_, pages_);
    munmap(base_, mapped_);
  }

  T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return data_[i]; }
  void copy_from(const Guarded& other) const {
    if (count_ != 0) std::memcpy(static_cast<void*>(data_), other.data_, count_ * sizeof(T));
  }
  void erase() const {
    if (count_ != 0) std::memset(static_cast<void*>(data_), mark, count_ * sizeof(T));
  }
  // Nothing around the array was written.
  bool intact() const {
    ASAN_UNPOISON_MEMORY_REGION(base_, pages_);
    bool same = true;
    for (const char* p = base_; p != base_ + pages_; ++p) {
      if (p == reinterpret_cast<const char*>(data_)) p = end();
      if (p == base_ + pages_) break;
      same = same && static_cast<unsigned char>(*p) == mark;
    }
    ASAN_POISON_MEMORY_REGION(end(), static_cast<size_t>(base_ + pages_ - end()));
    return same;
  }
  bool same_bytes(const Guarded& other) const {
    return count_ == other.count_ && (count_ == 0 || std::memcmp(data_, other.data_, count_ * sizeof(T)) == 0);
  }
  bool same_values(const std::vector<T>& other) const {
    return count_ == other.size() && (count_ == 0 || std::memcmp(data_, other.data(), count_ * sizeof(T)) == 0);
  }

 private:
  static constexpr unsigned char mark = 0xa5;
  const char* end() const { return reinterpret_cast<const char*>(data_ + count_); }
  char* base_ = nullptr;
  T* data_ = nullptr;
  size_t count_ = 0, pages_ = 0, mapped_ = 0;
};

using Bytes = Guarded<int8_t>;

// Any code; one in eight of them an end of the range, or all of them `fixed`.
inline void fill_codes(const Bytes& bytes, Random& random) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int kind = random.below(16);
    bytes[i] = static_cast<int8_t>(kind == 0 ? -128 : kind == 1 ? 127 : random.between(-128, 127));
  }
}
inline void fill_codes(const Bytes& bytes, int8_t fixed) {
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = fixed;
}

// floor(v / 2^shift), clamped: what an arithmetic shift and a saturation give, without either. |v| < 2^53.
inline int8_t shifted_code(int64_t v, int shift) {
  const double floored = std::floor(std::ldexp(static_cast<double>(v), -shift));
  return static_cast<int8_t>(floored < -128.0 ? -128.0 : floored > 127.0 ? 127.0 : floored);
}

// rne(v): nearbyint in the default rounding mode, of a float, which double holds exactly.
inline int64_t nearest_even(float v) { return static_cast<int64_t>(std::nearbyint(static_cast<double>(v))); }

// The error of one float32 operation, relative to its result.
constexpr double ulp = 1.0 / 16777216.0;

inline double absolute(double v) { return std::fabs(v); }

// Whether constants of at most these sizes may be multiplied by 2^shift (constants_s8.h, fixed_shift).
inline bool fits(double factor, double offset, int shift) {
  return std::ldexp(factor, shift) <= 32767.0 && std::ldexp(offset, shift) <= 536870912.0;
}

}  // namespace mote::test
