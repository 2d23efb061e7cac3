// Ranges, tables and rounded weights, against searches and sums written here.
#include "weights_tool/quantize/ranges.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "weights_tool/quantize/weights.h"

namespace mote::tool {
namespace {

std::vector<float> gaussian(size_t count, float deviation, float mean, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> out(count);
  for (float& v : out) v = normal(random);
  return out;
}

double shown(double x, const format::QuantValue& value) {
  double code = std::nearbyint(x / value.scale) + value.zero_point;
  code = code < -128 ? -128 : code > 127 ? 127 : code;
  return (code - value.zero_point) * value.scale;
}

double squared_error(const std::vector<float>& samples, const format::QuantValue& value) {
  double sum = 0;
  for (float v : samples) sum += (v - shown(v, value)) * (v - shown(v, value));
  return sum / static_cast<double>(samples.size());
}

TEST_CASE("An affine range shows zero exactly and its ends within half a code") {
  for (const auto& range : std::vector<std::pair<double, double>>{
           {-1, 1}, {0, 6}, {-0.3, 4.7}, {-9, 0}, {2, 5}, {-5, -2}, {0, 0}, {-1e-9, 1e-9}, {-1e5, 3}}) {
    const double low = range.first, high = range.second;
    CAPTURE(low);
    CAPTURE(high);
    const format::QuantValue value = affine_int8(low, high);
    CHECK(value.scale >= format::min_scale);
    CHECK(value.zero_point >= -128);
    CHECK(value.zero_point <= 127);
    CHECK(shown(0.0, value) == 0.0);
    CHECK(std::fabs(shown(low, value) - std::min(low, shown(low, value))) <= std::max(1.01 * value.scale, low));
    if (low <= 0 && high >= 0 && high - low > 1e-6) {
      CHECK(std::fabs(shown(low, value) - low) <= 1.01 * value.scale);
      CHECK(std::fabs(shown(high, value) - high) <= 1.01 * value.scale);
    }
  }
}

TEST_CASE("int8_error is the mean squared distance to what the codes show") {
  const std::vector<float> samples = gaussian(5000, 1.5f, 0.4f, 3);
  for (double high : {0.5, 2.0, 8.0}) {
    const format::QuantValue value = affine_int8(-high, high);
    CHECK(int8_error(samples, value) == doctest::Approx(squared_error(samples, value)).epsilon(1e-4));
  }
}

TEST_CASE("The best range is as good as any that a brute search finds, and cuts off what is rare, but not too much") {
  std::vector<float> heavy = gaussian(8000, 1.0f, 0.0f, 1);
  for (float& v : heavy) v = v * v * v;  // long tails: most values near 0
  std::vector<float> lopsided = gaussian(8000, 1.0f, 0.5f, 2);
  for (float& v : lopsided) v = v > 0 ? v * v : 0.1f * v;
  for (const std::vector<float>& samples : {heavy, lopsided, gaussian(8000, 0.01f, 0.0f, 3)}) {
    const float low = *std::min_element(samples.begin(), samples.end());
    const float high = *std::max_element(samples.begin(), samples.end());
    double least = 1e9;
    for (double a = 0.8; a <= 1.0; a += 0.02) {
      for (double b = 0.8; b <= 1.0; b += 0.02)
        least = std::min(least, squared_error(samples, affine_int8(a * low, b * high)));
    }
    CHECK(squared_error(samples, best_int8(samples)) <= 1.03 * least);
  }
  CHECK(
      best_int8(heavy).scale <
      affine_int8(*std::min_element(heavy.begin(), heavy.end()), *std::max_element(heavy.begin(), heavy.end())).scale);

  std::vector<float> even;
  for (int i = 0; i <= 4000; ++i) even.push_back(-2.0f + 0.001f * static_cast<float>(i));
  CHECK(best_int8(even).scale == doctest::Approx(4.0 / 255).epsilon(0.02));
  CHECK(best_int8({0.0f, 0.0f}).scale > 0);
}

TEST_CASE("A table holds the activation of what each index stands for") {
  const std::vector<float> before = gaussian(4000, 1.7f, -0.2f, 9);
  for (Activation activation : {Activation::silu, Activation::gelu, Activation::relu, Activation::mish}) {
    for (int entries : {256, 1024}) {
      const format::QuantValue output = affine_int8(-0.3, 8.0);
      const ActivationTable table = best_table(before, activation, output, entries);
      REQUIRE(table.codes.size() == static_cast<size_t>(entries));
      CHECK(table.index.zero_point >= -128);
      CHECK(table.index.zero_point <= 127);
      const int zero = (table.index.zero_point + 128) * (entries / 256);
      double error = 0;
      for (int i = 0; i < entries; ++i) {
        const double u = double{table.index.scale} * (i - zero);
        const double wanted = activation == Activation::silu   ? u / (1 + std::exp(-u))
                              : activation == Activation::gelu ? u * std::erfc(-u / std::sqrt(2.0)) / 2
                              : activation == Activation::mish ? u * std::tanh(std::log1p(std::exp(u)))
                                                               : std::max(u, 0.0);
        error = std::max(error, std::fabs(shown(wanted, output) -
                                          (table.codes[static_cast<size_t>(i)] - output.zero_point) * output.scale));
      }
      CHECK(error <= output.scale * 1.001);  // a tie may go either way
      // What the samples become through it is near what they should: half a code of the output and of the index.
      double sum = 0;
      for (float u : before) {
        const double index = std::clamp(std::nearbyint(double{u} / table.index.scale) + zero, 0.0, entries - 1.0);
        const double y = (table.codes[static_cast<size_t>(index)] - output.zero_point) * double{output.scale};
        sum += (y - activate(u, activation)) * (y - activate(u, activation));
      }
      const double deviation = std::sqrt(sum / static_cast<double>(before.size()));
      CHECK(deviation < 0.5 * (output.scale + table.index.scale));
    }
  }
}

TEST_CASE("A table over codes maps each of the 256") {
  const format::QuantValue input = affine_int8(-4, 3), output = affine_int8(-0.3, 3);
  const std::vector<int8_t> table = code_table(Activation::silu, input, output);
  REQUIRE(table.size() == 256);
  for (int code = -128; code <= 127; ++code) {
    const double x = (code - input.zero_point) * double{input.scale}, y = x / (1 + std::exp(-x));
    const double got = (table[static_cast<size_t>(code + 128)] - output.zero_point) * double{output.scale};
    CHECK(std::fabs(got - shown(y, output)) <= output.scale * 1.001);
  }
}

TEST_CASE("Weights round to the nearest code of a scale no worse than the largest weight's") {
  const size_t outputs = 5, taps = 9, inputs = 6;
  std::vector<float> w = gaussian(outputs * taps * inputs, 0.2f, 0.0f, 4);
  w[3] = 4.0f;                                                                 // an outlier in channel 0
  for (size_t i = 0; i < taps * inputs; ++i) w[2 * taps * inputs + i] = 0.0f;  // a channel of zeros
  std::vector<double> mean, square;
  for (size_t c = 0; c < inputs; ++c) {
    mean.push_back(0.3 * static_cast<double>(c));
    square.push_back(1.0 + static_cast<double>(c * c));
  }
  const RoundedWeights rounded = round_weights(w, outputs, taps, inputs, mean, square);
  for (size_t o = 0; o < outputs; ++o) {
    double largest = 0, error = 0, plain = 0, shift = 0;
    for (size_t i = 0; i < taps * inputs; ++i) largest = std::max(largest, std::fabs(double{w[o * taps * inputs + i]}));
    const double widest = std::max(largest / 127, 0x1p-40), scale = rounded.scales[o].scale;
    CHECK(rounded.scales[o].zero_point == 0);
    CHECK(scale <= widest * 1.0001);
    for (size_t i = 0; i < taps * inputs; ++i) {
      const double v = w[o * taps * inputs + i];
      const int code = rounded.codes[o * taps * inputs + i];
      CHECK(code >= -127);
      CHECK(std::fabs(code * scale - v) <= std::max(0.5001 * scale, std::fabs(v) - 126.99 * scale));
      error += (code * scale - v) * (code * scale - v) * square[i % inputs];
      const double nearest = std::nearbyint(v / widest) * widest;
      plain += (nearest - v) * (nearest - v) * square[i % inputs];
      shift += (code * scale - v) * mean[i % inputs];
    }
    CHECK(error <= plain * 1.01 + 1e-12);
    CHECK(rounded.shift[o] == doctest::Approx(shift).epsilon(1e-6));
  }
}

TEST_CASE("The largest sum of weights is that of the worst channel, over the inputs asked for") {
  const std::vector<int8_t> codes = {1, -2, 3, 4, -5, 6, -7, 8, 9, -10, 11, -127};  // [2][2][3]
  CHECK(largest_weight_sum(codes, 2, 2, 3, 0, 3) == 7 + 8 + 9 + 10 + 11 + 127);
  CHECK(largest_weight_sum(codes, 2, 2, 3, 0, 1) == 17);
  CHECK(largest_weight_sum(codes, 2, 2, 3, 2, 1) == 136);
}

}  // namespace
}  // namespace mote::tool
