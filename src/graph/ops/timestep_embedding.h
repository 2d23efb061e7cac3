// Sines and cosines of the timestep times a table of frequencies (Vaswani et al. 2017, arXiv 1706.03762, section 3.5); or
// of 2 pi times the product of its logarithm with them (Song et al. 2021, arXiv 2011.13456, Gaussian Fourier features).
// The order of the roundings is that of the libraries that models come from: angles are large.
#pragma once
#include <cstdint>

#include "core/math.h"

namespace mote {

inline void embed_timestep(float timestep, const float* frequencies, int32_t count, bool fourier, float* sines,
                           float* cosines) {
  const float t = fourier ? log_f32(timestep) : timestep;
  for (int32_t i = 0; i < count; ++i) {
    const float angle = t * frequencies[i];
    sincos_f32(fourier ? angle * 6.28318531f : angle, &sines[i], &cosines[i]);
  }
}

}  // namespace mote
