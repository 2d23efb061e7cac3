#include "weights_tool/commands/score_truth.h"

#include <algorithm>
#include <memory>

#include "weights_tool/io/error.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/train/points.h"

namespace mote::tool {
namespace {

constexpr size_t empirical_points = 20000;
constexpr uint64_t fresh_seed = 1, empirical_seed = 2;  // training has seed 0

bool ends_in(const std::string& path, const std::string& end) {
  return path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}

PointTruth of_mixture(const GaussianMixture& mixture) {
  return {mixture, true, [mixture](size_t count, uint32_t first) { return mixture.sample(count, fresh_seed, first); }};
}

PointTruth of_shape(PointShape shape) {
  if (shape == PointShape::mixture) return of_mixture(ring_mixture());
  const std::vector<float> points = make_points(shape, empirical_points, empirical_seed);
  return {GaussianMixture(points.data(), empirical_points, 2), false,
          [shape](size_t count, uint32_t first) { return make_points(shape, count, fresh_seed, first); }};
}

PointTruth of_array(const std::string& path) {
  const NpyArray array = read_npy(path, {0, 0});
  const size_t count = array.shape[0], dimension = array.shape[1], known = count - count / 10;
  if (count < 40 || dimension == 0) throw Error(ExitCode::invalid_input, path + ": needed are 40 points or more");
  const auto held_out = std::make_shared<std::vector<float>>(
      array.values.begin() + static_cast<std::ptrdiff_t>(known * dimension), array.values.end());
  return {GaussianMixture(array.values.data(), std::min(known, empirical_points), dimension), false,
          [held_out, dimension](size_t wanted, uint32_t first) {
            const size_t have = held_out->size() / dimension;
            std::vector<float> points;
            for (size_t i = 0; i < wanted; ++i) {
              const auto at = held_out->begin() + static_cast<std::ptrdiff_t>((first + i) % have * dimension);
              points.insert(points.end(), at, at + static_cast<std::ptrdiff_t>(dimension));
            }
            return points;
          }};
}

}  // namespace

PointTruth load_point_truth(const std::string& data) {
  if (PointShape shape; find_point_shape(data, &shape)) return of_shape(shape);
  if (ends_in(data, ".npy")) return of_array(data);
  if (ends_in(data, ".json")) {
    const Json json = read_json(data);
    return of_mixture(gaussian_mixture_from_json(JsonView(json, data)));
  }
  throw Error(ExitCode::invalid_input, data + ": needed is points:NAME, a mixture as .json, or points as .npy");
}

}  // namespace mote::tool
