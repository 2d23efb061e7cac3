// The mixture against derivatives and integrals taken numerically, and against the moments of its own samples.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "weights_tool/diffusion/gaussian_mixture.h"
#include "weights_tool/diffusion/score.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

GaussianMixture three() {
  return GaussianMixture({{1, {0.5, -0.2}, {0.1, 0.3}}, {3, {-0.6, 0.4}, {0.2, 0.05}}, {0.5, {0, 0}, {0.4, 0.4}}});
}

double normal_density(double x, double mean, double variance) {
  return std::exp(-(x - mean) * (x - mean) / variance / 2) / std::sqrt(2 * 3.14159265358979 * variance);
}

}  // namespace

TEST_CASE("mixture: the score is the numeric gradient of the log density at every noise level") {
  const GaussianMixture mixture = three();
  constexpr double h = 1e-5;
  for (const double alpha_bar : {0.999, 0.7, 0.1, 0.0}) {
    for (const auto& p : {std::pair<double, double>{0.4, 0.1}, {-0.5, 0.5}, {1.5, -2.0}}) {
      const double x[] = {p.first, p.second};
      double score[2];
      mixture.score(x, alpha_bar, score);
      for (size_t d = 0; d < 2; ++d) {
        double up[] = {x[0], x[1]}, down[] = {x[0], x[1]};
        up[d] += h;
        down[d] -= h;
        const double slope = (mixture.log_density(up, alpha_bar) - mixture.log_density(down, alpha_bar)) / (2 * h);
        CHECK(score[d] == doctest::Approx(slope).epsilon(1e-5));
      }
    }
  }
}

TEST_CASE("mixture: density and mean of x_0 are the integrals over x_0") {
  const GaussianMixture mixture({{1, {0.5}, {0.1}}, {2, {-0.4}, {0.3}}});
  for (const double alpha_bar : {0.9, 0.3}) {
    for (const double x : {-0.8, 0.1, 0.6}) {
      double mass = 0, mean = 0;
      constexpr double dx = 1e-4;
      for (double x0 = -3; x0 < 3; x0 += dx) {
        const double prior = (normal_density(x0, 0.5, 0.01) + 2 * normal_density(x0, -0.4, 0.09)) / 3;
        const double joint = prior * normal_density(x, std::sqrt(alpha_bar) * x0, 1 - alpha_bar) * dx;
        mass += joint;
        mean += joint * x0;
      }
      double x0 = 0;
      mixture.mean_x0(&x, alpha_bar, &x0);
      CHECK(std::exp(mixture.log_density(&x, alpha_bar)) == doctest::Approx(mass).epsilon(1e-4));
      CHECK(x0 == doctest::Approx(mean / mass).epsilon(1e-4));
    }
  }
}

TEST_CASE("mixture: the best predictions fit together, and each gives back the score") {
  const GaussianMixture mixture = three();
  const double x[] = {0.3, -0.4};
  for (const double alpha_bar : {0.95, 0.4}) {
    double score[2], epsilon[2], x0[2];
    mixture.score(x, alpha_bar, score);
    mixture.prediction(Prediction::epsilon, x, alpha_bar, epsilon);
    mixture.prediction(Prediction::x0, x, alpha_bar, x0);
    for (size_t d = 0; d < 2; ++d) {
      CHECK(std::sqrt(alpha_bar) * x0[d] + std::sqrt(1 - alpha_bar) * epsilon[d] == doctest::Approx(x[d]));
      CHECK(-epsilon[d] / std::sqrt(1 - alpha_bar) == doctest::Approx(score[d]));
    }
    for (const Prediction prediction : {Prediction::epsilon, Prediction::x0, Prediction::v}) {
      double output[2];
      mixture.prediction(prediction, x, alpha_bar, output);
      const Mix forward = score_mix(prediction, alpha_bar), back = output_of_score_mix(prediction, alpha_bar);
      for (size_t d = 0; d < 2; ++d) {
        CHECK(forward.first * x[d] + forward.second * output[d] == doctest::Approx(score[d]));
        CHECK(back.first * x[d] + back.second * score[d] == doctest::Approx(output[d]));
      }
    }
  }
}

TEST_CASE("mixture: of points alone it is their empirical distribution") {
  const float points[] = {0.5f, 0, -0.5f, 0};
  const GaussianMixture mixture(points, 2, 2);
  const double between[] = {0, 0.3}, near[] = {0.45, 0};
  double score[2], x0[2];
  mixture.score(between, 0.5, score);
  CHECK(score[0] == doctest::Approx(0));
  CHECK(score[1] == doctest::Approx(-0.3 / 0.5));  // both points are as far across
  mixture.mean_x0(near, 0.99, x0);
  CHECK(x0[0] == doctest::Approx(0.5).epsilon(1e-3));
}

TEST_CASE("mixture: samples have its moments, and each is a function of seed and number") {
  const GaussianMixture mixture = three();
  constexpr size_t count = 40000;
  const std::vector<float> points = mixture.sample(count, 9);
  double mean[2] = {}, square = 0;
  for (size_t i = 0; i < points.size(); ++i) mean[i % 2] += static_cast<double>(points[i]) / count;
  for (size_t i = 0; i < count; ++i) square += std::pow(static_cast<double>(points[2 * i]), 2) / count;
  CHECK(std::fabs(mean[0] - (0.5 - 3 * 0.6) / 4.5) < 0.01);
  CHECK(std::fabs(mean[1] - (-0.2 + 3 * 0.4) / 4.5) < 0.01);
  CHECK(std::fabs(square - (0.25 + 0.01 + 3 * (0.36 + 0.04) + 0.5 * 0.16) / 4.5) < 0.01);
  const std::vector<float> later = mixture.sample(10, 9, 5);
  CHECK(later[0] == points[10]);
  CHECK(later[19] == points[29]);
  CHECK(mixture.sample(1, 10)[0] != points[0]);
}

TEST_CASE("mixture: reads JSON, and refuses what does not fit") {
  const auto parse = [](const char* text) {
    const Json json = parse_json(text, "m.json");
    return gaussian_mixture_from_json(JsonView(json, "m.json"));
  };
  const GaussianMixture mixture =
      parse(R"({"components": [{"mean": [1, 2, 3], "deviation": 0.5}, {"weight": 2, "mean": [0, 0, 0],
                "deviation": [1, 2, 3]}]})");
  CHECK(mixture.dimension() == 3);
  CHECK(mixture.components() == 2);
  CHECK_THROWS_AS(parse(R"({"components": []})"), Error);
  CHECK_THROWS_AS(parse(R"({"components": [{"mean": [1], "deviation": [1, 1]}]})"), Error);
  CHECK_THROWS_AS(parse(R"({"components": [{"mean": [1], "deviation": 0}]})"), Error);
  CHECK_THROWS_AS(GaussianMixture({{1, {0}, {-1}}}), std::invalid_argument);
  CHECK_THROWS_AS(GaussianMixture(std::vector<GaussianComponent>{}), std::invalid_argument);
}

}  // namespace mote::tool
