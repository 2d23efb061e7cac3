// Pictures as the host program passes them about: unsigned bytes, rows from the top, channels last.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mote::tool {

// pixels.size() == height * width * channels. Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha (alpha not
// premultiplied).
struct Image {
  size_t height = 0;
  size_t width = 0;
  size_t channels = 0;
  std::vector<uint8_t> pixels;

  Image() = default;
  Image(size_t h, size_t w, size_t c, uint8_t fill = 0) : height(h), width(w), channels(c), pixels(h * w * c, fill) {}
  uint8_t* row(size_t y) { return pixels.data() + y * width * channels; }
  const uint8_t* row(size_t y) const { return pixels.data() + y * width * channels; }
};

// `count` pictures of one size, one after another (NHWC): pixels.size() == count * height * width * channels.
struct ImageSet {
  size_t count = 0;
  size_t height = 0;
  size_t width = 0;
  size_t channels = 0;
  std::vector<uint8_t> pixels;

  size_t image_bytes() const { return height * width * channels; }
  const uint8_t* image(size_t index) const { return pixels.data() + index * image_bytes(); }
};

}  // namespace mote::tool
