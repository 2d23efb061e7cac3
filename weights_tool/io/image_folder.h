// A folder of PNG files as a training set: every *.png in it (any case, hidden files and subfolders left out), sorted
// by name, or those of a list.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/image.h"
#include "weights_tool/io/image_fit.h"

namespace mote::tool {

constexpr uint64_t kDefaultImagesCap = uint64_t{1} << 32;

// 8-bit pictures, each as `wish` wants it (io/image_fit.h); all must then be of one size and channel count, otherwise
// Error(invalid_input) that names the file. `max_bytes` caps the whole set.
ImageSet read_image_folder(const std::string& path, const PictureWish& wish = {},
                           uint64_t max_bytes = kDefaultImagesCap);
// The files of these names in the folder, in this order.
ImageSet read_image_files(const std::string& path, const std::vector<std::string>& names, const PictureWish& wish = {},
                          uint64_t max_bytes = kDefaultImagesCap);

}  // namespace mote::tool
