// The energy distance of two sets of points (Szekely & Rizzo 2013): 2 E|X - Y| - E|X - X'| - E|Y - Y'|. Zero for equal
// distributions alone, no parameter to choose. From samples it is unbiased (pairs of a point with itself are left out),
// so two samples of one distribution give about 0, also below it; their spread is the floor to compare with.
#pragma once
#include <cstddef>

namespace mote::tool {

// a: [a_count][dimension], b likewise; at least two points each. Time a_count * b_count.
double energy_distance(const float* a, size_t a_count, const float* b, size_t b_count, size_t dimension);

}  // namespace mote::tool
