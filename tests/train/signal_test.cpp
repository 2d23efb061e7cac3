// Recordings: a zip with a .npy of 16-bit integers, as Debian's ecg.dat is one, and what training gets of it.
#include "weights_tool/train/signal.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/io/support.h"
#include "weights_tool/io/npy.h"
#include "weights_tool/train/dataset.h"
#include "weights_tool/train/train_config.h"

using namespace mote::tool;
using test::contains;
using test::error_of;

namespace {

SignalConfig config_of(const std::string& text) {
  const Json json = parse_json(text, "x.json");
  return signal_config_from_json(JsonView(json, "x.json"));
}

}  // namespace

TEST_CASE("a recording in a zip archive is read, other archives are refused") {
  const std::vector<double> recording = read_signal(std::string(MOTE_TEST_DATA) + "/io/recording.zip");
  REQUIRE(recording.size() == 400);
  for (size_t i = 0; i < 400; ++i) CHECK(recording[i] == static_cast<double>(1000 + i * i % 97));
  CHECK(contains(error_of([] { read_signal(std::string(MOTE_TEST_DATA) + "/io/members.zip"); }),
                 "holds 0 .npy files where one is expected"));
  CHECK(contains(error_of([] { read_signal(std::string(MOTE_TEST_DATA) + "/io/f4.npy"); }),
                 "shape (2, 3, 4) where one channel, (N,), is expected"));
}

TEST_CASE("keys of a signal are checked, and kept") {
  const SignalConfig config = config_of(R"({"rate": 360, "offset": 5, "scale": 0.5, "high_pass": 0.5, "end": 0.8})");
  CHECK(config.rate == 360);
  CHECK(config.begin == 0);
  CHECK(config_of(write_json(signal_config_to_json(config))).end == 0.8);
  CHECK(contains(error_of([] { config_of(R"({"scale": 0})"); }), "scale: expected a number that is not 0"));
  CHECK(contains(error_of([] { config_of(R"({"begin": 0.5, "end": 0.5})"); }), "begin must be less than end"));
  CHECK(contains(error_of([] { config_of(R"({"rate": 10, "high_pass": 5})"); }), "less than half of rate"));
  CHECK(contains(error_of([] { config_of(R"({"speed": 1})"); }), "speed"));
}

TEST_CASE("a stretch is scaled, and without what is slower than the high-pass") {
  std::vector<double> recording(3600);
  for (size_t i = 0; i < recording.size(); ++i) {
    const double seconds = static_cast<double>(i) / 360;
    recording[i] = 100 + 20 * seconds + std::sin(2 * 3.14159265358979 * 10 * seconds);
  }
  SignalConfig config;
  config.rate = 360;
  config.offset = 100;
  config.scale = 0.5;
  const Stretch stretch = stretch_of(0.25, 0.75, recording.size());
  CHECK(stretch.begin == 900);
  CHECK(stretch.end == 2700);
  const std::vector<double> plain = prepare_signal(recording, stretch, config);
  REQUIRE(plain.size() == 1800);
  CHECK(plain[7] == doctest::Approx((recording[907] - 100) * 0.5));
  config.high_pass = 0.5;
  const std::vector<double> fast = prepare_signal(recording, stretch, config);
  for (size_t i = 360; i < 1440; ++i)
    CHECK(std::fabs(fast[i] - 0.5 * std::sin(2 * 3.14159265358979 * 10 * static_cast<double>(900 + i) / 360)) < 0.01);
}

TEST_CASE("training gets every window of the stretch") {
  const std::string path = std::string(MOTE_TEST_DATA) + "/io/recording.zip";
  DatasetNeeds needs;
  needs.height = needs.channels = 1;
  needs.width = 16;
  needs.signal = config_of(R"({"offset": 1000, "scale": 0.01, "begin": 0.5})");
  const Dataset data = load_dataset(path, needs);
  CHECK(data.images.count == 185);
  float window[16];
  data.sample(3, false, window);
  for (size_t i = 0; i < 16; ++i)
    CHECK(window[i] == doctest::Approx(static_cast<double>((203 + i) * (203 + i) % 97) * 0.01));
  Dataset validation;
  CHECK_FALSE(load_validation(path, needs, &validation));
  needs.width = 201;
  CHECK(contains(error_of([&] { load_dataset(path, needs); }), "leave 200 samples, fewer than a window of 201"));
  needs.height = 2;
  CHECK(contains(error_of([&] { load_dataset(path, needs); }), "model.height and model.channels of 1"));
}

TEST_CASE("a training's configuration keeps its signal, and tells a changed one") {
  const std::string text = R"({"model": {"height": 1, "width": 64, "channels": 1}, "signal": {"rate": 360}})";
  const TrainConfig config = train_config_from_json(parse_json(text, "x"), "x");
  REQUIRE(config.signal.has_value());
  CHECK(config.signal->rate == 360);
  TrainConfig other = train_config_from_json(train_config_to_json(config), "x");
  CHECK(config_differences(config, other).empty());
  other.signal->rate = 250;
  REQUIRE(config_differences(config, other).size() == 1);
  CHECK(contains(config_differences(config, other)[0], "signal: {"));
  other.signal.reset();
  CHECK(contains(config_differences(config, other).at(0), "signal: {"));
  CHECK(config_differences(other, config) == std::vector<std::string>{"signal: new"});
}
