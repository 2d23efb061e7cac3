// Makes a picture what a model wants: laid on a background, grey as RGB, shrunk by a whole factor. Exact in integers up to
// one rounding of each value.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "weights_tool/io/image.h"

namespace mote::tool {

struct PictureWish {
  size_t height = 0, width = 0, channels = 0;  // 0: as the picture has it; channels 1 or 3
  int background = -1;                         // grey level behind what is transparent; -1: such pictures are refused
};

// The mean over blocks of f x f pixels of colour * alpha + background * (1 - alpha), f = picture size / wished size. Error(invalid_input)
// that begins with `name` if the size is no whole multiple, the same in both directions, RGB would have to become grey,
// or there is an alpha channel and no background.
Image fit_picture(const Image& picture, const PictureWish& wish, const std::string& name);

}  // namespace mote::tool
