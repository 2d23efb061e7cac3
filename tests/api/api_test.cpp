// The contract of include/mote/mote.h: sizes, argument errors, versions of structs, reading pictures. What is drawn is
// tested in tests/diffusion/sampler_test.cpp.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "graph/operators.h"
#include "tests/support/sampler_fixture.h"
#include "tests/support/threads.h"

extern "C" {
int c99_arena_is_aligned(void);
int c99_opens(const void* bytes, size_t size);
size_t c99_config_size(void);
size_t c99_model_size(void);
}

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

TEST_CASE("C sees the structs that C++ sees, and can open and draw") {
  CHECK(c99_config_size() == sizeof(mote_config));
  CHECK(c99_model_size() == sizeof(mote_model));
  CHECK(c99_arena_is_aligned());
  const AlignedBytes bytes = smallest().file();
  CHECK(c99_opens(bytes.data(), bytes.size()) == MOTE_OK);
  const AlignedBytes other = every_operator().file();
  CHECK(c99_opens(other.data(), other.size()) == MOTE_E_MISSING_OPERATOR);
}

TEST_CASE("every status has a text of its own, any other value one too") {
  std::set<std::string> texts;
  for (int status = MOTE_E_NOT_FINITE; status <= MOTE_PENDING; ++status) {
    texts.insert(mote_status_text(static_cast<mote_status>(status)));
  }
  CHECK(texts.size() == 17);
  CHECK(texts.count(mote_status_text(static_cast<mote_status>(-16))) == 0);
  CHECK(texts.count(mote_status_text(static_cast<mote_status>(2))) == 0);
}

TEST_CASE("the linked version is that of the header") {
  CHECK(mote_version() == MOTE_VERSION);
  CHECK(std::string(mote_version_string()) == MOTE_VERSION_STRING);
}

TEST_CASE("open: its errors, and that they leave the handle alone") {
  AlignedBytes bytes = smallest().file();
  mote_model model;
  memset(&model, 0x5A, sizeof model);
  mote_model untouched = model;
  CHECK(mote_open(nullptr, bytes.data(), bytes.size(), mote_all_operators) == MOTE_E_ARGUMENT);
  CHECK(mote_open(&model, nullptr, bytes.size(), mote_all_operators) == MOTE_E_ARGUMENT);
  CHECK(mote_open(&model, bytes.data(), bytes.size(), nullptr) == MOTE_E_ARGUMENT);
  CHECK(mote_open(&model, bytes.data() + 4, bytes.size() - 4, mote_all_operators) == MOTE_E_ALIGNMENT);
  CHECK(mote_open(&model, bytes.data(), bytes.size() - 1, mote_all_operators) == MOTE_E_TRUNCATED);
  CHECK(mote_open(&model, bytes.data(), 0, mote_all_operators) == MOTE_E_TRUNCATED);
  const mote_operator* const none[] = {nullptr};
  CHECK(mote_open(&model, bytes.data(), bytes.size(), none) == MOTE_E_MISSING_OPERATOR);
  bytes[0] ^= 1;
  CHECK(mote_open(&model, bytes.data(), bytes.size(), mote_all_operators) == MOTE_E_NOT_A_MODEL);
  CHECK(memcmp(&model, &untouched, sizeof model) == 0);
}

TEST_CASE("a handle that was never opened is refused") {
  mote_model model = {};
  mote_model_info info = {};
  info.struct_size = sizeof info;
  size_t size = 0;
  int32_t timestep = 0;
  mote_sampler* sampler = nullptr;
  AlignedBytes buffer(1024);
  for (const mote_model* handle : {static_cast<const mote_model*>(nullptr), static_cast<const mote_model*>(&model)}) {
    CHECK(mote_check(handle) == MOTE_E_ARGUMENT);
    CHECK(mote_model_get_info(handle, &info) == MOTE_E_ARGUMENT);
    CHECK(mote_model_get_timesteps(handle, &timestep, 1) == MOTE_E_ARGUMENT);
    CHECK(mote_working_size(handle, nullptr, &size) == MOTE_E_ARGUMENT);
    CHECK(mote_packed_size(handle, nullptr, &size) == MOTE_E_ARGUMENT);
    CHECK(mote_sampler_create(&sampler, handle, nullptr, buffer.data(), buffer.size()) == MOTE_E_ARGUMENT);
  }
}

TEST_CASE("check finds a changed byte") {
  const Builder builder = smallest();
  OpenModel model(builder);
  CHECK(mote_check(model) == MOTE_OK);
  model.bytes[model.bytes.size() - 1] ^= 1;
  CHECK(mote_check(model) == MOTE_E_CHECKSUM);
}

TEST_CASE("info says what the model record says") {
  const OpenModel model(every_operator());
  mote_model_info info;
  memset(&info, 0xEE, sizeof info);
  info.struct_size = sizeof info;
  REQUIRE(mote_model_get_info(model, &info) == MOTE_OK);
  CHECK(info.struct_size == sizeof info);
  CHECK(info.height == 7);
  CHECK(info.width == 6);
  CHECK(info.channels == 2);
  CHECK(info.out_channels == 2);
  CHECK(info.num_classes == 3);
  CHECK(info.train_steps == 20);
  CHECK(info.default_steps == 4);
  CHECK(info.folded == 0);
  CHECK(info.model_bytes == model.bytes.size());
  CHECK(info.arena_bytes == every_operator().model.arena_bytes);
  CHECK(mote_model_get_info(model, nullptr) == MOTE_E_ARGUMENT);
}

TEST_CASE("structs of an older header are filled as far as they go, of a newer one refused") {
  const OpenModel model(every_operator());
  mote_model_info info;
  memset(&info, 0xEE, sizeof info);
  info.struct_size = 3 * sizeof(uint32_t);
  REQUIRE(mote_model_get_info(model, &info) == MOTE_OK);
  CHECK(info.struct_size == 3 * sizeof(uint32_t));
  CHECK(info.width == 6);
  CHECK(info.channels == 0xEEEEEEEEu);
  for (size_t size : {size_t{0}, size_t{3}, sizeof info + 1, size_t{0xFFFFFFFFu}}) {
    info.struct_size = static_cast<uint32_t>(size);
    CHECK(mote_model_get_info(model, &info) == MOTE_E_ARGUMENT);
  }
  TestSampler sampler(model, config_of());
  mote_progress progress = {};
  CHECK(mote_sampler_get_progress(sampler, &progress) == MOTE_E_ARGUMENT);
  progress.struct_size = sizeof progress + 8;
  CHECK(mote_sampler_get_progress(sampler, &progress) == MOTE_E_ARGUMENT);
  progress.struct_size = 12;
  CHECK(mote_sampler_get_progress(sampler, &progress) == MOTE_OK);
  CHECK(progress.steps == 4);
  CHECK(progress.work_total == 0);
}

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

TEST_CASE("kernel sets can be listed and chosen by name; ref is the last") {
  const OpenModel model(smallest());
  std::string last;
  uint32_t count = 0;
  for (; mote_kernels_name(count) != nullptr; ++count) {
    last = mote_kernels_name(count);
    TestSampler sampler(model, config_of(last.c_str()));
    CHECK(std::string(mote_sampler_kernels(sampler)) == last);
  }
  CHECK(last == "ref");
  CHECK(mote_kernels_name(count + 1) == nullptr);
  CHECK(mote_kernels_name(0xFFFFFFFFu) == nullptr);
}

}  // namespace mote::test
