#include "weights_tool/commands/inverter.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/commands/model_source.h"
#include "weights_tool/commands/sample_solver.h"
#include "weights_tool/commands/sample_team.h"
#include "weights_tool/diffusion/inversion.h"
#include "weights_tool/graph/reader.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/idx.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/io/png.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {
namespace {

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

ImageSet read_bytes(const std::string& path) {
  if (!ends_with(path, ".png")) return read_idx_images(path);
  Image image = read_png(path);
  return {1, image.height, image.width, image.channels, std::move(image.pixels)};
}

}  // namespace

InvertibleModel load_invertible(const std::string& path) {
  const std::vector<uint8_t> bytes = load_model_file(path);
  ModelFile file = read_model(bytes, path);
  if (file.diffusion.schedule.empty())
    throw Error(ExitCode::invalid_input, path + ": has no noise levels beside its steps, so nothing can be inverted");
  return {ModelBuffer(bytes, path), std::move(file.diffusion.schedule), file.graph.prediction};
}

std::vector<float> read_pictures(const std::string& path, const mote_model_info& info, size_t most) {
  if (ends_with(path, ".npy")) {
    const NpyArray array = read_npy(path, {0, info.channels, info.height, info.width});
    const size_t count = std::min(most, array.shape[0]);
    std::vector<float> values = nhwc_from_nchw(array.values, array.shape[0], info);
    values.resize(count * info.channels * info.height * info.width);
    return values;
  }
  const ImageSet set = read_bytes(path);
  if (set.height != info.height || set.width != info.width || set.channels != info.channels)
    throw Error(ExitCode::invalid_input, path + ": is " + std::to_string(set.height) + "x" + std::to_string(set.width) +
                                             "x" + std::to_string(set.channels) + ", the model draws " +
                                             std::to_string(info.height) + "x" + std::to_string(info.width) + "x" +
                                             std::to_string(info.channels));
  const size_t count = std::min(most, set.count), elements = set.image_bytes();
  std::vector<float> values(count * elements);
  for (size_t i = 0; i < count; ++i)
    picture_to_floats(set.image(i), set.height, set.width, set.channels, false, values.data() + i * elements);
  return values;
}

std::vector<float> invert_pictures(const InvertibleModel& source, const SampleRequest& request,
                                   const std::vector<float>& pictures, int iterations, int* evaluations) {
  const std::vector<VisitedLevel> levels = trailing_levels(source.levels, static_cast<int>(request.steps));
  SampleRequest back = request;
  back.init = pictures;
  back.count = static_cast<uint32_t>(pictures.size() / source.model.picture_elements());
  back.solver = [&](const HostPicture& picture, std::vector<float>& x32) {
    std::vector<float> at(x32.size()), m(x32.size());
    size_t level = levels.size();  // the model is asked level after level, from the clean end
    const EpsilonModel model = [&](const std::vector<double>& x, double t, std::vector<double>& epsilon) {
      while (level == levels.size() || levels[level].timestep != t) level = level == 0 ? levels.size() - 1 : level - 1;
      at.assign(x.begin(), x.end());
      picture.predict(at.data(), static_cast<float>(t), m.data());
      // Of the model's exact levels, not of 1 - rounded alpha_bar.
      const double signal = std::sqrt(levels[level].alpha_bar), noise = std::sqrt(levels[level].rest);
      for (size_t e = 0; e < x.size(); ++e) {
        const double out = static_cast<double>(m[e]);
        epsilon[e] = source.prediction == Prediction::epsilon ? out
                     : source.prediction == Prediction::v     ? noise * x[e] + signal * out
                                                              : (x[e] - signal * out) / noise;
      }
    };
    std::vector<double> x(x32.begin(), x32.end());
    const int count = ddim_invert(levels, model, iterations, x);
    x32.assign(x.begin(), x.end());
    return count;
  };
  SampleResult result = sample_pictures(source.model, back);
  if (evaluations != nullptr) *evaluations = static_cast<int>(result.evaluations / back.count);
  return std::move(result.pictures);
}

}  // namespace mote::tool
