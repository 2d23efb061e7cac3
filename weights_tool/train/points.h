// Points of the plane as training data, made up: the usual toy distributions, each within [-1, 1]. Counter-based: point i
// of a seed is always the same.
//
//   swiss-roll   a spiral of one and a half turns, evenly in the angle, with a little noise across
//   two-moons    two half circles that reach into each other
//   mixture      six Gaussians of different weights and widths on a ring
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "weights_tool/diffusion/gaussian_mixture.h"
#include "weights_tool/train/dataset.h"

namespace mote::tool {

enum class PointShape { swiss_roll, two_moons, mixture };

// "points:swiss-roll" and so on. false: no such name at all; Error(usage) for "points:" with an unknown shape.
bool find_point_shape(const std::string& path, PointShape* shape);

// The mixture behind PointShape::mixture.
GaussianMixture ring_mixture();

// Points number first .. first + count - 1: [count][2].
std::vector<float> make_points(PointShape shape, size_t count, uint64_t seed, uint32_t first = 0);

// A training set and, of other points, a held-out set; seed 0.
constexpr size_t training_points = 50000, held_out_points = 10000;
Dataset point_dataset(PointShape shape, bool held_out);

}  // namespace mote::tool
