// The input of a band of output rows as packed and Winograd convolution read it: int16 with the zero point taken off,
// padded (zeros), upsampled, one window [rows][columns][channels] for each input. So every tap of a kernel row is one
// stretch, and the pairs of values that vpmaddwd multiplies lie side by side.
#pragma once
#include "kernels/x86/conv2d_s8_epilogue.h"

namespace mote {
namespace {

// Behind a window: what is read or written beyond it.
constexpr size_t window_slack = 64;  // bytes

struct Window {
  int stride, pad_top, pad_left, kernel;  // kernel: rows
  int half;                               // 1: upsampled
  int high, wide;                         // of the upsampled input
  int width;                              // columns of the window
};

MOTE_INLINE Window make_window(const Conv2dS8& args, int out_width) {
  return {args.stride,
          args.pad_top,
          args.pad_left,
          args.kernel_height,
          args.upsample == 2 ? 1 : 0,
          args.in_height * args.upsample,
          args.in_width * args.upsample,
          (out_width - 1) * args.stride + args.kernel_width};
}

MOTE_INLINE int window_rows(const Window& w, int out_rows) { return (out_rows - 1) * w.stride + w.kernel; }

MOTE_INLINE size_t window_bytes(const Window& w, int out_rows, int channels) {
  if (channels == 0) return 0;
  const size_t values = static_cast<size_t>(window_rows(w, out_rows)) * static_cast<size_t>(w.width);
  return whole_lines(values * static_cast<size_t>(channels) * sizeof(int16_t) + window_slack);
}

// n values less the zero point. Up to 15 more than n are written.
MOTE_INLINE void widen(int16_t* to, const int8_t* from, ptrdiff_t n, __m256i zero) {
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    store256(to + i, _mm256_sub_epi16(_mm256_cvtepi8_epi16(load128(from + i)), zero));
  }
  if (i < n) {
    const __m128i tail = load_some(from + i, static_cast<int>(n - i));
    store256(to + i, _mm256_sub_epi16(_mm256_cvtepi8_epi16(tail), zero));
  }
}
MOTE_INLINE void widen(int16_t* to, const int16_t* from, ptrdiff_t n, __m256i) {
  std::memcpy(to, from, static_cast<size_t>(n) * sizeof(int16_t));
}

// Up to 15 more than n are written.
MOTE_INLINE void clear_values(int16_t* to, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += 16) store256(to + i, _mm256_setzero_si256());
}

// One row of the window from the stored row x.
template <class X>
void fill_row(const Window& w, const X* x, int channels, __m256i zero, int16_t* to) {
  const int before = min_int(w.width, w.pad_left);
  const int end = max_int(before, min_int(w.width, w.wide + w.pad_left));
  clear_values(to, static_cast<ptrdiff_t>(before) * channels);
  int16_t* at = to + static_cast<ptrdiff_t>(before) * channels;
  if (w.half == 0) {
    widen(at, x, static_cast<ptrdiff_t>(end - before) * channels, zero);
  } else {
    // before == pad_left, or there is nothing to copy.
    for (int column = before; column < end; ++column, at += channels) {
      widen(at, x + static_cast<ptrdiff_t>((column - w.pad_left) >> 1) * channels, channels, zero);
    }
  }
  clear_values(to + static_cast<ptrdiff_t>(end) * channels, static_cast<ptrdiff_t>(w.width - end) * channels);
}

// The window under output rows [begin, end) of an input x with `channels` channels.
template <class X>
void fill_window(const Window& w, const X* x, int in_width, int channels, int zero_point, int begin, int end,
                 int16_t* to) {
  const __m256i zero = _mm256_set1_epi16(static_cast<int16_t>(zero_point));
  const ptrdiff_t pitch = static_cast<ptrdiff_t>(w.width) * channels;
  const int first = begin * w.stride - w.pad_top, rows = window_rows(w, end - begin);
  int filled = -1;  // the stored row that the row before came from
  for (int i = 0; i < rows; ++i, to += pitch) {
    const int position = first + i;
    if (position < 0 || position >= w.high) {
      clear_values(to, pitch);
      continue;
    }
    const int row = position >> w.half;
    if (row == filled) {
      std::memcpy(to, to - pitch, static_cast<size_t>(pitch) * sizeof(int16_t));
    } else {
      fill_row(w, x + static_cast<ptrdiff_t>(row) * in_width * channels, channels, zero, to);
      filled = row;
    }
  }
}

}  // namespace
}  // namespace mote
