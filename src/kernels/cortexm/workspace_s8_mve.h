// What conv2d_s8_mve makes of its workspace; portable, so that whoever plans the arena can ask how much is of use.
#pragma once
#include "kernels/kernels_s8.h"

namespace mote::workspace_mve {

// 3 x 3 taps of stride 1, or 1 x 1 in one row, over whole vectors of channels.
inline bool is_window(const Conv2dS8& args) {
  const bool point = args.kernel_height == 1 && args.in_height == 1 && args.upsample == 1 && args.pad_left == 0;
  return args.x16 == nullptr && (args.kernel_height == 3 || point) && args.kernel_width == args.kernel_height &&
         args.stride == 1 && args.channels[0] % 16 == 0 && args.channels[1] % 16 == 0 && args.out_width > 4;
}
// Pixels of a tile of such a window: 8 cost about a seventh more than 7.
inline int window_tile(const Conv2dS8& args) {
  const int width = args.out_width;
  return args.kernel_height == 1 || (width + 6) / 7 * 7 <= (width + 7) / 8 * 8 ? 7 : 8;
}
// Bytes of a window for 16 channels: of 4 tiles above each other, or of one pointwise.
inline int window_bytes(const Conv2dS8& args) {
  return args.kernel_height == 1 ? 16 * 7 : 16 * 6 * (window_tile(args) + 2);
}

// Workspaces smaller than this are not used; the kernel then takes as much of the stack.
constexpr int least_bytes = 1536;
// What holds the sums of a tile, 16 bytes behind it not used, and what holds gathered input.
constexpr int sums_bytes(int bytes) { return bytes < 2 * 1024 ? 512 : 1024; }
constexpr int gathered_bytes(int bytes) { return bytes - sums_bytes(bytes) - 16; }
// Output channels whose sums fit, of tiles of `tile` pixels.
inline int block_channels(int bytes, int tile, int two_inputs) {
  return (sums_bytes(bytes) / 4 / (tile << two_inputs)) & ~3;
}

// The workspace beyond which more changes nothing. With less, input is gathered anew for each block of output channels.
inline size_t useful_bytes(const Conv2dS8& args) {
  const int64_t taps = int64_t{args.kernel_height} * args.kernel_width, lanes = args.x16 != nullptr ? 8 : 16;
  const int64_t channels = int64_t{args.channels[0]} + args.channels[1];
  Conv2dS8 shape = args;
  if (taps == 1 && args.pad_top == 0) {  // all pixels of a call in one row
    shape.in_height = 1;
    shape.out_width = args.out_height * args.out_width;
  }
  int64_t gathered = 0;
  if (is_window(shape)) {
    gathered = window_bytes(shape) / 16 * channels;
  } else {
    for (int i = 0; i < 2; ++i) gathered += (taps * args.channels[i] + lanes - 1) / lanes * 64;
    if (args.channels[0] % lanes != 0) {  // rows with their padding, and offsets
      const int64_t pitch = (int64_t{args.out_width - 1} * args.stride + args.kernel_width) * channels;
      gathered += 2 * (taps * channels + 7) + 16 / lanes * args.kernel_height * pitch;
    }
  }
  const int64_t bytes = (1024 + 16 + gathered + 15) / 16 * 16;
  return static_cast<size_t>(bytes < 2 * 1024 ? 2 * 1024 : bytes);
}

}  // namespace mote::workspace_mve
