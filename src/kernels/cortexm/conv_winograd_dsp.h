// 3 x 3 convolution of stride 1 by Winograd's F(4 x 4, 3 x 3) (Winograd 1980; Lavin & Gray 2016, arXiv 1509.09308) on
// integers, exact: a quarter of the products.
//
// Points 0, 1, -1, 2, -2, infinity. The fractions of Lavin's G are left to the end: weights take the rows [1 0 0],
// [1 1 1], [1 -1 1], [1 2 4], [1 -2 4], [0 0 1], and the products count 6, -4, -4, 1, 1, 24 times, so that
// |U| <= 49 * 127 = 6223 of the weights and |V| <= 10^2 * 255 = 25500 of the input fit int16. Sums are right modulo
// 2^32 and come to 576 y; times 0x38E38E39, the inverse of 9, that is 64 y if |y| < 2^25 (below_2_25). A power of two
// does not change how a float is rounded: 64 is part of m.
//
// Memory (workspace): for each input a pixel that is outside; then U [36][16 channels of 4 outputs], a block of panels
// as in products_dsp.h; then for pairs of tiles V [blocks of all inputs][36][16 channels of 2 tiles]; sums
// [36][2 tiles][4]; with two inputs the results of the first [16][2 tiles][4]. As many tiles as fit; U is made anew for
// each such group.
#pragma once
#include "kernels/cortexm/finish_dsp.h"
#include "kernels/cortexm/products_dsp.h"
#include "kernels/cortexm/workspace_s8.h"

namespace mote {
namespace {

#define MOTE_OP(op, to, a, b) #op " " #to ", " #a ", " #b "\n"
#define MOTE_OP_TWICE(op, to, a, b) #op " " #to ", " #a ", " #b ", lsl #1\n"
#define MOTE_STORE(x, base, first, more) "str " #x ", [" #base ", #(" #first " + " #more ")]\n"

constexpr int points = 36;
constexpr int lanes = pixel_lanes * output_lanes;

// V of 6 values in a line (d0 to d5), in place but that t1 comes out in r2 and t3 in d1.
// clang-format off
#define MOTE_INPUT_LINE(d0, d1, d2, d3, d4, d5)                                       \
  MOTE_OP(ssub16, d4, d4, d2) MOTE_OP(ssub16, d0, d0, d2)                             \
  MOTE_OP(sadd16, d0, d0, d0) MOTE_OP(sadd16, d0, d0, d0) MOTE_OP(sadd16, d0, d0, d4) \
  MOTE_OP(ssub16, d5, d5, d3) MOTE_OP(ssub16, d3, d3, d1)                             \
  MOTE_OP(sadd16, r2, d1, d1) MOTE_OP(sadd16, d1, d1, r2) MOTE_OP(ssub16, d1, d3, d1) \
  MOTE_OP(sadd16, r2, d2, d2) MOTE_OP(sadd16, d2, d2, r2) MOTE_OP(ssub16, d2, d4, d2) \
  MOTE_OP(sadd16, r2, d2, d1) MOTE_OP(ssub16, d2, d2, d1)                             \
  MOTE_OP(sadd16, d3, d3, d3) MOTE_OP(ssub16, d5, d5, d3) MOTE_OP(ssub16, d5, d5, d3) \
  MOTE_OP(sadd16, d1, d4, d3) MOTE_OP(ssub16, d4, d4, d3)
// clang-format on
// clang-format off
#define MOTE_STORE_LINE(d1, d2, d4, d5, first)                    \
  MOTE_STORE(d2, lr, first, 768) MOTE_STORE(d1, lr, first, 1152)  \
  MOTE_STORE(d4, lr, first, 1536) MOTE_STORE(d5, lr, first, 1920) \
  MOTE_STORE(r2, lr, first, 384)
// clang-format on

// Channels [c, c + 4) of the 36 pixels at `pixels` into a lane of V; `offset` is added to both halves of a word.
// Rows first, of the channels (a, c) and of (b, d): [6][2][6] words on the stack; then columns.
MOTE_DSP_ASSEMBLY void transform_input(const int8_t* const* /*pixels*/, int /*c*/, uint32_t /*offset*/,
                                       uint32_t* /*v*/) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "push {r0-r3}\n"
      "sub sp, sp, #288\n"
      "mov lr, sp\n"
      "1: ldr r1, [sp, #288]\n"
      "ldmia r1!, {r0, r3-r7}\n"
      "ldr r2, [sp, #292]\n"
      "str r1, [sp, #288]\n"
      "ldr r1, [r0, r2]\n ldr r9, [r3, r2]\n ldr r8, [r4, r2]\n"
      "ldr r12, [r5, r2]\n ldr r10, [r6, r2]\n ldr r11, [r7, r2]\n"
      "ldr r2, [sp, #296]\n"
      "sxtab16 r0, r2, r1\n sxtab16 r4, r2, r9\n sxtab16 r3, r2, r8\n"
      "sxtab16 r7, r2, r12\n sxtab16 r5, r2, r10\n sxtab16 r6, r2, r11\n"
      "sxtab16 r1, r2, r1, ror #8\n sxtab16 r9, r2, r9, ror #8\n sxtab16 r8, r2, r8, ror #8\n"
      "sxtab16 r12, r2, r12, ror #8\n sxtab16 r10, r2, r10, ror #8\n sxtab16 r11, r2, r11, ror #8\n"
      MOTE_INPUT_LINE(r0, r4, r3, r7, r5, r6)
      "stmia lr!, {r0, r2, r3, r4, r5, r6}\n"
      MOTE_INPUT_LINE(r1, r9, r8, r12, r10, r11)
      "stmia lr!, {r1, r2, r8, r9, r10, r11}\n"
      "add r0, sp, #288\n"
      "cmp lr, r0\n"
      "bne 1b\n"
      "ldr lr, [sp, #300]\n"
      "mov r12, sp\n"
      "add r11, sp, #24\n"
      "2: ldr r4, [r12, #48]\n ldr r3, [r12, #96]\n ldr r7, [r12, #144]\n"
      "ldr r5, [r12, #192]\n ldr r6, [r12, #240]\n ldr r0, [r12], #4\n"
      MOTE_INPUT_LINE(r0, r4, r3, r7, r5, r6)
      MOTE_STORE_LINE(r4, r3, r5, r6, 0)
      "ldr r4, [r12, #68]\n ldr r3, [r12, #116]\n ldr r7, [r12, #164]\n"
      "ldr r5, [r12, #212]\n ldr r6, [r12, #260]\n ldr r1, [r12, #20]\n"
      MOTE_INPUT_LINE(r1, r4, r3, r7, r5, r6)
      MOTE_STORE_LINE(r4, r3, r5, r6, 8)
      "str r1, [lr, #8]\n str r0, [lr], #64\n"
      "cmp r12, r11\n"
      "bne 2b\n"
      "add sp, sp, #304\n"
      "pop {r4-r11, pc}\n");
}
#undef MOTE_STORE_LINE
#undef MOTE_INPUT_LINE

// U of 3 values in a line into points that lie 128 bytes apart, by way of s, t, u and lr. s, u and t may be x, y and z.
// clang-format off
#define MOTE_WEIGHT_LINE(x, y, z, s, t, u, first)                                    \
  MOTE_STORE(x, r3, first, 0) MOTE_STORE(z, r3, first, 640) MOTE_OP(sadd16, s, x, z) \
  MOTE_OP(sadd16, lr, s, y) MOTE_STORE(lr, r3, first, 128)                           \
  MOTE_OP(ssub16, lr, s, y) MOTE_STORE(lr, r3, first, 256)                           \
  MOTE_OP(sadd16, lr, z, z) MOTE_OP(sadd16, t, lr, z)                                \
  MOTE_OP(sadd16, s, s, t) MOTE_OP(sadd16, u, y, y)                                  \
  MOTE_OP(sadd16, lr, s, u) MOTE_STORE(lr, r3, first, 384)                           \
  MOTE_OP(ssub16, lr, s, u) MOTE_STORE(lr, r3, first, 512)
// clang-format on

// The weights of one output channel, `words` words of two channels, taps `step` bytes apart, into a lane of U.
// r4 to r12 hold the 9 taps of two channels, r0 to r2 a line of the transform down the columns.
MOTE_DSP_ASSEMBLY void transform_weights(const int8_t* /*w*/, int /*step*/, int /*words*/, uint32_t* /*u*/) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "add r3, r3, #3840\n"
      "push {r0-r2}\n"
      "1: ldr r0, [sp]\n ldr r1, [sp, #4]\n ldr r2, [sp, #8]\n"
      "ldr r4, [r0]\n ldr r5, [r0, r1]\n ldr r6, [r0, r1, lsl #1]\n"
      "add lr, r0, r1\n add lr, lr, r1, lsl #1\n"
      "ldr r7, [lr]\n ldr r8, [lr, r1]\n ldr r9, [lr, r1, lsl #1]\n"
      "add lr, lr, r1\n add lr, lr, r1, lsl #1\n"
      "ldr r10, [lr]\n ldr r11, [lr, r1]\n ldr r12, [lr, r1, lsl #1]\n"
      "lsls lr, r2, #31\n"
      "bne 2f\n"
      "sxtb16 r4, r4\n sxtb16 r5, r5\n sxtb16 r6, r6\n sxtb16 r7, r7\n sxtb16 r8, r8\n sxtb16 r9, r9\n"
      "sxtb16 r10, r10\n sxtb16 r11, r11\n sxtb16 r12, r12\n"
      "b 3f\n"
      "2: add r0, r0, #4\n"
      "str r0, [sp]\n"
      "sxtb16 r4, r4, ror #8\n sxtb16 r5, r5, ror #8\n sxtb16 r6, r6, ror #8\n"
      "sxtb16 r7, r7, ror #8\n sxtb16 r8, r8, ror #8\n sxtb16 r9, r9, ror #8\n"
      "sxtb16 r10, r10, ror #8\n sxtb16 r11, r11, ror #8\n sxtb16 r12, r12, ror #8\n"
      "3: sub r2, r2, #1\n"
      "str r2, [sp, #8]\n"
      MOTE_WEIGHT_LINE(r10, r11, r12, r0, r1, r2, 0)
      "sub r3, r3, #3840\n"
      MOTE_WEIGHT_LINE(r4, r5, r6, r0, r1, r2, 0)
      "sadd16 r4, r4, r10\n sadd16 r5, r5, r11\n sadd16 r6, r6, r12\n"
      "sadd16 r0, r4, r7\n sadd16 r1, r5, r8\n sadd16 r2, r6, r9\n"
      MOTE_WEIGHT_LINE(r0, r1, r2, r0, r2, r1, 768)
      "ssub16 r0, r4, r7\n ssub16 r1, r5, r8\n ssub16 r2, r6, r9\n"
      MOTE_WEIGHT_LINE(r0, r1, r2, r0, r2, r1, 1536)
      "sadd16 r0, r10, r10\n sadd16 r1, r11, r11\n sadd16 r2, r12, r12\n"
      "sadd16 r10, r10, r0\n sadd16 r11, r11, r1\n sadd16 r12, r12, r2\n"
      "sadd16 r4, r4, r10\n sadd16 r5, r5, r11\n sadd16 r6, r6, r12\n"
      "sadd16 r7, r7, r7\n sadd16 r8, r8, r8\n sadd16 r9, r9, r9\n"
      "sadd16 r0, r4, r7\n sadd16 r1, r5, r8\n sadd16 r2, r6, r9\n"
      MOTE_WEIGHT_LINE(r0, r1, r2, r0, r2, r1, 2304)
      "ssub16 r0, r4, r7\n ssub16 r1, r5, r8\n ssub16 r2, r6, r9\n"
      MOTE_WEIGHT_LINE(r0, r1, r2, r0, r2, r1, 3072)
      "addw r3, r3, #3856\n"
      "ldr r2, [sp, #8]\n"
      "cmp r2, #0\n"
      "bne 1b\n"
      "add sp, sp, #12\n"
      "pop {r4-r11, pc}\n");
}
#undef MOTE_WEIGHT_LINE

// 4 outputs of the products m0 to m5 in a line, divided by 1, 2, 4, 4, in m0, m2, m1, m5.
// clang-format off
#define MOTE_OUTPUT_LINE(m0, m1, m2, m3, m4, m5)                                         \
  MOTE_OP(add, m1, m1, m2) MOTE_OP_TWICE(sub, m2, m1, m2)                                \
  MOTE_OP(add, m3, m3, m4) MOTE_OP_TWICE(sub, m4, m3, m4)                                \
  MOTE_OP_TWICE(add, m5, m5, m5) MOTE_OP(add, m5, m5, m4) MOTE_OP_TWICE(rsb, m5, m2, m5) \
  MOTE_OP_TWICE(sub, m2, m4, m2) MOTE_OP(sub, m4, m0, m1)                                \
  MOTE_OP_TWICE(add, m4, m0, m4) MOTE_OP_TWICE(add, m0, m3, m4) MOTE_OP(sub, m1, m3, m1)
// clang-format on

// 64 times the sums of 4 x 4 pixels, [16][lanes], of 2 * `pairs` lanes of the sums. `out` may be `sums`.
// Two lanes at a time: columns to the stack, [6][4][2] words, then rows, times the inverse of 9 and what the lines are
// divided by (factors, every other word behind the columns).
MOTE_DSP_ASSEMBLY void transform_output(const uint32_t* /*sums*/, uint32_t* /*out*/, int /*pairs*/) {
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "sub sp, sp, #236\n"
      "movw r3, #0x8e39\n movt r3, #0x38e3\n"
      "str r3, [sp, #192]\n"
      "lsl r3, r3, #1\n str r3, [sp, #200]\n"
      "lsl r3, r3, #1\n str r3, [sp, #208]\n str r3, [sp, #216]\n"
      "str r2, [sp, #228]\n"
      "0: str r1, [sp, #224]\n"
      "mov r1, sp\n"
      "1: ldrd r2, r3, [r0], #32\n ldrd r6, r7, [r0, #160]\n ldrd r4, r5, [r0, #352]\n"
      "ldrd r10, r11, [r0, #544]\n ldrd r12, lr, [r0, #736]\n ldrd r8, r9, [r0, #928]\n"
      MOTE_OUTPUT_LINE(r2, r6, r4, r10, r12, r8)
      MOTE_OUTPUT_LINE(r3, r7, r5, r11, lr, r9)
      "stmia r1!, {r2-r9}\n"
      "add r2, sp, #192\n"
      "cmp r1, r2\n"
      "bne 1b\n"
      "str r0, [sp, #232]\n"
      "ldr r0, [sp, #224]\n"
      "mov r1, sp\n"
      "2: ldrd r2, r3, [r1], #8\n ldrd r6, r7, [r1, #24]\n ldrd r4, r5, [r1, #56]\n"
      "ldrd r10, r11, [r1, #88]\n ldrd r12, lr, [r1, #120]\n ldrd r8, r9, [r1, #152]\n"
      MOTE_OUTPUT_LINE(r2, r6, r4, r10, r12, r8)
      MOTE_OUTPUT_LINE(r3, r7, r5, r11, lr, r9)
      "ldr r10, [r1, #184]\n"
      "mul r2, r2, r10\n mul r3, r3, r10\n"
      "strd r2, r3, [r0], #128\n"
      "lsl r10, r10, #1\n"
      "mul r4, r4, r10\n mul r5, r5, r10\n"
      "strd r4, r5, [r0, #-96]\n"
      "lsl r10, r10, #1\n"
      "mul r6, r6, r10\n mul r7, r7, r10\n"
      "strd r6, r7, [r0, #-64]\n"
      "mul r8, r8, r10\n mul r9, r9, r10\n"
      "strd r8, r9, [r0, #-32]\n"
      "add r2, sp, #32\n"
      "cmp r1, r2\n"
      "bne 2b\n"
      "ldr r2, [sp, #228]\n"
      "subs r2, r2, #1\n"
      "str r2, [sp, #228]\n"
      "sub r1, r0, #504\n"
      "ldr r0, [sp, #232]\n"
      "sub r0, r0, #184\n"
      "bne 0b\n"
      "add sp, sp, #236\n"
      "pop {r4-r11, pc}\n");
}
#undef MOTE_OUTPUT_LINE
#undef MOTE_STORE
#undef MOTE_OP_TWICE
#undef MOTE_OP

struct WinogradConv {
  const Conv2dS8& args;
  int inputs, across;
  int room;  // pairs of tiles
  int8_t* outside[2];
  uint32_t *weights, *v, *sums, *first;  // first: results of the first of two inputs

  int blocks(int i) const { return (args.channels[i] + block_channels - 1) / block_channels; }
  int pair_words() const { return (blocks(0) + blocks(1)) * points * pixel_block_words; }

  // False if there is no room for two tiles.
  bool place(int tiles) {
    const size_t fixed = winograd_fixed_bytes_dsp(args), pair = 2 * winograd_tile_bytes_dsp(args);
    if (args.workspace_bytes < fixed + pair) return false;
    const size_t fit = (args.workspace_bytes - fixed) / pair;
    const int pairs = (tiles + 1) / 2;
    room = fit < static_cast<size_t>(pairs) ? static_cast<int>(fit) : pairs;
    const int groups = (pairs + room - 1) / room;
    room = (pairs + groups - 1) / groups;  // groups as equal as can be
    int8_t* memory = static_cast<int8_t*>(args.workspace);
    for (int i = 0; i < inputs; ++i) {
      outside[i] = memory;
      memset(memory, args.zero[i], static_cast<size_t>(args.channels[i]));
      memory += (args.channels[i] + 15) / 16 * 16;
    }
    weights = reinterpret_cast<uint32_t*>(memory);
    v = weights + points * weight_block_words;
    sums = v + room * pair_words();
    first = sums + room * points * lanes;
    if (((args.channels[0] | args.channels[1]) & 15) != 0) memset(v, 0, static_cast<size_t>(room * pair_words()) * 4);
    return true;
  }

  // Of a tile whose outputs begin at row `top` and column `left`.
  void transform_tile(int top, int left, uint32_t* lane) {
    const int8_t** pixels = reinterpret_cast<const int8_t**>(sums);  // nothing else is there yet
    const int shift = args.upsample - 1, high = args.in_height << shift, wide = args.in_width << shift;
    top -= args.pad_top;
    left -= args.pad_left;
    for (int i = 0; i < inputs; ++i) {
      const int8_t** to = pixels;
      for (int r = top; r < top + 6; ++r) {
        const int8_t* row = args.x[i] + static_cast<ptrdiff_t>(r >> shift) * args.in_width * args.channels[i];
        const bool has_row = r >= 0 && r < high;
        for (int k = left; k < left + 6; ++k) {
          *to++ = has_row && k >= 0 && k < wide ? row + (k >> shift) * args.channels[i] : outside[i];
        }
      }
      for (int c = 0; c < args.channels[i]; c += 4) {
        uint32_t* v_of_c = lane + (c >> 4) * points * pixel_block_words + (c & 12);
        transform_input(pixels, c, both_halves(-args.zero[i]), v_of_c);
      }
      lane += blocks(i) * points * pixel_block_words;
    }
  }

  // Products of the 4 output channels from `output` on and input i with some tiles, and their transform.
  void multiply(int i, int output, int count) {
    const int pairs = (count + 1) / 2;
    const int all = args.channels[0] + args.channels[1];
    clear(sums, pairs * points);
    const uint32_t* block = v + (i == 0 ? 0 : blocks(0) * points * pixel_block_words);
    for (int c = 0; c < args.channels[i]; c += block_channels, block += points * pixel_block_words) {
      const int n = args.channels[i] - c < block_channels ? args.channels[i] - c : block_channels;
      for (int o = output; o < output + 4 && o < args.out_channels; ++o) {
        const int8_t* w = args.weights + static_cast<ptrdiff_t>(o) * 9 * all + (i == 0 ? c : args.channels[0] + c);
        transform_weights(w, all, n / 2, weights + (o - output));
      }
      constexpr int bytes = points * pixel_block_words * 4;
      const Products p = {reinterpret_cast<int32_t*>(sums),
                          reinterpret_cast<const int32_t*>(block),
                          lanes * 4,
                          reinterpret_cast<const int32_t*>(weights),
                          pair_words() * 4 - bytes,
                          bytes,
                          0,
                          pairs};
      multiply_panels(&p);
    }
    for (int p = 0; p < pairs; ++p) {
      uint32_t* m = sums + p * points * lanes;
      transform_output(m, i + 1 < inputs ? first + p * 16 * lanes : m, 2 * p + 1 < count ? 4 : 2);
    }
  }

  void run(int row_begin, int row_end) {
    const int tiles = (row_end - row_begin + 3) / 4 * across;
    for (int tile = 0; tile < tiles; tile += 2 * room) {
      const int count = tiles - tile < 2 * room ? tiles - tile : 2 * room;
      for (int t = 0; t < count; ++t) {
        const int at = tile + t;
        transform_tile(row_begin + at / across * 4, at % across * 4, v + (t >> 1) * pair_words() + (t & 1));
      }
      for (int o = 0; o < args.out_channels; o += 4) {
        for (int i = 0; i < inputs; ++i) multiply(i, o, count);
        Finish f;
        begin_finish(args, o, 1.0f / 64.0f, lanes * 4, &f);
        for (int t = 0; t < count; ++t) {
          const int at = tile + t, oy = row_begin + at / across * 4, ox = at % across * 4;
          const int32_t* last = reinterpret_cast<int32_t*>(sums) + (t >> 1) * points * lanes + (t & 1) * 4;
          f.sums = last;
          f.second = nullptr;
          if (inputs == 2) {
            f.sums = reinterpret_cast<int32_t*>(first) + (t >> 1) * 16 * lanes + (t & 1) * 4;
            f.second = last;
          }
          finish(args, &f, o, oy * args.out_width + ox, args.out_width - ox < 4 ? args.out_width - ox : 4,
                 row_end - oy < 4 ? row_end - oy : 4);
        }
      }
    }
  }
};

// False if it has no room, or the shape is another.
__attribute__((noinline)) bool conv_winograd(const Conv2dS8& args, int row_begin, int row_end) {
  if (!winograd_fits_dsp(args)) return false;
  WinogradConv conv = {
      args, args.channels[1] != 0 ? 2 : 1, (args.out_width + 3) / 4, 0, {}, nullptr, nullptr, nullptr, nullptr};
  if (!conv.place((row_end - row_begin + 3) / 4 * conv.across)) return false;
  conv.run(row_begin, row_end);
  return true;
}

}  // namespace
}  // namespace mote
