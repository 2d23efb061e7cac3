// Pictures for `edit`, of files of several kinds, as the floats of one model.
#pragma once
#include <mote/mote.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mote::tool {

// The pictures first .. first + most - 1 of a file (fewer at its end, and of a PNG the one it holds), as
// [count][height][width][channels] floats. PNG and IDX bytes v become v / 127.5 - 1; colour becomes grey where
// `channels` is 1 (Rec. 601), grey becomes colour where it is 3, and alpha is refused. .npy holds (N, C, H, W), or
// (C, H, W), in the range of the model's data. Throws Error(invalid_input) for other sizes.
std::vector<float> read_pictures(const std::string& path, size_t height, size_t width, size_t channels, size_t first,
                                 size_t most);

// A mask of one picture, or of each: 0 to 255 an element. A mask of one channel counts for all. .npy holds 0 .. 1.
std::vector<uint8_t> read_mask(const std::string& path, const mote_model_info& info, size_t first, size_t most);

}  // namespace mote::tool
