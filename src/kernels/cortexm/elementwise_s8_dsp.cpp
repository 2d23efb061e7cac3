// Elementwise operators and the sums of a normalisation with the DSP extension, 4 values at a time.
// Nothing but the kernels leaves this file.
#include "kernels/cortexm/cortexm.h"
#if defined(MOTE_HAS_DSP)
#if !defined(__clang__)
#pragma GCC optimize("Os")
#endif
#include "kernels/cortexm/cortexm_s8.h"
#include "kernels/cortexm/dsp.h"

namespace mote {

#if !defined(__clang__)
__attribute__((optimize("O2")))
#endif
void add_s8_dsp(const AddS8& args, int row_begin, int row_end) {
  const ptrdiff_t begin = static_cast<ptrdiff_t>(row_begin) * args.row;
  const int8_t *a = args.a + begin, *b = args.b + begin;
  int8_t* y = args.y + begin;
  const uint32_t factors = (static_cast<uint32_t>(args.A0) & 0xffff) | static_cast<uint32_t>(args.A1) << 16;
  const int32_t offset = args.B, shift = args.shift;
  int n = (row_end - row_begin) * args.row;
  for (; n >= 4; n -= 4, y += 4, a += 4, b += 4) {
    const uint32_t from_a = load4(a), from_b = load4(b);
    const uint32_t a02 = even_bytes(from_a), a13 = odd_bytes(from_a), b02 = even_bytes(from_b), b13 = odd_bytes(from_b);
    const int32_t y0 = dot_pair(low_halves(a02, b02), factors, offset) >> shift;
    const int32_t y1 = dot_pair(low_halves(a13, b13), factors, offset) >> shift;
    const int32_t y2 = dot_pair(high_halves(a02, b02), factors, offset) >> shift;
    const int32_t y3 = dot_pair(high_halves(a13, b13), factors, offset) >> shift;
    y[0] = static_cast<int8_t>(saturate8(y0));
    y[1] = static_cast<int8_t>(saturate8(y1));
    y[2] = static_cast<int8_t>(saturate8(y2));
    y[3] = static_cast<int8_t>(saturate8(y3));
  }
  for (; n > 0; --n) *y++ = static_cast<int8_t>(saturate8((*a++ * args.A0 + *b++ * args.A1 + offset) >> shift));
}

namespace {

struct Affine {
  const int8_t* x;
  int8_t* y;
  const int32_t *A, *B;
  int32_t shift;
  const int8_t* table;
  const int32_t* A_end;
  const int8_t* x_end;
};

// Channels in fours, without a table or with one of 1024 entries.
MOTE_DSP_ASSEMBLY void affine_fours(const Affine*) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "ldr r8, [r0, #28]\n ldr r7, [r0, #24]\n ldrd r9, r10, [r0, #8]\n"
      "push {r7-r10}\n"  // end of A, end of x, A, B
      "ldrd r5, r6, [r0, #16]\n"
      "ldrd r0, r1, [r0]\n"
      "1: ldrd r2, r3, [sp, #8]\n"
      "2: ldr r11, [r0], #4\n"
      "ldrd r4, lr, [r2], #16\n"
      "ldmia r3!, {r7-r10}\n"
      "sxtb16 r12, r11\n sxtb16 r11, r11, ror #8\n"
      "smlabb r7, r12, r4, r7\n smlabb r8, r11, lr, r8\n"
      "ldrd r4, lr, [r2, #-8]\n"
      "smlatb r9, r12, r4, r9\n smlatb r10, r11, lr, r10\n"
      "asr r7, r7, r5\n asr r8, r8, r5\n asr r9, r9, r5\n asr r10, r10, r5\n"
      "cbz r6, 4f\n"
      "usat r7, #10, r7\n usat r8, #10, r8\n usat r9, #10, r9\n usat r10, #10, r10\n"
      "ldrb r7, [r6, r7]\n ldrb r8, [r6, r8]\n ldrb r9, [r6, r9]\n ldrb r10, [r6, r10]\n"
      "3: strb r7, [r1], #4\n strb r8, [r1, #-3]\n strb r9, [r1, #-2]\n strb r10, [r1, #-1]\n"
      "ldr r12, [sp]\n"
      "cmp r2, r12\n"
      "bne 2b\n"
      "ldr r12, [sp, #4]\n"
      "cmp r0, r12\n"
      "bne 1b\n"
      "add sp, sp, #16\n"
      "pop {r4-r11, pc}\n"
      "4: ssat r7, #8, r7\n ssat r8, #8, r8\n ssat r9, #8, r9\n ssat r10, #8, r10\n"
      "b 3b\n");
}

}  // namespace

// 4 at a time without a table, or with one of 1024 entries, which is what `quantize` makes if not told otherwise.
void affine_s8_dsp(const AffineS8& args, int row_begin, int row_end) {
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.width) * args.channels;
  const int8_t* x = args.x + row_begin * row;
  const int8_t* const end = args.x + row_end * row;
  int8_t* y = args.y + row_begin * row;
  if (x == end) return;
  const int last = args.table_entries - 1;
  if (args.channels % 4 == 0 && (args.table == nullptr || last == 1023)) {
    const Affine fours = {x, y, args.A, args.B, args.shift, args.table, args.A + args.channels, end};
    affine_fours(&fours);
    return;
  }
  for (int c = 0; x != end; c = c + 1 < args.channels ? c + 1 : 0) {
    const int32_t v = (*x++ * args.A[c] + args.B[c]) >> args.shift;
    *y++ = args.table == nullptr ? static_cast<int8_t>(saturate8(v)) : args.table[v < 0 ? 0 : v > last ? last : v];
  }
}

// 4 channels down all pixels: sums in 16 bits for at most 255 pixels at a time, squares in 32.
void channel_sums_s8_dsp(const ChannelSumsS8& args, int row_begin, int row_end) {
  const int channels = args.channels, pixels = (row_end - row_begin) * args.width;
  const int8_t* first = args.x + static_cast<ptrdiff_t>(row_begin) * args.width * channels;
  int c = 0;
  for (; c + 4 <= channels; c += 4) {
    const int8_t* x = first + c;
    int32_t sum[4] = {0, 0, 0, 0};
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int rest = pixels; rest > 0;) {
      int n = rest < 255 ? rest : 255;
      rest -= n;
      uint32_t sum02 = 0, sum13 = 0;
      for (; n > 0; --n, x += channels) {
        const uint32_t bytes = load4(x), x02 = even_bytes(bytes), x13 = odd_bytes(bytes);
        sum02 = add16(sum02, x02);
        sum13 = add16(sum13, x13);
        s0 = low_product(x02, static_cast<int32_t>(x02), s0);
        s1 = low_product(x13, static_cast<int32_t>(x13), s1);
        s2 = high_square(x02, s2);
        s3 = high_square(x13, s3);
      }
      sum[0] += static_cast<int16_t>(sum02);
      sum[1] += static_cast<int16_t>(sum13);
      sum[2] += static_cast<int32_t>(sum02) >> 16;
      sum[3] += static_cast<int32_t>(sum13) >> 16;
    }
    memcpy(args.sum + c, sum, sizeof sum);
    args.squares[c] = static_cast<uint32_t>(s0);
    args.squares[c + 1] = static_cast<uint32_t>(s1);
    args.squares[c + 2] = static_cast<uint32_t>(s2);
    args.squares[c + 3] = static_cast<uint32_t>(s3);
  }
  for (; c < channels; ++c) {
    const int8_t* x = first + c;
    int32_t sum = 0, squares = 0;
    for (int n = pixels; n > 0; --n, x += channels) {
      sum += *x;
      squares += *x * *x;
    }
    args.sum[c] = sum;
    args.squares[c] = static_cast<uint32_t>(squares);
  }
}

}  // namespace mote
#endif
