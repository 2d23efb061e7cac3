#include "weights_tool/train/classifier_data.h"

#include <algorithm>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

constexpr size_t kHeldOutEvery = 10;
constexpr int kMostIdxLabels = 256;

// Of a folder with one subfolder a class; 0: `path` is something else.
int class_folders(const std::string& path) {
  if (!is_directory(path)) return 0;
  int folders = 0;
  for (const std::string& name : list_directory(path)) {
    if (name.compare(0, 16, "train-images-idx") == 0) return 0;
    if (name[0] != '.' && is_directory(join_path(path, name))) ++folders;
  }
  return folders;
}

void append_picture(const Dataset& from, size_t index, Dataset* to) {
  const uint8_t* pixels = from.images.image(index);
  to->images.pixels.insert(to->images.pixels.end(), pixels, pixels + from.images.image_bytes());
  to->labels.push_back(from.labels[index]);
  ++to->images.count;
}

Dataset like(const Dataset& data) {
  Dataset made;
  made.source = data.source;
  made.images.height = data.images.height;
  made.images.width = data.images.width;
  made.images.channels = data.images.channels;
  return made;
}

void split(ClassifiedPictures* pictures) {
  const Dataset all = std::move(pictures->train);
  pictures->train = like(all);
  pictures->held_out = like(all);
  for (size_t i = 0; i < all.images.count; ++i) {
    append_picture(all, i, i % kHeldOutEvery == kHeldOutEvery - 1 ? &pictures->held_out : &pictures->train);
  }
}

}  // namespace

ClassifiedPictures load_classified(const std::string& path) {
  ClassifiedPictures pictures;
  DatasetNeeds needs;
  const int folders = class_folders(path);
  needs.classes = folders > 0 ? folders : kMostIdxLabels;
  pictures.train = load_dataset(path, needs);
  const Dataset& train = pictures.train;
  pictures.classes = folders > 0 ? folders : *std::max_element(train.labels.begin(), train.labels.end()) + 1;
  if (pictures.classes < 2) throw Error(ExitCode::invalid_input, train.source + ": all pictures are of one class");
  if (train.images.count < kHeldOutEvery) {
    throw Error(ExitCode::invalid_input, train.source + ": " + std::to_string(train.images.count) +
                                             " pictures are too few; at least 10 are needed");
  }
  needs.height = static_cast<int>(train.images.height);
  needs.width = static_cast<int>(train.images.width);
  needs.channels = static_cast<int>(train.images.channels);
  needs.classes = pictures.classes;
  if (folders > 0 || !load_validation(path, needs, &pictures.held_out)) split(&pictures);
  return pictures;
}

}  // namespace mote::tool
