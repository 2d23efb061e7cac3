// Noise of known strength, and removing it: closed forms of white signals and of sines.
#include "weights_tool/evaluate/signal_restore.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/evaluate/signal_models.h"
#include "weights_tool/evaluate/signal_noise.h"

using namespace mote::tool;

TEST_CASE("noise and wander are as strong as asked for, and functions of their seed") {
  const std::vector<double> noise = white_noise(20000, 0.3, 5);
  CHECK(root_mean_square(noise) == doctest::Approx(0.3).epsilon(0.02));
  CHECK(white_noise(20000, 0.3, 5) == noise);
  CHECK(white_noise(20000, 0.3, 6) != noise);
  CHECK(estimate_noise(noise) == doctest::Approx(0.3).epsilon(0.03));
  // The drift alone has the root mean square 4 rms / sqrt(12), and adds to the sines' as they are independent.
  const std::vector<double> wander = baseline_wander(36000, 360, 0.5, 3);
  CHECK(root_mean_square(wander) == doctest::Approx(0.5 * std::sqrt(1 + 16.0 / 12)).epsilon(0.1));
  CHECK(estimate_noise(wander) < 1e-3);
}

TEST_CASE("a tenth of the amplitude as error is 20 dB") {
  const std::vector<double> clean = test::sine(3, 100, 500);
  std::vector<double> wrong = clean;
  for (double& value : wrong) value *= 1.1;
  CHECK(snr_db(clean, wrong) == doctest::Approx(20.0));
}

TEST_CASE("levels are found by their noise, and spread evenly") {
  const test::WhiteModel model(8, {10, 3, 1, 0.3, 0.1});
  CHECK(model.level_of(100) == 0);
  CHECK(model.level_of(0.9) == 2);
  CHECK(model.level_of(0.16) == 4);
  CHECK(model.spread(3, 10, 0.1) == std::vector<size_t>{0, 2, 4});
  CHECK(model.spread(50, 10, 0.1) == std::vector<size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("white signals are shrunk by Wiener's factor, whatever the windows") {
  const test::WhiteModel model(64, {2, 1, 0.5});
  const std::vector<double> y = white_noise(300, 1.0, 9);
  for (const size_t hop : {1, 16, 64}) {
    const std::vector<double> x = denoise_signal(model, y, 0.5, hop);
    REQUIRE(x.size() == y.size());
    for (size_t i = 0; i < y.size(); ++i) CHECK(x[i] == doctest::Approx(y[i] / 1.25).epsilon(1e-5));
  }
}

TEST_CASE("wander that a model cannot explain is found and removed") {
  const double rate = 360;
  const test::SineModel model(360, 4, {1, 0.3, 0.1, 0.03});
  const std::vector<double> clean = test::sine(4, rate, 7200);
  const std::vector<double> noise = white_noise(7200, 0.1, 2), wander = baseline_wander(7200, rate, 1.0, 2);
  std::vector<double> y = clean;
  for (size_t i = 0; i < y.size(); ++i) y[i] += noise[i] + wander[i];
  RestoreOptions options;
  options.rate = rate;
  options.hop = 90;
  CHECK(snr_db(clean, y) < 0);
  CHECK(snr_db(clean, restore_signal(model, y, options)) > 25);
  for (size_t i = 0; i < y.size(); ++i) y[i] -= wander[i];
  options.rounds = 0;
  CHECK(snr_db(clean, restore_signal(model, y, options)) > 30);
}

TEST_CASE("filters are tuned to what disturbs") {
  const double rate = 360;
  const std::vector<double> clean = test::sine(5, rate, 7200), noise = white_noise(7200, 0.5, 4);
  std::vector<double> y = clean;
  for (size_t i = 0; i < y.size(); ++i) y[i] += noise[i];
  const FilterChoice band = tune_band_pass(clean, y, rate, false);
  CHECK(band.second == 10);  // the lowest that lets 5 Hz through
  CHECK(band.snr == doctest::Approx(snr_db(clean, band_pass(y, band.first, band.second, rate))));
  CHECK(band.snr > snr_db(clean, y) + 8);
  const FilterChoice average = tune_moving_average(clean, y, rate, false);
  CHECK(average.first > 5);
  CHECK(average.snr == doctest::Approx(snr_db(clean, smooth_and_level(y, static_cast<size_t>(average.first),
                                                                      static_cast<size_t>(average.second)))));
}
