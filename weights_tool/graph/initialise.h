// Initial values of parameters: a pure function of the seed and of the order in which tensors are made.
#pragma once
#include <cstdint>
#include <vector>

namespace mote::tool {

class Initialiser {
 public:
  explicit Initialiser(uint64_t seed) : seed_(seed) {}

  // Uniform in +-1/sqrt(fan_in).
  std::vector<float> uniform_fan_in(int64_t count, int fan_in);
  std::vector<float> normal(int64_t count, float deviation);
  std::vector<float> zeros(int64_t count) { return constant(count, 0.0f); }
  std::vector<float> constant(int64_t count, float value);

 private:
  uint64_t seed_;
  uint32_t tensor_ = 0;  // each call draws from a stream of its own
};

}  // namespace mote::tool
