// Folders of PNG files.
#include "weights_tool/io/image_folder.h"

#include <algorithm>
#include <string>
#include <vector>

#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/io/png.h"

namespace mote::tool {
namespace {

bool is_png_name(const std::string& name) {
  static const std::string kEnding = ".png";
  if (name.size() <= kEnding.size() || name[0] == '.') return false;
  std::string ending = name.substr(name.size() - kEnding.size());
  for (char& c : ending) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return ending == kEnding;
}

std::string size_text(size_t height, size_t width, size_t channels) {
  return std::to_string(width) + "x" + std::to_string(height) + (channels == 1 ? " grey" : " RGB");
}

}  // namespace

ImageSet read_image_folder(const std::string& path, const PictureWish& wish, uint64_t max_bytes) {
  std::vector<std::string> names;
  for (const std::string& name : list_directory(path)) {
    if (is_png_name(name) && !is_directory(join_path(path, name))) names.push_back(name);
  }
  if (names.empty()) throw Error(ExitCode::invalid_input, path + ": no PNG files in this folder");
  return read_image_files(path, names, wish, max_bytes);
}

ImageSet read_image_files(const std::string& path, const std::vector<std::string>& names, const PictureWish& wish,
                          uint64_t max_bytes) {
  ImageSet out;
  for (const std::string& name : names) {
    const std::string file = join_path(path, name);
    const Image image = fit_picture(read_png(file), wish, file);
    if (out.count == 0) {
      out.height = image.height;
      out.width = image.width;
      out.channels = image.channels;
      if (out.image_bytes() <= max_bytes / names.size()) out.pixels.reserve(out.image_bytes() * names.size());
    }
    if (image.height != out.height || image.width != out.width || image.channels != out.channels) {
      throw Error(ExitCode::invalid_input,
                  file + ": " + size_text(image.height, image.width, image.channels) + ", but " + names.front() +
                      " is " + size_text(out.height, out.width, out.channels) + "; all pictures must be alike");
    }
    if (image.pixels.size() > max_bytes - out.pixels.size()) {
      throw Error(ExitCode::invalid_input, path + ": the pictures take more than the " + std::to_string(max_bytes) +
                                               " bytes allowed here, at " + name);
    }
    out.pixels.insert(out.pixels.end(), image.pixels.begin(), image.pixels.end());
    ++out.count;
  }
  return out;
}

}  // namespace mote::tool
