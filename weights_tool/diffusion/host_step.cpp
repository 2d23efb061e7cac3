#include "weights_tool/diffusion/host_step.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <vector>

namespace mote::tool {
namespace {

// The predicted x0 of the whole picture, thresholded.
std::vector<float> thresholded(const HostStep& step, const float* x, const float* m, const float* g, size_t count) {
  std::vector<float> p(count), sizes(count);
  for (size_t e = 0; e < count; ++e) {
    p[e] = step.row.a * x[e] + step.row.b * m[e];
    if (g != nullptr) p[e] += static_cast<float>(step.guide_x0 * static_cast<double>(g[e]));
    sizes[e] = std::fabs(p[e]);
  }
  const double wanted = std::max(quantile(sizes.data(), count, step.threshold_ratio), 1.0);
  const float bound = static_cast<float>(std::min(wanted, step.threshold_max));
  for (float& value : p) value = std::min(std::max(value, -bound), bound) / bound;
  return p;
}

double deviation(const HostStep& step, float v) {
  if (step.variance == HostStep::Variance::value) return std::sqrt(double{v});
  const double share = (double{v} + 1) / 2;
  return std::exp(0.5 * (share * step.log_variance_high + (1 - share) * step.log_variance_low));
}

}  // namespace

double quantile(float* values, size_t n, double ratio) {
  const double rank = ratio * static_cast<double>(n - 1);
  const size_t low = static_cast<size_t>(rank);
  std::nth_element(values, values + low, values + n);
  const double a = values[low];
  if (low + 1 >= n) return a;
  const double b = *std::min_element(values + low + 1, values + n);
  return a + (rank - static_cast<double>(low)) * (b - a);
}

void host_step(const HostStep& step, float* x, const float* m, const float* v, const float* z, float* history,
               uint32_t history_count, size_t count, const float* g) {
  format::RowRecord row = step.row;
  const bool own_variance = step.variance != HostStep::Variance::of_row;
  if (own_variance || z == nullptr) row.D = 0;
  std::vector<float> p(count);
  if (step.threshold) {
    p = thresholded(step, x, m, g, count);
  } else {
    for (size_t e = 0; e < count; ++e) {
      p[e] = row.a * x[e] + row.b * m[e];
      if (g != nullptr) p[e] += static_cast<float>(step.guide_x0 * static_cast<double>(g[e]));
      p[e] = std::min(std::max(p[e], row.clip_lo), row.clip_hi);
    }
  }
  for (size_t e = 0; e < count; ++e) {
    float next = row.A * p[e] + row.B * x[e];
    next += row.C * m[e];
    for (uint32_t k = 0; k < history_count; ++k) next += row.H[k] * history[k * count + e];
    if (row.D != 0) next += row.D * z[e];
    const bool random = own_variance && step.adds_noise && v != nullptr;
    const double spread = random ? deviation(step, v[e]) : static_cast<double>(step.row.D);
    if (random && z != nullptr) next += static_cast<float>(spread) * z[e];
    if (g != nullptr) {
      const double weight = step.guide_of_noise ? step.guide_x * spread * spread : step.guide_x;
      next += static_cast<float>(weight * static_cast<double>(g[e]));
    }
    x[e] = next;
  }
  for (uint32_t k = history_count; k > 1; --k)
    std::copy(history + (k - 2) * count, history + (k - 1) * count, history + (k - 1) * count);
  if (history_count > 0) std::copy(p.begin(), p.end(), history);
}

}  // namespace mote::tool
