// Linear measurements: what is drawn agrees with them, and one step is that of the corrected prediction.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/edit/edit_support.h"

namespace mote::test {
namespace {

// Means of blocks of `height` x `width` pixels of an h x w x c picture, the plainest loops.
std::vector<double> averages(const std::vector<double>& x, uint32_t h, uint32_t w, uint32_t c, uint32_t height,
                             uint32_t width) {
  std::vector<double> means(x.size() / height / width, 0.0);
  for (uint32_t y = 0; y < h; ++y)
    for (uint32_t col = 0; col < w; ++col)
      for (uint32_t k = 0; k < c; ++k)
        means[(y / height * (w / width) + col / width) * c + k] += x[(y * w + col) * c + k] / (height * width);
  return means;
}

std::vector<double> as_doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

double clipped(double p) { return std::min(1.0, std::max(-1.0, p)); }

// One DDIM step from x at alpha_bar of the picture p, textbook form: epsilon is what makes x of p.
double ddim(double x, double p, double alpha_bar, double next) {
  const double epsilon = (x - std::sqrt(alpha_bar) * p) / std::sqrt(1 - alpha_bar);
  return std::sqrt(next) * p + std::sqrt(1 - next) * epsilon;
}

}  // namespace

TEST_CASE("measured elements: each step is DDIM's from the corrected prediction, for every kind of prediction") {
  for (const uint32_t prediction : {0u, 1u, 2u}) {
    Builder builder = every_operator();
    builder.model.prediction = prediction;
    builder.model.flags = format::model_clip;
    builder.model.clip = 1;
    const OpenModel model(builder);
    TestSampler sampler(model, config_of());
    const size_t count = sampler.elements;
    const std::vector<float> y = some_picture(count, 4);
    const std::vector<uint8_t> mask = some_mask(count);
    constexpr float weight = 0.75f;
    REQUIRE(mote_sampler_set_measured_elements(sampler, y.data(), mask.data(), count, weight) == MOTE_OK);
    const int levels[] = {19, 14, 9, 4};
    for (size_t i = 0; i < 4; ++i) {
      const double alpha_bar = static_cast<double>(builder.schedule[static_cast<size_t>(levels[i])]);
      const double next = i < 3 ? static_cast<double>(builder.schedule[static_cast<size_t>(levels[i + 1])]) : 1;
      const double signal = std::sqrt(alpha_bar), noise = std::sqrt(1 - alpha_bar);
      const std::vector<double> x = as_doubles(sampler.x());
      const std::vector<double> m = twin_predict(builder, x, levels[i], 0);
      mote_sampler_step(sampler);
      const std::vector<float> got = sampler.x();
      for (size_t e = 0; e < count; ++e) {
        double p = clipped(prediction == 0   ? (x[e] - noise * m[e]) / signal
                           : prediction == 1 ? m[e]
                                             : signal * x[e] - noise * m[e]);
        if (mask[e] != 0) p += static_cast<double>(weight) * (static_cast<double>(y[e]) - p);
        REQUIRE(std::fabs(static_cast<double>(got[e]) - ddim(x[e], p, alpha_bar, next)) < 2e-4);
      }
    }
  }
}

TEST_CASE("measured averages: the picture has them, whatever the blocks, the method and the network") {
  const Builder floats = every_operator();
  const QuantizedBuilder codes = quantized_with_levels();
  const std::pair<uint32_t, uint32_t> blocks[] = {{1, 1}, {7, 2}, {1, 3}, {7, 6}, {7, 1}};
  for (int kind = 0; kind < 3; ++kind) {
    const OpenModel model(kind == 1 ? static_cast<const Builder&>(codes) : floats);
    mote_config config = config_of();
    if (kind == 2) config.method = MOTE_METHOD_DDPM;
    TestSampler sampler(model, config);
    for (const auto& block : blocks) {
      const std::vector<double> expected =
          averages(as_doubles(some_picture(sampler.elements, 4)), 7, 6, 2, block.first, block.second);
      const std::vector<float> y(expected.begin(), expected.end());
      REQUIRE(mote_sampler_restart(sampler, 7, 0, 1) == MOTE_OK);
      REQUIRE(mote_sampler_set_measured_averages(sampler, y.data(), y.size(), block.first, block.second, 1) == MOTE_OK);
      const std::vector<double> got = averages(as_doubles(sampler.finish()), 7, 6, 2, block.first, block.second);
      for (size_t i = 0; i < y.size(); ++i) REQUIRE(std::fabs(got[i] - expected[i]) < 1e-5);
    }
    CHECK(sampler.guard_intact());
  }
}

TEST_CASE("measured averages: one step adds to every element of a block what its mean lacks") {
  Builder builder = every_operator();
  builder.model.prediction = 0;
  const OpenModel model(builder);
  TestSampler sampler(model, config_of());
  const std::vector<float> y(7 * 2 * 2, 0.25f);
  REQUIRE(mote_sampler_set_measured_averages(sampler, y.data(), y.size(), 1, 3, 0.5f) == MOTE_OK);
  const std::vector<double> x = as_doubles(sampler.x());
  const double alpha_bar = static_cast<double>(builder.schedule[19]), next = static_cast<double>(builder.schedule[14]);
  const std::vector<double> m = twin_predict(builder, x, 19, 0);
  std::vector<double> p;
  const double clip = (builder.model.flags & format::model_clip) != 0 ? static_cast<double>(builder.model.clip) : 1e9;
  for (size_t e = 0; e < x.size(); ++e)
    p.push_back(std::min(clip, std::max(-clip, (x[e] - std::sqrt(1 - alpha_bar) * m[e]) / std::sqrt(alpha_bar))));
  const std::vector<double> means = averages(p, 7, 6, 2, 1, 3);
  mote_sampler_step(sampler);
  const std::vector<float> got = sampler.x();
  for (size_t e = 0; e < x.size(); ++e) {
    const size_t block = (e / 12 * 2 + e / 2 % 6 / 3) * 2 + e % 2;
    const double corrected = p[e] + 0.5 * (0.25 - means[block]);
    REQUIRE(std::fabs(static_cast<double>(got[e]) - ddim(x[e], corrected, alpha_bar, next)) < 2e-4);
  }
}

TEST_CASE("measurements replace each other, go away, and combine with a known part") {
  const OpenModel model(quantized_with_levels());
  TestSampler sampler(model, config_of()), plain(model, config_of());
  const size_t count = sampler.elements;
  const std::vector<float> y = some_picture(count, 4), known = some_picture(count, 5);
  const std::vector<uint8_t> mask = some_mask(count);
  std::vector<uint8_t> other(count);
  for (size_t e = 0; e < count; ++e) other[e] = mask[e] == 0 && e % 3 == 0 ? 255 : 0;
  REQUIRE(mote_sampler_set_measured_averages(sampler, y.data(), 2, 7, 6, 1) == MOTE_OK);
  REQUIRE(mote_sampler_set_measured_elements(sampler, y.data(), mask.data(), count, 1) == MOTE_OK);
  REQUIRE(mote_sampler_set_known(sampler, known.data(), other.data(), count) == MOTE_OK);
  const std::vector<float> both = sampler.finish();
  for (size_t e = 0; e < count; ++e) {
    if (mask[e] != 0) REQUIRE(std::fabs(both[e] - y[e]) < 1e-5f);
    if (other[e] != 0) REQUIRE(both[e] == known[e]);
  }
  REQUIRE(mote_sampler_set_measured_elements(sampler, nullptr, nullptr, 0, 0) == MOTE_OK);
  REQUIRE(mote_sampler_set_known(sampler, nullptr, nullptr, 0) == MOTE_OK);
  REQUIRE(mote_sampler_restart(sampler, 7, 0, 0) == MOTE_OK);
  CHECK(sampler.finish() == plain.finish());
}

TEST_CASE("measurements refuse what they cannot correct") {
  const OpenModel model(quantized_with_levels());
  TestSampler sampler(model, config_of());
  const size_t count = sampler.elements;
  std::vector<float> y = some_picture(count, 4);
  std::vector<uint8_t> mask = some_mask(count);
  const auto elements = [&](const float* of, const uint8_t* where, size_t n, float weight) {
    return mote_sampler_set_measured_elements(sampler, of, where, n, weight);
  };
  const auto blocks = [&](size_t n, uint32_t height, uint32_t width, float weight) {
    return mote_sampler_set_measured_averages(sampler, y.data(), n, height, width, weight);
  };
  CHECK(elements(y.data(), nullptr, count, 1) == MOTE_E_ARGUMENT);
  CHECK(elements(nullptr, mask.data(), count, 1) == MOTE_E_ARGUMENT);
  CHECK(elements(y.data(), mask.data(), count - 1, 1) == MOTE_E_ARGUMENT);
  for (const float weight : {0.0f, 1.5f, -1.0f, std::nanf("")}) {
    CHECK(elements(y.data(), mask.data(), count, weight) == MOTE_E_ARGUMENT);
    CHECK(blocks(2, 7, 6, weight) == MOTE_E_ARGUMENT);
  }
  CHECK(blocks(count / 2, 2, 1, 1) == MOTE_E_ARGUMENT);  // 2 does not divide 7
  CHECK(blocks(count / 4, 1, 4, 1) == MOTE_E_ARGUMENT);
  CHECK(blocks(0, 0, 1, 1) == MOTE_E_ARGUMENT);
  CHECK(blocks(count, 1, 2, 1) == MOTE_E_ARGUMENT);
  CHECK(blocks(2, 7, 65542, 1) == MOTE_E_ARGUMENT);
  mask[1] = 7;
  y[1] = INFINITY;
  CHECK(elements(y.data(), mask.data(), count, 1) == MOTE_E_NOT_FINITE);
  CHECK(blocks(2, 7, 6, 1) == MOTE_E_NOT_FINITE);
  mask[1] = 0;
  CHECK(elements(y.data(), mask.data(), count, 1) == MOTE_OK);
  CHECK(mote_sampler_run(sampler, 1) == MOTE_PENDING);
  CHECK(elements(y.data(), mask.data(), count, 1) == MOTE_E_STATE);
  CHECK(blocks(2, 7, 6, 1) == MOTE_E_STATE);
  const OpenModel old(every_quantized_operator(true));
  TestSampler without(old, config_of());
  CHECK(mote_sampler_set_measured_elements(without, y.data(), mask.data(), count, 1) == MOTE_E_UNSUPPORTED);
}

}  // namespace mote::test
