// The algorithm stated in noise.h, nothing more.
#include "diffusion/noise.h"

#include "core/math.h"
#include "core/random.h"

namespace mote {

namespace {

PhiloxBlock noise_block(uint32_t block, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  const uint32_t counter[4] = {block, step, sample, stream};
  const uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  return philox4x32_10(counter, key);
}

// Box-Muller. The 24-bit integers convert to float exactly; so does 2^24.
void gaussian_pair(uint32_t radius_word, uint32_t angle_word, float* first, float* second) {
  const float u = static_cast<float>(static_cast<int32_t>((radius_word >> 8) + 1)) * 0x1p-24f;
  const float r = sqrt_f32(-2.0f * log_f32(u));
  float sine, cosine;
  sincos_2pi_u24(angle_word >> 8, &sine, &cosine);
  *first = r * cosine;
  *second = r * sine;
}

}  // namespace

void gaussian_block(float out[4], uint32_t block, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  const PhiloxBlock bits = noise_block(block, seed, step, sample, stream);
  gaussian_pair(bits.word[0], bits.word[1], out + 0, out + 1);
  gaussian_pair(bits.word[2], bits.word[3], out + 2, out + 3);
}

void fill_gaussian(float* out, uint32_t first_element, uint32_t count, uint64_t seed, uint32_t step, uint32_t sample,
                   uint32_t stream) {
  uint32_t block = first_element / 4;
  uint32_t skip = first_element % 4;
  while (count > 0) {
    float four[4];
    gaussian_block(four, block++, seed, step, sample, stream);
    const uint32_t take = count < 4 - skip ? count : 4 - skip;
    for (uint32_t i = 0; i < take; ++i) out[i] = four[skip + i];
    out += take;
    count -= take;
    skip = 0;
  }
}

uint32_t uniform_u32(uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  return noise_block(element / 4, seed, step, sample, stream).word[element % 4];
}

float uniform_f32(uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  const uint32_t word = uniform_u32(element, seed, step, sample, stream);
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f;
}

uint32_t uniform_below(uint32_t n, uint32_t element, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream) {
  return static_cast<uint32_t>(static_cast<uint64_t>(uniform_u32(element, seed, step, sample, stream)) * n >> 32);
}

}  // namespace mote
