#include "weights_tool/evaluate/energy_distance.h"

#include <cmath>

namespace mote::tool {
namespace {

double distance(const float* a, const float* b, size_t dimension) {
  double sum = 0;
  for (size_t d = 0; d < dimension; ++d) {
    const double difference = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

double mean_between(const float* a, size_t a_count, const float* b, size_t b_count, size_t dimension) {
  double sum = 0;
  for (size_t i = 0; i < a_count; ++i) {
    double row = 0;
    for (size_t k = 0; k < b_count; ++k) row += distance(a + i * dimension, b + k * dimension, dimension);
    sum += row;
  }
  return sum / static_cast<double>(a_count) / static_cast<double>(b_count);
}

double mean_within(const float* a, size_t count, size_t dimension) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) {
    double row = 0;
    for (size_t k = 0; k < i; ++k) row += distance(a + i * dimension, a + k * dimension, dimension);
    sum += row;
  }
  return 2 * sum / static_cast<double>(count) / static_cast<double>(count - 1);
}

}  // namespace

double energy_distance(const float* a, size_t a_count, const float* b, size_t b_count, size_t dimension) {
  return 2 * mean_between(a, a_count, b, b_count, dimension) - mean_within(a, a_count, dimension) -
         mean_within(b, b_count, dimension);
}

}  // namespace mote::tool
