// A folder of PNG files as a training set: every *.png in it (any case, hidden files and subfolders left out), sorted
// by name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "weights_tool/io/image.h"

namespace mote::tool {

// 8-bit grey or RGB; all of one size and channel count, otherwise Error(invalid_input) that names the file. Pictures
// with an alpha channel are refused. `max_bytes` caps the whole set.
ImageSet read_image_folder(const std::string& path, uint64_t max_bytes = uint64_t{1} << 32);

}  // namespace mote::tool
