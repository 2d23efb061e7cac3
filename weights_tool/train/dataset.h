// Training pictures (or other samples: points, windows of a signal), and which of them, mirrored or not, with which class, make up the batch of a step. Pictures stay
// bytes in memory, other samples are floats. Everything random is a function of (seed, step, place in the batch): no state, nothing to save.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "weights_tool/io/image.h"
#include "weights_tool/train/signal.h"

namespace mote::tool {

struct Dataset {
  ImageSet images;  // of float samples only count and sizes; pixels is empty then
  // Sample i is the elements from i * value_stride on, in [height][width][channels]: one sample after another, or
  // windows of a long signal that overlap.
  std::vector<float> values;
  size_t value_stride = 0;
  std::vector<int> labels;  // one a picture, or empty
  std::string source;       // path, for messages

  bool has_values() const { return !values.empty(); }
  size_t elements() const { return images.image_bytes(); }  // of a sample
  // Sample i as floats, pictures in [-1, 1]; mirror reverses each row.
  void sample(size_t index, bool mirror, float* out) const;
  // CRC-32 of the bytes of all samples: tells one data set from another.
  uint32_t checksum() const;
};

// What the pictures must be like.
struct DatasetNeeds {
  int height = 0, width = 0, channels = 0;  // height 0: any
  int classes = 0;                          // 0: labels are not read
  int background = -1;                      // of PNG files: io/image_fit.h
  std::string class_list;                   // of a folder of PNG files: train/class_list.h; "": none
  std::optional<SignalConfig> signal;       // of a recording
};

// `path` is one of
//   an IDX file of pictures, gzipped or not; labels: the same name with "labels-idx1" for "images-idx3" or "images-idx4";
//   a folder with train-images-idx3-ubyte[.gz] (and train-labels-idx1-ubyte[.gz]);
//   a folder of PNG files; with classes, of one subfolder of PNG files a class, numbered in the order of their names, or
//   with a class list. Pictures that are a whole multiple too large are shrunk;
//   a .npy file: samples (N, C, H, W), or (N, n) where two of the three sizes are 1; or a signal (n), whose samples are all its windows
//   of the wanted width. No labels;
//   with needs.signal, a recording as train/signal.h reads it, whose samples are all windows of the stretch it names;
//   "points:swiss-roll", "points:two-moons" or "points:mixture": made up, train/points.h.
// Error(invalid_input) if the pictures or labels do not fit the needs.
Dataset load_dataset(const std::string& path, const DatasetNeeds& needs);
// The held-out pictures beside them: t10k-... of a folder or of the folder of an IDX file, X-test.npy of X.npy; without:
// false.
bool load_validation(const std::string& path, const DatasetNeeds& needs, Dataset* validation);

struct BatchOptions {
  int batch = 1;
  int classes = 0;
  bool flip = false;
  int shift = 0;  // pictures move up to that many pixels in each direction; what comes in repeats the edge
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
  // Picture i as floats, NHWC, mirrored and shifted as its lots say.
  void picture(int i, float* x0) const;
  // Its class, or `classes` ("no class") if dropped; -1 for a network without classes.
  int label(int i) const;
  bool flipped(int i) const;

 private:
  int shift_lot(int i, uint32_t element) const;
  const std::vector<uint32_t>& order(int64_t epoch);

  const Dataset* data_;
  BatchOptions options_;
  uint32_t step_ = 0;
  std::vector<int64_t> indices_;
  int64_t epoch_ = -1;
  std::vector<uint32_t> order_;
};

// `out` is `in` moved down by dy and right by dx pixels; what comes in at the edge repeats the edge. [height][width][channels].
void shift_picture(const float* in, size_t height, size_t width, size_t channels, int dy, int dx, float* out);

// Bytes to floats: 0 to -1, 255 to 1; `mirror` reverses each row. And back, rounded and clamped.
void picture_to_floats(const uint8_t* pixels, size_t height, size_t width, size_t channels, bool mirror, float* out);
void floats_to_picture(const float* values, size_t count, uint8_t* out);

}  // namespace mote::tool
