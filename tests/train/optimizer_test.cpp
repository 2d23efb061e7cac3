#include "weights_tool/train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "weights_tool/graph/unet.h"

using namespace mote;
using namespace mote::tool;

namespace {

struct Buffers {
  std::vector<float> values, m, v, average, gradient;
  explicit Buffers(size_t size) : values(size), m(size), v(size), average(size), gradient(size) {
    std::mt19937 random(static_cast<unsigned>(7));
    std::normal_distribution<float> normal;
    for (float& x : values) x = normal(random);
    for (float& x : gradient) x = normal(random);
    average = values;
  }
  OptimizerBuffers view() {
    return {values.data(), m.data(), v.data(), average.data(), gradient.data(), values.size()};
  }
};

// The algorithm of the paper, in double, one element.
struct Twin {
  double x, m = 0, v = 0;
  void update(double g, int t, double rate, const AdamWOptions& o) {
    m = o.beta1 * m + (1 - o.beta1) * g;
    v = o.beta2 * v + (1 - o.beta2) * g * g;
    const double m_hat = m / (1 - std::pow(o.beta1, t)), v_hat = v / (1 - std::pow(o.beta2, t));
    x = x - rate * (m_hat / (std::sqrt(v_hat) + o.epsilon) + o.weight_decay * x);
  }
};

}  // namespace

TEST_CASE("the first step of AdamW is the learning rate times the gradient's sign, after the decay") {
  ThreadPool pool(1);
  Buffers b(3);
  b.values = {1.0f, -2.0f, 0.5f};
  b.gradient = {0.25f, -8.0f, 0.0f};
  AdamWOptions options;
  options.weight_decay = 0.1;
  AdamW(options, {{0, 3, true}}).update(b.view(), 1, 0.01, 1.0, 0.0, pool);
  CHECK(b.values[0] == doctest::Approx(1.0 * 0.999 - 0.01));
  CHECK(b.values[1] == doctest::Approx(-2.0 * 0.999 + 0.01));
  CHECK(b.values[2] == doctest::Approx(0.5 * 0.999));
}

TEST_CASE("AdamW follows the paper's formulas over many steps") {
  ThreadPool pool(2);
  constexpr size_t size = 700;
  Buffers b(size);
  AdamWOptions options;
  options.weight_decay = 0.05;
  const AdamW optimizer(options, {{0, size, true}});
  std::vector<Twin> twins;
  for (const float x : b.values) twins.push_back({x});
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int t = 1; t <= 30; ++t) {
    const double rate = 0.01 / t, scale = t % 3 == 0 ? 0.5 : 1.0;
    for (float& g : b.gradient) g = normal(random);
    optimizer.update(b.view(), t, rate, scale, 0.9, pool);
    for (size_t i = 0; i < size; ++i) twins[i].update(static_cast<double>(b.gradient[i]) * scale, t, rate, options);
  }
  for (size_t i = 0; i < size; ++i)
    CHECK(static_cast<double>(b.values[i]) == doctest::Approx(twins[i].x).epsilon(2e-6));
}

TEST_CASE("only ranges that decay do, and elements outside of all ranges are left alone") {
  ThreadPool pool(1);
  Buffers b(64);
  std::fill(b.gradient.begin(), b.gradient.end(), 0.0f);
  const std::vector<float> before = b.values;
  AdamWOptions options;
  options.weight_decay = 0.5;
  const AdamW optimizer(options, {{0, 16, true}, {16, 16, false}, {48, 16, true}});
  for (int t = 1; t <= 3; ++t) optimizer.update(b.view(), t, 0.1, 1.0, 0.0, pool);
  for (size_t i = 0; i < 64; ++i) {
    const bool decays = i < 16 || i >= 48;
    CHECK(static_cast<double>(b.values[i]) ==
          doctest::Approx(static_cast<double>(before[i]) * (decays ? 0.95 * 0.95 * 0.95 : 1.0)));
  }
}

TEST_CASE("an element's result does not depend on where it lies, nor on the threads") {
  constexpr size_t size = 40000;
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    Buffers b(size);
    const AdamW optimizer(AdamWOptions{}, {{0, 33000, true}, {33000, 7000, false}});
    for (int t = 1; t <= 3; ++t) optimizer.update(b.view(), t, 0.01, 0.7, 0.5, pool);
    std::vector<float> all = b.values;
    for (const auto* part : {&b.m, &b.v, &b.average}) all.insert(all.end(), part->begin(), part->end());
    results.push_back(all);
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
  ThreadPool pool(1);
  for (const size_t count : {1u, 15u, 255u, 256u, 257u, 511u}) {
    Buffers b(size);
    const AdamW optimizer(AdamWOptions{}, {{100, count, true}});
    for (int t = 1; t <= 3; ++t) optimizer.update(b.view(), t, 0.01, 0.7, 0.5, pool);
    CHECK(std::memcmp(b.values.data() + 100, results[0].data() + 100, count * sizeof(float)) == 0);
    CHECK(std::memcmp(b.average.data() + 100, results[0].data() + 3 * size + 100, count * sizeof(float)) == 0);
  }
}

TEST_CASE("the average approaches constant weights geometrically") {
  ThreadPool pool(1);
  Buffers b(20);
  std::fill(b.gradient.begin(), b.gradient.end(), 0.0f);
  std::fill(b.average.begin(), b.average.end(), 0.0f);
  std::fill(b.values.begin(), b.values.end(), 2.0f);
  const AdamW optimizer(AdamWOptions{}, {{0, 20, false}});
  for (int t = 1; t <= 10; ++t) optimizer.update(b.view(), t, 0.1, 1.0, 0.75, pool);
  for (const float x : b.average) CHECK(static_cast<double>(x) == doctest::Approx(2 * (1 - std::pow(0.75, 10))));
}

TEST_CASE("the decay of the average grows to its limit") {
  CHECK(ema_decay_at(1, 0.9995) == doctest::Approx(2.0 / 11.0));
  CHECK(ema_decay_at(90, 0.9995) == doctest::Approx(0.91));
  CHECK(ema_decay_at(1000000, 0.9995) == 0.9995);
  CHECK(ema_decay_at(5, 0.0) == 0.0);
}

TEST_CASE("the norm is that of the whole gradient, whatever the threads") {
  ThreadPool one(1), three(3);
  const std::vector<float> small = {3.0f, 0.0f, -4.0f};
  CHECK(gradient_norm(small.data(), small.size(), one) == 5.0);
  const std::vector<float> ones(100003, 1.0f);
  CHECK(gradient_norm(ones.data(), ones.size(), one) == std::sqrt(100003.0));
  Buffers b(100003);
  CHECK(gradient_norm(b.gradient.data(), b.gradient.size(), one) ==
        gradient_norm(b.gradient.data(), b.gradient.size(), three));
  b.gradient[77777] = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(gradient_norm(b.gradient.data(), b.gradient.size(), three)));
  b.gradient[77777] = 3e38f;  // its square is no float
  CHECK(gradient_norm(b.gradient.data(), b.gradient.size(), one) == doctest::Approx(3e38));
}

TEST_CASE("clipping scales down to the limit and never up") {
  CHECK(clip_factor(4.0, 1.0) == 0.25);
  CHECK(clip_factor(0.5, 1.0) == 1.0);
  CHECK(clip_factor(0.0, 1.0) == 1.0);
  CHECK(clip_factor(1e9, 0.0) == 1.0);  // switched off
}

TEST_CASE("the learning rate rises in a line and falls along half a cosine") {
  const double peak = 1e-3, last = 1e-5;
  CHECK(learning_rate_at(1, 110, 10, peak, last) == doctest::Approx(1e-4));
  CHECK(learning_rate_at(5, 110, 10, peak, last) == doctest::Approx(5e-4));
  CHECK(learning_rate_at(10, 110, 10, peak, last) == doctest::Approx(peak));
  CHECK(learning_rate_at(35, 110, 10, peak, last) == doctest::Approx(last + (peak - last) * (0.5 + std::sqrt(0.125))));
  CHECK(learning_rate_at(60, 110, 10, peak, last) == doctest::Approx((peak + last) / 2));
  CHECK(learning_rate_at(110, 110, 10, peak, last) == last);
  CHECK(learning_rate_at(1, 1, 0, peak, last) == last);
  CHECK(learning_rate_at(3, 5, 10, peak, last) == doctest::Approx(3e-4));  // shorter than its warm-up
}

TEST_CASE("matrices and convolutions decay, vectors do not, and the ranges cover the store once") {
  UNetConfig config;
  config.height = config.width = 8;
  config.base_channels = 8;
  config.multipliers = {1, 2};
  config.classes = 3;
  config.groups = 4;
  const Graph graph = build_unet(config, 1);
  ThreadPool pool(1);
  const ParameterStore store(graph, KernelSet::ref, pool);
  size_t at = 0, decaying = 0;
  for (const DecayRange& range : decay_ranges(graph, store)) {
    CHECK(range.first == at);
    at += range.count;
    if (range.decays) decaying += range.count;
  }
  CHECK(at == store.size());
  size_t matrices = 0;
  for (const Tensor& tensor : graph.tensors) {
    if (tensor.role != Role::parameter || tensor.constant || tensor.rank < 2) continue;
    matrices += (static_cast<size_t>(tensor.elements()) + 15) / 16 * 16;
  }
  CHECK(decaying == matrices);
  CHECK(decaying < at);
}
