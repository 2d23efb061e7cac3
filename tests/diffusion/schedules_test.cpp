// weights_tool/diffusion/schedules and parameterisation: closed forms, identities, and the values of diffusers.
#include "weights_tool/diffusion/schedules.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/diffusion/scheduler_data.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/io/error.h"

using namespace mote::tool;
using doctest::Approx;

namespace {

Schedule schedule_of(ScheduleKind kind, int steps = 1000) {
  ScheduleOptions options;
  options.kind = kind;
  options.train_steps = steps;
  return make_schedule(options);
}

constexpr Prediction all_predictions[] = {Prediction::epsilon, Prediction::x0, Prediction::v};

}  // namespace

TEST_CASE("betas follow their formulas at both ends and in the middle") {
  const Schedule linear = schedule_of(ScheduleKind::linear, 1001);
  CHECK(linear.beta.front() == Approx(1e-4).epsilon(1e-12));
  CHECK(linear.beta[500] == Approx((1e-4 + 0.02) / 2).epsilon(1e-12));
  CHECK(linear.beta.back() == Approx(0.02).epsilon(1e-12));
  const Schedule quadratic = schedule_of(ScheduleKind::quadratic, 1001);
  CHECK(quadratic.beta.front() == Approx(1e-4).epsilon(1e-12));
  CHECK(std::sqrt(quadratic.beta[500]) == Approx((0.01 + std::sqrt(0.02)) / 2).epsilon(1e-12));
  CHECK(quadratic.beta.back() == Approx(0.02).epsilon(1e-12));
  const Schedule sigmoid = schedule_of(ScheduleKind::sigmoid, 1001);
  CHECK(sigmoid.beta[500] == Approx((1e-4 + 0.02) / 2).epsilon(1e-12));
  CHECK(sigmoid.beta.front() == Approx(1e-4 + 0.0199 * 0.0024726231566347743).epsilon(1e-9));
  CHECK(sigmoid.beta.front() + sigmoid.beta.back() == Approx(0.0201).epsilon(1e-12));
}

TEST_CASE("the cosine schedule has the alpha_bar it is named after until betas are clipped") {
  const Schedule cosine = schedule_of(ScheduleKind::cosine);
  const double pi = std::acos(-1.0);
  const auto f = [&](double u) { return std::pow(std::cos((u + 0.008) / 1.008 * pi / 2), 2); };
  for (int t = 0; t < 998; ++t) {
    REQUIRE(cosine.alpha_bar[static_cast<size_t>(t)] == Approx(f((t + 1) / 1000.0) / f(0.0)).epsilon(1e-9));
  }
  CHECK(cosine.beta.back() == 0.999);
  CHECK(cosine.alpha_bar.back() == Approx(cosine.alpha_bar[998] * 0.001).epsilon(1e-9));
}

TEST_CASE("alpha_bar falls strictly, and everything derived from it obeys its definition, for any T") {
  for (ScheduleKind kind : all_schedules) {
    for (int steps : {1, 2, 10, 100, 1000, 4000}) {
      const Schedule s = schedule_of(kind, steps);
      REQUIRE(s.train_steps() == steps);
      double product = 1.0;
      for (size_t t = 0; t < s.beta.size(); ++t) {
        const double before = product;
        product *= s.alpha[t];
        REQUIRE(s.beta[t] > 0.0);
        REQUIRE(s.beta[t] < 1.0);
        REQUIRE(s.alpha[t] == 1.0 - s.beta[t]);
        REQUIRE(s.alpha_bar[t] < before);
        REQUIRE(s.alpha_bar[t] == Approx(product).epsilon(1e-12));
        REQUIRE(s.snr[t] == Approx(product / (1.0 - product)).epsilon(1e-12));
        REQUIRE(s.posterior_variance[t] == Approx(s.beta[t] * (1.0 - before) / (1.0 - product)).epsilon(1e-12));
        REQUIRE(s.posterior_variance[t] <= s.beta[t]);
      }
      REQUIRE(s.posterior_variance[0] == 0.0);
    }
  }
}

TEST_CASE("the schedules of diffusers come out") {
  const scheduler_data::Data data = scheduler_data::read();
  REQUIRE(data.schedules.size() == 4);
  for (const scheduler_data::ScheduleValues& values : data.schedules) {
    ScheduleOptions options;
    REQUIRE(find_schedule(values.name, &options.kind));
    options.beta_start = values.beta_start;
    options.beta_end = values.beta_end;
    const Schedule s = make_schedule(options);
    const std::vector<float> table = alpha_bar_table(s);
    for (size_t i = 0; i < values.index.size(); ++i) {
      const size_t t = static_cast<size_t>(values.index[i]);
      REQUIRE(s.beta[t] == Approx(values.beta64[i]).epsilon(1e-7));  // beta_start and beta_end have nine digits here
      REQUIRE(s.alpha_bar[t] == Approx(values.alpha_bar64[i]).epsilon(1e-6));
      REQUIRE(static_cast<double>(table[t]) == Approx(values.alpha_bar32[i]).epsilon(2e-5));
    }
  }
}

TEST_CASE("names go both ways, and unknown ones are refused") {
  for (ScheduleKind kind : all_schedules) {
    ScheduleKind found{};
    CHECK(find_schedule(schedule_name(kind), &found));
    CHECK(found == kind);
  }
  ScheduleKind kind{};
  CHECK_FALSE(find_schedule("Linear", &kind));
  CHECK(schedule_names() == "linear, quadratic, sigmoid, cosine");
  for (Prediction prediction : all_predictions) {
    Prediction found{};
    CHECK(find_prediction(prediction_name(prediction), &found));
    CHECK(found == prediction);
  }
  Prediction prediction{};
  CHECK_FALSE(find_prediction("noise", &prediction));
  for (LossWeight weight : {LossWeight::uniform, LossWeight::epsilon, LossWeight::min_snr}) {
    LossWeight found{};
    CHECK(find_loss_weight(loss_weight_name(weight), &found));
    CHECK(found == weight);
  }
}

TEST_CASE("options out of range are refused with a line that names them") {
  const auto message = [](ScheduleOptions options) -> std::string {
    try {
      make_schedule(options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  ScheduleOptions options;
  options.train_steps = 0;
  CHECK(message(options).find("train_steps") != std::string::npos);
  options = {};
  options.beta_end = 1e-5;
  CHECK(message(options).find("beta_start") != std::string::npos);
  options.beta_end = std::numeric_limits<double>::quiet_NaN();
  CHECK(message(options).find("beta_start") != std::string::npos);
  options = {};
  options.kind = ScheduleKind::cosine;
  options.max_beta = 1.0;
  CHECK(message(options).find("max_beta") != std::string::npos);
  CHECK_THROWS_AS(make_schedule_from_betas({}), Error);
  CHECK_THROWS_AS(make_schedule_from_betas({0.1, 1.5}), Error);
  CHECK(make_schedule_from_betas({0.1, 1.0}).alpha_bar[1] == 0.0);
}

TEST_CASE("both float tables decode to the levels, the exact one to float accuracy on both sides") {
  for (ScheduleKind kind : all_schedules) {
    const Schedule s = schedule_of(kind);
    const std::vector<float> plain = alpha_bar_table(s), exact = exact_alpha_bar_table(s);
    for (size_t t = 0; t < s.alpha_bar.size(); ++t) {
      const mote::NoiseLevel a = mote::noise_level_from_table(plain[t]), b = mote::noise_level_from_table(exact[t]);
      REQUIRE(std::fabs(a.alpha_bar / s.alpha_bar[t] - 1.0) < 6e-8);
      REQUIRE(std::fabs(a.one_minus_alpha_bar - (1.0 - s.alpha_bar[t])) < 6e-8);
      REQUIRE(std::fabs(b.alpha_bar / s.alpha_bar[t] - 1.0) < 1.3e-7);
      REQUIRE(std::fabs(b.one_minus_alpha_bar / (1.0 - s.alpha_bar[t]) - 1.0) < 1.3e-7);
    }
  }
}

TEST_CASE("x0 and epsilon come back from every parameterisation, and each converts into each") {
  const double x0 = 0.7, epsilon = -1.3;
  for (double alpha_bar : {0.9999, 0.5, 0.01, 1e-6}) {
    const double x_t = std::sqrt(alpha_bar) * x0 + std::sqrt(1.0 - alpha_bar) * epsilon;
    for (Prediction from : all_predictions) {
      const Mix target = target_mix(from, alpha_bar);
      const double output = target.first * x0 + target.second * epsilon;
      const Mix to_x0 = x0_mix(from, alpha_bar), to_epsilon = epsilon_mix(from, alpha_bar);
      CHECK(to_x0.first * x_t + to_x0.second * output == Approx(x0).epsilon(1e-9));
      CHECK(to_epsilon.first * x_t + to_epsilon.second * output == Approx(epsilon).epsilon(1e-9));
      for (Prediction to : all_predictions) {
        const Mix convert = convert_mix(from, to, alpha_bar);
        const Mix want = target_mix(to, alpha_bar);
        CHECK(convert.first * x_t + convert.second * output ==
              Approx(want.first * x0 + want.second * epsilon).epsilon(1e-9));
      }
    }
  }
}

TEST_CASE("mixes are applied elementwise, also in place") {
  std::vector<float> a = {1.0f, 2.0f, -3.0f};
  const std::vector<float> b = {4.0f, 0.5f, 8.0f};
  apply_mix({0.5, -2.0}, a.data(), b.data(), 3, a.data());
  CHECK(a == std::vector<float>{-7.5f, 0.0f, -17.5f});
}

TEST_CASE("loss weights are the squared factors between the errors of the predictions") {
  for (double alpha_bar : {0.9999, 0.8, 0.5, 0.1, 1e-4}) {
    const double snr = alpha_bar / (1.0 - alpha_bar);
    CHECK(loss_weight(LossWeight::uniform, Prediction::v, alpha_bar) == 1.0);
    CHECK(loss_weight(LossWeight::epsilon, Prediction::epsilon, alpha_bar) == 1.0);
    CHECK(loss_weight(LossWeight::epsilon, Prediction::x0, alpha_bar) == Approx(snr).epsilon(1e-9));
    CHECK(loss_weight(LossWeight::epsilon, Prediction::v, alpha_bar) == Approx(alpha_bar).epsilon(1e-9));
    // Hang et al. 2023, section 3.4 and its note on the other parameterisations.
    const double clamped = std::fmin(snr, 5.0);
    CHECK(loss_weight(LossWeight::min_snr, Prediction::x0, alpha_bar) == Approx(clamped).epsilon(1e-9));
    CHECK(loss_weight(LossWeight::min_snr, Prediction::epsilon, alpha_bar) == Approx(clamped / snr).epsilon(1e-9));
    CHECK(loss_weight(LossWeight::min_snr, Prediction::v, alpha_bar) == Approx(clamped / (snr + 1.0)).epsilon(1e-9));
  }
  for (Prediction prediction : all_predictions) {
    CHECK(std::isfinite(loss_weight(LossWeight::min_snr, prediction, 0.0)));
    CHECK(std::isfinite(loss_weight(LossWeight::min_snr, prediction, 1.0)));
  }
}
