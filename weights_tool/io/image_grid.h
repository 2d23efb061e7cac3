// Many small pictures as one.
#pragma once
#include <cstddef>
#include <cstdint>

#include "weights_tool/io/image.h"

namespace mote::tool {

struct GridOptions {
  size_t columns = 0;       // 0: the smallest square that holds all
  size_t scale = 1;         // each pixel becomes scale x scale
  size_t gap = 1;           // pixels between and around the tiles
  uint8_t gap_value = 255;  // white
};

// Row by row from the top left; places left over at the end are filled like the gap. 1 or 3 channels and at least one
// picture, otherwise std::invalid_argument. `pixels`: (count, height, width, channels).
Image image_grid(const uint8_t* pixels, size_t count, size_t height, size_t width, size_t channels,
                 const GridOptions& options = {});
Image image_grid(const ImageSet& images, const GridOptions& options = {});

}  // namespace mote::tool
