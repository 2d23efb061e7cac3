#include "weights_tool/train/dataset.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/image_folder.h"

namespace mote::tool {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ExitCode::invalid_input, path + ": " + what);
}

// "a" or "a.gz", whichever exists; "" for neither.
std::string plain_or_gzipped(const std::string& path) {
  for (const std::string& candidate : {path, path + ".gz"}) {
    if (path_exists(candidate)) return candidate;
  }
  return "";
}

std::string idx_images_in(const std::string& folder, const std::string& prefix) {
  for (const char* rank : {"3", "4"}) {
    const std::string found = plain_or_gzipped(join_path(folder, prefix + "-images-idx" + rank + "-ubyte"));
    if (!found.empty()) return found;
  }
  return "";
}

// The path of the labels that belong to pictures, by name; "" if the name does not follow the pattern.
std::string labels_beside(const std::string& images) {
  const std::string name = file_name(images);
  for (const char* pattern : {"images-idx3", "images-idx4", "images.idx3", "images.idx4"}) {
    const size_t at = name.find(pattern);
    if (at == std::string::npos) continue;
    const std::string labels = name.substr(0, at) + "labels" + pattern[6] + "idx1" + name.substr(at + 11);
    std::string path = join_path(parent_directory(images), labels);
    if (path.size() > 3 && path.compare(path.size() - 3, 3, ".gz") == 0) path.resize(path.size() - 3);
    return plain_or_gzipped(path);
  }
  return "";
}

std::string size_text(size_t height, size_t width, size_t channels) {
  return std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels);
}

void check_fit(const Dataset& data, const DatasetNeeds& needs) {
  const ImageSet& set = data.images;
  if (set.count == 0) fail(data.source, "no pictures");
  if (set.count > UINT32_MAX) fail(data.source, "more than 2^32 pictures");
  if (needs.height == 0) return;
  if (set.height != static_cast<size_t>(needs.height) || set.width != static_cast<size_t>(needs.width) ||
      set.channels != static_cast<size_t>(needs.channels)) {
    fail(data.source, "pictures of " + size_text(set.height, set.width, set.channels) + ", but the model is for " +
                          size_text(static_cast<size_t>(needs.height), static_cast<size_t>(needs.width),
                                    static_cast<size_t>(needs.channels)) +
                          "; change model.height, width and channels");
  }
}

Dataset load_idx(const std::string& images, const DatasetNeeds& needs) {
  Dataset data;
  data.source = images;
  data.images = read_idx_images(images);
  check_fit(data, needs);
  if (needs.classes == 0) return data;
  const std::string labels = labels_beside(images);
  if (labels.empty()) {
    fail(images, "the model has " + std::to_string(needs.classes) +
                     " classes but there is no file of labels beside the pictures; set model.classes to 0 or add it");
  }
  const std::vector<uint8_t> read =
      read_idx_labels(labels, data.images.count, static_cast<unsigned>(std::min(needs.classes, 256)));
  data.labels.assign(read.begin(), read.end());
  return data;
}

void append(const ImageSet& more, const std::string& path, ImageSet* all) {
  if (all->count == 0) {
    *all = more;
    return;
  }
  if (more.height != all->height || more.width != all->width || more.channels != all->channels) {
    fail(path, "pictures of " + size_text(more.height, more.width, more.channels) +
                   ", those of the classes before are " + size_text(all->height, all->width, all->channels));
  }
  all->pixels.insert(all->pixels.end(), more.pixels.begin(), more.pixels.end());
  all->count += more.count;
}

Dataset load_folder(const std::string& path, const DatasetNeeds& needs) {
  Dataset data;
  data.source = path;
  if (needs.classes == 0) {
    data.images = read_image_folder(path);
  } else {
    std::vector<std::string> classes;
    for (const std::string& name : list_directory(path)) {
      if (name[0] != '.' && is_directory(join_path(path, name))) classes.push_back(name);
    }
    if (classes.size() != static_cast<size_t>(needs.classes)) {
      fail(path, std::to_string(classes.size()) + " subfolders, but the model has " + std::to_string(needs.classes) +
                     " classes; put the pictures of each class into a subfolder or change model.classes");
    }
    for (size_t i = 0; i < classes.size(); ++i) {
      const std::string folder = join_path(path, classes[i]);
      const ImageSet pictures = read_image_folder(folder);
      append(pictures, folder, &data.images);
      data.labels.resize(data.images.count, static_cast<int>(i));
    }
  }
  check_fit(data, needs);
  return data;
}

}  // namespace

Dataset load_dataset(const std::string& path, const DatasetNeeds& needs) {
  if (!is_directory(path)) return load_idx(path, needs);
  const std::string images = idx_images_in(path, "train");
  return images.empty() ? load_folder(path, needs) : load_idx(images, needs);
}

bool load_validation(const std::string& path, const DatasetNeeds& needs, Dataset* validation) {
  const std::string folder = is_directory(path) ? path : parent_directory(path);
  const std::string images = idx_images_in(folder, "t10k");
  if (images.empty() || file_name(images) == file_name(path)) return false;
  *validation = load_idx(images, needs);
  return true;
}

BatchSource::BatchSource(const Dataset& data, const BatchOptions& options) : data_(&data), options_(options) {
  if (data.images.count == 0 || data.images.count > UINT32_MAX || options.batch < 1 ||
      (options.classes > 0 && data.labels.size() != data.images.count)) {
    throw std::invalid_argument("BatchSource: pictures, labels and batch do not fit together");
  }
  indices_.resize(static_cast<size_t>(options.batch));
}

const std::vector<uint32_t>& BatchSource::order(int64_t epoch) {
  if (epoch == epoch_) return order_;
  const uint32_t count = static_cast<uint32_t>(data_->images.count);
  order_.resize(count);
  for (uint32_t i = 0; i < count; ++i) order_[i] = i;
  for (uint32_t i = count - 1; i > 0; --i) {
    std::swap(order_[i],
              order_[uniform_below(i + 1, i, options_.seed, static_cast<uint32_t>(epoch), 0, noise_shuffle)]);
  }
  epoch_ = epoch;
  return order_;
}

void BatchSource::select(int64_t step) {
  step_ = static_cast<uint32_t>(step);
  const int64_t count = static_cast<int64_t>(data_->images.count);
  for (int64_t i = 0; i < options_.batch; ++i) {
    const int64_t place = step * options_.batch + i;
    indices_[static_cast<size_t>(i)] = order(place / count)[static_cast<size_t>(place % count)];
  }
}

bool BatchSource::flipped(int i) const {
  return options_.flip && (uniform_u32(0, options_.seed, step_, static_cast<uint32_t>(i), noise_flip) & 1u) != 0;
}

int BatchSource::label(int i) const {
  if (options_.classes == 0) return -1;
  const float lot = uniform_f32(0, options_.seed, step_, static_cast<uint32_t>(i), noise_class_dropout);
  if (static_cast<double>(lot) < options_.class_dropout) return options_.classes;
  return data_->labels[static_cast<size_t>(index(i))];
}

void BatchSource::picture(int i, float* x0) const {
  const ImageSet& set = data_->images;
  picture_to_floats(set.image(static_cast<size_t>(index(i))), set.height, set.width, set.channels, flipped(i), x0);
}

void picture_to_floats(const uint8_t* pixels, size_t height, size_t width, size_t channels, bool mirror, float* out) {
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      const uint8_t* from = pixels + (y * width + (mirror ? width - 1 - x : x)) * channels;
      for (size_t c = 0; c < channels; ++c) *out++ = static_cast<float>(from[c]) / 127.5f - 1.0f;
    }
  }
}

void floats_to_picture(const float* values, size_t count, uint8_t* out) {
  for (size_t i = 0; i < count; ++i) {
    const float scaled = (values[i] + 1.0f) * 127.5f;
    out[i] = static_cast<uint8_t>(!(scaled > 0.0f) ? 0.0f : scaled >= 255.0f ? 255.0f : scaled + 0.5f);
  }
}

}  // namespace mote::tool
