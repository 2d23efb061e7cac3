#include "weights_tool/io/image_fit.h"

#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

std::string size_text(size_t height, size_t width, size_t channels) {
  return std::to_string(width) + "x" + std::to_string(height) + (channels <= 2 ? " grey" : " RGB");
}

}  // namespace

Image fit_picture(const Image& picture, const PictureWish& wish, const std::string& name) {
  const auto refuse = [&](const std::string& what) { throw Error(ExitCode::invalid_input, name + ": " + what); };
  const size_t colours = picture.channels <= 2 ? 1 : 3;
  const bool alpha = picture.channels == 2 || picture.channels == 4;
  if (alpha && wish.background < 0) refuse("has an alpha channel; \"background\": 255 lays it on white");
  const size_t channels = wish.channels == 0 ? colours : wish.channels;
  const size_t height = wish.height == 0 ? picture.height : wish.height;
  const size_t width = wish.width == 0 ? picture.width : wish.width;
  const size_t factor = height == 0 ? 1 : picture.height / height;
  if (factor == 0 || factor * height != picture.height || factor * width != picture.width ||
      (channels != colours && channels != 3)) {
    refuse(size_text(picture.height, picture.width, picture.channels) + ", wanted is " +
           size_text(height, width, channels) + " or a whole multiple of that size");
  }
  if (!alpha && factor == 1 && channels == colours) return picture;
  Image out(height, width, channels);
  const uint64_t area = uint64_t{255} * factor * factor, behind = alpha ? static_cast<uint64_t>(wish.background) : 0;
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      for (size_t c = 0; c < channels; ++c) {
        uint64_t sum = 0;
        for (size_t k = 0; k < factor * factor; ++k) {
          const uint8_t* pixel = picture.row(y * factor + k / factor) + (x * factor + k % factor) * picture.channels;
          const uint64_t share = alpha ? pixel[colours] : 255;
          sum += pixel[c % colours] * share + behind * (255 - share);
        }
        out.row(y)[x * channels + c] = static_cast<uint8_t>((sum + area / 2) / area);
      }
    }
  }
  return out;
}

}  // namespace mote::tool
