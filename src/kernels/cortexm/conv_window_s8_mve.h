// Convolutions of 3 x 3 or 1 x 1 taps, stride 1, with Helium: tiles of 7 or 8 pixels of a row. What 4 tiles above each
// other read is gathered at once, if memory allows; output channels are summed and finished a block of them at a time.
#pragma once
#include "kernels/cortexm/conv_finish_s8_mve.h"
#include "kernels/cortexm/conv_gather_mve.h"
#include "kernels/cortexm/conv_products_s8_mve.h"
#include "kernels/cortexm/workspace_s8_mve.h"

#if defined(MOTE_HAS_MVE)

namespace mote {
namespace {

class WindowMve {
 public:
  // Memory of at least workspace_mve::least_bytes.
  WindowMve(const Conv2dS8& a, void* memory, int bytes)
      : args(a),
        inputs{InputMve<int8_t>(a, 0), InputMve<int8_t>(a, 1)},
        two(a.channels[1] != 0 ? 1 : 0),
        size(a.kernel_height),
        row_weights(size * size * (a.channels[0] + a.channels[1])),
        tile(workspace_mve::window_tile(a)),
        block(workspace_mve::block_channels(bytes, tile, two)),
        window_sums(size == 1, tile, a.channels[0] + a.channels[1]),
        finisher(a, tile),
        sums(static_cast<int32_t*>(memory)) {
    const int all = args.channels[0] + args.channels[1], memory_bytes = workspace_mve::gathered_bytes(bytes);
    plane = workspace_mve::window_bytes(args);
    rows = size == 3 && all <= memory_bytes / plane * 16 ? window_rows - 2 : 1;
    if (size == 3 && rows == 1 && tile == 7) plane /= 2;
    piece = memory_bytes / plane * 16;
    keep = all <= piece;
    int8_t* gathered = static_cast<int8_t*>(memory) + workspace_mve::sums_bytes(bytes) + 16;
    for (int i = 0; i <= two; ++i) {
      window[i] = gathered + (keep && i == 1 ? args.channels[0] / 16 * plane : 0);
      weights[i] = args.weights + i * args.channels[0] + window_sums.first;
      products[i] = {
          weights[i], row_weights - args.channels[i], window[i], args.channels[i] / 16, nullptr, nullptr, all,
          nullptr,    plane - 16 * size * columns()};
    }
  }

  void run(int row_begin, int row_end) {
    for (int oy = row_begin; oy < row_end; oy += rows) {
      const int end = smaller(oy + rows, row_end);
      for (int ox = 0; ox < args.out_width; ox += tile) {
        for (int i = 0; i <= two && keep; ++i) gather(i, oy, ox, end - oy + size - 1, 0, args.channels[i]);
        for (int row = oy; row < end; ++row) run_tile(row, ox, keep ? 16 * columns() * (row - oy) : 0);
      }
    }
  }

 private:
  static int smaller(int a, int b) { return a < b ? a : b; }
  int columns() const { return tile + size - 1; }

  void gather(int i, int oy, int ox, int rows_read, int begin, int end) {
    gather_window(inputs[i], oy - args.pad_top, ox - args.pad_left, rows_read, columns(), plane, begin, end, window[i]);
  }
  // The rows of the tile begin `offset` bytes behind the window's.
  __attribute__((noinline)) void run_tile(int oy, int ox, int offset) {
    const int channels = args.out_channels, block_size = block;
    for (int o = 0; o < channels; o += block_size) {
      const int count = smaller(block_size, channels - o), second = tile * count;
      int32_t* to = sums;
      for (int i = 0; i <= two; ++i, to += second) {
        begin_sums(args.correction[i] + o, count, tile, to);
        ProductsMve* const p = &products[i];
        p->weights = weights[i] + o * row_weights;
        p->sums = to;
        p->sums_end = to + second;
        if (keep) {
          p->x = window[i] + offset;
          window_sums.run(p);
        } else {
          add_pieces(i, oy, ox, p);
        }
      }
      finisher.finish(oy * args.out_width + ox, smaller(tile, args.out_width - ox), o, o + count, sums, second);
    }
  }
  __attribute__((noinline)) void add_pieces(int i, int oy, int ox, ProductsMve* p) {
    const int8_t* const first = p->weights;
    for (int c = 0; c < args.channels[i]; c += piece) {
      const int count = smaller(piece, args.channels[i] - c);
      gather(i, oy, ox, size, c, c + count);
      p->weights = first + c;
      p->weight_step = row_weights - count;
      p->steps = count / 16;
      window_sums.run(p);
    }
  }

  const Conv2dS8& args;
  const InputMve<int8_t> inputs[2];
  const int two, size, row_weights;  // two: 1 with a second input; size of the kernel
  const int tile, block;             // pixels; output channels
  const WindowSumsMve window_sums;
  FinisherMve finisher;
  // All channels are gathered at once, for `rows` rows of tiles; else `piece` of them at a time, for a tile and block.
  bool keep;
  int rows, piece;
  int plane;  // bytes of a window for 16 channels
  int8_t* window[2];
  const int8_t* weights[2];
  ProductsMve products[2];
  int32_t* const sums;
};

}  // namespace
}  // namespace mote
#endif
