// Steps taken more than once: each round a plain step, the way back the forward process, with noise of its own.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/edit/edit_support.h"

namespace mote::test {

TEST_CASE("rounds: a step, back by the forward process, and the step again") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  mote_config config = config_of();
  config.sample_index = 3;
  TestSampler sampler(model, config);
  const size_t count = sampler.elements;
  REQUIRE(mote_sampler_set_rounds(sampler, 3) == MOTE_OK);
  const int32_t levels[] = {19, 14, 9, 4};
  std::vector<float> x = sampler.x();
  for (uint32_t step = 0; step < 4; ++step) {
    const double now = static_cast<double>(builder.schedule[static_cast<size_t>(levels[step])]);
    for (uint32_t round = 0; round < (step < 3 ? 3u : 1u); ++round) {
      mote_config once = config;
      once.timesteps = levels + step;
      once.steps = 4 - step;
      TestSampler plain(model, once);
      REQUIRE(mote_sampler_set_x(plain, x.data(), count) == MOTE_OK);
      mote_sampler_step(plain);
      x = plain.x();
      if (step < 3 && round < 2) {
        const double next = static_cast<double>(builder.schedule[static_cast<size_t>(levels[step + 1])]);
        const double q = std::sqrt(now / next), added = std::sqrt(1 - now - q * q * (1 - next));
        const std::vector<double> z = twin_noise(static_cast<uint32_t>(count), 7, step + 65536 * round, 3, noise_back);
        for (size_t e = 0; e < count; ++e) x[e] = static_cast<float>(q * static_cast<double>(x[e]) + added * z[e]);
      }
      CHECK(progress_of(sampler).step == step);
      mote_sampler_step(sampler);
      const std::vector<float> got = sampler.x();
      for (size_t e = 0; e < count; ++e) REQUIRE(std::fabs(got[e] - x[e]) < 1e-4f);
    }
  }
  CHECK(mote_sampler_step(sampler) == MOTE_OK);
  CHECK(progress_of(sampler).step == 4);
  CHECK(sampler.guard_intact());
}

TEST_CASE("rounds: the work is counted, cut and saved like any other, and each round has noise of its own") {
  const OpenModel model(quantized_with_levels());
  TestSampler plain(model, config_of()), whole(model, config_of()), cut(model, config_of());
  const uint64_t once = progress_of(plain).work_total;
  for (TestSampler* sampler : {&whole, &cut}) REQUIRE(mote_sampler_set_rounds(*sampler, 4) == MOTE_OK);
  CHECK(progress_of(whole).work_total == once / 3 * 9);
  const std::vector<float> expected = whole.finish();
  CHECK(expected != plain.finish());
  uint64_t last = 0;
  for (uint64_t i = 1; mote_sampler_run(cut, 1 + i * 7919 % 3000) == MOTE_PENDING; ++i) {
    REQUIRE(progress_of(cut).work >= last);
    last = progress_of(cut).work;
    if (i % 5 != 0) continue;
    const std::vector<uint8_t> block = cut.saved();
    TestSampler other(model, config_of());
    if (block[53] != 0) CHECK(mote_sampler_restore(other, block.data(), block.size()) == MOTE_E_STATE);
    REQUIRE(mote_sampler_set_rounds(other, 4) == MOTE_OK);
    REQUIRE(mote_sampler_restore(other, block.data(), block.size()) == MOTE_OK);
    CHECK(other.finish() == expected);
  }
  CHECK(progress_of(cut).work == progress_of(cut).work_total);
  CHECK(cut.x() == expected);
  REQUIRE(mote_sampler_set_rounds(cut, 0) == MOTE_OK);
  REQUIRE(mote_sampler_restart(cut, 7, 0, 0) == MOTE_OK);
  CHECK(cut.finish() == plain.x());
}

TEST_CASE("rounds are refused where the way back is not known") {
  const OpenModel model(quantized_with_levels()), old(every_quantized_operator(true));
  QuantizedBuilder with_history = quantized_with_levels();
  with_history.model.history = 1;
  const OpenModel multistep(with_history);
  TestSampler sampler(model, config_of()), without(old, config_of()), several(multistep, config_of());
  CHECK(mote_sampler_set_rounds(nullptr, 2) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_rounds(sampler, 64) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_rounds(without, 2) == MOTE_E_UNSUPPORTED);
  CHECK(mote_sampler_set_rounds(without, 1) == MOTE_OK);
  CHECK(mote_sampler_set_rounds(several, 2) == MOTE_E_UNSUPPORTED);
  CHECK(mote_sampler_run(sampler, 1) == MOTE_PENDING);
  CHECK(mote_sampler_set_rounds(sampler, 2) == MOTE_E_STATE);
}

}  // namespace mote::test
