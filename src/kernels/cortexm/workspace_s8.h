// How much of Conv2dS8::workspace the kernels for 32-bit ARM can use. Portable: the planner on the desktop asks too.
#pragma once
#include "kernels/kernels_s8.h"

namespace mote {

// The direct form (conv_direct_dsp.h) holds for a number of pixels the values under all taps as int16, in blocks of 16,
// and sums of 4 output channels, and the weights of these channels.
constexpr size_t direct_values_dsp(const Conv2dS8& args, int input) {
  const size_t taps = static_cast<size_t>(args.kernel_height) * static_cast<size_t>(args.kernel_width);
  return (taps * static_cast<size_t>(args.channels[input]) + 15) / 16 * 16;
}
constexpr size_t direct_pixel_bytes_dsp(const Conv2dS8& args) {
  return 2 * (direct_values_dsp(args, 0) + direct_values_dsp(args, 1)) + (args.channels[1] != 0 ? 32 : 16);
}
constexpr size_t direct_weight_bytes_dsp(const Conv2dS8& args) {
  const size_t first = direct_values_dsp(args, 0), second = direct_values_dsp(args, 1);
  return 8 * (first > second ? first : second);
}

// The 3x3 form of Winograd (conv_winograd_dsp.h), for a number of tiles of 4x4 outputs: 36 values for each channel, in
// blocks of 16, as int16; 36 sums of 4 output channels; with two inputs 16 sums of the first besides; and the weights of
// 16 channels and 4 output channels.
constexpr bool winograd_fits_dsp(const Conv2dS8& args) {
  return args.below_2_25 && args.kernel_height == 3 && args.kernel_width == 3 && args.stride == 1 &&
         args.x16 == nullptr && args.out_channels >= 4 && args.channels[0] % 4 == 0 && args.channels[0] >= 8 &&
         args.channels[1] % 4 == 0 && (args.channels[1] == 0 || args.channels[1] >= 8);
}
constexpr size_t winograd_weight_bytes_dsp = 36 * 128;
constexpr size_t winograd_tile_bytes_dsp(const Conv2dS8& args) {
  const size_t blocks =
      (static_cast<size_t>(args.channels[0]) + 15) / 16 + (static_cast<size_t>(args.channels[1]) + 15) / 16;
  return 36 * (32 * blocks + 16) + (args.channels[1] != 0 ? 256 : 0);
}
constexpr size_t winograd_fixed_bytes_dsp(const Conv2dS8& args) {
  return winograd_weight_bytes_dsp + (static_cast<size_t>(args.channels[0]) + 15) / 16 * 16 +
         (static_cast<size_t>(args.channels[1]) + 15) / 16 * 16;
}

// The most bytes that make conv2d_s8_dsp faster: room for all rows of one call. Rows come a few at a time in bounded
// runs, where less does. It works with any less, 0 included.
constexpr size_t conv2d_s8_dsp_useful_workspace(const Conv2dS8& args, int rows) {
  const size_t width = static_cast<size_t>(args.out_width);
  if (winograd_fits_dsp(args)) {
    const size_t tiles = (width + 3) / 4 * ((static_cast<size_t>(rows) + 3) / 4);
    return winograd_fixed_bytes_dsp(args) + (tiles + 1) / 2 * 2 * winograd_tile_bytes_dsp(args);
  }
  const size_t pixels = (width * static_cast<size_t>(rows) + 1) / 2 * 2;
  return direct_weight_bytes_dsp(args) + pixels * direct_pixel_bytes_dsp(args);
}

}  // namespace mote
