// The two embeddings of a timestep against double arithmetic.
#include "graph/ops/timestep_embedding.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace mote::test {
namespace {

TEST_CASE("the timestep embedding: sines and cosines of f t, or of 2 pi f log t") {
  const std::vector<float> frequencies = {1.0f, 0.31622776f, 0.01f, -7.5f, 16.0f};
  for (const bool fourier : {false, true}) {
    for (const float t : {1.0f, 2.5f, 37.0f, 999.0f}) {
      float sines[5], cosines[5];
      embed_timestep(t, frequencies.data(), 5, fourier, sines, cosines);
      for (size_t i = 0; i < 5; ++i) {
        const double angle =
            fourier ? 2 * std::acos(-1.0) * std::log(double{t}) * frequencies[i] : double{t} * frequencies[i];
        // Three roundings of an angle.
        const double tolerance = 1e-6 + std::fabs(angle) * 3 * 0x1p-24;
        CHECK(std::fabs(sines[i] - std::sin(angle)) < tolerance);
        CHECK(std::fabs(cosines[i] - std::cos(angle)) < tolerance);
      }
    }
  }
}

}  // namespace
}  // namespace mote::test
