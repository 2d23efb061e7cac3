// From the sums of a tile to the output with Helium: the epilogue of kernels_s8.h for 4 neighbouring pixels of 4 output
// channels at a time, in assembly, because the compiler would spend three times the instructions; and for one output
// channel, of any kind. Sums: for each input [output channel][pitch], pixels in a row.
#pragma once
#include "kernels/cortexm/cortexm.h"

#if defined(MOTE_HAS_MVE)
#include <arm_mve.h>

#include <cstddef>

#include "kernels/kernels_s8.h"

namespace mote {
namespace {

// Output channels of some pixels of a row. Read by the assembly: the order counts.
struct FinishMve {
  const int32_t* sums[2];  // of the first channel, of each input
  const float *m0, *b, *m1;
  int8_t* y;
  int32_t pixels;
  int32_t pitch;           // bytes, of sums
  const int8_t* residual;  // of the first channel and pixel, as y is
  int32_t y_zero, residual_zero;
  float residual_m;
  int32_t y_min;
  int32_t fours;  // a quarter of the number of channels
  int32_t out_channels;
};
static_assert(offsetof(FinishMve, pixels) == 24 && offsetof(FinishMve, y_min) == 48 &&
              offsetof(FinishMve, out_channels) == 56);

// Four pixels at a time. r0: later residual_m; r1, r2: sums; r3: m0; r4: b; r5: m1; r6: y; r7, r8: spare; r9: pitch;
// r10: residual; r11: y_zero; r12: residual_zero; q5: offsets of the pixels, the last one again where there are fewer;
// q6: y_min. Predicated: the pixels there are.
// clang-format off
#define MOTE_MVE_FINISH_ENTER              \
  "push {r0, r4-r11, lr}\n\t"              \
  "vpush {d8-d13}\n\t"                     \
  "2:\n\t"                                 \
  "ldrd r7, r8, [r0, #48]\n\t"             \
  "vdup.8 q6, r7\n\t"                      \
  "dls lr, r8\n\t"                         \
  "ldr r7, [r0, #24]\n\t"                  \
  "vctp.32 r7\n\t"                         \
  "subs r7, r7, #1\n\t"                    \
  "movs r8, #0\n\t"                        \
  "vidup.u32 q5, r8, #1\n\t"               \
  "vdup.32 q4, r7\n\t"                     \
  "vmin.u32 q5, q5, q4\n\t"                \
  "ldr r7, [r0, #56]\n\t"                  \
  "vmul.i32 q5, q5, r7\n\t"                \
  "ldr r9, [r0, #28]\n\t"                  \
  "ldrd r10, r11, [r0, #32]\n\t"           \
  "ldr r12, [r0, #40]\n\t"                 \
  "ldm r0, {r1, r2, r3, r4, r5, r6}\n\t"   \
  "ldr r0, [r0, #44]\n\t"                  \
  "1:\n\t"
// On to the next four pixels, if there are any.
#define MOTE_MVE_FINISH_LEAVE              \
  "ldr r0, [sp, #48]\n\t"                  \
  "ldr r7, [r0, #24]\n\t"                  \
  "subs r7, r7, #4\n\t"                    \
  "ble 3f\n\t"                             \
  "str r7, [r0, #24]\n\t"                  \
  "ldrd r1, r2, [r0]\n\t"                  \
  "adds r1, r1, #16\n\t"                   \
  "adds r2, r2, #16\n\t"                   \
  "strd r1, r2, [r0]\n\t"                  \
  "ldr r7, [r0, #56]\n\t"                  \
  "ldr r1, [r0, #20]\n\t"                  \
  "add r1, r1, r7, lsl #2\n\t"             \
  "str r1, [r0, #20]\n\t"                  \
  "ldr r1, [r0, #32]\n\t"                  \
  "add r1, r1, r7, lsl #2\n\t"             \
  "str r1, [r0, #32]\n\t"                  \
  "b 2b\n\t"                               \
  "3:\n\t"                                 \
  "vpop {d8-d13}\n\t"                      \
  "pop {r0, r4-r11, pc}\n\t"

#define MOTE_MVE_LOAD_SUMS(q, at) "vldrw.u32 " q ", [" at "]\n\tadd " at ", " at ", r9\n\t"
#define MOTE_MVE_SCALE(q, m) "vcvt.f32.s32 " q ", " q "\n\tvmul.f32 " q ", " q ", " m "\n\t"
#define MOTE_MVE_ADD(q, value) "vadd.f32 " q ", " q ", " value "\n\t"
// Two output channels in the vectors a and b.
#define MOTE_MVE_FINISH_FIRST(a, b)                                                   \
  MOTE_MVE_LOAD_SUMS(a, "r1") MOTE_MVE_LOAD_SUMS(b, "r1")                             \
  "ldrd r7, r8, [r3], #8\n\t" MOTE_MVE_SCALE(a, "r7") MOTE_MVE_SCALE(b, "r8")
#define MOTE_MVE_FINISH_SECOND(a, b)                                                  \
  "ldrd r7, r8, [r5], #8\n\t"                                                         \
  MOTE_MVE_LOAD_SUMS("q4", "r2") MOTE_MVE_SCALE("q4", "r7") MOTE_MVE_ADD(a, "q4")     \
  MOTE_MVE_LOAD_SUMS("q4", "r2") MOTE_MVE_SCALE("q4", "r8") MOTE_MVE_ADD(b, "q4")
#define MOTE_MVE_FINISH_BIAS(a, b) "ldrd r7, r8, [r4], #8\n\t" MOTE_MVE_ADD(a, "r7") MOTE_MVE_ADD(b, "r8")
#define MOTE_MVE_FINISH_RESIDUAL(a)                                                   \
  "vldrb.s32 q4, [r10, q5]\n\tadd r10, r10, #1\n\tvsub.i32 q4, q4, r12\n\t"           \
  MOTE_MVE_SCALE("q4", "r0") MOTE_MVE_ADD(a, "q4")
// Conversion and narrowing saturate, so that clamping before rounding, as the definition has it, comes to the same.
// Bottom and top lanes: bytes become the four channels of one pixel after the other.
#define MOTE_MVE_FINISH_STORE                                                         \
  "vcvtn.s32.f32 q0, q0\n\tvcvtn.s32.f32 q1, q1\n\t"                                  \
  "vcvtn.s32.f32 q2, q2\n\tvcvtn.s32.f32 q3, q3\n\t"                                  \
  "vqmovnb.s32 q0, q0\n\tvqmovnt.s32 q0, q2\n\tvqadd.s16 q0, q0, r11\n\t"             \
  "vqmovnb.s32 q1, q1\n\tvqmovnt.s32 q1, q3\n\tvqadd.s16 q1, q1, r11\n\t"             \
  "vqmovnb.s16 q0, q0\n\tvqmovnt.s16 q0, q1\n\tvmax.s8 q0, q0, q6\n\t"                \
  "vpst\n\tvstrwt.32 q0, [r6, q5]\n\tadds r6, r6, #4\n\t"                             \
  "le lr, 1b\n\t"

#define MOTE_MVE_NOTHING(...)
#define MOTE_MVE_FINISH_TWO(a, b, second, residual) \
  MOTE_MVE_FINISH_FIRST(a, b) second(a, b) MOTE_MVE_FINISH_BIAS(a, b) residual(a) residual(b)
#define MOTE_MVE_FINISH(name, second, residual)                                       \
  __attribute__((naked, noinline)) void name(FinishMve*) {                            \
    __asm__(MOTE_MVE_FINISH_ENTER                                                     \
            MOTE_MVE_FINISH_TWO("q0", "q1", second, residual)                         \
            MOTE_MVE_FINISH_TWO("q2", "q3", second, residual)                         \
            MOTE_MVE_FINISH_STORE MOTE_MVE_FINISH_LEAVE);                             \
  }
// clang-format on
MOTE_MVE_FINISH(finish_fours, MOTE_MVE_NOTHING, MOTE_MVE_NOTHING)
MOTE_MVE_FINISH(finish_fours_two, MOTE_MVE_FINISH_SECOND, MOTE_MVE_NOTHING)
MOTE_MVE_FINISH(finish_fours_residual, MOTE_MVE_NOTHING, MOTE_MVE_FINISH_RESIDUAL)
MOTE_MVE_FINISH(finish_fours_two_residual, MOTE_MVE_FINISH_SECOND, MOTE_MVE_FINISH_RESIDUAL)

// Output channels one after the other, of any number of them and up to 4 pixels, as int8 or float32.
__attribute__((noinline)) void finish_ones(const Conv2dS8& args, const FinishMve& f, ptrdiff_t at, int count) {
  const uint32x4_t lanes = vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(static_cast<uint32_t>(f.pixels - 1)));
  const uint32x4_t offsets = vmulq_n_u32(lanes, static_cast<uint32_t>(f.out_channels));
  const mve_pred16_t inside = vctp32q(static_cast<uint32_t>(f.pixels));
  const ptrdiff_t pitch = f.pitch / 4;
  for (int o = 0; o < count; ++o) {
    float32x4_t v = vmulq_n_f32(vcvtq_f32_s32(vldrwq_s32(f.sums[0] + o * pitch)), f.m0[o]);
    if (args.channels[1] != 0) {
      v = vaddq_f32(v, vmulq_n_f32(vcvtq_f32_s32(vldrwq_s32(f.sums[1] + o * pitch)), f.m1[o]));
    }
    v = vaddq_n_f32(v, f.b[o]);
    if (f.residual != nullptr) {
      const int32x4_t r = vsubq_n_s32(vldrbq_gather_offset_s32(f.residual + o, offsets), f.residual_zero);
      v = vaddq_f32(v, vmulq_n_f32(vcvtq_f32_s32(r), f.residual_m));
    }
    if (args.y_f32 != nullptr) {
      vstrwq_scatter_shifted_offset_p_f32(args.y_f32 + at + o, offsets, v, inside);
      continue;
    }
    int32x4_t code = vqaddq_n_s32(vcvtnq_s32_f32(v), f.y_zero);
    code = vminq_s32(vmaxq_s32(code, vdupq_n_s32(f.y_min)), vdupq_n_s32(127));
    vstrbq_scatter_offset_p_s32(args.y + at + o, offsets, code, inside);
  }
}

// How a block of output channels of a tile is finished.
class FinisherMve {
 public:
  FinisherMve(const Conv2dS8& args, int tile)
      : args_(args), two_(args.channels[1] != 0), fours_(args.y != nullptr && args.out_channels % 4 == 0), f_{} {
    f_.pitch = 4 * tile;
    f_.y_zero = args.y_zero;
    f_.residual_zero = args.residual_zero;
    f_.residual_m = args.residual_m;
    f_.y_min = args.y_min;
    f_.out_channels = args.out_channels;
    run_ = args.residual != nullptr ? (two_ ? finish_fours_two_residual : finish_fours_residual)
                                    : (two_ ? finish_fours_two : finish_fours);
  }

  // The output channels [begin, end), a block, of `pixels` pixels in a row, the first of which is `pixel`; `sums` begin
  // at `begin`, those of the second input `second` elements later.
  __attribute__((noinline)) void finish(ptrdiff_t pixel, int pixels, int begin, int end, const int32_t* sums,
                                        int second) {
    const Conv2dS8& args = args_;
    ptrdiff_t at = pixel * args.out_channels + begin;
    f_.sums[0] = sums;
    f_.sums[1] = sums + second;
    f_.m0 = args.m[0] + begin;
    f_.b = args.b + begin;
    if (two_) f_.m1 = args.m[1] + begin;
    f_.residual = args.residual != nullptr ? args.residual + at : nullptr;
    if (fours_) {
      f_.y = args.y + at;
      f_.pixels = pixels;
      f_.fours = (end - begin) >> 2;
      return run_(&f_);
    }
    for (; pixels > 0; pixels -= 4, at += 4 * args.out_channels) {
      f_.pixels = pixels < 4 ? pixels : 4;
      finish_ones(args, f_, at, end - begin);
      f_.sums[0] += 4;
      f_.sums[1] += 4;
      if (f_.residual != nullptr) f_.residual += 4 * args.out_channels;
    }
  }

 private:
  const Conv2dS8& args_;
  const bool two_, fours_;
  FinishMve f_;
  void (*run_)(FinishMve*);
};

}  // namespace
}  // namespace mote
#endif
