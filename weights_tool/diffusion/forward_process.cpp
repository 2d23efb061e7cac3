// Noise is drawn in small pieces, so that no picture-sized buffer is needed.
#include "weights_tool/diffusion/forward_process.h"

#include <algorithm>
#include <cmath>

#include "diffusion/noise.h"

namespace mote::tool {

namespace {

// out = signal * x + noise * z, z drawn from the stream.
void add_noise(double signal, double noise, const float* x, size_t count, uint64_t seed, uint32_t step, uint32_t sample,
               NoiseStream stream, float* out) {
  const float a = static_cast<float>(signal), b = static_cast<float>(noise);
  constexpr size_t piece = 256;
  float z[piece];
  for (size_t first = 0; first < count; first += piece) {
    const size_t n = std::min(piece, count - first);
    fill_gaussian(z, static_cast<uint32_t>(first), static_cast<uint32_t>(n), seed, step, sample, stream);
    for (size_t i = 0; i < n; ++i) out[first + i] = a * x[first + i] + b * z[i];
  }
}

}  // namespace

void diffuse_with(const Schedule& schedule, int t, const float* x0, const float* noise, size_t count, float* out) {
  const double alpha_bar = schedule.alpha_bar.at(static_cast<size_t>(t));
  const float a = static_cast<float>(std::sqrt(alpha_bar)), b = static_cast<float>(std::sqrt(1.0 - alpha_bar));
  for (size_t i = 0; i < count; ++i) out[i] = a * x0[i] + b * noise[i];
}

void diffuse(const Schedule& schedule, int t, const float* x0, size_t count, uint64_t seed, uint32_t sample,
             float* out) {
  const double alpha_bar = schedule.alpha_bar.at(static_cast<size_t>(t));
  add_noise(std::sqrt(alpha_bar), std::sqrt(1.0 - alpha_bar), x0, count, seed, 0, sample, noise_train, out);
}

void diffuse_one_step(const Schedule& schedule, int t, const float* x, size_t count, uint64_t seed, uint32_t sample,
                      float* out) {
  const double beta = schedule.beta.at(static_cast<size_t>(t));
  add_noise(std::sqrt(1.0 - beta), std::sqrt(beta), x, count, seed, static_cast<uint32_t>(t), sample, noise_forward,
            out);
}

}  // namespace mote::tool
