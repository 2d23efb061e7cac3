// Trajectories that begin at a picture, clean or noisy, instead of at noise.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/edit/edit_support.h"

namespace mote::test {
namespace {

// alpha_bar of a level of every_operator().
double alpha_bar_of(const Builder& builder, int timestep) {
  return static_cast<double>(builder.schedule[static_cast<size_t>(timestep)]);
}

void check_lifted(const TestSampler& sampler, const std::vector<float>& given, double signal, double noise) {
  const std::vector<float> x = sampler.x();
  const std::vector<double> z = twin_noise(static_cast<uint32_t>(x.size()), 7, 0, 3, noise_initial);
  for (size_t e = 0; e < x.size(); ++e)
    REQUIRE(std::fabs(static_cast<double>(x[e]) - (signal * static_cast<double>(given[e]) + noise * z[e])) < 1e-5);
}

}  // namespace

TEST_CASE("image-to-image: the share of the steps runs, from the picture at the level where they begin") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  mote_config config = config_of();
  config.sample_index = 3;
  config.class_label = 1;
  TestSampler sampler(model, config);
  const std::vector<float> picture = some_picture(sampler.elements, 0);
  const int levels[] = {19, 14, 9, 4};
  // Halves go to the even number: 0.375 of 4 steps is 1.5, so 2.
  const std::pair<float, uint32_t> cases[] = {{1.0f, 0}, {0.75f, 1}, {0.5f, 2}, {0.375f, 2}, {0.25f, 3}, {0.01f, 3}};
  for (const auto& [strength, row] : cases) {
    REQUIRE(mote_sampler_start_image(sampler, picture.data(), picture.size(), strength) == MOTE_OK);
    CHECK(progress_of(sampler).step == row);
    CHECK(static_cast<int>(progress_of(sampler).timestep) == levels[row]);
    const double alpha_bar = alpha_bar_of(builder, levels[row]);
    check_lifted(sampler, picture, std::sqrt(alpha_bar), std::sqrt(1 - alpha_bar));
  }
  // From there the steps are the usual ones.
  const std::vector<float> x = sampler.x();
  std::vector<double> as_double(x.begin(), x.end());
  const std::vector<double> m = twin_predict(builder, as_double, 4, 1);
  const std::vector<double> end = twin_ddim_step(builder, as_double, m, alpha_bar_of(builder, 4), 1, 0, as_double);
  const std::vector<float> got = sampler.finish();
  for (size_t e = 0; e < got.size(); ++e) REQUIRE(std::fabs(static_cast<double>(got[e]) - end[e]) < 1e-4);
  CHECK(sampler.guard_intact());
}

TEST_CASE("denoising: it begins at the last level that is noisy enough, with the noise that is missing there") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  mote_config config = config_of();
  config.sample_index = 3;
  TestSampler sampler(model, config);
  const std::vector<float> noisy = some_picture(sampler.elements, 1);
  const int levels[] = {19, 14, 9, 4};
  const auto ratio = [&](int t) { return std::sqrt((1 - alpha_bar_of(builder, t)) / alpha_bar_of(builder, t)); };
  for (uint32_t row = 0; row < 4; ++row) {
    const double above = ratio(levels[row]), below = row == 3 ? 0 : ratio(levels[row + 1]);
    for (const double sigma : {above * 0.999999, (above + below) / 2, below * 1.000001}) {
      REQUIRE(mote_sampler_start_noisy(sampler, noisy.data(), noisy.size(), static_cast<float>(sigma)) == MOTE_OK);
      CHECK(progress_of(sampler).step == row);
      const double signal2 = alpha_bar_of(builder, levels[row]);
      const double missing = std::sqrt(std::max(0.0, 1 - signal2 - signal2 * sigma * sigma));
      const std::vector<float> x = sampler.x();
      const std::vector<double> z = twin_noise(static_cast<uint32_t>(x.size()), 7, 0, 3, noise_initial);
      for (size_t e = 0; e < x.size(); ++e)
        REQUIRE(std::fabs(static_cast<double>(x[e]) - std::sqrt(signal2) * static_cast<double>(noisy[e]) -
                          missing * z[e]) < 1e-2);
    }
  }
  CHECK(mote_sampler_start_noisy(sampler, noisy.data(), noisy.size(), static_cast<float>(ratio(19) * 1.001)) ==
        MOTE_E_ARGUMENT);
}

TEST_CASE("the level of a noisy picture: the first timestep as noisy, and then no noise is added") {
  const Builder builder = every_operator();
  const OpenModel model(builder);
  for (const double alpha_bar : {alpha_bar_of(builder, 0), alpha_bar_of(builder, 7), alpha_bar_of(builder, 19)}) {
    const double sigma = std::sqrt((1 - alpha_bar) / alpha_bar) * 0.99999;
    int32_t timestep = -1;
    REQUIRE(mote_model_find_timestep(model, static_cast<float>(sigma), &timestep) == MOTE_OK);
    CHECK(std::fabs(alpha_bar_of(builder, timestep) - alpha_bar) < 1e-9);
    const int32_t timesteps[] = {timestep};
    mote_config config = config_of();
    config.timesteps = timesteps;
    config.steps = 1;
    TestSampler sampler(model, config);
    const std::vector<float> noisy = some_picture(sampler.elements, 1);
    REQUIRE(mote_sampler_start_noisy(sampler, noisy.data(), noisy.size(), static_cast<float>(sigma)) == MOTE_OK);
    const std::vector<float> x = sampler.x();
    for (size_t e = 0; e < x.size(); ++e)
      REQUIRE(std::fabs(static_cast<double>(x[e]) - std::sqrt(alpha_bar) * static_cast<double>(noisy[e])) < 0.02);
  }
  int32_t timestep = 77;
  CHECK(mote_model_find_timestep(model, 1e9f, &timestep) == MOTE_E_ARGUMENT);
  CHECK(mote_model_find_timestep(model, -1.0f, &timestep) == MOTE_E_ARGUMENT);
  CHECK(mote_model_find_timestep(OpenModel(quantized_with_levels()), 0.1f, &timestep) == MOTE_E_STEPS);
  CHECK(timestep == 77);
}

TEST_CASE("a method of several steps that begins in the middle takes its first step with what it has") {
  // DPM-Solver++ 2M in a row: A p + H h. With the prediction in place of the one before, it is the first-order step.
  Builder builder = every_operator();
  builder.model.history = 2;
  for (int i = 0; i < 4; ++i) {
    format::RowRecord row{};
    row.timestep = 18 - 5 * i;
    row.a = 0.5f, row.b = -0.75f, row.A = 0.5f, row.B = 0.25f;
    row.H[0] = i >= 1 ? 0.25f : 0.0f;
    row.H[1] = i >= 2 ? -0.5f : 0.0f;
    row.clip_lo = -0.5f, row.clip_hi = 0.75f;
    row.signal = 0.5f, row.noise = 0.5f;
    builder.rows.push_back(row);
  }
  const OpenModel model(builder);
  TestSampler sampler(model, config_of());
  const std::vector<float> picture = some_picture(sampler.elements, 0);
  sampler.finish();  // leaves a history that must not count
  REQUIRE(mote_sampler_start_image(sampler, picture.data(), picture.size(), 0.5f) == MOTE_OK);
  std::vector<double> before;
  for (size_t i = 2; i < 4; ++i) {
    const format::RowRecord& row = builder.rows[i];
    const std::vector<uint8_t> block = sampler.saved();  // the place where it began is part of the block
    REQUIRE(mote_sampler_restore(sampler, block.data(), block.size()) == MOTE_OK);
    const std::vector<float> x = sampler.x();
    const std::vector<double> m = twin_predict(builder, {x.begin(), x.end()}, row.timestep, 0);
    mote_sampler_step(sampler);
    const std::vector<float> got = sampler.x();
    std::vector<double> now;
    for (size_t e = 0; e < x.size(); ++e) {
      const double p = std::min(0.75, std::max(-0.5, 0.5 * static_cast<double>(x[e]) - 0.75 * m[e]));
      const double h0 = i == 2 ? p : before[e];
      const double expected = 0.5 * p + 0.25 * static_cast<double>(x[e]) + 0.25 * h0 - 0.5 * p;
      REQUIRE(std::fabs(static_cast<double>(got[e]) - expected) < 5e-5);
      now.push_back(p);
    }
    before = now;
  }
}

TEST_CASE("starts refuse what they cannot begin from") {
  const OpenModel model(every_operator());
  TestSampler sampler(model, config_of());
  std::vector<float> picture = some_picture(sampler.elements, 0);
  const size_t count = picture.size();
  const std::vector<uint8_t> untouched = sampler.saved();
  for (const float strength : {0.0f, -0.5f, 1.5f, std::nanf("")})
    CHECK(mote_sampler_start_image(sampler, picture.data(), count, strength) == MOTE_E_ARGUMENT);
  for (const float sigma : {-0.5f, INFINITY, std::nanf("")})
    CHECK(mote_sampler_start_noisy(sampler, picture.data(), count, sigma) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_start_image(nullptr, picture.data(), count, 1) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_start_image(sampler, nullptr, count, 1) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_start_image(sampler, picture.data(), count - 1, 1) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_start_noisy(sampler, picture.data(), count + 1, 0) == MOTE_E_ARGUMENT);
  picture[3] = INFINITY;
  CHECK(mote_sampler_start_image(sampler, picture.data(), count, 1) == MOTE_E_NOT_FINITE);
  CHECK(mote_sampler_start_noisy(sampler, picture.data(), count, 0) == MOTE_E_NOT_FINITE);
  CHECK(sampler.saved() == untouched);
  // A file of before rows stated their levels.
  const OpenModel old(every_quantized_operator(true));
  TestSampler without(old, config_of());
  picture.assign(without.elements, 0.5f);
  CHECK(mote_sampler_start_image(without, picture.data(), picture.size(), 1) == MOTE_E_UNSUPPORTED);
  CHECK(mote_sampler_start_noisy(without, picture.data(), picture.size(), 0) == MOTE_E_UNSUPPORTED);
}

}  // namespace mote::test
