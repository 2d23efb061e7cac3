#include "weights_tool/train/points.h"

#include <cmath>
#include <iterator>

#include "diffusion/noise.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

constexpr double pi = 3.14159265358979323846;
constexpr const char* prefix = "points:";
constexpr const char* shape_names[] = {"swiss-roll", "two-moons", "mixture"};

struct Plane {
  double x, y;
};

// u, v: uniform in [0, 1).
Plane on_swiss_roll(double u, double) {
  const double angle = 1.5 * pi * (1 + 2 * u), radius = angle / (4.5 * pi) * 0.9;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

Plane on_two_moons(double u, double v) {
  constexpr double size = 0.5;
  const double c = std::cos(pi * u), s = std::sin(pi * u);
  return v < 0.5 ? Plane{size * (c - 0.5), size * (s - 0.25)} : Plane{size * (0.5 - c), size * (0.25 - s)};
}

constexpr double swiss_roll_noise = 0.015, two_moons_noise = 0.035;

}  // namespace

bool find_point_shape(const std::string& path, PointShape* shape) {
  if (path.compare(0, 7, prefix) != 0) return false;
  for (size_t i = 0; i < std::size(shape_names); ++i) {
    if (path.substr(7) != shape_names[i]) continue;
    *shape = static_cast<PointShape>(i);
    return true;
  }
  throw Error(ExitCode::usage, path + ": the points there are: swiss-roll, two-moons, mixture");
}

GaussianMixture ring_mixture() {
  std::vector<GaussianComponent> components;
  for (int i = 0; i < 6; ++i) {
    const double angle = 2 * pi * i / 6, wide = i % 2 == 0 ? 0.05 : 0.08;
    components.push_back({1.0 + i % 3, {0.5 * std::cos(angle), 0.5 * std::sin(angle)}, {wide, 0.06}});
  }
  return GaussianMixture(components);
}

std::vector<float> make_points(PointShape shape, size_t count, uint64_t seed, uint32_t first) {
  if (shape == PointShape::mixture) return ring_mixture().sample(count, seed, first);
  const bool roll = shape == PointShape::swiss_roll;
  const double noise = roll ? swiss_roll_noise : two_moons_noise;
  std::vector<float> points(2 * count);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t number = first + static_cast<uint32_t>(i);
    const double u = uniform_u32(0, seed, 1, number, noise_points) / 4294967296.0;
    const double v = uniform_u32(1, seed, 1, number, noise_points) / 4294967296.0;
    float z[2];
    fill_gaussian(z, 0, 2, seed, 0, number, noise_points);
    const Plane p = roll ? on_swiss_roll(u, v) : on_two_moons(u, v);
    points[2 * i] = static_cast<float>(p.x + noise * static_cast<double>(z[0]));
    points[2 * i + 1] = static_cast<float>(p.y + noise * static_cast<double>(z[1]));
  }
  return points;
}

Dataset point_dataset(PointShape shape, bool held_out) {
  Dataset data;
  data.source = std::string(prefix) + shape_names[static_cast<size_t>(shape)] + (held_out ? " (held out)" : "");
  data.images.count = held_out ? held_out_points : training_points;
  data.images.height = data.images.width = 1;
  data.images.channels = data.value_stride = 2;
  data.values = make_points(shape, data.images.count, 0, held_out ? training_points : 0);
  return data;
}

}  // namespace mote::tool
