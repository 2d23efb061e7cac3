// Inpainting: the known part of a picture, in every state of its trajectory and at the end.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/edit/edit_support.h"

namespace mote::test {
namespace {

constexpr uint32_t sample = 3;

mote_config inpaint_config() {
  mote_config config = config_of();
  config.sample_index = sample;
  config.class_label = 1;
  return config;
}

}  // namespace

TEST_CASE("inpainting: after each step the known part lies at the level to come, the rest is that of a plain step") {
  const Builder floats = every_operator();
  const QuantizedBuilder codes = quantized_with_levels();
  const double alpha_bars[2][4] = {{static_cast<double>(floats.schedule[14]), static_cast<double>(floats.schedule[9]),
                                    static_cast<double>(floats.schedule[4]), 1},
                                   {0.5, 0.9375, 1, 1}};
  for (int quantized = 0; quantized < 2; ++quantized) {
    const OpenModel model(quantized ? static_cast<const Builder&>(codes) : floats);
    TestSampler sampler(model, inpaint_config()), plain(model, inpaint_config());
    const size_t count = sampler.elements;
    const std::vector<float> known = some_picture(count, 4);
    std::vector<uint8_t> mask = some_mask(count);
    mask[0] = 51, mask[1] = 204;  // a fifth and four fifths
    REQUIRE(mote_sampler_set_known(sampler, known.data(), mask.data(), count) == MOTE_OK);
    const uint32_t steps = progress_of(sampler).steps;
    for (uint32_t step = 1; step <= steps; ++step) {
      REQUIRE(mote_sampler_set_x(plain, sampler.x().data(), count) == MOTE_OK);
      mote_sampler_step(plain);
      CHECK(mote_sampler_step(sampler) == (step < steps ? MOTE_PENDING : MOTE_OK));
      const std::vector<float> x = sampler.x(), free = plain.x();
      const double alpha_bar = alpha_bars[quantized][step - 1];
      const std::vector<double> z = twin_noise(static_cast<uint32_t>(count), 7, step, sample, noise_known);
      for (size_t e = 0; e < count; ++e) {
        const double k = std::sqrt(alpha_bar) * static_cast<double>(known[e]) + std::sqrt(1 - alpha_bar) * z[e];
        const double w = mask[e] / 255.0;
        REQUIRE(std::fabs(static_cast<double>(x[e]) - (1 - w) * static_cast<double>(free[e]) - w * k) < 1e-5);
        if (mask[e] == 0) REQUIRE(x[e] == free[e]);
        if (mask[e] == 255 && step == steps) REQUIRE(x[e] == known[e]);
      }
    }
    CHECK(sampler.guard_intact());
  }
}

TEST_CASE("inpainting stays when the sampler begins again, until it is taken away") {
  const OpenModel model(quantized_with_levels());
  TestSampler sampler(model, inpaint_config()), plain(model, inpaint_config());
  const size_t count = sampler.elements;
  std::vector<float> known = some_picture(count, 4);
  const std::vector<uint8_t> mask = some_mask(count);
  for (size_t e = 0; e < count; ++e)
    if (mask[e] == 0) known[e] = std::nanf("");  // nobody looks there
  REQUIRE(mote_sampler_set_known(sampler, known.data(), mask.data(), count) == MOTE_OK);
  const std::vector<float> first = sampler.finish();
  REQUIRE(mote_sampler_restart(sampler, 7, sample, 1) == MOTE_OK);
  CHECK(sampler.finish() == first);
  CHECK(first != plain.finish());
  REQUIRE(mote_sampler_set_known(sampler, nullptr, nullptr, 0) == MOTE_OK);
  REQUIRE(mote_sampler_restart(sampler, 7, sample, 1) == MOTE_OK);
  CHECK(sampler.finish() == plain.x());
}

TEST_CASE("inpainting refuses what it cannot put, and a call inside a step") {
  const OpenModel model(quantized_with_levels());
  TestSampler sampler(model, inpaint_config());
  const size_t count = sampler.elements;
  std::vector<float> known = some_picture(count, 4);
  std::vector<uint8_t> mask = some_mask(count);
  CHECK(mote_sampler_set_known(nullptr, known.data(), mask.data(), count) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_known(sampler, nullptr, mask.data(), count) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_known(sampler, known.data(), nullptr, count) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_known(sampler, known.data(), mask.data(), count - 1) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_known(sampler, nullptr, nullptr, count) == MOTE_E_ARGUMENT);
  known[2] = INFINITY;
  mask[2] = 1;
  CHECK(mote_sampler_set_known(sampler, known.data(), mask.data(), count) == MOTE_E_NOT_FINITE);
  known[2] = 0;
  CHECK(mote_sampler_run(sampler, 1) == MOTE_PENDING);
  CHECK(mote_sampler_set_known(sampler, known.data(), mask.data(), count) == MOTE_E_STATE);
  const OpenModel old(every_quantized_operator(true));
  TestSampler without(old, config_of());
  CHECK(mote_sampler_set_known(without, known.data(), mask.data(), count) == MOTE_E_UNSUPPORTED);
}

}  // namespace mote::test
