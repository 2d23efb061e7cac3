// What the parts of differential_s8.h share: numbers from bytes, memory that notices stray accesses, and the comparison.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernels_s8.h"
#include "tests/support/poison.h"

namespace mote::test::differential {

// The bytes, then a splitmix64 sequence that begins with a hash of them (FNV-1a).
class Choices {
 public:
  Choices(const uint8_t* data, size_t size) : at_(data), end_(data + size) {
    for (const uint8_t* p = data; p != end_; ++p) state_ = (state_ ^ *p) * 0x100000001B3u;
  }
  uint32_t byte() { return at_ != end_ ? *at_++ : static_cast<uint32_t>(random() >> 56); }
  uint32_t word() { return static_cast<uint32_t>(random() >> 32); }
  // In 0 .. n - 1; n <= 65536.
  int below(int n) {
    if (n <= 1) return 0;
    const uint32_t value = n <= 256 ? byte() : byte() << 8 | byte();
    return static_cast<int>(value % static_cast<uint32_t>(n));
  }
  int between(int low, int high) { return low + below(high - low + 1); }
  bool one_in(int n) { return below(n) == 0; }
  // A code, an end of the range in one of three.
  int32_t zero_point() {
    const int kind = below(6);
    return kind == 0 ? -128 : kind == 1 ? 127 : kind == 2 ? 0 : between(-128, 127);
  }
  // 2^exponent, or that times a random mantissa.
  float scale(int least, int most) {
    const uint32_t exponent = static_cast<uint32_t>(127 + between(least, most));
    const uint32_t bits = exponent << 23 | (one_in(2) ? 0u : word() & 0x7FFFFFu);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  // For values, where bytes of the input would be wasted.
  uint64_t random() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

 private:
  const uint8_t *at_, *end_;
  uint64_t state_ = 0xCBF29CE484222325u;
};

// `count` elements between marks. Begins at a multiple of 16 that is none of 32, as tensors may, or of 64.
template <class T>
class Block {
 public:
  Block() : Block(0) {}
  explicit Block(size_t count, size_t alignment = 16)
      : count_(count), before_(alignment == 64 ? 64 : 80), bytes_(before_ + count * sizeof(T) + 64) {
    memory_ = static_cast<uint8_t*>(aligned_alloc(64, (bytes_ + 63) / 64 * 64));
    if (memory_ == nullptr) abort();
    memset(memory_, mark, bytes_);
    poison(true);
  }
  Block(const Block&) = delete;
  Block(Block&& other) noexcept { *this = static_cast<Block&&>(other); }
  Block& operator=(Block&& other) noexcept {
    std::swap(count_, other.count_);
    std::swap(before_, other.before_);
    std::swap(bytes_, other.bytes_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~Block() {
    poison(false);
    free(memory_);
  }

  T* data() const { return reinterpret_cast<T*>(memory_ + before_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) const { return data()[i]; }
  void copy_from(const Block& other) const {
    if (count_ != 0) memcpy(static_cast<void*>(data()), other.data(), count_ * sizeof(T));
  }
  void erase() const { memset(static_cast<void*>(data()), mark, count_ * sizeof(T)); }
  // Nothing around the elements was written.
  bool intact() const {
    poison(false);
    bool same = true;
    for (size_t i = 0; i < bytes_; ++i) {
      if (i == before_) i += count_ * sizeof(T);
      same = same && memory_[i] == mark;
    }
    poison(true);
    return same;
  }
  // The first element that differs; size() if none does.
  size_t difference(const Block& other) const {
    size_t i = 0;
    while (i < count_ && memcmp(data() + i, other.data() + i, sizeof(T)) == 0) ++i;
    return i;
  }

 private:
  static constexpr uint8_t mark = 0xA5;
  void poison(bool on) const {
    if (memory_ == nullptr) return;
    if (on) {
      ASAN_POISON_MEMORY_REGION(memory_, before_);
      ASAN_POISON_MEMORY_REGION(memory_ + before_ + count_ * sizeof(T), bytes_ - before_ - count_ * sizeof(T));
    } else {
      ASAN_UNPOISON_MEMORY_REGION(memory_, bytes_);
    }
  }
  size_t count_ = 0, before_ = 0, bytes_ = 0;
  uint8_t* memory_ = nullptr;
};

// Values in [low, high]: all one end, both ends, near the middle, or anything.
constexpr int extreme_kinds = 3;  // the first kinds of fill() have the ends only
template <class T>
void fill(const Block<T>& block, Choices* choices, int low, int high, int middle, int kinds = 8) {
  const int kind = choices->below(kinds);
  const auto clamped = [&](int v) { return v < low ? low : v > high ? high : v; };
  for (size_t i = 0; i < block.size(); ++i) {
    const uint64_t random = choices->random();
    const int any = low + static_cast<int>((random >> 8) % static_cast<uint32_t>(high - low + 1));
    int v = any;
    if (kind == 0) v = low;
    if (kind == 1) v = high;
    if (kind == 2) v = (random & 1) != 0 ? low : high;
    if (kind == 3) v = clamped(middle + static_cast<int>(random >> 33 & 3) - 1);
    if (kind == 4) v = (random & 7) == 0 ? low : (random & 7) == 1 ? high : any;
    block[i] = static_cast<T>(v);
  }
}

// Rows [0, rows) in one piece, or cut where the operator allows and the pieces in any order.
struct Pieces {
  std::vector<int> begin, end;
  Pieces(int rows, int quantum, bool cut, Choices* choices) {
    int row = 0;
    while (row < rows) {
      int next = cut ? row + quantum * (1 + static_cast<int>(choices->random() % 3)) : rows;
      if (next > rows) next = rows;
      const size_t at = begin.empty() || !cut ? 0 : choices->random() % (begin.size() + 1);
      begin.insert(begin.begin() + static_cast<ptrdiff_t>(at), row);
      end.insert(end.begin() + static_cast<ptrdiff_t>(at), next);
      row = next;
    }
  }
  template <class Run>
  void run(const Run& piece) const {
    for (size_t i = 0; i < begin.size(); ++i) piece(begin[i], end[i]);
  }
};

// The sets with a kernel of their own for this operator, ref left out.
template <class Kernel>
std::vector<KernelSet> own_sets(const KernelTable<Kernel>& table) {
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  std::vector<KernelSet> own;
  for (int i = 0; i < count; ++i) {
    if (sets[i] != KernelSet::ref && table.set[static_cast<int>(sets[i])].run != nullptr) own.push_back(sets[i]);
  }
  return own;
}

template <class... Numbers>
std::string text(const char* format, Numbers... numbers) {
  char line[400];
  snprintf(line, sizeof line, format, numbers...);
  return line;
}

// What is wrong with y; empty: nothing.
template <class T>
std::string judge(const Block<T>& expected, const Block<T>& y, const char* what) {
  if (!y.intact()) return text(" writes outside of %s", what);
  const size_t i = y.difference(expected);
  if (i == y.size()) return "";
  return text(" differs in %s at %zu: %.9g, ref %.9g", what, i, static_cast<double>(y[i]),
              static_cast<double>(expected[i]));
}

std::string compare_convolution(Choices* choices, bool wide_input);
std::string compare_winograd(Choices* choices);
std::string compare_attention(Choices* choices);

}  // namespace mote::test::differential
