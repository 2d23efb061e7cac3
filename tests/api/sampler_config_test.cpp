// The contract of include/mote/mote.h: configurations of samplers, the memory they need and what they refuse.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/sampler_fixture.h"
#include "tests/support/threads.h"

namespace mote::test {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// What creating a sampler with this configuration says, in a buffer of any size it may want.
mote_status creates(const OpenModel& model, const mote_config& config) {
  AlignedBytes buffer(1 << 20);
  mote_sampler* sampler = nullptr;
  const mote_status status = mote_sampler_create(&sampler, model, &config, buffer.data(), buffer.size());
  CHECK((sampler != nullptr) == (status == MOTE_OK));
  return status;
}

Builder folded() {
  Builder b = smallest();
  b.model.flags = format::model_folded;
  for (int i = 0; i < 3; ++i) {
    format::RowRecord row{};
    row.timestep = 8 - 3 * i;
    row.A = 1;
    row.a = 1;
    row.clip_lo = -1;
    row.clip_hi = 1;
    b.rows.push_back(row);
  }
  return b;
}

}  // namespace

TEST_CASE("a shorter configuration means zeros for what it lacks, whatever lies behind it") {
  const OpenModel model(every_operator());
  mote_config config;
  memset(&config, 0xEE, sizeof config);
  config.struct_size = offsetof(mote_config, sample_index);
  config.steps = 0;
  config.seed = 7;
  TestSampler old(model, config);
  mote_config full = {};
  full.struct_size = sizeof full;
  full.seed = 7;
  TestSampler now(model, full);
  CHECK(old.saved() == now.saved());
  config.struct_size = sizeof(uint32_t);
  CHECK(creates(model, config) == MOTE_OK);
  for (size_t size : {size_t{0}, size_t{3}, sizeof config + 8}) {
    config.struct_size = static_cast<uint32_t>(size);
    CHECK(creates(model, config) == MOTE_E_ARGUMENT);
    CHECK(mote_working_size(model, &config, &size) == MOTE_E_ARGUMENT);
    CHECK(mote_packed_size(model, &config, &size) == MOTE_E_ARGUMENT);
  }
}

TEST_CASE("no configuration is the default one") {
  const OpenModel model(every_operator());
  mote_config config = {};
  config.struct_size = sizeof config;
  size_t with = 0, without = 1;
  REQUIRE(mote_working_size(model, &config, &with) == MOTE_OK);
  REQUIRE(mote_working_size(model, nullptr, &without) == MOTE_OK);
  CHECK(with == without);
  AlignedBytes buffer(without);
  mote_sampler* sampler = nullptr;
  REQUIRE(mote_sampler_create(&sampler, model, nullptr, buffer.data(), buffer.size()) == MOTE_OK);
  CHECK(std::string(mote_sampler_kernels(sampler)) == mote_kernels_name(0));
}

TEST_CASE("the working size is exact: nothing beyond it is touched, and no smaller buffer will do") {
  uint32_t threads = 3;
  for (const Builder& builder : {smallest(), every_operator(), folded()}) {
    const OpenModel model(builder);
    for (uint32_t workers : {0u, 1u, 3u}) {
      for (bool pack : {false, true}) {
        for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i) {
          mote_config config = config_of(mote_kernels_name(i));
          config.workers = workers;
          config.parallel_for = workers > 1 ? parallel_for_threads : nullptr;
          config.parallel_context = &threads;
          size_t packed_bytes = 0;
          REQUIRE(mote_packed_size(model, &config, &packed_bytes) == MOTE_OK);
          AlignedBytes packed(packed_bytes + 64);
          memset(packed.data() + packed_bytes, 0xC3, 64);
          config.packed = pack ? packed.data() : nullptr;
          config.packed_bytes = packed_bytes;
          TestSampler sampler(model, config);
          sampler.finish();
          CHECK(sampler.guard_intact());
          for (size_t k = 0; k < 64; ++k) CHECK(packed[packed_bytes + k] == 0xC3);
          mote_sampler* other = nullptr;
          for (size_t less = 0; less < sampler.size; less += less + 64 < sampler.size ? 37 : 1) {
            REQUIRE(mote_sampler_create(&other, model, &config, sampler.buffer.data(), less) ==
                    MOTE_E_BUFFER_TOO_SMALL);
          }
          if (pack && packed_bytes != 0) {
            config.packed_bytes = packed_bytes - 1;
            CHECK(creates(model, config) == MOTE_E_BUFFER_TOO_SMALL);
          }
        }
      }
    }
  }
}

TEST_CASE("workers, packed weights and their reuse change no byte within a setting") {
  const OpenModel model(every_operator());
  uint32_t threads = 4;
  for (uint32_t i = 0; mote_kernels_name(i) != nullptr; ++i) {
    mote_config config = config_of(mote_kernels_name(i));
    TestSampler plain(model, config);
    const std::vector<float> expected = plain.finish();
    size_t packed_bytes = 0;
    REQUIRE(mote_packed_size(model, &config, &packed_bytes) == MOTE_OK);
    AlignedBytes packed(packed_bytes + 16);
    config.packed = packed.data();
    config.packed_bytes = packed_bytes;
    TestSampler with_packed(model, config);
    const std::vector<float> expected_packed = with_packed.finish();
    for (size_t k = 0; k < expected.size(); ++k) CHECK(std::fabs(expected[k] - expected_packed[k]) < 1e-3f);
    config.packed_ready = 1;
    const AlignedBytes before = packed;
    TestSampler ready(model, config);
    CHECK(ready.finish() == expected_packed);
    CHECK(packed == before);
    config.parallel_for = parallel_for_threads;
    config.parallel_context = &threads;
    for (uint32_t workers = 1; workers <= 4; ++workers) {
      threads = config.workers = workers;
      TestSampler parallel(model, config);
      CHECK(parallel.finish() == expected_packed);
    }
    config.packed = nullptr;
    TestSampler parallel(model, config);
    CHECK(parallel.finish() == expected);
  }
}

TEST_CASE("create: its argument errors") {
  const OpenModel model(every_operator());
  AlignedBytes buffer(1 << 18);
  mote_sampler* sampler = nullptr;
  const mote_config good = config_of();
  CHECK(mote_sampler_create(nullptr, model, &good, buffer.data(), buffer.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_create(&sampler, model, &good, nullptr, buffer.size()) == MOTE_E_ARGUMENT);
  CHECK(mote_sampler_create(&sampler, model, &good, buffer.data() + 8, buffer.size() - 8) == MOTE_E_ALIGNMENT);
  CHECK(mote_working_size(model, &good, nullptr) == MOTE_E_ARGUMENT);
  CHECK(mote_packed_size(model, &good, nullptr) == MOTE_E_ARGUMENT);
  const auto with = [&](auto change) {
    mote_config config = good;
    change(config);
    return creates(model, config);
  };
  CHECK(with([](mote_config&) {}) == MOTE_OK);
  CHECK(with([](mote_config& c) { c.reserved = 1; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.reserved2 = 1; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.packed_ready = 2; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.method = 4; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.steps = 21; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.steps = 20; }) == MOTE_OK);
  for (float eta : {-0.1f, 1.1f, nan, infinity}) CHECK(with([&](mote_config& c) { c.eta = eta; }) == MOTE_E_ARGUMENT);
  CHECK(with([](mote_config& c) { c.class_label = 2; }) == MOTE_OK);
  CHECK(with([](mote_config& c) { c.class_label = 3; }) == MOTE_E_CLASS);
  CHECK(with([](mote_config& c) { c.class_label = -2; }) == MOTE_E_CLASS);
  CHECK(with([](mote_config& c) { c.kernels = "sse9"; }) == MOTE_E_UNSUPPORTED);
  CHECK(with([](mote_config& c) { c.kernels = ""; }) == MOTE_E_UNSUPPORTED);
  CHECK(with([&](mote_config& c) { c.packed = buffer.data() + 4, c.packed_bytes = 1 << 17; }) == MOTE_E_ALIGNMENT);
  CHECK(with([](mote_config& c) { c.workers = 0xFFFFFFFFu; }) == MOTE_OK);  // without parallel_for there is one
  CHECK(with([](mote_config& c) {
          c.workers = 0xFFFFFFFFu;
          c.parallel_for = parallel_for_threads;
        }) == (sizeof(size_t) < 8 ? MOTE_E_LIMIT : MOTE_E_BUFFER_TOO_SMALL));
  for (int bad : {0, 1, 2}) {
    int32_t timesteps[] = {15, 10, 5};
    if (bad == 0) timesteps[0] = 20;
    if (bad == 1) timesteps[1] = 15;
    if (bad == 2) timesteps[2] = -1;
    CHECK(with([&](mote_config& c) { c.timesteps = timesteps, c.steps = 3; }) == MOTE_E_ARGUMENT);
  }
  const int32_t timesteps[] = {15, 10, 5};
  CHECK(with([&](mote_config& c) { c.timesteps = timesteps; }) == MOTE_E_ARGUMENT);
  CHECK(with([&](mote_config& c) { c.timesteps = timesteps, c.steps = 3; }) == MOTE_OK);
}

TEST_CASE("a model without classes does not look at the class") {
  const OpenModel model(smallest());
  mote_config config = config_of();
  TestSampler first(model, config);
  config.class_label = 12345;
  TestSampler second(model, config);
  CHECK(first.saved() == second.saved());
}

TEST_CASE("a folded model runs its own steps and no others, and says which") {
  const OpenModel model(folded());
  int32_t timesteps[3] = {};
  CHECK(mote_model_get_timesteps(model, timesteps, 2) == MOTE_E_BUFFER_TOO_SMALL);
  CHECK(mote_model_get_timesteps(model, nullptr, 3) == MOTE_E_ARGUMENT);
  REQUIRE(mote_model_get_timesteps(model, timesteps, 3) == MOTE_OK);
  CHECK(timesteps[0] == 8);
  CHECK(timesteps[1] == 5);
  CHECK(timesteps[2] == 2);
  mote_config config = config_of();
  CHECK(creates(model, config) == MOTE_OK);
  config.steps = 3;
  CHECK(creates(model, config) == MOTE_OK);
  config.steps = 4;
  CHECK(creates(model, config) == MOTE_E_STEPS);
  config.steps = 3;
  config.timesteps = timesteps;
  CHECK(creates(model, config) == MOTE_E_STEPS);
  config.timesteps = nullptr;
  config.method = MOTE_METHOD_DDIM;
  CHECK(creates(model, config) == MOTE_E_STEPS);
  config.method = MOTE_METHOD_DEFAULT;
  config.eta = 0.5f;
  CHECK(creates(model, config) == MOTE_E_STEPS);
  TestSampler sampler(model, config_of());
  float x[16] = {}, out[16];
  CHECK(mote_sampler_predict(sampler, x, 5, 0, out, 16) == MOTE_OK);
  CHECK(mote_sampler_predict(sampler, x, 6, 0, out, 16) == MOTE_E_STEPS);
}

TEST_CASE("a model without a schedule runs its stored steps only") {
  Builder builder = folded();
  builder.model.flags = 0;
  builder.schedule.clear();
  const OpenModel model(builder);
  mote_config config = config_of();
  CHECK(creates(model, config) == MOTE_OK);
  config.steps = 2;
  CHECK(creates(model, config) == MOTE_E_STEPS);
}

TEST_CASE("a model with schedule and steps uses the steps by default and DDIM when asked otherwise") {
  Builder builder = folded();
  builder.model.flags = 0;
  const OpenModel model(builder);
  mote_config config = config_of();
  size_t stored = 0, made = 0;
  REQUIRE(mote_working_size(model, &config, &stored) == MOTE_OK);
  config.method = MOTE_METHOD_DDIM;
  REQUIRE(mote_working_size(model, &config, &made) == MOTE_OK);
  CHECK(made == stored + 3 * sizeof(format::RowRecord));
  CHECK(creates(model, config) == MOTE_OK);
}

TEST_CASE("default timesteps are evenly spaced and begin at the last") {
  const OpenModel model(every_operator());
  int32_t timesteps[4];
  REQUIRE(mote_model_get_timesteps(model, timesteps, 4) == MOTE_OK);
  for (int i = 0; i < 4; ++i) CHECK(timesteps[i] == 19 - 5 * i);
}

}  // namespace mote::test
