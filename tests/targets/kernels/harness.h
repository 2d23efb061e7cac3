// What the differential tests of the kernels share: choices, guarded memory from one static block, and the loop over
// kernel sets and problems. Nothing of the C++ library, no heap: it runs on a board. Not for timing.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels_s8.h"

namespace mote::board_test {

// xorshift32 (Marsaglia 2003).
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed != 0 ? seed : 1) {}
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  int below(int n) { return static_cast<int>((next() >> 8) % static_cast<uint32_t>(n)); }
  int range(int low, int high) { return low + below(high - low + 1); }
  bool one_in(int n) { return below(n) == 0; }
  float unit() { return static_cast<float>(next() >> 8) * 0x1p-24f; }
  template <size_t n>
  int one_of(const int (&values)[n]) {
    return values[below(static_cast<int>(n))];
  }

 private:
  uint32_t state_;
};

// Memory of one problem: blocks with guards before and behind, 16-byte aligned.
constexpr size_t memory_bytes = 92 * 1024, guard_bytes = 32;
void forget_blocks();
bool guards_intact();
bool block_fits(size_t bytes);
void* take_block(size_t bytes, Random*);  // filled at random; null: no memory left
template <class T>
T* take(size_t count, Random* random) {
  return static_cast<T*>(take_block(count * sizeof(T), random));
}
// What fill makes: any value; values near the limits; few values beside zero.
void fill_s8(int8_t* out, size_t count, int lowest, Random*);

// Output twice: what ref and what the kernel under test write, over the same bytes.
template <class T>
struct Outputs {
  T *expected, *actual;
  size_t bytes;
};
template <class T>
Outputs<T> take_outputs(size_t count, Random* random, const T* copy = nullptr) {
  Outputs<T> y = {take<T>(count, random), take<T>(count, random), count * sizeof(T)};
  if (copy != nullptr) memcpy(y.expected, copy, y.bytes);
  memcpy(y.actual, y.expected, y.bytes);
  return y;
}
template <class T>
bool same(const Outputs<T>& y) {
  return memcmp(y.expected, y.actual, y.bytes) == 0;
}

// Rows [0, rows) in bands that begin at multiples of `quantum`, the whole now and then.
template <class Run>
void in_bands(int rows, int quantum, Random* random, const Run& run) {
  const bool whole = random->one_in(3);
  for (int row = 0; row < rows;) {
    const int step = whole ? rows : quantum * random->range(1, 2), end = rows - row < step ? rows : row + step;
    run(row, end);
    row = end;
  }
}

void print_failure(const char* op, KernelSet, int problem, const int* numbers, int count);
void print_result(const char* op, KernelSet, int problems, bool all_same);
void print_untested(const char* op);

// Problem: make(Random*) builds one, expect() runs ref, run(kernel, Random*) the kernel under test, same() compares,
// numbers(out) describes. Returns how many kernel sets differ from ref.
template <class Problem, class Kernel>
int compare_sets(const char* op, const KernelTable<Kernel>& table, int problems, uint32_t seed) {
  KernelSet sets[kernel_set_count];
  const int available = kernel_sets_available(sets);
  int differing = 0, tested = 0;
  for (int s = 0; s < available; ++s) {
    const Kernel& kernel = table.set[static_cast<int>(sets[s])];
    if (sets[s] == KernelSet::ref || kernel.run == nullptr) continue;
    Random random(seed);
    int failures = 0;
    for (int i = 0; i < problems && failures < 3; ++i) {
      forget_blocks();
      Problem problem = {};
      problem.make(&random);
      problem.expect();
      problem.run(kernel, &random);
      if (problem.same() && guards_intact()) continue;
      int numbers[24];
      print_failure(op, sets[s], i, numbers, problem.numbers(numbers));
      ++failures;
    }
    print_result(op, sets[s], problems, failures == 0);
    differing += failures != 0;
    ++tested;
  }
  if (tested == 0) print_untested(op);
  return differing;
}

// Each returns how many kernel sets differ.
int compare_convolutions(uint32_t seed);
int compare_elementwise(uint32_t seed);
int compare_attention(uint32_t seed);

}  // namespace mote::board_test
