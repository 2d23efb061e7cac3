// Tiles pictures by copying pixels.
#include "weights_tool/io/image_grid.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

namespace mote::tool {
namespace {

void copy_tile(const uint8_t* tile, size_t height, size_t width, size_t scale, Image* out, size_t top, size_t left) {
  const size_t channels = out->channels;
  for (size_t y = 0; y < height * scale; ++y) {
    const uint8_t* from = tile + y / scale * width * channels;
    uint8_t* to = out->row(top + y) + left * channels;
    for (size_t x = 0; x < width * scale; ++x) std::memcpy(to + x * channels, from + x / scale * channels, channels);
  }
}

}  // namespace

Image image_grid(const uint8_t* pixels, size_t count, size_t height, size_t width, size_t channels,
                 const GridOptions& options) {
  if (count == 0 || height == 0 || width == 0 || (channels != 1 && channels != 3) || options.scale == 0) {
    throw std::invalid_argument(
        "an image grid needs at least one picture of 1 or 3 channels and a scale of at least 1");
  }
  size_t columns = options.columns;
  if (columns == 0) columns = static_cast<size_t>(std::ceil(std::sqrt(static_cast<double>(count))));
  const size_t rows = (count + columns - 1) / columns;
  const size_t step_y = height * options.scale + options.gap, step_x = width * options.scale + options.gap;
  Image out(rows * step_y + options.gap, columns * step_x + options.gap, channels, options.gap_value);
  for (size_t i = 0; i < count; ++i) {
    copy_tile(pixels + i * height * width * channels, height, width, options.scale, &out,
              options.gap + i / columns * step_y, options.gap + i % columns * step_x);
  }
  return out;
}

Image image_grid(const ImageSet& images, const GridOptions& options) {
  return image_grid(images.pixels.data(), images.count, images.height, images.width, images.channels, options);
}

}  // namespace mote::tool
