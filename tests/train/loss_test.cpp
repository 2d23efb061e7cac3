#include "weights_tool/train/loss.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace mote;
using namespace mote::tool;

namespace {

DiffusionLoss loss_of(Prediction prediction, LossWeight weight = LossWeight::uniform) {
  TrainConfig config;
  config.prediction = prediction;
  config.loss_weighting = weight;
  return DiffusionLoss(config);
}

}  // namespace

TEST_CASE("a picture and its noise come back from x_t and the target of v-prediction") {
  const DiffusionLoss loss = loss_of(Prediction::v);
  const std::vector<float> x0 = {1.0f, -1.0f, 0.25f}, noise = {0.5f, 2.0f, -1.5f};
  for (const int t : {0, 10, 500, 998}) {
    std::vector<float> x_t(3), v(3);
    loss.example(t, x0.data(), noise.data(), 3, x_t.data(), v.data());
    const double a = std::sqrt(loss.schedule().alpha_bar[static_cast<size_t>(t)]), s = std::sqrt(1 - a * a);
    for (size_t i = 0; i < 3; ++i) {  // Salimans & Ho 2022, appendix D
      CHECK(a * static_cast<double>(x_t[i]) - s * static_cast<double>(v[i]) ==
            doctest::Approx(static_cast<double>(x0[i])).epsilon(1e-5));
      CHECK(s * static_cast<double>(x_t[i]) + a * static_cast<double>(v[i]) ==
            doctest::Approx(static_cast<double>(noise[i])).epsilon(1e-5));
    }
  }
}

TEST_CASE("the target is the noise or the picture itself, also in place") {
  std::vector<float> x = {1.0f, -0.5f}, z = {0.25f, 3.0f};
  loss_of(Prediction::epsilon).example(300, x.data(), z.data(), 2, x.data(), z.data());
  CHECK(z == std::vector<float>{0.25f, 3.0f});
  std::vector<float> x_t(2), target(2);
  const std::vector<float> x0 = {1.0f, -0.5f};
  loss_of(Prediction::x0).example(300, x0.data(), z.data(), 2, x_t.data(), target.data());
  CHECK(target == x0);
  CHECK(x_t == x);
}

TEST_CASE("the loss is the mean squared error and its gradient the derivative") {
  const std::vector<float> target = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  std::vector<float> output = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13}, gradient(10);
  const DiffusionLoss loss = loss_of(Prediction::v);
  CHECK(loss.value(400, output.data(), target.data(), 10) == doctest::Approx(0.9));
  CHECK(loss.value_and_gradient(400, output.data(), target.data(), 10, 0.5, gradient.data()) == doctest::Approx(0.9));
  CHECK(gradient[0] == 0.0f);
  CHECK(static_cast<double>(gradient[9]) == doctest::Approx(2 * 3.0 / 10 * 0.5));
}

TEST_CASE("a weighted loss has a weighted gradient") {
  const DiffusionLoss loss = loss_of(Prediction::v, LossWeight::min_snr);
  const std::vector<float> target = {0.5f, -1.0f};
  for (const int t : {5, 300, 900}) {
    std::vector<float> output = {0.0f, 0.5f}, gradient(2);
    loss.value_and_gradient(t, output.data(), target.data(), 2, 1.0, gradient.data());
    for (size_t i = 0; i < 2; ++i) {
      std::vector<float> up = output, down = output;
      up[i] += 0.125f;
      down[i] -= 0.125f;
      const double slope =
          (loss.value(t, up.data(), target.data(), 2) - loss.value(t, down.data(), target.data(), 2)) / 0.25;
      CHECK(static_cast<double>(gradient[i]) == doctest::Approx(slope).epsilon(1e-5));
    }
  }
}

TEST_CASE("a batch has one level of each equal part, the ends among them") {
  for (const int batch : {1, 3, 128}) {
    for (int i = 0; i < batch; ++i) {
      for (const uint32_t lot : {0u, 0x80000000u, 0xFFFFFFFFu}) {
        const int t = stratified_timestep(i, batch, 1000, lot);
        CHECK(t >= 1000 * i / batch);
        CHECK(t <= (1000 * (i + 1) - 1) / batch);
      }
    }
    CHECK(stratified_timestep(0, batch, 1000, 0) == 0);
    CHECK(stratified_timestep(batch - 1, batch, 1000, 0xFFFFFFFFu) == 999);
  }
  CHECK(stratified_timestep(65535, 65536, 16384, 0xFFFFFFFFu) == 16383);
  CHECK(stratified_timestep(0, 1, 1000, 0x80000000u) == 500);
}
