// The contract of include/mote/mote.h: statuses, models and structs of other versions. Configurations of samplers:
// sampler_config_test.cpp; their calls: sampler_calls_test.cpp.
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <cstring>
#include <set>
#include <string>

#include "graph/operators.h"
#include "tests/support/sampler_fixture.h"

extern "C" {
int c99_arena_is_aligned(void);
int c99_opens(const void* bytes, size_t size);
size_t c99_config_size(void);
size_t c99_model_size(void);
}

namespace mote::test {

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
  for (int status = MOTE_E_SELF_TEST; status <= MOTE_PENDING; ++status) {
    texts.insert(mote_status_text(static_cast<mote_status>(status)));
  }
  CHECK(texts.size() == 18);
  CHECK(texts.count(mote_status_text(static_cast<mote_status>(15))) == 0);
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
