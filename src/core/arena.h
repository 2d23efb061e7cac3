// Cuts pieces off the front of a buffer of the caller. The same code that cuts a real buffer measures how large it must
// be: an arena without a buffer hands out null pointers and only counts. So a size and a layout cannot disagree.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/checked.h"

namespace mote {

class Arena {
 public:
  // A buffer of `size` bytes at `base`; or null, to measure.
  Arena(void* base, size_t size) : base_(static_cast<unsigned char*>(base)), size_(size) {}

  // `bytes` bytes at the next multiple of 16 from the start of the buffer. Null while measuring, and when the buffer
  // is too small or the total does not fit size_t: see fits().
  void* take(uint64_t bytes) {
    uint64_t begin = 0, end = 0;
    if (!checked_align_up(used_, uint64_t{16}, &begin) || !checked_add(begin, bytes, &end)) {
      end = begin = UINT64_MAX;
    }
    used_ = end;
    return base_ != nullptr && fits() ? base_ + static_cast<size_t>(begin) : nullptr;
  }

  template <class T>
  T* take_array(uint64_t count) {
    uint64_t bytes = 0;
    if (!checked_mul(count, sizeof(T), &bytes)) bytes = UINT64_MAX;
    return static_cast<T*>(take(bytes));
  }

  // Bytes taken so far, gaps included; UINT64_MAX after an overflow.
  uint64_t used() const { return used_; }
  bool fits() const { return used_ <= size_; }

 private:
  unsigned char* base_;
  size_t size_;
  uint64_t used_ = 0;
};

}  // namespace mote
