#include "weights_tool/train/dataset.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "diffusion/noise.h"
#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/image_folder.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/train/class_list.h"
#include "weights_tool/train/points.h"

namespace mote::tool {
namespace {

// Elements of the stream of mirrorings (noise_flip); element 0 decides the mirroring.
constexpr uint32_t kShiftDown = 1, kShiftRight = 2;

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

PictureWish wish_of(const DatasetNeeds& needs) {
  PictureWish wish;
  wish.height = static_cast<size_t>(needs.height);
  wish.width = static_cast<size_t>(needs.width);
  wish.channels = static_cast<size_t>(needs.channels);
  wish.background = needs.background;
  return wish;
}

Dataset load_listed(const std::string& path, const DatasetNeeds& needs) {
  const ClassList list = read_class_list(needs.class_list);
  if (needs.classes > 0 && list.classes.size() != static_cast<size_t>(needs.classes)) {
    fail(needs.class_list, std::to_string(list.classes.size()) + " classes, but the model has " +
                               std::to_string(needs.classes) + "; change model.classes");
  }
  Dataset data;
  data.source = path;
  data.images = read_image_files(path, list.files, wish_of(needs));
  if (needs.classes > 0) data.labels = list.labels;
  check_fit(data, needs);
  return data;
}

Dataset load_folder(const std::string& path, const DatasetNeeds& needs) {
  if (!needs.class_list.empty()) return load_listed(path, needs);
  const PictureWish wish = wish_of(needs);
  Dataset data;
  data.source = path;
  if (needs.classes == 0) {
    data.images = read_image_folder(path, wish);
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
      const ImageSet pictures = read_image_folder(folder, wish);
      append(pictures, folder, &data.images);
      data.labels.resize(data.images.count, static_cast<int>(i));
    }
  }
  check_fit(data, needs);
  return data;
}

bool is_npy(const std::string& path) { return path.size() > 4 && path.compare(path.size() - 4, 4, ".npy") == 0; }

// (N, C, H, W) to NHWC.
std::vector<float> channels_last(const NpyArray& array) {
  const size_t channels = array.shape[1], pixels = array.shape[2] * array.shape[3];
  std::vector<float> out(array.values.size());
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t n = i / (channels * pixels), pixel = i / channels % pixels, c = i % channels;
    out[i] = array.values[(n * channels + c) * pixels + pixel];
  }
  return out;
}

Dataset load_npy(const std::string& path, const DatasetNeeds& needs) {
  if (needs.height == 0) fail(path, "needed are pictures, not an array of floats");
  if (needs.classes > 0) fail(path, "an array has no classes; set model.classes to 0");
  NpyArray array = read_npy(path);
  const std::vector<size_t> size = {static_cast<size_t>(needs.channels), static_cast<size_t>(needs.height),
                                    static_cast<size_t>(needs.width)};
  const size_t elements = size[0] * size[1] * size[2], rank = array.shape.size();
  Dataset data;
  data.source = path;
  data.value_stride = elements;
  const bool flat = size[0] + size[1] + size[2] == elements + 2;  // two of the sizes are 1
  if (rank == 4 && std::equal(size.begin(), size.end(), array.shape.begin() + 1)) {
    data.values = channels_last(array);
    data.images.count = array.shape[0];
  } else if (rank == 2 && flat && array.shape[1] == elements) {
    data.values = std::move(array.values);
    data.images.count = array.shape[0];
  } else if (rank == 1 && size[0] == 1 && size[1] == 1 && array.shape[0] >= elements) {
    data.values = std::move(array.values);
    data.images.count = array.shape[0] - elements + 1;
    data.value_stride = 1;
  } else {
    fail(path, "has the shape " + shape_text(array.shape) + ", but the model wants samples (N, " +
                   std::to_string(size[0]) + ", " + std::to_string(size[1]) + ", " + std::to_string(size[2]) + ")");
  }
  data.images.channels = size[0];
  data.images.height = size[1];
  data.images.width = size[2];
  for (size_t i = 0; i < data.values.size(); ++i) {
    if (!std::isfinite(data.values[i])) fail(path, "element " + std::to_string(i) + " is not finite");
  }
  check_fit(data, needs);
  return data;
}

Dataset load_points(PointShape shape, bool held_out, const DatasetNeeds& needs) {
  Dataset data = point_dataset(shape, held_out);
  if (needs.height == 0) fail(data.source, "needed are pictures, not points");
  if (needs.classes > 0) fail(data.source, "these points have no classes; set model.classes to 0");
  check_fit(data, needs);
  return data;
}

Dataset load_recording(const std::string& path, const DatasetNeeds& needs) {
  if (needs.height != 1 || needs.channels != 1) fail(path, "a recording needs model.height and model.channels of 1");
  if (needs.classes > 0) fail(path, "a recording has no classes; set model.classes to 0");
  const SignalConfig& config = *needs.signal;
  const std::vector<double> recording = read_signal(path);
  const Stretch stretch = stretch_of(config.begin, config.end, recording.size());
  const size_t width = static_cast<size_t>(needs.width), length = stretch.end - stretch.begin;
  if (length < width) {
    fail(path, "signal.begin and signal.end leave " + std::to_string(length) + " samples, fewer than a window of " +
                   std::to_string(width));
  }
  const std::vector<double> signal = prepare_signal(recording, stretch, config);
  Dataset data;
  data.source = path;
  data.values.assign(signal.begin(), signal.end());
  data.value_stride = data.images.channels = data.images.height = 1;
  data.images.width = width;
  data.images.count = length - width + 1;
  check_fit(data, needs);
  return data;
}

}  // namespace

Dataset load_dataset(const std::string& path, const DatasetNeeds& needs) {
  if (needs.signal) return load_recording(path, needs);
  if (is_npy(path)) return load_npy(path, needs);
  if (PointShape shape; find_point_shape(path, &shape)) return load_points(shape, false, needs);
  if (!needs.class_list.empty() && !is_directory(path)) {
    fail(path, "a class list is for a folder of PNG files");
  }
  if (!is_directory(path)) return load_idx(path, needs);
  const std::string images = idx_images_in(path, "train");
  return images.empty() || !needs.class_list.empty() ? load_folder(path, needs) : load_idx(images, needs);
}

bool load_validation(const std::string& path, const DatasetNeeds& needs, Dataset* validation) {
  if (needs.signal) return false;  // the rest of the recording is for tests
  if (PointShape shape; find_point_shape(path, &shape)) {
    *validation = load_points(shape, true, needs);
    return true;
  }
  if (is_npy(path)) {
    const std::string held_out = path.substr(0, path.size() - 4) + "-test.npy";
    if (!path_exists(held_out)) return false;
    *validation = load_npy(held_out, needs);
    return true;
  }
  const std::string folder = is_directory(path) ? path : parent_directory(path);
  const std::string images = idx_images_in(folder, "t10k");
  if (images.empty() || file_name(images) == file_name(path)) return false;
  *validation = load_idx(images, needs);
  return true;
}

void Dataset::sample(size_t index, bool mirror, float* out) const {
  if (!has_values()) {
    picture_to_floats(images.image(index), images.height, images.width, images.channels, mirror, out);
    return;
  }
  const float* from = values.data() + index * value_stride;
  for (size_t y = 0; y < images.height; ++y) {
    for (size_t x = 0; x < images.width; ++x) {
      const size_t column = mirror ? images.width - 1 - x : x;
      out = std::copy_n(from + (y * images.width + column) * images.channels, images.channels, out);
    }
  }
}

uint32_t Dataset::checksum() const {
  return has_values() ? crc32(values.data(), values.size() * sizeof(float))
                      : crc32(images.pixels.data(), images.pixels.size());
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

int BatchSource::shift_lot(int i, uint32_t element) const {
  const uint32_t places = 2 * static_cast<uint32_t>(options_.shift) + 1;
  return static_cast<int>(uniform_below(places, element, options_.seed, step_, static_cast<uint32_t>(i), noise_flip)) -
         options_.shift;
}

void BatchSource::picture(int i, float* x0) const {
  const size_t number = static_cast<size_t>(index(i));
  if (options_.shift == 0) return data_->sample(number, flipped(i), x0);
  std::vector<float> plain(data_->elements());
  data_->sample(number, flipped(i), plain.data());
  const ImageSet& set = data_->images;
  shift_picture(plain.data(), set.height, set.width, set.channels, shift_lot(i, kShiftDown), shift_lot(i, kShiftRight),
                x0);
}

void shift_picture(const float* in, size_t height, size_t width, size_t channels, int dy, int dx, float* out) {
  const auto from = [](size_t to, int shift, size_t size) {
    return static_cast<size_t>(
        std::clamp(static_cast<int64_t>(to) - shift, int64_t{0}, static_cast<int64_t>(size) - 1));
  };
  for (size_t y = 0; y < height; ++y) {
    for (size_t x = 0; x < width; ++x) {
      out = std::copy_n(in + (from(y, dy, height) * width + from(x, dx, width)) * channels, channels, out);
    }
  }
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
