// See initialise.h.
#include "weights_tool/graph/initialise.h"

#include <cmath>

#include "diffusion/noise.h"

namespace mote::tool {

std::vector<float> Initialiser::uniform_fan_in(int64_t count, int fan_in) {
  const uint32_t sample = tensor_++;
  const float bound = 1.0f / std::sqrt(static_cast<float>(fan_in));
  std::vector<float> values(static_cast<size_t>(count));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = (2.0f * uniform_f32(static_cast<uint32_t>(i), seed_, 0, sample, noise_init_weights) - 1.0f) * bound;
  return values;
}

std::vector<float> Initialiser::normal(int64_t count, float deviation) {
  std::vector<float> values(static_cast<size_t>(count));
  fill_gaussian(values.data(), 0, static_cast<uint32_t>(count), seed_, 0, tensor_++, noise_init_weights);
  for (float& value : values) value *= deviation;
  return values;
}

std::vector<float> Initialiser::constant(int64_t count, float value) {
  ++tensor_;
  return std::vector<float>(static_cast<size_t>(count), value);
}

}  // namespace mote::tool
