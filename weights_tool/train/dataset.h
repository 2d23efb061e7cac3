// Training pictures, and which of them, mirrored or not, with which class, make up the batch of a step. Pictures stay
// bytes in memory. Everything random is a function of (seed, step, place in the batch): no state, nothing to save.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/io/image.h"

namespace mote::tool {

struct Dataset {
  ImageSet images;
  std::vector<int> labels;  // one a picture, or empty
  std::string source;       // path, for messages
};

// What the pictures must be like.
struct DatasetNeeds {
  int height = 0, width = 0, channels = 0;  // height 0: any
  int classes = 0;                          // 0: labels are not read
};

// `path` is one of
//   an IDX file of pictures, gzipped or not; labels: the same name with "labels-idx1" for "images-idx3" or "images-idx4";
//   a folder with train-images-idx3-ubyte[.gz] (and train-labels-idx1-ubyte[.gz]);
//   a folder of PNG files or, with classes, of one subfolder of PNG files a class, numbered in the order of their names.
// Error(invalid_input) if the pictures or labels do not fit the needs.
Dataset load_dataset(const std::string& path, const DatasetNeeds& needs);
// The held-out pictures beside them: t10k-... of a folder or of the folder of an IDX file; without: false.
bool load_validation(const std::string& path, const DatasetNeeds& needs, Dataset* validation);

struct BatchOptions {
  int batch = 1;
  int classes = 0;
  bool flip = false;
  double class_dropout = 0;
  uint64_t seed = 0;
};

// Steps walk through one endless sequence of pictures: epoch after epoch, each in an order of its own (Fisher & Yates'
// shuffle with numbers of stream noise_shuffle). A batch may straddle two epochs.
class BatchSource {
 public:
  // The data set must outlive this.
  BatchSource(const Dataset& data, const BatchOptions& options);

  // Chooses the batch of a step, from 0. What follows speaks of the chosen one; calls from several threads are fine.
  void select(int64_t step);
  int64_t index(int i) const { return indices_[static_cast<size_t>(i)]; }  // into the data set
  // Picture i as floats in [-1, 1], NHWC, mirrored if its lot says so.
  void picture(int i, float* x0) const;
  // Its class, or `classes` ("no class") if dropped; -1 for a network without classes.
  int label(int i) const;
  bool flipped(int i) const;

 private:
  const std::vector<uint32_t>& order(int64_t epoch);

  const Dataset* data_;
  BatchOptions options_;
  uint32_t step_ = 0;
  std::vector<int64_t> indices_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> order_;
};

// Bytes to floats: 0 to -1, 255 to 1; `mirror` reverses each row. And back, rounded and clamped.
void picture_to_floats(const uint8_t* pixels, size_t height, size_t width, size_t channels, bool mirror, float* out);
void floats_to_picture(const float* values, size_t count, uint8_t* out);

}  // namespace mote::tool
