// Pictures with classes, and the pictures held out from training: what a classifier learns and is tested on, and what
// generated pictures are compared with.
#pragma once
#include <string>

#include "weights_tool/train/dataset.h"

namespace mote::tool {

struct ClassifiedPictures {
  Dataset train, held_out;
  int classes = 0;
};

// `path` as load_dataset takes it; there must be labels. Classes: subfolders of PNG files, or the largest label and one.
// Held out: the t10k-... files, or where there are none every tenth picture.
// Error(invalid_input) for fewer than 2 classes, fewer than 10 pictures, or held-out pictures of another size.
ClassifiedPictures load_classified(const std::string& path);

}  // namespace mote::tool
