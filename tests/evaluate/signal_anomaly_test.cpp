// What is planted, by its definition; and scores of windows that are known.
#include "weights_tool/evaluate/signal_anomaly.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/evaluate/signal_models.h"

using namespace mote::tool;

namespace {

// A triangle of height 1 and half width 20 on a slope, at sample 60 of 128; 0.15 s are 30 samples.
constexpr double kRate = 200;
std::vector<float> beat() {
  std::vector<float> out(128);
  for (int i = 0; i < 128; ++i) {
    out[static_cast<size_t>(i)] =
        0.001f * static_cast<float>(i) + std::max(0.0f, 1.0f - std::fabs(static_cast<float>(i - 60)) / 20.0f);
  }
  return out;
}

std::vector<float> planted(Anomaly anomaly) {
  std::vector<float> window = beat();
  plant_anomaly(anomaly, kRate, 1, 0, &window);
  return window;
}

}  // namespace

TEST_CASE("each anomaly is what it is called") {
  const std::vector<float> before = beat();
  const auto slope = [](int i) { return 0.001f * static_cast<float>(i); };
  CHECK(planted(Anomaly::missing)[60] == doctest::Approx(slope(60)).epsilon(1e-4));
  CHECK(planted(Anomaly::inverted)[60] == doctest::Approx(slope(60) - 1.0f).epsilon(1e-4));
  CHECK(planted(Anomaly::amplified)[60] == doctest::Approx(slope(60) + 1.8f).epsilon(1e-4));
  // 18 samples beside the top stands what stood 10 beside it.
  CHECK(planted(Anomaly::widened)[78] == doctest::Approx(before[70]).epsilon(1e-4));
  CHECK(planted(Anomaly::early)[30] == doctest::Approx(slope(30) + 1.0f).epsilon(1e-3));
  CHECK(planted(Anomaly::early)[60] == doctest::Approx(slope(60)).epsilon(1e-3));
  for (const Anomaly anomaly : all_anomalies) {
    CAPTURE(anomaly_name(anomaly));
    const std::vector<float> after = planted(anomaly);
    CHECK(after != before);
    CHECK(after[125] == before[125]);
    CHECK(after == planted(anomaly));
  }
}

TEST_CASE("the score is the highest mean square of 0.1 s") {
  std::vector<float> residuals(2 * 100, 0.0f);
  for (size_t i = 140; i < 160; ++i) residuals[i] = 2.0f;
  residuals[50] = 1.0f;
  const std::vector<double> scores = residual_scores(residuals, 100, 200);
  REQUIRE(scores.size() == 2);
  CHECK(scores[0] == doctest::Approx(1.0 / 21));
  CHECK(scores[1] == doctest::Approx(4.0 * 20 / 21));
}

TEST_CASE("the nearest window is found, and components leave nothing of what they span") {
  const std::vector<double> signal = test::sine(1, 50, 400);
  const std::vector<float> windows = cut_windows(signal, 50, 37);
  CHECK(windows.size() == 10 * 50);
  CHECK(windows[50] == static_cast<float>(signal[37]));
  for (const float rest : nearest_residuals(signal, 1, windows, 50)) CHECK(std::fabs(rest) < 1e-6f);
  const std::vector<float> far = nearest_residuals(signal, 400, windows, 50);
  for (size_t i = 0; i < 50; ++i) CHECK(far[50 + i] == doctest::Approx(windows[50 + i] - windows[i]));
  const PrincipalComponents axes(windows, 50);
  double one = 0;
  for (const float rest : axes.residuals(windows, 2)) CHECK(std::fabs(rest) < 1e-5f);
  for (const float rest : axes.residuals(windows, 1)) one = std::max(one, std::fabs(static_cast<double>(rest)));
  CHECK(one > 0.1);
}

TEST_CASE("a model leaves what it does not know") {
  const test::SineModel model(128, 4, {1, 0.1, 0.01});
  const std::vector<double> clean = test::sine(4, 128, 128);
  std::vector<float> windows(clean.begin(), clean.end());
  windows.insert(windows.end(), clean.begin(), clean.end());
  windows[128 + 64] += 1.0f;
  const std::vector<float> rest = model_residuals(model, windows, 2, 4, 1);
  for (size_t i = 0; i < 128; ++i) CHECK(std::fabs(rest[i]) < 0.01f);
  CHECK(rest[128 + 64] == doctest::Approx(1 - 2.0 / 128).epsilon(0.02));
}
