// A model file opened through the C API and samplers made from it, in buffers of exactly the size the library asked for,
// followed by guard bytes.
#pragma once
#include <doctest/doctest.h>
#include <mote/mote.h>

#include <memory>
#include <vector>

#include "tests/support/model_builder.h"

namespace mote::test {

struct OpenModel {
  AlignedBytes bytes;
  std::unique_ptr<mote_model> model = std::make_unique<mote_model>();  // handles do not move

  explicit OpenModel(const Builder& builder) : bytes(builder.file()) {
    REQUIRE(mote_open(model.get(), bytes.data(), bytes.size(), mote_all_operators) == MOTE_OK);
  }
  operator const mote_model*() const { return model.get(); }
  size_t elements() const {
    mote_model_info info = {};
    info.struct_size = sizeof info;
    REQUIRE(mote_model_get_info(model.get(), &info) == MOTE_OK);
    return size_t{info.height} * info.width * info.channels;
  }
};

inline mote_config config_of(const char* kernels = "ref") {
  mote_config config = {};
  config.struct_size = sizeof config;
  config.kernels = kernels;
  config.seed = 7;
  return config;
}

struct TestSampler {
  static constexpr size_t guard = 64;
  static constexpr uint8_t guard_value = 0xC3;
  AlignedBytes buffer;
  size_t size = 0, elements = 0;
  mote_sampler* handle = nullptr;

  TestSampler(const OpenModel& model, const mote_config& config) : elements(model.elements()) {
    REQUIRE(mote_working_size(model, &config, &size) == MOTE_OK);
    buffer = AlignedBytes(size + guard);
    memset(buffer.data(), 0xFF, size);  // NaNs, so that reading what was not written shows
    memset(buffer.data() + size, guard_value, guard);
    REQUIRE(mote_sampler_create(&handle, model, &config, buffer.data(), size) == MOTE_OK);
  }
  operator mote_sampler*() const { return handle; }
  std::vector<float> x() const {
    std::vector<float> values(elements);
    REQUIRE(mote_sampler_read_f32(handle, values.data(), values.size()) == MOTE_OK);
    return values;
  }
  // To the end in whole steps.
  std::vector<float> finish() {
    while (mote_sampler_step(handle) == MOTE_PENDING) {
    }
    return x();
  }
  std::vector<uint8_t> saved() const {
    size_t bytes = 0;
    REQUIRE(mote_sampler_saved_size(handle, &bytes) == MOTE_OK);
    std::vector<uint8_t> block(bytes);
    REQUIRE(mote_sampler_save(handle, block.data(), block.size()) == MOTE_OK);
    return block;
  }
  bool guard_intact() const {
    for (size_t i = 0; i < guard; ++i) {
      if (buffer.data()[size + i] != guard_value) return false;
    }
    return true;
  }
};

}  // namespace mote::test
