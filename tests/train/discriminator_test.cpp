#include "weights_tool/train/discriminator.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "double_graph.h"
#include "weights_tool/train/gradients.h"

using namespace mote;
using namespace mote::test;
using namespace mote::tool;

namespace {

DiscriminatorOptions tiny() {
  DiscriminatorOptions options;
  options.height = options.width = 4;
  options.classes = 1;
  options.widths = {4, 6};
  options.time_features = 8;
  return options;
}

std::vector<float> normal_floats(size_t count, unsigned seed, float deviation) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float& v : values) v = normal(random);
  return values;
}

// |grad D|^2 / 2 by x_{t-1} (even places of the pair), by central differences in doubles.
double penalty(const Graph& graph, const std::vector<float>& pair, int logit, double timestep) {
  DoubleGraph twin(graph);
  double sum = 0;
  for (size_t e = 0; e < pair.size(); e += 2) {
    DoubleInput at;
    at.x.assign(pair.begin(), pair.end());
    at.timestep = timestep;
    const double step = 1e-4, x = at.x[e];
    at.x[e] = x + step;
    const double up = twin.run(at)[static_cast<size_t>(logit)];
    at.x[e] = x - step;
    const double down = twin.run(at)[static_cast<size_t>(logit)];
    sum += std::pow((up - down) / (2 * step), 2);
  }
  return sum / 2;
}

}  // namespace

TEST_CASE("a pair holds both pictures pixel by pixel and gives the first back") {
  const std::vector<float> previous = {1, 2, 3, 4}, x_t = {5, 6, 7, 8};
  std::vector<float> pair(8), back(4);
  join_pair(previous.data(), x_t.data(), 2, 2, pair.data());
  CHECK(pair == std::vector<float>{1, 2, 5, 6, 3, 4, 7, 8});
  first_of_pair(pair.data(), 2, 2, back.data());
  CHECK(back == previous);
}

TEST_CASE("the softplus loss and its slope, also far from zero") {
  CHECK(softplus_loss(0) == doctest::Approx(std::log(2.0)));
  CHECK(softplus_slope(0) == doctest::Approx(-0.5));
  for (const double l : {-3.0, -0.5, 0.2, 4.0}) {
    CHECK(softplus_loss(l) == doctest::Approx(std::log(1 + std::exp(-l))));
    CHECK(softplus_slope(l) == doctest::Approx((softplus_loss(l + 1e-5) - softplus_loss(l - 1e-5)) / 2e-5));
  }
  CHECK(softplus_loss(-2000) == doctest::Approx(2000));
  CHECK(softplus_loss(2000) == 0);
  CHECK(softplus_slope(-2000) == doctest::Approx(-1));
}

// D = a sum of x^2 / 2 over x_{t-1} plus b x_t: the gradient by x_{t-1} is a x, the penalty a^2 sum x^2 / 2 and its
// derivative by a is a sum x^2; by b it is 0.
TEST_CASE("the penalty's gradient by probes is exact where D is quadratic") {
  const std::vector<float> pair = {0.5f, 9, -0.25f, 9, 1, 9};  // three pixels of one channel
  const double a = 0.7;
  std::vector<float> gradient(6), plus(6), minus(6);
  for (size_t i = 0; i < 6; ++i) gradient[i] = i % 2 == 0 ? static_cast<float>(a) * pair[i] : 100.0f;
  double squared = 0;
  const double factor = r1_probes(pair.data(), gradient.data(), 3, 1, plus.data(), minus.data(), &squared);
  const double sum = 0.25 + 0.0625 + 1;
  CHECK(squared == doctest::Approx(a * a * sum));
  double by_a = 0, by_b = 0;  // derivatives of D at the probes
  for (size_t i = 0; i < 6; ++i) {
    if (i % 2 == 0)
      by_a += 0.5 * (std::pow(static_cast<double>(plus[i]), 2) - std::pow(static_cast<double>(minus[i]), 2));
    if (i % 2 == 1) by_b += static_cast<double>(plus[i] - minus[i]);
  }
  CHECK(factor * by_a == doctest::Approx(a * sum).epsilon(1e-4));
  CHECK(by_b == 0);
  std::fill(gradient.begin(), gradient.end(), 0.0f);
  CHECK(r1_probes(pair.data(), gradient.data(), 3, 1, plus.data(), minus.data(), &squared) == 0);
  CHECK(plus == pair);
}

TEST_CASE("the penalty's gradient by the discriminator's parameters is that of differences in doubles") {
  Graph graph = build_discriminator(tiny(), 3);
  unsigned seed = 10;
  for (Tensor& tensor : graph.tensors) {  // the last layer begins at zero
    if (tensor.role == Role::parameter && !tensor.constant)
      tensor.values = normal_floats(tensor.values.size(), ++seed, 0.3f);
  }
  const int logit = 1;
  const float timestep = 7;
  const std::vector<float> pair = normal_floats(32, 5, 1);
  KernelSet set;
  find_kernel_set(nullptr, &set);
  ThreadPool pool(1);
  ParameterStore store(graph, set, pool, true, true);
  Executor executor(graph, store, 1, true, false, true);
  const auto run = [&](const std::vector<float>& x, float slope, float* gradient) {
    SliceInput input;
    input.images = 1;
    input.x = x.data();
    input.timesteps = &timestep;
    executor.forward(input);
    std::fill_n(executor.d_output(), executor.output_stride(), 0.0f);
    executor.d_output()[logit] = slope;
    executor.backward(gradient);
  };
  std::vector<float> plus(32), minus(32), sum(store.size());
  run(pair, 1, nullptr);
  double squared = 0;
  const double factor = r1_probes(pair.data(), executor.d_input(), 16, 1, plus.data(), minus.data(), &squared);
  CHECK(squared / 2 == doctest::Approx(penalty(graph, pair, logit, 7)).epsilon(1e-4));
  run(plus, static_cast<float>(factor), sum.data());
  run(minus, static_cast<float>(-factor), sum.data());
  // Along a direction in the space of parameters.
  std::vector<float> direction = normal_floats(store.size(), 77, 1);
  const double step = 1e-3;
  double expected = 0, found = 0;
  for (const double sign : {1.0, -1.0}) {
    Graph moved = graph;
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      const int64_t offset = store.offset(static_cast<int>(t));
      for (size_t i = 0; offset >= 0 && i < graph.tensors[t].values.size(); ++i) {
        const size_t at = static_cast<size_t>(offset) + i;
        moved.tensors[t].values[i] += static_cast<float>(sign * step) * direction[at];
        if (sign > 0) found += static_cast<double>(direction[at]) * static_cast<double>(sum[at]);
      }
    }
    expected += sign * penalty(moved, pair, logit, 7) / (2 * step);
  }
  CHECK(std::fabs(expected) > 0.02);
  CHECK(found == doctest::Approx(expected).epsilon(0.01));
}
