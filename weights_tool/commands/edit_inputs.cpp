#include "weights_tool/commands/edit_inputs.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ExitCode::invalid_input, path + ": " + what);
}

std::string size_text(size_t height, size_t width, size_t channels) {
  return std::to_string(height) + " x " + std::to_string(width) + " x " + std::to_string(channels);
}

// Values of a file before their meaning: bytes as they are, .npy as stored. NHWC.
struct Values {
  size_t count = 0, channels = 0;
  bool bytes = false;
  std::vector<float> values;
};

Values of_npy(const std::string& path, size_t height, size_t width) {
  NpyArray array = read_npy(path);
  if (array.shape.size() == 3) array.shape.insert(array.shape.begin(), 1);
  if (array.shape.size() != 4 || array.shape[2] != height || array.shape[3] != width || array.shape[1] == 0)
    refuse(path, "has the shape " + shape_text(array.shape) + ", not (N, C, " + std::to_string(height) + ", " +
                     std::to_string(width) + ")");
  Values out;
  out.count = array.shape[0];
  out.channels = array.shape[1];
  const size_t pixels = height * width;
  out.values.resize(array.values.size());
  for (size_t n = 0; n < out.count; ++n)
    for (size_t c = 0; c < out.channels; ++c)
      for (size_t p = 0; p < pixels; ++p)
        out.values[(n * pixels + p) * out.channels + c] = array.values[(n * out.channels + c) * pixels + p];
  return out;
}

Values of_bytes(const std::string& path, size_t height, size_t width, size_t first, size_t most) {
  ImageSet set;
  if (ends_with(path, ".png")) {
    const Image image = read_png(path);
    set = ImageSet{1, image.height, image.width, image.channels, image.pixels};
    first = 0;
  } else {
    set = read_idx_images(path);
  }
  if (set.height != height || set.width != width || set.channels == 2 || set.channels > 3)
    refuse(path, "holds pictures of " + size_text(set.height, set.width, set.channels) + ", not " +
                     size_text(height, width, 1) + " or " + size_text(height, width, 3));
  Values out;
  const size_t begin = std::min(first, set.count);
  out.count = std::min(most, set.count - begin);
  out.channels = set.channels;
  out.bytes = true;
  out.values.assign(set.image(begin), set.image(begin) + out.count * set.image_bytes());
  return out;
}

Values read_values(const std::string& path, size_t height, size_t width, size_t first, size_t most) {
  if (!ends_with(path, ".npy")) {
    Values bytes = of_bytes(path, height, width, first, most);
    if (bytes.count == 0) refuse(path, "has no picture number " + std::to_string(first));
    return bytes;
  }
  Values all = of_npy(path, height, width);
  const size_t begin = std::min(first, all.count), each = height * width * all.channels;
  all.count = std::min(most, all.count - begin);
  if (all.count == 0) refuse(path, "has no picture number " + std::to_string(first));
  all.values.erase(all.values.begin(), all.values.begin() + static_cast<std::ptrdiff_t>(begin * each));
  all.values.resize(all.count * each);
  return all;
}

// From `have` channels to `want`.
std::vector<float> with_channels(const std::string& path, std::vector<float> values, size_t have, size_t want) {
  if (have == want) return values;
  const size_t pixels = values.size() / have;
  std::vector<float> out(pixels * want);
  if (have == 3 && want == 1) {
    for (size_t p = 0; p < pixels; ++p)
      out[p] = 0.299f * values[3 * p] + 0.587f * values[3 * p + 1] + 0.114f * values[3 * p + 2];
  } else if (have == 1) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = values[i / want];
  } else {
    refuse(path, "has " + std::to_string(have) + " channels, not " + std::to_string(want));
  }
  return out;
}

}  // namespace

std::vector<float> read_pictures(const std::string& path, size_t height, size_t width, size_t channels, size_t first,
                                 size_t most) {
  Values read = read_values(path, height, width, first, most);
  if (read.bytes)
    for (float& value : read.values) value = value / 127.5f - 1.0f;
  for (const float value : read.values)
    if (!std::isfinite(value)) refuse(path, "holds a value that is not finite");
  return with_channels(path, std::move(read.values), read.channels, channels);
}

std::vector<uint8_t> read_mask(const std::string& path, const mote_model_info& info, size_t first, size_t most) {
  Values read = read_values(path, info.height, info.width, first, most);
  const std::vector<float> values = with_channels(path, std::move(read.values), read.channels, info.channels);
  std::vector<uint8_t> mask;
  for (const float value : values) {
    const float scaled = read.bytes ? value : value * 255.0f;
    if (!(scaled >= 0.0f && scaled <= 255.0f)) refuse(path, "is no mask: it holds values outside 0 .. 1");
    mask.push_back(static_cast<uint8_t>(std::lround(scaled)));
  }
  return mask;
}

}  // namespace mote::tool
