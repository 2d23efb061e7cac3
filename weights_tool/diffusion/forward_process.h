// The forward process: pictures with noise added. Elementwise; layout as the caller's, and the element index of the
// noise is the index in the array, so NHWC for what the device shall draw again.
#pragma once
#include <cstddef>
#include <cstdint>

#include "weights_tool/diffusion/schedules.h"

namespace mote::tool {

// q(x_t | x_0) (Ho et al. 2020, eq. 4): x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) noise, in float with the two
// coefficients rounded from double. out may be x0 or noise. 0 <= t < T.
void diffuse_with(const Schedule& schedule, int t, const float* x0, const float* noise, size_t count, float* out);

// The same with noise of (seed, step 0, sample, stream noise_train), drawn as it goes; out may be x0.
// count <= 2^32. To see one noise grow over t, keep seed and sample.
void diffuse(const Schedule& schedule, int t, const float* x0, size_t count, uint64_t seed, uint32_t sample,
             float* out);

// q(x_t | x_{t-1}) (eq. 2): x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) z, z of (seed, step t, sample, stream
// noise_forward). For t = 0 the input is x_0 itself. out may be x.
void diffuse_one_step(const Schedule& schedule, int t, const float* x, size_t count, uint64_t seed, uint32_t sample,
                      float* out);

}  // namespace mote::tool
