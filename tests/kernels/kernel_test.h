// Shared by the tests of the kernels: repeatable random numbers, buffers that notice a stray access, rows cut at
// random, and the kernel sets to try.
//
// A buffer ends at an inaccessible page (up to 12 bytes of slack keep its start 16-byte aligned), so that reading or
// writing behind it ends the test with a fault; in front and in the slack lie marks that are checked.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "kernels/kernels.h"

namespace mote::test {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
  uint64_t next() {  // xorshift64 (Marsaglia 2003)
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  int below(int n) { return static_cast<int>((next() >> 20) % static_cast<uint64_t>(n)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  bool coin() { return below(2) != 0; }
  float uniform() { return static_cast<float>(static_cast<double>(next() >> 11) / 4503599627370496.0 - 1.0); }

 private:
  uint64_t state_;
};

class Floats {
 public:
  Floats() = default;
  explicit Floats(size_t count) : count_(count) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = (count * sizeof(float) + 15) / 16 * 16;
    pages_ = (bytes + 64 + page - 1) / page * page;
    base_ =
        static_cast<char*>(mmap(nullptr, pages_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_ + pages_, page, PROT_NONE) == 0);
    mapped_ = pages_ + page;
    data_ = reinterpret_cast<float*>(base_ + pages_ - bytes);
    std::memset(base_, mark, pages_);
  }
  Floats(size_t count, Random& random, float scale = 1.0f, float offset = 0.0f) : Floats(count) {
    for (size_t i = 0; i < count; ++i) data_[i] = random.uniform() * scale + offset;
  }
  Floats(Floats&& other) noexcept { *this = std::move(other); }
  Floats& operator=(Floats&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(pages_, other.pages_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~Floats() {
    if (base_ != nullptr) munmap(base_, mapped_);
  }

  float* data() const { return base_ != nullptr ? data_ : nullptr; }
  size_t size() const { return count_; }
  float& operator[](size_t i) const { return data_[i]; }
  void erase() const { std::memset(static_cast<void*>(data_), mark, count_ * sizeof(float)); }
  // Nothing around the buffer was written.
  bool intact() const {
    const char* begin = reinterpret_cast<const char*>(data_);
    for (const char* p = base_; p != begin; ++p) {
      if (static_cast<unsigned char>(*p) != mark) return false;
    }
    for (const char* p = begin + count_ * sizeof(float); p != base_ + pages_; ++p) {
      if (static_cast<unsigned char>(*p) != mark) return false;
    }
    return true;
  }
  bool same_bytes(const Floats& other) const {
    return count_ == other.count_ && std::memcmp(data_, other.data_, count_ * sizeof(float)) == 0;
  }

 private:
  static constexpr unsigned char mark = 0xff;  // as floats: NaN
  char* base_ = nullptr;
  float* data_ = nullptr;
  size_t count_ = 0, pages_ = 0, mapped_ = 0;
};

inline std::vector<KernelSet> available_sets() {
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  return std::vector<KernelSet>(sets, sets + count);
}

// Calls run(begin, end) for pieces of [0, rows) cut at random multiples of row_quantum, in any order.
template <class Run>
void run_in_pieces(int rows, Random& random, const Run& run) {
  std::vector<int> cuts = {0};
  for (int row = row_quantum; row < rows; row += row_quantum) {
    if (random.coin()) cuts.push_back(row);
  }
  cuts.push_back(rows);
  std::vector<int> order;
  for (size_t i = 0; i + 1 < cuts.size(); ++i)
    order.insert(order.begin() + random.below(static_cast<int>(i) + 1), static_cast<int>(i));
  for (const int i : order) run(cuts[static_cast<size_t>(i)], cuts[static_cast<size_t>(i) + 1]);
}

inline double activate(double x, Activation activation) {
  switch (activation) {
    case Activation::none: return x;
    case Activation::silu: return x / (1.0 + std::exp(-x));
    case Activation::gelu: return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case Activation::relu: return x > 0.0 ? x : 0.0;
    case Activation::mish: return x * std::tanh(std::log1p(std::exp(x)));
  }
  return x;
}
constexpr Activation all_activations[] = {Activation::none, Activation::silu, Activation::gelu, Activation::relu,
                                          Activation::mish};

}  // namespace mote::test
