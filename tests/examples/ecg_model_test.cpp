// The shipped model of an ECG cleans the window that the firmware cleans (examples/firmware/signal), and gives the samples
// whose hash every board prints.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "examples/firmware/signal/window.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/io/checksum.h"
#include "weights_tool/io/file.h"

using namespace mote::tool;

TEST_CASE("the shipped ECG model takes noise off a window, the same samples as on a board") {
  const std::string path = std::string(MOTE_TEST_DATA) + "/../../examples/models/ecg-int8.mote";
  const ModelBuffer model(read_file(path), path);
  REQUIRE(mote_check(model.model()) == MOTE_OK);
  REQUIRE(model.info().width == std::size(window_noisy));
  mote_config config = mote_config();
  config.struct_size = sizeof config;
  config.class_label = MOTE_NO_CLASS;
  size_t needed = 0;
  REQUIRE(mote_working_size(model.model(), &config, &needed) == MOTE_OK);
  const AlignedBuffer memory(needed);
  mote_sampler* sampler = nullptr;
  REQUIRE(mote_sampler_create(&sampler, model.model(), &config, memory.data(), memory.size()) == MOTE_OK);

  constexpr size_t n = std::size(window_noisy);
  std::vector<float> x(n), v(n);
  for (size_t i = 0; i < n; ++i)
    x[i] = WINDOW_SIGNAL * ((static_cast<float>(window_noisy[i]) - WINDOW_OFFSET) * WINDOW_SCALE);
  REQUIRE(mote_sampler_predict(sampler, x.data(), WINDOW_TIMESTEP, MOTE_NO_CLASS, v.data(), n) == MOTE_OK);
  std::vector<int16_t> cleaned(n);
  double before = 0, after = 0;
  for (size_t i = 0; i < n; ++i) {
    const float value = (WINDOW_SIGNAL * x[i] - WINDOW_NOISE * v[i]) / WINDOW_SCALE + WINDOW_OFFSET;
    cleaned[i] = static_cast<int16_t>(value + (value < 0 ? -0.5f : 0.5f));
    before += std::pow(window_noisy[i] - window_clean[i], 2);
    after += std::pow(cleaned[i] - window_clean[i], 2);
  }
  CHECK(after < before / 10);
  CHECK(crc32(cleaned.data(), n * sizeof(int16_t)) == 0x66666ac3);  // little-endian, as the boards are
}
