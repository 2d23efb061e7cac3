// What the cases of the self-test share: memory, numbers and comparisons. Each case is a list of small problems that
// together reach every path of a kernel; it gives each problem to ref and to the kernel under test, and compares.
//
// A case says which kernel it is for and where the kernels are; `run` names ref's function itself, so that a table may
// lack it. ref is not trusted either: the checksum of what it writes must be the one that was recorded, which finds a
// compiler that contracts, reorders or flushes floats.
#pragma once
#include <mote/mote.h>

#include <cstring>

#include "core/arena.h"
#include "core/random.h"
#include "kernels/kernels.h"

namespace mote {

class SelfTestBench;

}  // namespace mote

extern "C" {

struct mote_self_test_case {
  const char* kernel;  // "conv2d_s8"
  const void* table;   // the KernelTable that `run` expects
  // Gives the problems to the kernels; the verdict is the bench's.
  void (*run)(const void* table, mote::SelfTestBench* bench);
  uint32_t expected;  // CRC-32 of all that ref writes
};

extern const mote_self_test_case mote_self_test_conv2d_f32, mote_self_test_linear_f32, mote_self_test_group_norm_f32,
    mote_self_test_activation_f32, mote_self_test_attention_f32, mote_self_test_add_f32, mote_self_test_upsample_f32,
    mote_self_test_average_pool_f32, mote_self_test_scale_shift_f32;
// Of quantized models.
extern const mote_self_test_case mote_self_test_conv2d_s8, mote_self_test_conv2d_s16, mote_self_test_channel_sums_s8,
    mote_self_test_affine_s8, mote_self_test_table_s8, mote_self_test_attention_s8, mote_self_test_add_s8,
    mote_self_test_upsample_s8, mote_self_test_average_pool_s8, mote_self_test_quantize_s16;

}  // extern "C"

namespace mote {

// An output twice: of ref, and of the kernel under test. Marks lie around both, which a stray write changes.
template <class T>
struct Twice {
  T* ref;
  T* own;
  size_t count;
};

class SelfTestBench {
 public:
  SelfTestBench(KernelSet set, void* buffer, size_t size) : set_(set), buffer_(buffer), size_(size) {}

  // Throws the memory of the problem before away.
  void begin_problem() { used_ = 0; }

  template <class Kernel>
  const Kernel& kernel(const void* table) const {
    return pick_kernel(*static_cast<const KernelTable<Kernel>*>(table), set_);
  }

  // Inputs of a problem, 16-byte aligned. Every problem fits MOTE_SELF_TEST_BYTES.
  template <class T>
  T* take(size_t count) {
    return static_cast<T*>(take_bytes(count * sizeof(T)));
  }
  int8_t* codes(int count);              // any code
  int8_t* weights(int count);            // -127 .. 127
  int16_t* wide_codes(int count);        // -32767 .. 32767
  float* floats(int count, float size);  // -size .. size
  uint32_t random();
  // One of low .. high.
  int between(int low, int high) { return low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1)); }
  float uniform() { return static_cast<float>(static_cast<int32_t>(random()) >> 8) * 0x1p-23f; }  // [-1, 1)

  template <class T>
  Twice<T> output(int count) {
    const size_t n = static_cast<size_t>(count), bytes = n * sizeof(T);
    return {static_cast<T*>(take_marked(bytes)), static_cast<T*>(take_marked(bytes)), n};
  }
  // Two copies of x, for kernels that write over their input.
  template <class T>
  Twice<T> copies(const T* x, int count) {
    const Twice<T> twice = output<T>(count);
    memcpy(twice.ref, x, twice.count * sizeof(T));
    memcpy(twice.own, x, twice.count * sizeof(T));
    return twice;
  }
  // The kernel's half as it was, for another run.
  template <class T>
  void erase(const Twice<T>& y) {
    mark(y.own, y.count * sizeof(T));
  }
  // What is left of the buffer, at a multiple of 64 (null and 0 if there is less).
  void* rest(size_t* bytes) const;

  // What ref wrote becomes part of the checksum.
  template <class T>
  void record(const Twice<T>& y) {
    record_bytes(y.ref, y.count * sizeof(T));
  }
  // The kernel must have written the same bytes, or floats that differ by at most tolerance * (1 + |ref|).
  template <class T>
  void compare(const Twice<T>& y) {
    compare_bytes(y.ref, y.own, y.count * sizeof(T));
  }
  void compare(const Twice<float>& y, float tolerance);
  void fail() { passed_ = false; }

  bool passed() const { return passed_; }
  uint32_t checksum() const { return checksum_; }

 private:
  void* take_bytes(size_t bytes);
  void* take_marked(size_t bytes);
  static void mark(void* y, size_t bytes);
  void record_bytes(const void* y, size_t bytes);
  void compare_bytes(const void* ref, const void* own, size_t bytes);
  void compare_marks(const void* ref, const void* own, size_t bytes);

  KernelSet set_;
  void* buffer_;
  size_t size_, used_ = 0;
  uint32_t counter_ = 0;
  PhiloxBlock block_ = {};
  uint32_t checksum_ = 0;
  bool passed_ = true;
};

// Rows from the last band to the first: their order must not matter.
template <class Run>
void run_in_bands(int rows, const Run& run) {
  for (int begin = (rows - 1) / row_quantum * row_quantum; begin >= 0; begin -= row_quantum) {
    run(begin, begin + row_quantum < rows ? begin + row_quantum : rows);
  }
}

// The largest integer whose square is at most n.
constexpr int whole_sqrt(int n) {
  int root = 0;
  while ((root + 1) * (root + 1) <= n) ++root;
  return root;
}

}  // namespace mote
