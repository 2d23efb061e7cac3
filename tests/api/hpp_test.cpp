// include/mote/mote.hpp does what mote.h does, and turns errors into exceptions.
#include <doctest/doctest.h>
#include <mote/mote.hpp>

#include <cmath>
#include <string>
#include <utility>

#include "tests/support/model_builder.h"
#include "tests/support/sampler_fixture.h"

namespace mote::test {

TEST_CASE("the C++ handles draw the pictures of the C API") {
  const Builder builder = every_operator();
  const OpenModel c_model(builder);
  const mote_config c_config = config_of();
  TestSampler c_sampler(c_model, c_config);

  const AlignedBytes file = builder.file();
  mote::Buffer bytes(file.size());
  memcpy(bytes.data(), file.data(), file.size());
  mote::Model first(std::move(bytes));
  const mote::Model model = std::move(first);  // may be moved, its bytes and handle stay
  model.check();
  CHECK(model.info().width == 6);
  CHECK(model.elements() == 84);
  CHECK(model.timesteps().size() == 4);
  mote::Config config;
  config.kernels = "ref";
  config.seed = c_config.seed;
  mote::Sampler sampler(model, config);
  CHECK(sampler.working_bytes() == c_sampler.size);
  CHECK(std::string(sampler.kernels()) == "ref");
  CHECK(sampler.step());
  const std::vector<uint8_t> block = sampler.save();
  while (sampler.run(5000)) {
  }
  CHECK(sampler.progress().step == 4);
  const std::vector<float> picture = sampler.x();
  CHECK(picture == c_sampler.finish());
  mote::Sampler moved = std::move(sampler);
  moved.restore(block);
  while (moved.step()) {
  }
  CHECK(moved.x() == picture);
  CHECK(moved.pixels().size() == 84);
  moved.restart(c_config.seed, 0);
  moved.set_x(moved.x());
  CHECK(moved.predict(moved.x(), 3).size() == 84);
  while (moved.step()) {
  }
  CHECK(moved.x() == picture);
}

TEST_CASE("editing in C++: each call is the one of the C API") {
  const AlignedBytes file = every_operator().file();
  const mote::Model model(file.data(), file.size());
  mote::Sampler sampler(model);
  const std::vector<float> picture(84, 0.25f), averages(28, -0.5f);
  const std::vector<uint8_t> mask(84, 255);
  int32_t timestep = -1;
  REQUIRE(mote_model_find_timestep(model.get(), 0.5f, &timestep) == MOTE_OK);
  CHECK(model.find_timestep(0.5f) == timestep);
  sampler.set_known(picture, mask);
  sampler.start_image(picture, 0.5f);
  CHECK(sampler.progress().step == 2);
  while (sampler.step()) {
  }
  CHECK(sampler.x() == picture);
  sampler.clear_known();
  sampler.set_measured(averages, 1, 3);
  sampler.set_rounds(2);
  sampler.start_noisy(picture, 0.01f);
  while (sampler.step()) {
  }
  const std::vector<float> x = sampler.x();
  CHECK(std::fabs((x[0] + x[2] + x[4]) / 3 + 0.5f) < 1e-5f);
  sampler.set_measured(picture, mask);
  sampler.restart(1, 0);
  while (sampler.step()) {
  }
  CHECK(std::fabs(sampler.x()[5] - 0.25f) < 1e-5f);
  sampler.clear_measured();
  sampler.restart(1, 0);
  while (sampler.step()) {
  }
  CHECK(sampler.x() != picture);
  CHECK_THROWS_AS(sampler.start_image(picture, 0), mote::Error);
  CHECK_THROWS_AS(sampler.set_known(picture, {1, 2}), mote::Error);
}

TEST_CASE("the C++ handles throw what the C API returns") {
  const AlignedBytes file = smallest().file();
  try {
    mote::Model model(file.data(), file.size() - 1);
    FAIL("opened a truncated model");
  } catch (const mote::Error& error) {
    CHECK(error.status() == MOTE_E_TRUNCATED);
    CHECK(std::string(error.what()) == mote_status_text(MOTE_E_TRUNCATED));
  }
  const mote::Model model(file.data(), file.size());
  mote::Config config;
  config.steps = 1000;
  CHECK_THROWS_AS(mote::Sampler(model, config), mote::Error);
  mote::Sampler sampler(model);
  CHECK_THROWS_AS(sampler.set_x({1.0f}), mote::Error);
  CHECK_THROWS_AS(sampler.predict({1.0f}, 0), mote::Error);
}

}  // namespace mote::test
