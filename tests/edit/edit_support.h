// Rows and pictures for the tests of src/edit.
#pragma once
#include <cmath>
#include <vector>

#include "diffusion/noise.h"
#include "diffusion/rows.h"
#include "tests/support/quantized_builder.h"
#include "tests/support/sampler_fixture.h"
#include "tests/support/twin.h"

namespace mote::test {

// A folded int8 model of 7 x 6 x 2 and three DDIM steps that state their levels, as the quantizer writes them.
inline QuantizedBuilder quantized_with_levels() {
  QuantizedBuilder builder = every_quantized_operator(true);
  const float alpha_bar[] = {0.125f, 0.5f, 0.9375f};
  for (size_t i = 0; i < builder.rows.size(); ++i) {
    RowOptions options;
    options.prediction = static_cast<Prediction>(builder.model.prediction);
    const NoiseLevel level{alpha_bar[i], 1 - alpha_bar[i]};
    const NoiseLevel next = i + 1 < 3 ? NoiseLevel{alpha_bar[i + 1], 1 - alpha_bar[i + 1]} : clean_level;
    const int32_t timestep = builder.rows[i].timestep;
    REQUIRE(make_row(options, timestep, level, next, &builder.rows[i]) == MOTE_OK);
  }
  return builder;
}

// Any picture, and any mask of 0 and 255.
inline std::vector<float> some_picture(size_t count, uint32_t sample) {
  std::vector<float> picture(count);
  for (size_t e = 0; e < count; ++e)
    picture[e] = 2 * uniform_f32(static_cast<uint32_t>(e), 5, 0, sample, noise_train) - 1;
  return picture;
}
inline std::vector<uint8_t> some_mask(size_t count) {
  std::vector<uint8_t> mask(count);
  for (size_t e = 0; e < count; ++e)
    mask[e] = uniform_below(2, static_cast<uint32_t>(e), 5, 1, 0, noise_train) ? 255 : 0;
  return mask;
}

inline mote_progress progress_of(mote_sampler* sampler) {
  mote_progress progress = {};
  progress.struct_size = sizeof progress;
  REQUIRE(mote_sampler_get_progress(sampler, &progress) == MOTE_OK);
  return progress;
}

}  // namespace mote::test
