// Any convolution with Helium, as a product of matrices: tiles of 4 pixels of a row, whose input is gathered in the
// order of the weights, by 2 output channels. X is int8_t or int16_t.
#pragma once
#include "kernels/cortexm/conv_finish_s8_mve.h"
#include "kernels/cortexm/conv_gather_mve.h"
#include "kernels/cortexm/conv_products_s8_mve.h"
#include "kernels/cortexm/workspace_s8_mve.h"

#if defined(MOTE_HAS_MVE)

namespace mote {
namespace {

template <class X>
class MatrixMve {
 public:
  // Memory of at least workspace_mve::least_bytes.
  MatrixMve(const Conv2dS8& a, void* memory, int bytes)
      : args(a),
        inputs{InputMve<X>(a, 0), InputMve<X>(a, 1)},
        all(a.channels[0] + a.channels[1]),
        two(a.channels[1] != 0 ? 1 : 0),
        taps(a.kernel_height * a.kernel_width),
        block(workspace_mve::block_channels(bytes, 4, two)),
        finisher(a, 4),
        sums(static_cast<int32_t*>(memory)) {
    uint8_t* place = static_cast<uint8_t*>(memory) + workspace_mve::sums_bytes(bytes) + 16;
    int rest = workspace_mve::gathered_bytes(bytes);
    const int wanted[2] = {vectors_of(taps * args.channels[0]) * 64, vectors_of(taps * args.channels[1]) * 64};
    keep = (two == 0 || taps == 1) && wanted[0] + wanted[1] <= rest;
    for (int i = 0; i <= two; ++i) {
      gathered[i] = reinterpret_cast<X*>(place);
      pieces[i] = piece(i, keep ? wanted[i] : rest);
      if (!keep) continue;
      place += wanted[i];
      rest -= wanted[i];
    }
    if (keep && two == 0 && args.channels[0] % lanes != 0 &&
        PaddedRowsMve<X>::bytes(args, inputs[0], taps * all) <= smaller(rest, 65535)) {
      padded = PaddedRowsMve<X>(args, inputs[0], taps * all, place);
    }
  }

  void run(int row_begin, int row_end) {
    for (int oy = row_begin; oy < row_end; ++oy) {
      if (padded) padded.fill(args, inputs[0], oy);
      for (int ox = 0; ox < args.out_width; ox += 4) run_tile(oy, ox, smaller(4, args.out_width - ox));
    }
  }

 private:
  static constexpr int lanes = 16 / static_cast<int>(sizeof(X));
  static int smaller(int a, int b) { return a < b ? a : b; }
  static int vectors_of(int elements) { return (elements + lanes - 1) / lanes; }

  // The largest piece of input i that fits so many bytes.
  PieceMve piece(int i, int bytes) const {
    const int channels = args.channels[i], most = bytes / 64 * lanes, count = smaller(channels, most);
    const int fit = two != 0 || count < channels ? 1 : most / channels;
    return {0, smaller(fit, taps), 0, count};
  }

  __attribute__((noinline)) void run_tile(int oy, int ox, int pixels) {
    for (int i = 0; i <= two && keep; ++i) gather(i, pieces[i], oy, ox, pixels);
    for (int o = 0; o < args.out_channels; o += block) {
      const int end = smaller(o + block, args.out_channels), second = 4 * (end - o);
      for (int i = 0; i <= two; ++i) {
        int32_t* to = sums + i * second;
        begin_sums(args.correction[i] + o, end - o, 4, to);
        if (keep) {
          multiply(gathered[i], pieces[i].elements(), i * args.channels[0], o, end, to);
        } else {
          add_pieces(i, oy, ox, pixels, o, end, to);
        }
      }
      finisher.finish(static_cast<ptrdiff_t>(oy) * args.out_width + ox, pixels, o, end, sums, second);
    }
  }
  __attribute__((noinline)) void gather(int i, const PieceMve& piece, int oy, int ox, int pixels) {
    if (padded) {
      padded.gather(ox, pixels, gathered[i]);
    } else if (piece.count % lanes == 0) {
      gather_vectors(args, inputs[i], piece, oy, ox, pixels, gathered[i]);
    } else {
      gather_elements(args, inputs[i], piece, oy, ox, pixels, gathered[i]);
    }
  }
  __attribute__((noinline)) void add_pieces(int i, int oy, int ox, int pixels, int o, int end, int32_t* to) {
    for (int tap = 0; tap < taps; tap += pieces[i].taps) {
      for (int c = 0; c < args.channels[i]; c += pieces[i].count) {
        const PieceMve piece = {tap, smaller(pieces[i].taps, taps - tap), c,
                                smaller(pieces[i].count, args.channels[i] - c)};
        gather(i, piece, oy, ox, pixels);
        multiply(gathered[i], piece.elements(), tap * all + i * args.channels[0] + c, o, end, to);
      }
    }
  }
  // The products of x with `elements` weights from `first` on of each output channel in [o, end).
  __attribute__((noinline)) void multiply(const X* x, int elements, int first, int o, int end, int32_t* to) const {
    const int steps = vectors_of(elements), surplus = steps * lanes - elements, row = taps * all;
    const int8_t* weights = args.weights + static_cast<ptrdiff_t>(o) * row + first;
    // Vectors may end after the weights of a channel, where input is 0, but not after those of the last one.
    int safe = end;
    if (surplus > 0) {
      const int8_t* const behind = args.weights + static_cast<ptrdiff_t>(args.out_channels) * row;
      while (safe > o && weights + (safe - 1 - o) * row + elements + surplus > behind) --safe;
    }
    safe -= (safe - o) & 1;
    if (safe > o) {
      const ProductsMve products = {weights, 2 * row - steps * lanes, x, steps, to, to + 4 * (safe - o),
                                    0,       weights + row,           0};
      sizeof(X) == 1 ? dots_s8(&products) : dots_s16(&products);
    }
    for (int last = safe; last < end; ++last) add_dots(x, weights + (last - o) * row, elements, to + 4 * (last - o));
  }
  // The same for one output channel, without reading behind its weights.
  static void add_dots(const X* x, const int8_t* weights, int elements, int32_t* to) {
    for (; elements > 0; elements -= lanes, weights += lanes) {
      for (int p = 0; p < 4; ++p, x += lanes) to[p] = add_dot(to[p], x, weights, elements);
    }
  }
  static int32_t add_dot(int32_t sum, const int8_t* x, const int8_t* weights, int rest) {
    return vmladavaq_s8(sum, vldrbq_s8(x), vldrbq_z_s8(weights, vctp8q(static_cast<uint32_t>(rest))));
  }
  static int32_t add_dot(int32_t sum, const int16_t* x, const int8_t* weights, int rest) {
    return vmladavaq_s16(sum, vldrhq_s16(x), vldrbq_z_s16(weights, vctp16q(static_cast<uint32_t>(rest))));
  }

  const Conv2dS8& args;
  const InputMve<X> inputs[2];
  const int all, two, taps;  // two: 1 with a second input
  const int block;           // output channels
  FinisherMve finisher;
  int32_t* const sums;
  bool keep;  // gathered at once, for all output channels
  PieceMve pieces[2];
  X* gathered[2];
  PaddedRowsMve<X> padded;
};

}  // namespace
}  // namespace mote
#endif
