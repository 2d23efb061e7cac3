// From exact sums to outputs: the epilogue of kernels_s8.h for 4 output channels at a time.
//
// Converted by the rounding mode (VCVTR), which is to nearest even and never changed, and clamped after that: VCVTR and
// the sum with the zero point saturate, so that a v outside of the range of codes ends at the same end as when it is
// clamped first; within the range both round the same number.
#pragma once
#include <cstddef>

#include "kernels/cortexm/dsp.h"
#include "kernels/kernels_s8.h"

namespace mote {
namespace {

// 4 output channels, and the pixels to finish: `rows` rows of `count`. Laid out for finish_fours.
struct Finish {
  const int32_t* sums;    // of the first pixel and channel; 4 channels follow each other
  const int32_t* second;  // of the second input, or null
  int8_t* y;
  const int8_t* residual;  // or null
  int32_t count;
  int32_t step;  // bytes from the sums of a pixel to those of the next; rows are 4 pixels apart
  int32_t outputs;
  int32_t y_zero;
  uint32_t minus_residual_zero;  // in both halves
  int32_t rows;
  int32_t next_row;   // from the end of a row to the next, in y
  int32_t next_sums;  // the same in sums, bytes
  float m0[4], b[4], m1[4];
  float residual_m;
  int32_t channels;  // 4, or fewer at the end
};
static_assert(sizeof(void*) != 4 || (offsetof(Finish, rows) == 36 && offsetof(Finish, m0) == 48), "finish_fours");

#define MOTE_TO_FLOAT(a, b, c, d)                                                                                      \
  "vcvt.f32.s32 " #a ", " #a "\n vcvt.f32.s32 " #b ", " #b "\n vcvt.f32.s32 " #c ", " #c "\n vcvt.f32.s32 " #d ", " #d \
  "\n"

// int8 outputs of 4 channels.
MOTE_DSP_ASSEMBLY void finish_fours(const Finish*) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "vpush {s16-s20}\n"
      "add r12, r0, #48\n"
      "vldmia r12!, {s4-s15}\n"
      "vldr s20, [r12]\n"
      "ldr r10, [r0, #36]\n"
      "push {r10}\n"
      "ldmia r0, {r1-r9}\n"
      "1: vldmia r1, {s0-s3}\n"
      "add r1, r1, r6\n"  //
      MOTE_TO_FLOAT(s0, s1, s2, s3)
      "vmul.f32 s0, s0, s4\n vmul.f32 s1, s1, s5\n vmul.f32 s2, s2, s6\n vmul.f32 s3, s3, s7\n"
      "cbz r2, 2f\n"
      "vldmia r2, {s16-s19}\n"
      "add r2, r2, r6\n"  //
      MOTE_TO_FLOAT(s16, s17, s18, s19)
      "vmul.f32 s16, s16, s12\n vmul.f32 s17, s17, s13\n vmul.f32 s18, s18, s14\n vmul.f32 s19, s19, s15\n"
      "vadd.f32 s0, s0, s16\n vadd.f32 s1, s1, s17\n vadd.f32 s2, s2, s18\n vadd.f32 s3, s3, s19\n"
      "2: vadd.f32 s0, s0, s8\n vadd.f32 s1, s1, s9\n vadd.f32 s2, s2, s10\n vadd.f32 s3, s3, s11\n"
      "cbz r4, 3f\n"
      "ldr r10, [r4]\n"
      "add r4, r4, r7\n"
      "sxtab16 r11, r9, r10\n sxtab16 r12, r9, r10, ror #8\n"
      "asr r10, r11, #16\n asr lr, r12, #16\n"
      "sxth r11, r11\n sxth r12, r12\n"
      "vmov s16, s17, r11, r12\n vmov s18, s19, r10, lr\n"  //
      MOTE_TO_FLOAT(s16, s17, s18, s19)
      "vmul.f32 s16, s16, s20\n vmul.f32 s17, s17, s20\n vmul.f32 s18, s18, s20\n vmul.f32 s19, s19, s20\n"
      "vadd.f32 s0, s0, s16\n vadd.f32 s1, s1, s17\n vadd.f32 s2, s2, s18\n vadd.f32 s3, s3, s19\n"
      "3: vcvtr.s32.f32 s0, s0\n vcvtr.s32.f32 s1, s1\n vcvtr.s32.f32 s2, s2\n vcvtr.s32.f32 s3, s3\n"
      "vmov r10, r11, s0, s1\n vmov r12, lr, s2, s3\n"
      "qadd r10, r10, r8\n qadd r11, r11, r8\n qadd r12, r12, r8\n qadd lr, lr, r8\n"
      "ssat r10, #8, r10\n ssat r11, #8, r11\n ssat r12, #8, r12\n ssat lr, #8, lr\n"
      "strb r10, [r3]\n strb r11, [r3, #1]\n strb r12, [r3, #2]\n strb lr, [r3, #3]\n"
      "add r3, r3, r7\n"
      "subs r5, r5, #1\n"
      "bne 1b\n"
      "ldr r10, [sp]\n"
      "subs r10, r10, #1\n"
      "beq 5f\n"
      "str r10, [sp]\n"
      "ldr r5, [r0, #16]\n"
      "ldrd r10, r11, [r0, #40]\n"
      "add r3, r3, r10\n"
      "add r1, r1, r11\n"
      "cbz r2, 4f\n"
      "add r2, r2, r11\n"
      "4: cmp r4, #0\n"
      "beq 1b\n"
      "add r4, r4, r10\n"
      "b 1b\n"
      "5: add sp, sp, #4\n"
      "vpop {s16-s20}\n"
      "pop {r4-r11, pc}\n");
}
#undef MOTE_TO_FLOAT

// What the tile or row has in common for channels [first, first + 4).
inline void begin_finish(const Conv2dS8& args, int first, float m_scale, int step, Finish* f) {
  f->channels = args.out_channels - first < 4 ? args.out_channels - first : 4;
  f->step = step;
  f->outputs = args.out_channels;
  f->y_zero = args.y_zero;
  f->minus_residual_zero = both_halves(-args.residual_zero);
  f->residual_m = args.residual_m;
  for (int o = 0; o < f->channels; ++o) {
    f->m0[o] = args.m[0][first + o] * m_scale;
    f->m1[o] = args.channels[1] != 0 ? args.m[1][first + o] * m_scale : 0.0f;
    f->b[o] = args.b[first + o];
  }
}

// One output at a time: whatever finish_fours has not.
__attribute__((noinline)) void finish_each(const Conv2dS8& args, const Finish& f, int at) {
  const int32_t *sums = f.sums, *second = f.second;
  for (int row = 0; row < f.rows; ++row, at += f.next_row) {
    for (int p = 0; p < f.count; ++p, at += f.outputs) {
      for (int o = 0; o < f.channels; ++o) {
        float v = static_cast<float>(sums[o]) * f.m0[o];
        if (second != nullptr) v = v + static_cast<float>(second[o]) * f.m1[o];
        v = v + f.b[o];
        if (args.residual != nullptr) {
          v = v + static_cast<float>(args.residual[at + o] - args.residual_zero) * f.residual_m;
        }
        if (args.y_f32 != nullptr) {
          args.y_f32[at + o] = v;
        } else {
          const int code = round_code(v, f.y_zero);
          args.y[at + o] = static_cast<int8_t>(code < args.y_min ? args.y_min : code);
        }
      }
      sums += f.step / 4;
      if (second != nullptr) second += f.step / 4;
    }
    sums += f.next_sums / 4;
    if (second != nullptr) second += f.next_sums / 4;
  }
}

// `rows` rows of `count` pixels from `pixel` on; channels from `first` on. sums and second of f are set.
inline void finish(const Conv2dS8& args, Finish* f, int first, int pixel, int count, int rows) {
  const int at = pixel * args.out_channels + first;
  f->count = count;
  f->rows = rows;
  f->next_row = (args.out_width - count) * args.out_channels;
  f->next_sums = (4 - count) * f->step;
  if (args.y == nullptr || args.y_min != -128 || f->channels != 4) {
    finish_each(args, *f, at);
  } else {
    f->y = args.y + at;
    f->residual = args.residual != nullptr ? args.residual + at : nullptr;
    finish_fours(f);
  }
}

}  // namespace
}  // namespace mote
