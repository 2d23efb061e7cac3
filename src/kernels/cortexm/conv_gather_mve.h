// The input of a tile of pixels, collected from rows into the order in which the products read it (Helium). Here
// padding, upsampling and stride end: what lies outside is the zero point.
#pragma once
#include "kernels/cortexm/cortexm.h"

#if defined(MOTE_HAS_MVE)
#include <arm_mve.h>

#include "kernels/kernels_s8.h"

namespace mote {
namespace {

// One input of a convolution.
template <class X>
struct InputMve {
  const X* x;
  int32_t channels, height, width;  // as seen, upsampled
  int32_t stored_width, halve;      // 1: upsampled by 2
  X zero;

  InputMve(const Conv2dS8& args, int input)
      : x(data(args, input, X())),
        channels(args.channels[input]),
        height(args.in_height * args.upsample),
        width(args.in_width * args.upsample),
        stored_width(args.in_width),
        halve(args.upsample - 1),
        zero(static_cast<X>(args.zero[input])) {}
  static const int8_t* data(const Conv2dS8& args, int input, int8_t) { return args.x[input]; }
  static const int16_t* data(const Conv2dS8& args, int, int16_t) { return args.x16; }
  // The row at `y`, or null: outside.
  const X* row(int y) const {
    return y < 0 || y >= height ? nullptr : x + static_cast<ptrdiff_t>(y >> halve) * stored_width * channels;
  }
  const X* pixel(const X* row, int at) const {
    return row == nullptr || at < 0 || at >= width ? nullptr : row + static_cast<ptrdiff_t>(at >> halve) * channels;
  }
};

// `count` > 0 vectors of 16 bytes from `step` to `step` bytes apart, to `to` bytes apart. Returns the end of `out`. The
// compiler would need six instructions a vector.
template <int to>
inline int8_t* copy_vectors(int8_t* out, const int8_t* from, ptrdiff_t step, int count) {
  __asm__ volatile(
      "dls lr, %[count]\n\t"
      "1:\n\t"
      "vldrb.u8 q0, [%[from]]\n\t"
      "add %[from], %[from], %[step]\n\t"
      "vstrw.32 q0, [%[out]], #%c[to]\n\t"
      "le lr, 1b\n\t"
      : [out] "+r"(out), [from] "+r"(from)
      : [step] "r"(step), [count] "r"(count), [to] "n"(to)
      : "lr", "q0", "memory");
  return out;
}
template <int to>
inline int8_t* fill_vectors(int8_t* out, int8x16_t value, int count) {
  for (; count > 0; --count, out += to) vstrbq_s8(out, value);
  return out;
}

// Columns [begin, end) of an upsampled row: every pixel of `row` twice, from column `begin` on.
inline int8_t* copy_twice(int8_t* out, const int8_t* row, ptrdiff_t step, int begin, int end) {
  row += (begin >> 1) * step;
  if ((begin & 1) != 0 && begin < end) {
    vstrbq_s8(out, vldrbq_s8(row));
    row += step, out += 16, ++begin;
  }
  for (; begin + 1 < end; begin += 2, row += step, out += 32) {
    const int8x16_t v = vldrbq_s8(row);
    vstrbq_s8(out, v);
    vstrbq_s8(out + 16, v);
  }
  if (begin == end) return out;
  vstrbq_s8(out, vldrbq_s8(row));
  return out + 16;
}

// `rows` rows of neighbouring pixels, channels [begin, end), from the pixel (y, x) on:
// [channels / 16][rows][columns][16], `plane` bytes for each 16 channels.
__attribute__((noinline)) void gather_window(const InputMve<int8_t>& input, int y, int x, int rows, int columns,
                                             int plane, int begin, int end, int8_t* out) {
  const int8x16_t outside = vdupq_n_s8(input.zero);
  const ptrdiff_t channels = input.channels;
  const int left = x >= 0 ? 0 : -x < columns ? -x : columns, after = input.width - x;
  const int right = after >= columns ? columns : after > left ? after : left;
  for (const int last = y + rows; y < last; ++y, out += 16 * columns) {
    const int8_t* row = input.row(y);
    int8_t* plane_row = out;
    for (int c = begin; c < end; c += 16, plane_row += plane) {
      if (row == nullptr || left == right) {
        fill_vectors<16>(plane_row, outside, columns);
        continue;
      }
      int8_t* to = fill_vectors<16>(plane_row, outside, left);
      to = input.halve == 0 ? copy_vectors<16>(to, row + (x + left) * channels + c, channels, right - left)
                            : copy_twice(to, row + c, channels, x + left, x + right);
      fill_vectors<16>(to, outside, columns - right);
    }
  }
}

// A part of an output channel's weights that lies in one piece, for one input: whole taps, or some channels of one.
struct PieceMve {
  int tap, taps;       // first, number
  int channel, count;  // of each tap
  int elements() const { return taps * count; }
};

// The elements that `piece` multiplies for `pixels` output pixels from (oy, ox) on, to [steps][4][16 bytes].
// Channels come in whole vectors.
template <class X>
__attribute__((noinline)) void gather_vectors(const Conv2dS8& args, const InputMve<X>& input, const PieceMve& piece,
                                              int oy, int ox, int pixels, X* out) {
  constexpr int lanes = 16 / static_cast<int>(sizeof(X));
  const int vectors = piece.count / lanes, span = (pixels - 1) * args.stride;
  const ptrdiff_t step = static_cast<ptrdiff_t>(sizeof(X)) * args.stride * input.channels;
  int r = piece.tap / args.kernel_width, c = piece.tap - r * args.kernel_width;
  int8_t* to = reinterpret_cast<int8_t*>(out);
  for (int tap = 0; tap < piece.taps; ++tap, to += 64 * vectors) {
    const X* row = input.row(oy * args.stride - args.pad_top + r);
    int at = ox * args.stride - args.pad_left + c;
    if (row != nullptr && at >= 0 && at + span < input.width && input.halve == 0) {
      const int8_t* from = reinterpret_cast<const int8_t*>(row + at * input.channels + piece.channel);
      for (int v = 0; v < vectors; ++v) copy_vectors<16>(to + 64 * v, from + 16 * v, step, pixels);
    } else {
      for (int p = 0; p < pixels; ++p, at += args.stride) {
        const X* from = input.pixel(row, at);
        if (from != nullptr) {
          copy_vectors<64>(to + 16 * p, reinterpret_cast<const int8_t*>(from + piece.channel), 16, vectors);
        } else {
          const int8x16_t outside = sizeof(X) == 1 ? vdupq_n_s8(static_cast<int8_t>(input.zero))
                                                   : vreinterpretq_s8_s16(vdupq_n_s16(input.zero));
          fill_vectors<64>(to + 16 * p, outside, vectors);
        }
      }
    }
    if (++c == args.kernel_width) c = 0, ++r;
  }
}

// The same for any number of channels, element after element, with zeros up to the end of a vector.
template <class X>
__attribute__((noinline)) void gather_elements(const Conv2dS8& args, const InputMve<X>& input, const PieceMve& piece,
                                               int oy, int ox, int pixels, X* out) {
  constexpr int lanes = 16 / static_cast<int>(sizeof(X));
  for (int p = 0; p < pixels; ++p, out += lanes) {
    X* to = out;
    int used = 0;
    const auto put = [&](X value) {
      to[used] = value;
      if (++used < lanes) return;
      used = 0;
      to += 4 * lanes;
    };
    int r = piece.tap / args.kernel_width, c = piece.tap - r * args.kernel_width;
    for (int tap = 0; tap < piece.taps; ++tap) {
      const X* row = input.row(oy * args.stride - args.pad_top + r);
      const X* from = input.pixel(row, (ox + p) * args.stride - args.pad_left + c);
      for (int k = 0; k < piece.count; ++k) put(from != nullptr ? from[piece.channel + k] : input.zero);
      if (++c == args.kernel_width) c = 0, ++r;
    }
    while (used != 0) put(0);
  }
}

// Rows of one input as an output row sees them, with their padding, so that the elements of every output pixel lie at
// the same offsets: for kernels over few channels.
template <class X>
class PaddedRowsMve {
 public:
  // Bytes for `elements` of each output pixel.
  static int64_t bytes(const Conv2dS8& args, const InputMve<X>& input, int elements) {
    return 2 * ((elements + 7) & ~7) + static_cast<int64_t>(sizeof(X)) * args.kernel_height * pitch(args, input);
  }
  static int64_t pitch(const Conv2dS8& args, const InputMve<X>& input) {
    return (int64_t{args.out_width - 1} * args.stride + args.kernel_width) * input.channels;
  }

  PaddedRowsMve() = default;
  PaddedRowsMve(const Conv2dS8& args, const InputMve<X>& input, int elements, void* memory)
      : offsets_(static_cast<uint16_t*>(memory)),
        rows_(reinterpret_cast<X*>(offsets_ + ((elements + 7) & ~7))),
        elements_(elements),
        pitch_(static_cast<int>(pitch(args, input))),
        step_(args.stride * input.channels) {
    const int run = args.kernel_width * input.channels;
    for (int k = 0; k < elements; ++k) offsets_[k] = static_cast<uint16_t>(k / run * pitch_ + k % run);
  }
  explicit operator bool() const { return rows_ != nullptr; }

  __attribute__((noinline)) void fill(const Conv2dS8& args, const InputMve<X>& input, int oy) {
    const int left = args.pad_left * input.channels, middle = input.width * input.channels;
    X* to = rows_;
    for (int r = 0; r < args.kernel_height; ++r) {
      const X* row = input.row(oy * args.stride - args.pad_top + r);
      X* const end = to + pitch_;
      if (row != nullptr && input.halve == 0) {
        for (int k = 0; k < left && to < end; ++k) *to++ = input.zero;
        for (int k = 0; k < middle && to < end; ++k) *to++ = row[k];
      } else if (row != nullptr) {
        for (int k = -args.pad_left; to < end; ++k) {
          const X* from = input.pixel(row, k);
          for (int c = 0; c < input.channels; ++c) *to++ = from != nullptr ? from[c] : input.zero;
        }
      }
      while (to < end) *to++ = input.zero;
    }
  }
  // As gather_elements.
  void gather(int ox, int pixels, X* out) const {
    const X* base = rows_ + static_cast<ptrdiff_t>(ox) * step_;
    for (int p = 0; p < pixels; ++p, base += step_) {
      X* to = out + 16 / static_cast<int>(sizeof(X)) * p;
      for (int k = 0; k < elements_; k += 8) {
        const mve_pred16_t inside = vctp16q(static_cast<uint32_t>(elements_ - k));
        gather_eight(base, vldrhq_u16(offsets_ + k), inside, to);
        to += sizeof(X) == 2 ? 32 : (k & 8) == 0 ? 8 : 56;
      }
      if (sizeof(X) == 1 && ((elements_ + 7) & 8) != 0) vstrbq_s16(reinterpret_cast<int8_t*>(to), vdupq_n_s16(0));
    }
  }

 private:
  static void gather_eight(const int16_t* base, uint16x8_t offsets, mve_pred16_t inside, int16_t* to) {
    vstrhq_s16(to, vldrhq_gather_shifted_offset_z_s16(base, offsets, inside));
  }
  static void gather_eight(const int8_t* base, uint16x8_t offsets, mve_pred16_t inside, int8_t* to) {
    vstrbq_s16(to, vldrbq_gather_offset_z_s16(base, offsets, inside));
  }

  uint16_t* offsets_ = nullptr;
  X* rows_ = nullptr;
  int elements_ = 0, pitch_ = 0, step_ = 0;
};

}  // namespace
}  // namespace mote
#endif
