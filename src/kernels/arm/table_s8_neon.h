// Looking up 8 or 16 bytes at once in a table of 256: aarch64 holds the table in registers, ARMv7 reads it.
#pragma once
#include "kernels/arm/vec_s8.h"

namespace mote {
namespace {

class TableLookup {
 public:
  // Null: not to be used.
  explicit MOTE_INLINE TableLookup(const void* table) : table_(static_cast<const int8_t*>(table)) {
#if defined(__aarch64__)
    for (int i = 0; i < 4; ++i) {
      for (int k = 0; k < 4; ++k) {
        part_[i].val[k] = table != nullptr ? vld1q_s8(table_ + 64 * i + 16 * k) : vdupq_n_s8(0);
      }
    }
#endif
  }

#if defined(__aarch64__)
  // An index outside of a part of the table leaves the result (vqtbx) as it is.
  MOTE_INLINE int8x16_t get16(uint8x16_t index) const {
    int8x16_t y = vqtbl4q_s8(part_[0], index);
    y = vqtbx4q_s8(y, part_[1], veorq_u8(index, vdupq_n_u8(64)));
    y = vqtbx4q_s8(y, part_[2], veorq_u8(index, vdupq_n_u8(128)));
    return vqtbx4q_s8(y, part_[3], veorq_u8(index, vdupq_n_u8(192)));
  }
  MOTE_INLINE int8x8_t get8(uint8x8_t index) const {
    int8x8_t y = vqtbl4_s8(part_[0], index);
    y = vqtbx4_s8(y, part_[1], veor_u8(index, vdup_n_u8(64)));
    y = vqtbx4_s8(y, part_[2], veor_u8(index, vdup_n_u8(128)));
    return vqtbx4_s8(y, part_[3], veor_u8(index, vdup_n_u8(192)));
  }
#else
  MOTE_INLINE int8x8_t get8(uint8x8_t index) const {
    uint8_t at[8];
    int8_t y[8];
    vst1_u8(at, index);
    for (int i = 0; i < 8; ++i) y[i] = table_[at[i]];
    return vld1_s8(y);
  }
  MOTE_INLINE int8x16_t get16(uint8x16_t index) const {
    return vcombine_s8(get8(vget_low_u8(index)), get8(vget_high_u8(index)));
  }
#endif

 private:
  const int8_t* table_;
#if defined(__aarch64__)
  int8x16x4_t part_[4];
#endif
};

}  // namespace
}  // namespace mote
