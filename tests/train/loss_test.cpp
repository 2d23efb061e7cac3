#include "weights_tool/train/loss.h"

#include <doctest/doctest.h>

#include <algorithm>
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

namespace {

// Two pixels of two channels at a level, and an output with a variance beside each prediction: [pixel][prediction, v][C].
struct Pair {
  int t;
  std::vector<float> x0{0.5f, -1.0f, 1.0f, 24 / 127.5f - 1}, noise{0.3f, -1.2f, 0.8f, 0.1f};
  std::vector<float> x_t = std::vector<float>(4), target = std::vector<float>(4);
  std::vector<float> output;
  Pair(const DiffusionLoss& loss, int level) : t(level) {
    loss.example(t, x0.data(), noise.data(), 4, x_t.data(), target.data());
    const float errors[] = {0.02f, -0.03f, 0.01f, 0.04f}, v[] = {-0.9f, 0.2f, 0.7f, 1.2f};
    for (size_t pixel = 0; pixel < 2; ++pixel) {
      for (size_t c = 0; c < 2; ++c) output.push_back(target[2 * pixel + c] + errors[2 * pixel + c]);
      for (size_t c = 0; c < 2; ++c) output.push_back(v[2 * pixel + c]);
    }
  }
  LossItem item() const { return {t, x_t.data(), target.data(), output.data(), 4}; }
};

TrainConfig learned_config(Prediction prediction, LossKind kind) {
  TrainConfig config;
  config.prediction = prediction;
  config.loss = kind;
  config.model.channels = 2;
  config.model.learned_variance = true;
  config.timesteps = 100;
  config.schedule = ScheduleKind::linear;
  return config;
}

// The bound's term at this level in bits an element, from Ho et al. 2020, eq. 5 to 8 and 13, and Nichol & Dhariwal 2021,
// eq. 15, as they stand there.
double naive_bits(const Schedule& schedule, Prediction prediction, const Pair& pair) {
  const auto at = [](const std::vector<double>& values, int t) { return values[static_cast<size_t>(t)]; };
  const double ab = at(schedule.alpha_bar, pair.t), before = pair.t > 0 ? at(schedule.alpha_bar, pair.t - 1) : 1;
  const double beta = at(schedule.beta, pair.t), a = std::sqrt(ab), b = std::sqrt(1 - ab);
  const double tilde = at(schedule.posterior_variance, std::max(pair.t, 1));
  double nats = 0;
  for (size_t i = 0; i < 4; ++i) {
    const double x = static_cast<double>(pair.x_t[i]), x0 = static_cast<double>(pair.x0[i]);
    const double m = static_cast<double>(pair.output[i / 2 * 4 + i % 2]);
    const double v = static_cast<double>(pair.output[i / 2 * 4 + 2 + i % 2]);
    const double guess = prediction == Prediction::x0        ? m
                         : prediction == Prediction::epsilon ? (x - b * m) / a
                                                             : a * x - b * m;
    const double variance = std::exp((v + 1) / 2 * std::log(beta) + (1 - v) / 2 * std::log(tilde));
    const auto mean = [&](double p) {
      return std::sqrt(before) * beta / (1 - ab) * p + std::sqrt(1 - beta) * (1 - before) / (1 - ab) * x;
    };
    if (pair.t > 0) {
      const double apart = mean(x0) - mean(guess);
      nats += 0.5 * (std::log(variance / tilde) - 1 + (tilde + apart * apart) / variance);
    } else {
      const auto below = [&](double y) { return 0.5 * std::erfc((mean(guess) - y) / std::sqrt(2 * variance)); };
      const double high = x0 > 0.999 ? 1 : below(x0 + 1.0 / 255), low = x0 < -0.999 ? 0 : below(x0 - 1.0 / 255);
      nats -= std::log(high - low);
    }
  }
  return nats / 4 / std::log(2.0);
}

}  // namespace

TEST_CASE("the bound of a level is the papers', for every prediction; vlb is T times it, hybrid adds a share of it") {
  for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
    const DiffusionLoss vlb(learned_config(prediction, LossKind::vlb));
    TrainConfig config = learned_config(prediction, LossKind::hybrid);
    config.vlb_weight = 0.25;
    const DiffusionLoss hybrid(config);
    for (const int t : {0, 1, 40, 99}) {
      const Pair pair(vlb, t);
      const double bits = naive_bits(vlb.schedule(), prediction, pair);
      INFO("t " << t << " prediction " << static_cast<int>(prediction));
      CHECK(vlb.value(pair.item()) == doctest::Approx(100 * bits).epsilon(2e-4));
      const double squares = (0.02 * 0.02 + 0.03 * 0.03 + 0.01 * 0.01 + 0.04 * 0.04) / 4;
      CHECK(hybrid.value(pair.item()) == doctest::Approx(squares + 0.25 * 100 * bits).epsilon(2e-4));
    }
  }
}

TEST_CASE("gradients of vlb and hybrid are numeric differences; hybrid's bound leaves the mean alone") {
  for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
    for (const LossKind kind : {LossKind::vlb, LossKind::hybrid}) {
      TrainConfig config = learned_config(prediction, kind);
      config.vlb_weight = 0.5;
      const DiffusionLoss loss(config);
      for (const int t : {0, 1, 40, 99}) {
        const Pair pair(loss, t);
        std::vector<float> gradient(8);
        CHECK(loss.value_and_gradient(pair.item(), 0.25, gradient.data()) == loss.value(pair.item()));
        for (size_t i = 0; i < 8; ++i) {
          const bool mean = i % 4 < 2;
          const float step = 1.0f / 8192;
          Pair up = pair, down = pair;
          up.output[i] += step;
          down.output[i] -= step;
          const double width = static_cast<double>(up.output[i]) - static_cast<double>(down.output[i]);
          double slope = (loss.value(up.item()) - loss.value(down.item())) / width;
          if (mean && kind == LossKind::hybrid) {  // the squared error's alone: 2 error / 4
            const size_t k = i / 4 * 2 + i % 4;
            slope = 2 * (static_cast<double>(pair.output[i]) - static_cast<double>(pair.target[k])) / 4;
          }
          INFO("t " << t << " element " << i << " prediction " << static_cast<int>(prediction));
          CHECK(static_cast<double>(gradient[i]) == doctest::Approx(0.25 * slope).epsilon(2e-3).scale(1e-3));
        }
      }
    }
  }
}

TEST_CASE("vlb of a fixed variance is that of the lower bound") {
  TrainConfig config = learned_config(Prediction::v, LossKind::vlb);
  const DiffusionLoss learned(config);
  config.model.learned_variance = false;
  const DiffusionLoss fixed(config);
  CHECK(fixed.outputs() == 1);
  for (const int t : {0, 7}) {
    Pair pair(learned, t);
    std::vector<float> alone, gradient(8), alone_gradient(4);
    for (size_t i = 0; i < 8; ++i) {
      if (i % 4 < 2) alone.push_back(pair.output[i]);
      if (i % 4 >= 2) pair.output[i] = -1;
    }
    const LossItem item = {t, pair.x_t.data(), pair.target.data(), alone.data(), 4};
    CHECK(fixed.value_and_gradient(item, 1, alone_gradient.data()) ==
          learned.value_and_gradient(pair.item(), 1, gradient.data()));
    for (size_t i = 0; i < 4; ++i) CHECK(alone_gradient[i] == gradient[i / 2 * 4 + i % 2]);
  }
}

TEST_CASE("min_snr_gamma bounds the weight: min(snr, gamma) of x0's error, for every prediction") {
  for (const double gamma : {1.0, 5.0, 20.0}) {
    for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
      TrainConfig config;
      config.prediction = prediction;
      config.loss_weighting = LossWeight::min_snr;
      config.min_snr_gamma = gamma;
      const DiffusionLoss loss(config);
      for (const int t : {3, 150, 400, 900}) {
        // The error of x0 that an error of 1 of the output means, squared, times the clamped ratio (Hang et al. 2023).
        const double ab = loss.schedule().alpha_bar[static_cast<size_t>(t)], snr = ab / (1 - ab);
        const double of_x0 = prediction == Prediction::x0        ? 1
                             : prediction == Prediction::epsilon ? (1 - ab) / ab
                                                                 : 1 - ab;
        const float zero = 0, one = 1;
        CHECK(loss.value(t, &one, &zero, 1) == doctest::Approx(std::min(snr, gamma) * of_x0).epsilon(1e-9));
      }
    }
  }
}
