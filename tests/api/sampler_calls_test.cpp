// The contract of include/mote/mote.h: calls on a sampler, their argument errors, reading and saving. What is drawn is
// tested in tests/diffusion/sampler_test.cpp.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/sampler_fixture.h"

namespace mote::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("a given picture must be whole and finite; what is nearly nothing becomes nothing") {
  const OpenModel model(smallest());
  TestSampler sampler(model, config_of());
  float x[16];
  for (int i = 0; i < 16; ++i) x[i] = static_cast<float>(i) / 16;
  CHECK(mote_sampler_set_x(nullptr, x, 16) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_x(sampler, nullptr, 16) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_x(sampler, x, 15) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_set_x(sampler, x, 17) == MOTE_E_ARGUMENT);
  const std::vector<float> before = sampler.x();
  for (float bad : {nan, infinity, -infinity}) {
    float broken[16] = {};
    broken[15] = bad;
    float out[16];
    CHECK(mote_sampler_set_x(sampler, broken, 16) == MOTE_E_NOT_FINITE);
    CHECK(mote_sampler_predict(sampler, broken, 1, 0, out, 16) == MOTE_E_NOT_FINITE);
    CHECK(sampler.x() == before);
  }
  x[1] = std::ldexp(0.99f, -64);
  x[2] = -std::ldexp(1.0f, -140);
  x[3] = std::ldexp(1.0f, -64);
  REQUIRE(mote_sampler_set_x(sampler, x, 16) == MOTE_OK);
  x[1] = x[2] = 0;
  CHECK(sampler.x() == std::vector<float>(x, x + 16));
}

TEST_CASE("calls that need a finished step are refused inside one") {
  const OpenModel model(every_operator());
  TestSampler sampler(model, config_of());
  std::vector<float> x(sampler.elements);
  REQUIRE(mote_sampler_run(sampler, 1) == MOTE_PENDING);
  CHECK(mote_sampler_set_x(sampler, x.data(), x.size()) == MOTE_E_STATE);
  CHECK(mote_sampler_predict(sampler, x.data(), 1, 0, x.data(), x.size()) == MOTE_E_STATE);
  REQUIRE(mote_sampler_step(sampler) == MOTE_PENDING);
  CHECK(mote_sampler_set_x(sampler, x.data(), x.size()) == MOTE_OK);
}

TEST_CASE("predict: its errors") {
  const OpenModel model(every_operator());
  TestSampler sampler(model, config_of());
  std::vector<float> x(sampler.elements), out(sampler.elements);
  CHECK(mote_sampler_predict(nullptr, x.data(), 1, 0, out.data(), out.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_predict(sampler, nullptr, 1, 0, out.data(), out.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_predict(sampler, x.data(), 1, 0, nullptr, out.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_predict(sampler, x.data(), 1, 0, out.data(), out.size() - 1) == MOTE_E_BUFFER_TOO_SMALL);
  CHECK(mote_sampler_predict(sampler, x.data(), 1, 3, out.data(), out.size()) == MOTE_E_CLASS);
  for (float timestep : {-0.5f, 19.5f, nan, infinity}) {
    CHECK(mote_sampler_predict(sampler, x.data(), timestep, 0, out.data(), out.size()) == MOTE_E_ARGUMENT);
  }
  CHECK(mote_sampler_predict(sampler, x.data(), 19, 0, out.data(), out.size()) == MOTE_OK);
}

TEST_CASE("pixels are read as floats, or as bytes rounded to nearest and clamped") {
  const OpenModel model(smallest());
  TestSampler sampler(model, config_of());
  const float x[16] = {-1,       1,    0,     -2,     2,     0.5f,   -0.5f,  0.996f,
                       -0.9961f, 0.1f, 0.25f, -0.25f, 1e30f, -1e30f, 1e-30f, 0.75f};
  REQUIRE(mote_sampler_set_x(sampler, x, 16) == MOTE_OK);
  uint8_t bytes[17];
  bytes[16] = 77;
  REQUIRE(mote_sampler_read_u8(sampler, bytes, 16) == MOTE_OK);
  for (int i = 0; i < 16; ++i) {
    const double clamped = std::fmin(1, std::fmax(-1, static_cast<double>(x[i])));
    CHECK(bytes[i] == std::nearbyint((clamped + 1) * 127.5));
  }
  CHECK(bytes[16] == 77);
  float floats[16];
  CHECK(mote_sampler_read_f32(sampler, floats, 15) == MOTE_E_BUFFER_TOO_SMALL);
  CHECK(mote_sampler_read_u8(sampler, bytes, 15) == MOTE_E_BUFFER_TOO_SMALL);
  CHECK(mote_sampler_read_f32(sampler, nullptr, 16) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_read_u8(sampler, nullptr, 16) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_read_f32(nullptr, floats, 16) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_read_u8(nullptr, bytes, 16) == MOTE_E_ARGUMENT);
}

TEST_CASE("a null sampler is refused everywhere") {
  size_t size = 0;
  mote_progress progress = {};
  progress.struct_size = sizeof progress;
  uint8_t block[64];
  CHECK(mote_sampler_restart(nullptr, 1, 0, 0) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_step(nullptr) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_run(nullptr, 1) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_get_progress(nullptr, &progress) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_saved_size(nullptr, &size) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_save(nullptr, block, sizeof block) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_restore(nullptr, block, sizeof block) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_kernels(nullptr) == nullptr);
}

TEST_CASE("restart refuses a class the model lacks and goes on as it was") {
  const OpenModel model(every_operator());
  TestSampler sampler(model, config_of());
  mote_sampler_step(sampler);
  const std::vector<uint8_t> before = sampler.saved();
  CHECK(mote_sampler_restart(sampler, 1, 0, 3) == MOTE_E_CLASS);
  CHECK(sampler.saved() == before);
}

TEST_CASE("a saved block: what is not one, or belongs elsewhere, is refused and changes nothing") {
  const OpenModel model(every_operator()), other_model(smallest());
  mote_config config = config_of();
  TestSampler sampler(model, config), target(model, config);
  mote_sampler_step(sampler);
  const std::vector<uint8_t> block = sampler.saved(), untouched = target.saved();
  for (size_t size = 0; size < block.size(); ++size) {
    const std::vector<uint8_t> cut(block.begin(), block.begin() + static_cast<ptrdiff_t>(size));
    REQUIRE(mote_sampler_restore(target, cut.empty() ? block.data() : cut.data(), size) == MOTE_E_TRUNCATED);
  }
  for (size_t bit = 0; bit < 8 * block.size(); ++bit) {
    std::vector<uint8_t> bad = block;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1u << (bit % 8)));
    const mote_status status = mote_sampler_restore(target, bad.data(), bad.size());
    REQUIRE(status < 0);
    if (bit / 8 >= 16) REQUIRE(status == MOTE_E_CHECKSUM);
  }
  std::vector<uint8_t> newer = block;
  newer[4] = 2;
  CHECK(mote_sampler_restore(target, newer.data(), newer.size()) == MOTE_E_VERSION);
  CHECK(target.saved() == untouched);
  CHECK(mote_sampler_restore(target, nullptr, 64) == MOTE_E_ARGUMENT);
  std::vector<uint8_t> small(block.size() - 1);
  CHECK(mote_sampler_save(target, small.data(), small.size()) == MOTE_E_BUFFER_TOO_SMALL);
  CHECK(mote_sampler_save(target, nullptr, block.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_saved_size(target, nullptr) == MOTE_E_ARGUMENT);

  TestSampler elsewhere(other_model, config_of());
  CHECK(mote_sampler_restore(elsewhere, block.data(), block.size()) == MOTE_E_STATE);
  config.steps = 5;
  TestSampler other_steps(model, config);
  CHECK(mote_sampler_restore(other_steps, block.data(), block.size()) == MOTE_E_STATE);
  config.steps = 4;
  config.eta = 0.5f;
  TestSampler other_eta(model, config);
  CHECK(mote_sampler_restore(other_eta, block.data(), block.size()) == MOTE_E_STATE);
  CHECK(mote_sampler_restore(target, block.data(), block.size()) == MOTE_OK);
  CHECK(target.saved() == block);
}

TEST_CASE("a saved block needs no alignment, and holds what SPEC.md says") {
  const OpenModel model(every_operator());
  mote_config config = config_of();
  config.seed = 0x1122334455667788u;
  config.sample_index = 9;
  config.class_label = MOTE_NO_CLASS;
  TestSampler sampler(model, config);
  mote_sampler_step(sampler);
  const std::vector<uint8_t> block = sampler.saved();
  std::vector<uint8_t> odd(block.size() + 1);
  REQUIRE(mote_sampler_save(sampler, odd.data() + 1, block.size()) == MOTE_OK);
  CHECK(memcmp(odd.data() + 1, block.data(), block.size()) == 0);
  CHECK(mote_sampler_restore(sampler, odd.data() + 1, block.size()) == MOTE_OK);
  const auto u32 = [&](size_t at) {
    return static_cast<uint32_t>(block[at]) | static_cast<uint32_t>(block[at + 1]) << 8 |
           static_cast<uint32_t>(block[at + 2]) << 16 | static_cast<uint32_t>(block[at + 3]) << 24;
  };
  CHECK(block.size() == 64 + 84 * 4);
  CHECK(std::string(block.begin(), block.begin() + 4) == "MOTS");
  CHECK(u32(4) == (1u | 64u << 16));
  CHECK(u32(8) == block.size());
  CHECK(u32(20) == model.bytes.size());
  CHECK(u32(24) == 4);
  CHECK(u32(32) == 0x55667788u);
  CHECK(u32(36) == 0x11223344u);
  CHECK(u32(40) == 9);
  CHECK(u32(44) == 0xFFFFFFFFu);
  CHECK(u32(48) == 1);
  CHECK(u32(52) == 0);
  CHECK(u32(56) == 84);
  CHECK(u32(60) == 0);
  const std::vector<float> x = sampler.x();
  CHECK(memcmp(block.data() + 64, x.data(), x.size() * 4) == 0);
}

}  // namespace mote::test
