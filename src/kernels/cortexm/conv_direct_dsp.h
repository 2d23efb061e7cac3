// Convolution of any shape. With a workspace, as products of panels (products_dsp.h): the inputs under as many output
// pixels as fit and the weights of 4 output channels, widened to 16 bits, zero points taken off, so that outside of the
// image is 0. Pixels are widened once, weights once for those pixels. Without one, sums of products of bytes as they
// lie, which takes several times as many instructions.
#pragma once
#include "kernels/cortexm/finish_dsp.h"
#include "kernels/cortexm/products_dsp.h"
#include "kernels/cortexm/workspace_s8.h"

namespace mote {
namespace {

// n values into the lane that `panel` points at, of `lanes`, from value k on; `offset` is added to both halves.
__attribute__((noinline)) void widen(const int8_t* x, bool is_int16, int n, uint32_t offset, int k, uint32_t* panel,
                                     int lanes) {
  uint32_t* words = panel + (k >> 2) * 2 * lanes;
  int fours = n >> 2;
  if (!is_int16 && (k & 3) == 0 && fours != 0) {
    k += 4 * fours;
    n &= 3;
    uint32_t even, odd;
    __asm__ volatile(
        "1: ldr %[odd], [%[x]], #4\n"
        "sxtab16 %[even], %[offset], %[odd]\n"
        "sxtab16 %[odd], %[offset], %[odd], ror #8\n"
        "str %[even], [%[words]]\n"
        "str %[odd], [%[words], %[lane]]\n"
        "add %[words], %[words], %[lane], lsl #1\n"
        "subs %[fours], %[fours], #1\n"
        "bne 1b\n"
        : [x] "+r"(x), [words] "+r"(words), [fours] "+r"(fours), [even] "=&r"(even), [odd] "=&r"(odd)
        : [offset] "r"(offset), [lane] "r"(4 * lanes)
        : "cc", "memory");
  }
  for (; n > 0; --n, ++k) {
    int value = *x + static_cast<int16_t>(offset);
    if (is_int16) value = *reinterpret_cast<const int16_t*>(x);
    x += is_int16 ? 2 : 1;
    words = panel + ((k >> 2) * 2 + (k & 1)) * lanes;
    reinterpret_cast<int16_t*>(words)[(k >> 1) & 1] = static_cast<int16_t>(value);
  }
}

// sums[o] += the sum of (x[k] + offset) * w[o][k] for 4 outputs and 4 * `fours` values, at least 4; the weights of two
// outputs lie `step` bytes apart. `offset` is in both halves.
struct Dots {
  const int8_t *x, *w;
  int32_t step, fours;
  uint32_t offset;
  int32_t* sums;
};
MOTE_DSP_ASSEMBLY void dot_fours(const Dots*) {
#define MOTE_DOT(from, sum)      \
  "ldr r12, " from               \
  "\n sxtb16 lr, r12\n"          \
  "smlad " sum ", r10, lr, " sum \
  "\n"                           \
  "sxtb16 r12, r12, ror #8\n smlad " sum ", r11, r12, " sum "\n"
  __asm__ volatile(
      "push {r4-r11, lr}\n"
      "ldr r5, [r0, #20]\n"
      "push {r5}\n"
      "ldmia r5, {r6-r9}\n"
      "ldmia r0, {r0-r4}\n"
      "add r5, r2, r2, lsl #1\n"
      "1: ldr r11, [r0], #4\n"
      "sxtab16 r10, r4, r11\n sxtab16 r11, r4, r11, ror #8\n"  //
      MOTE_DOT("[r1, r2]", "r7") MOTE_DOT("[r1, r2, lsl #1]", "r8") MOTE_DOT("[r1, r5]", "r9")
      MOTE_DOT("[r1], #4", "r6")
      "subs r3, r3, #1\n"
      "bne 1b\n"
      "pop {r5}\n"
      "stmia r5, {r6-r9}\n"
      "pop {r4-r11, pc}\n");
#undef MOTE_DOT
}

struct DirectConv {
  const Conv2dS8& args;
  int inputs, taps;
  bool panels;  // there is room for them
  int room;     // pixels
  uint32_t *pixels[2], *weights;
  int32_t* sums[2];

  int blocks(int i) const { return (taps * args.channels[i] + block_channels - 1) / block_channels; }

  void place(int most, int32_t* small) {
    const size_t bytes = args.workspace_bytes, weight_bytes = direct_weight_bytes_dsp(args);
    const size_t pixel_bytes = direct_pixel_bytes_dsp(args);
    panels = bytes >= weight_bytes + 2 * pixel_bytes;
    room = 1;
    sums[0] = small;
    sums[1] = small + 2 * output_lanes;
    if (!panels) return;
    const size_t fit = (bytes - weight_bytes) / pixel_bytes;
    room = (fit <= static_cast<size_t>(most) ? static_cast<int>(fit) : most + 1) & ~1;
    uint32_t* memory = static_cast<uint32_t*>(args.workspace);
    for (int i = 0; i < inputs; ++i) {
      const int words = room / pixel_lanes * blocks(i) * pixel_block_words;
      sums[i] = reinterpret_cast<int32_t*>(memory);
      pixels[i] = memory + room * output_lanes;
      memory = pixels[i] + words;
      clear(pixels[i], words / 8);  // of values behind the last, nothing else is written
    }
    weights = memory;
  }

  // The values under some pixels, [tap][channel], into the lanes of their panels; or, without panels, those under one
  // pixel times the weights of 4 output channels from `first` on.
  void take_pixels(int i, int pixel, int count, int first) {
    if (panels && taps == 1 && args.stride == 1 && args.upsample == 1 && args.out_width == args.in_width &&
        args.out_height <= args.in_height && args.pad_top == 0 && args.pad_left == 0) {
      take_points(i, pixel, count);
      return;
    }
    const int channels = args.channels[i], up = args.upsample, width = args.kernel_width;
    const int high = args.in_height * up, wide = args.in_width * up, shift = up - 1, n = blocks(i) * pixel_block_words;
    int top = pixel / args.out_width * args.stride - args.pad_top;
    int left = pixel % args.out_width * args.stride - args.pad_left;
    uint32_t* lane = panels ? pixels[i] : nullptr;
    for (int t = 0; t < count; ++t) {
      const int begin = left < 0 ? -left : 0, end = wide - left < width ? wide - left : width;
      // Taps that lie next to each other, in the weights too if those are read.
      const int run = up == 1 && (panels || inputs == 1) ? end - begin : 1;
      if (panels && (top < 0 || top + args.kernel_height > high || end - begin < width)) {
        for (int word = 0; word < n; word += pixel_lanes) lane[word] = 0;
      }
      for (int kh = top < 0 ? -top : 0; kh < args.kernel_height && top + kh < high; ++kh) {
        for (int kw = begin; kw < end; kw += run) {
          const int at = (((top + kh) >> shift) * args.in_width + ((left + kw) >> shift)) * channels;
          take_run(i, at, run * channels, kh * width + kw, lane, first);
        }
      }
      lane += (t & 1) == 0 ? 1 : n - 1;
      left += args.stride;
      if (left == args.out_width * args.stride - args.pad_left) {
        left = -args.pad_left;
        top += args.stride;
      }
    }
  }

  // The same for 1 x 1: pixels follow each other as outputs do.
  MOTE_DSP_INLINE void take_points(int i, int pixel, int count) {
    const bool is_int16 = args.x16 != nullptr;
    const int channels = args.channels[i], bytes = is_int16 ? 2 * channels : channels;
    const int8_t* x = (is_int16 ? reinterpret_cast<const int8_t*>(args.x16) : args.x[i]) + pixel * bytes;
    uint32_t* lane = pixels[i];
    for (int t = 0; t < count; ++t, x += bytes) {
      widen(x, is_int16, channels, both_halves(-args.zero[i]), 0, lane, pixel_lanes);
      lane += (t & 1) == 0 ? 1 : blocks(i) * pixel_block_words - 1;
    }
  }

  MOTE_DSP_INLINE void take_run(int i, int at, int n, int tap, uint32_t* lane, int first) {
    const bool is_int16 = args.x16 != nullptr;
    const int8_t* x = is_int16 ? reinterpret_cast<const int8_t*>(args.x16 + at) : args.x[i] + at;
    if (panels) {
      widen(x, is_int16, n, both_halves(-args.zero[i]), tap * args.channels[i], lane, pixel_lanes);
      return;
    }
    const int all = args.channels[0] + args.channels[1], step = taps * all;
    const int8_t* w = args.weights + static_cast<ptrdiff_t>(first) * step + tap * all + (i == 0 ? 0 : args.channels[0]);
    int done = 0;
    if (!is_int16 && n >= 4 && first + 4 <= args.out_channels) {
      const Dots dots = {x, w, step, n >> 2, both_halves(-args.zero[i]), sums[i]};
      dot_fours(&dots);
      done = n & ~3;
    }
    for (int o = 0; o < 4 && first + o < args.out_channels; ++o, w += step) {
      int32_t sum = sums[i][o];
      for (int k = done; k < n; ++k) {
        const int value = is_int16 ? reinterpret_cast<const int16_t*>(x)[k] : x[k] - args.zero[i];
        sum = low_product(static_cast<uint32_t>(value), w[k], sum);
      }
      sums[i][o] = sum;
    }
  }

  // Of channels there are not, anything: nothing of it is stored.
  void widen_weights(int i, int first) {
    const int all = args.channels[0] + args.channels[1], run = inputs == 1 ? taps : 1, n = run * args.channels[i];
    for (int o = 0; o < 4 && first + o < args.out_channels; ++o) {
      const int8_t* w = args.weights + static_cast<ptrdiff_t>(first + o) * taps * all + (i == 0 ? 0 : args.channels[0]);
      for (int k = 0; k < taps * args.channels[i]; k += n, w += all) {
        widen(w, false, n, 0, k, weights + o, output_lanes);
      }
    }
  }

  void multiply(int first, int pixel, int count) {
    for (int i = 0; i < inputs; ++i) {
      clear(sums[i], (count + 1) / 2);
      if (!panels) {
        take_pixels(i, pixel, 1, first);
        continue;
      }
      widen_weights(i, first);
      const Products p = {
          sums[i], reinterpret_cast<const int32_t*>(pixels[i]), 0,     reinterpret_cast<int32_t*>(weights),
          0,       blocks(i) * pixel_block_words * 4,           8 * 4, (count + 1) / 2};
      multiply_panels(&p);
    }
    Finish f;
    begin_finish(args, first, 1.0f, 16, &f);
    f.sums = sums[0];
    f.second = inputs == 2 ? sums[1] : nullptr;
    finish(args, &f, first, pixel, count, 1);
  }

  void run(int pixel, int end) {
    for (int count; pixel < end; pixel += count) {
      count = end - pixel < room ? end - pixel : room;
      for (int i = 0; panels && i < inputs; ++i) take_pixels(i, pixel, count, 0);
      for (int o = 0; o < args.out_channels; o += 4) multiply(o, pixel, count);
    }
  }
};

__attribute__((noinline)) void conv_direct(const Conv2dS8& args, int row_begin, int row_end) {
  int32_t small[4 * output_lanes];  // sums of a pixel for each input; `clear` writes 8 words
  const int begin = row_begin * args.out_width, end = row_end * args.out_width;
  DirectConv conv = {args, args.channels[1] != 0 ? 2 : 1, args.kernel_height * args.kernel_width, false, 0, {}, nullptr,
                     {}};
  conv.place(end - begin, small);
  conv.run(begin, end);
}

}  // namespace
}  // namespace mote
