#include "weights_tool/train/executor.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "double_graph.h"
#include "graph_maker.h"
#include "weights_tool/io/error.h"
#include "weights_tool/train/gradients.h"

using namespace mote;
using namespace mote::test;
using tool::OpKind;

namespace {

std::vector<KernelSet> available_sets() {
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  return {sets, sets + count};
}

std::vector<float> random_floats(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

struct TestBatch {
  std::vector<float> x, weights;  // weights: the loss is their product with the output
  std::vector<float> timesteps;
  std::vector<int> classes;
  tool::SliceInput input;
  TestBatch(const tool::Graph& graph, int images) {
    const auto elements = [&](int t) { return static_cast<size_t>(graph.tensors[static_cast<size_t>(t)].elements()); };
    x = random_floats(elements(graph.input) * static_cast<size_t>(images), 1);
    weights = random_floats(elements(graph.output) * static_cast<size_t>(images), 2);
    for (int i = 0; i < images; ++i) {
      timesteps.push_back(3.5f * static_cast<float>(i) + 0.25f);
      classes.push_back(i % (graph.num_classes + 1));
    }
    input.images = images;
    input.x = x.data();
    input.timesteps = timesteps.data();
    input.classes = classes.data();
    input.seed = 77;
    input.step = 5;
    input.first_sample = 3;
  }
  DoubleInput image(int i) const {
    const size_t n = x.size() / timesteps.size(), k = static_cast<size_t>(i);
    DoubleInput d;
    d.x.assign(x.begin() + static_cast<ptrdiff_t>(k * n), x.begin() + static_cast<ptrdiff_t>((k + 1) * n));
    d.timestep = double{timesteps[k]};
    d.class_index = classes[k];
    d.seed = input.seed;
    d.step = input.step;
    d.sample = input.first_sample + static_cast<uint32_t>(i);
    return d;
  }
};

double twin_loss(DoubleGraph& twin, const TestBatch& batch) {
  double loss = 0;
  const size_t n = batch.weights.size() / batch.timesteps.size();
  for (int i = 0; i < batch.input.images; ++i) {
    const Values& y = twin.run(batch.image(i));
    for (size_t k = 0; k < n; ++k) loss += y[k] * double{batch.weights[static_cast<size_t>(i) * n + k]};
  }
  return loss;
}

// Gradients and outputs of the executor against central differences of the double twin, for up to 12 elements of each
// parameter, on every kernel set.
void check_gradients(const tool::Graph& graph, int images = 3) {
  const TestBatch batch(graph, images);
  DoubleGraph twin(graph);
  std::vector<std::vector<std::pair<int64_t, double>>> expected(graph.tensors.size());
  std::mt19937 random(9);
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    if (graph.tensors[t].role != tool::Role::parameter || graph.tensors[t].constant) continue;
    const int64_t n = graph.tensors[t].elements();
    for (int64_t k = 0; k < std::min<int64_t>(n, 12); ++k) {
      const int64_t i = n <= 12 ? k : static_cast<int64_t>(random() % static_cast<uint64_t>(n));
      double& value = twin.values(static_cast<int>(t))[static_cast<size_t>(i)];
      const double was = value, step = 1e-5;
      value = was + step;
      const double above = twin_loss(twin, batch);
      value = was - step;
      const double below = twin_loss(twin, batch);
      value = was;
      expected[t].push_back({i, (above - below) / (2 * step)});
    }
  }
  tool::ThreadPool pool(1);
  for (const KernelSet set : available_sets()) {
    CAPTURE(kernel_set_name(set));
    const tool::ParameterStore store(graph, set, pool);
    tool::Executor executor(graph, store, images, true);
    const float* y = executor.forward(batch.input);
    const size_t n = batch.weights.size() / static_cast<size_t>(images);
    for (int i = 0; i < images; ++i) {
      const Values& want = twin.run(batch.image(i));
      for (size_t k = 0; k < n; ++k) {
        REQUIRE(double{y[i * executor.output_stride() + static_cast<ptrdiff_t>(k)]} ==
                doctest::Approx(want[k]).epsilon(2e-4).scale(1));
      }
      std::copy_n(batch.weights.data() + static_cast<size_t>(i) * n, n,
                  executor.d_output() + i * executor.output_stride());
    }
    std::vector<float> gradient(store.size(), 0.0f);
    executor.backward(gradient.data());
    for (size_t t = 0; t < graph.tensors.size(); ++t) {
      double scale = 1e-3;  // errors are judged against the largest derivative of the tensor
      for (const auto& e : expected[t]) scale = std::max(scale, std::fabs(e.second));
      for (const auto& element : expected[t]) {
        const int64_t i = element.first;
        const double want = element.second;
        CAPTURE(graph.tensors[t].name);
        CAPTURE(i);
        const double got = double{gradient[static_cast<size_t>(store.offset(static_cast<int>(t)) + i)]};
        CHECK(std::fabs(got - want) < 1e-4 * scale);
      }
    }
  }
}

using Conv = GraphMaker::Conv;

Conv conv_options(int kernel, int stride, int upsample, int pad_begin, int pad_end) {
  Conv c;
  c.kernel = kernel;
  c.stride = stride;
  c.upsample = upsample;
  c.pad_begin = pad_begin;
  c.pad_end = pad_end;
  return c;
}

}  // namespace

TEST_CASE("a convolution's gradients are those of differences for strides, padding, upsampling and odd sizes") {
  for (const Conv& c : {conv_options(3, 1, 1, 1, 1), conv_options(1, 1, 1, 0, 0), conv_options(3, 2, 1, 0, 1),
                        conv_options(3, 2, 1, 1, 1), conv_options(3, 1, 2, 1, 1), conv_options(5, 1, 1, 2, 2),
                        conv_options(2, 1, 1, 1, 0), conv_options(3, 1, 1, 0, 0), conv_options(2, 2, 1, 0, 0),
                        conv_options(5, 1, 2, 2, 2), conv_options(2, 1, 2, 0, 1), conv_options(4, 2, 1, 1, 1)}) {
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    CAPTURE(c.upsample);
    for (const int channels : {5, 16, 35}) {
      CAPTURE(channels);
      GraphMaker make(7, 6, 2);
      const int x = make.conv({make.graph.input, -1}, channels, Conv{});
      make.conv({x, -1}, channels == 5 ? 11 : channels + 1, c);
      check_gradients(make.graph);
    }
  }
}

TEST_CASE("a convolution of two inputs with residual, shift and activation passes every gradient") {
  for (const Activation activation :
       {Activation::none, Activation::silu, Activation::gelu, Activation::relu, Activation::mish}) {
    GraphMaker make(5, 6, 3);
    const int time = make.linear(make.time_vector(8), 9, Activation::silu);
    const int a = make.conv({make.graph.input, -1}, 7, Conv{});
    const int b = make.conv({a, -1}, 18, Conv{});
    Conv c;
    c.residual = make.conv({b, a}, 9, conv_options(1, 1, 1, 0, 0));
    c.shift = time;
    c.activation = activation;
    const int d = make.conv({a, b}, 9, c);
    make.conv({d, -1}, 1, Conv{});
    check_gradients(make.graph);
  }
}

TEST_CASE("upsampling convolutions of two inputs and kernels that are not square") {
  GraphMaker make(4, 3, 3);
  const int a = make.conv({make.graph.input, -1}, 6, Conv{});
  const int b = make.conv({a, -1}, 17, Conv{});
  const int up = make.conv({a, b}, 5, conv_options(3, 1, 2, 1, 1));
  Conv flat = conv_options(3, 1, 1, 1, 1);
  flat.kernel_width = 2;
  make.conv({up, -1}, 4, flat);
  check_gradients(make.graph);
}

TEST_CASE("convolutions of signals, one row under kernels of one row, with strides, upsampling and two inputs") {
  for (const Conv& square : {conv_options(3, 1, 1, 1, 1), conv_options(5, 2, 1, 2, 2), conv_options(7, 1, 1, 3, 3),
                             conv_options(3, 1, 2, 1, 1), conv_options(5, 1, 2, 2, 2), conv_options(1, 1, 2, 0, 0)}) {
    Conv c = square;
    c.signal = true;
    CAPTURE(c.kernel);
    CAPTURE(c.stride);
    CAPTURE(c.upsample);
    for (const int channels : {5, 16, 35}) {
      CAPTURE(channels);
      GraphMaker make(1, 14, 2);
      Conv first;
      first.signal = true;
      const int a = make.conv({make.graph.input, -1}, channels, first), b = make.conv({a, -1}, 7, first);
      const int y = make.conv({a, b}, channels + 1, c);
      Conv last = first;
      last.residual = y;
      make.conv({make.group_norm({y, -1}, 1, Activation::silu), -1}, channels + 1, last);
      check_gradients(make.graph);
    }
  }
}

TEST_CASE("linear layers on vectors and on rows") {
  for (const int features : {6, 16, 33}) {
    GraphMaker make(3, 5, 4);
    const int x = make.linear(make.graph.input, features, Activation::gelu);
    const int y = make.linear(x, features, Activation::none, x);
    make.linear(y, 3, Activation::relu);
    check_gradients(make.graph);
  }
}

TEST_CASE("group normalisation of one and two inputs, with scale and shift") {
  for (const Activation activation : {Activation::none, Activation::silu}) {
    GraphMaker make(5, 4, 3);
    const int vector = make.linear(make.time_vector(6), 2 * 24, Activation::none);
    const int a = make.conv({make.graph.input, -1}, 6, Conv{});
    const int b = make.conv({make.graph.input, -1}, 18, Conv{});
    const int both = make.group_norm({a, b}, 4, activation);
    const int scaled = make.group_norm({both, -1}, 8, activation, vector);
    const int again = make.group_norm({a, b}, 3, activation, vector);
    const int c = make.conv({scaled, again}, 4, Conv{});
    make.group_norm({c, -1}, 1, Activation::gelu);
    check_gradients(make.graph);
  }
}

TEST_CASE("group normalisation with an output for each input") {
  GraphMaker make(5, 4, 3);
  const int a = make.conv({make.graph.input, -1}, 6, Conv{});
  const int b = make.conv({make.graph.input, -1}, 18, Conv{});
  const int y0 = make.group_norm({a, b}, 4, Activation::silu);
  make.graph.tensors[static_cast<size_t>(y0)].dims[2] = 6;
  const int y1 = make.tensor({5, 4, 18});
  make.graph.nodes.back().y[1] = y1;
  make.conv({y0, y1}, 3, Conv{});
  check_gradients(make.graph);
}

TEST_CASE("attention of one head and several") {
  for (const int heads : {1, 3}) {
    GraphMaker make(3, 6, 4);
    const int x = make.conv({make.graph.input, -1}, 3 * 21, conv_options(1, 1, 1, 0, 0));
    make.conv({make.attention(x, heads), -1}, 4, conv_options(1, 1, 1, 0, 0));
    check_gradients(make.graph);
  }
}

TEST_CASE("elementwise operators, resampling and embeddings") {
  GraphMaker make(6, 8, 3);
  const int classes = make.class_vector(10, 3);
  const int time = make.linear(make.time_vector(4), 10, Activation::none);
  const int e = make.simple(OpKind::activation, make.simple(OpKind::add, classes, time), -1, Activation::silu);
  const int a = make.conv({make.graph.input, -1}, 5, Conv{});
  const int b = make.simple(OpKind::scale_shift, a, e, Activation::silu);
  const int small = make.simple(OpKind::average_pool, b);
  const int large = make.simple(OpKind::upsample, small);
  const int five = make.linear(e, 5, Activation::none);
  const int shifted = make.simple(OpKind::scale_shift, large, five);
  const int c = make.simple(OpKind::activation, make.simple(OpKind::add, shifted, a), -1, Activation::gelu);
  make.simple(OpKind::add, c, c);
  check_gradients(make.graph);
}

TEST_CASE("resampling of signals, along their width") {
  GraphMaker make(1, 11, 3);
  const int small = make.simple(OpKind::average_pool, make.graph.input);
  Conv c;
  c.signal = true;
  const int large = make.simple(OpKind::upsample, make.conv({small, -1}, 5, c));
  const int third = make.simple(OpKind::average_pool, make.conv({large, -1}, 6, c), -1, Activation::none, 3);
  make.conv({make.simple(OpKind::upsample, third, -1, Activation::none, 3), -1}, 2, c);
  check_gradients(make.graph);
}

TEST_CASE("dropout keeps or drops by its key, and passes the gradient of what it keeps") {
  GraphMaker make(5, 5, 2);
  const int a = make.conv({make.graph.input, -1}, 7, Conv{});
  const int b = make.simple(tool::op_dropout, make.group_norm({a, -1}, 7, Activation::silu));
  const int c = make.simple(tool::op_dropout, a);
  make.conv({b, c}, 3, Conv{});
  check_gradients(make.graph);
}

namespace {

// A UNet in small: skip connections, two levels, attention, dropout, time and class.
tool::Graph small_unet() {
  GraphMaker make(8, 8, 1);
  const int time = make.linear(make.time_vector(8), 16, Activation::silu);
  const int e = make.simple(OpKind::add, time, make.class_vector(16, 4));
  const auto block = [&](std::array<int, 2> x, int out) {
    int shortcut = x[0];
    if (x[1] >= 0 || make.dims(x[0])[2] != out) shortcut = make.conv(x, out, conv_options(1, 1, 1, 0, 0));
    Conv first, second;
    first.shift = make.linear(e, out, Activation::none);
    second.residual = shortcut;
    int h = make.conv({make.group_norm(x, 4, Activation::silu), -1}, out, first);
    h = make.simple(tool::op_dropout, make.group_norm({h, -1}, 4, Activation::silu));
    return make.conv({h, -1}, out, second);
  };
  const int a = make.conv({make.graph.input, -1}, 8, Conv{});
  const int b = block({a, -1}, 8);
  const int down = make.conv({b, -1}, 8, conv_options(3, 2, 1, 0, 1));
  int c = block({down, -1}, 16);
  Conv out = conv_options(1, 1, 1, 0, 0);
  out.residual = c;
  const int qkv = make.conv({make.group_norm({c, -1}, 4, Activation::none), -1}, 48, conv_options(1, 1, 1, 0, 0));
  c = make.conv({make.attention(qkv, 2), -1}, 16, out);
  c = block({c, down}, 16);
  const int up = make.conv({c, -1}, 8, conv_options(3, 1, 2, 1, 1));
  const int d = block({block({up, b}, 8), a}, 8);
  make.conv({make.group_norm({d, -1}, 4, Activation::silu), -1}, 1, Conv{});
  return make.graph;
}

std::vector<float> batch_gradient(const tool::Graph& graph, const TestBatch& batch, int threads, int slice, int slots,
                                  KernelSet set) {
  tool::ThreadPool pool(threads);
  const tool::ParameterStore store(graph, set, pool);
  tool::BatchGradient gradients(graph, store, pool, slice, slots);
  std::vector<float> gradient(store.size(), -1.0f);
  const size_t n = batch.weights.size() / batch.timesteps.size();
  const auto loss = [&](const tool::SliceOutput& out) {
    for (int i = 0; i < out.images; ++i) {
      std::copy_n(batch.weights.data() + static_cast<size_t>(out.first + i) * n, n, out.d_output + i * out.stride);
    }
  };
  for (int repeat = 0; repeat < 2; ++repeat) gradients.run(batch.input, loss, gradient.data());
  return gradient;
}

}  // namespace

TEST_CASE("a small UNet's gradients are those of differences") { check_gradients(small_unet(), 2); }

TEST_CASE("the gradient of a batch has the same bytes for any number of threads") {
  const tool::Graph graph = small_unet();
  const TestBatch batch(graph, 13);
  for (const KernelSet set : available_sets()) {
    const std::vector<float> one = batch_gradient(graph, batch, 1, 2, 3, set);
    for (const int threads : {2, 5}) {
      const std::vector<float> many = batch_gradient(graph, batch, threads, 2, 3, set);
      CHECK(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
    }
    const std::vector<float> other = batch_gradient(graph, batch, 1, 5, 8, set);
    for (size_t i = 0; i < one.size(); ++i) REQUIRE(other[i] == doctest::Approx(one[i]).epsilon(1e-3).scale(1));
  }
}

TEST_CASE("an image's output does not depend on the others of its slice") {
  const tool::Graph graph = small_unet();
  const TestBatch batch(graph, 5);
  tool::ThreadPool pool(1);
  for (const KernelSet set : available_sets()) {
    const tool::ParameterStore store(graph, set, pool);
    tool::Executor all(graph, store, 5, true), one(graph, store, 1, true);
    const float* together = all.forward(batch.input);
    for (int i = 0; i < 5; ++i) {
      tool::SliceInput alone = batch.input;
      alone.images = 1;
      alone.x += 64 * i;
      alone.timesteps += i;
      alone.classes += i;
      alone.first_sample += static_cast<uint32_t>(i);
      CHECK(std::memcmp(one.forward(alone), together + i * all.output_stride(), 64 * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("an executor that does not train skips dropout and needs less memory") {
  const tool::Graph graph = small_unet();
  const TestBatch batch(graph, 2);
  tool::ThreadPool pool(1);
  const tool::ParameterStore store(graph, KernelSet::ref, pool, false);
  const tool::ParameterStore trained(graph, KernelSet::ref, pool);
  tool::Executor executor(graph, store, 2, false);
  CHECK(executor.planned_bytes() < tool::Executor(graph, trained, 2, true).planned_bytes() / 2);
  const float* y = executor.forward(batch.input);
  DoubleGraph twin(graph);
  for (int i = 0; i < 2; ++i) {
    DoubleInput input = batch.image(i);
    input.dropout = false;
    const Values& want = twin.run(input);
    for (size_t k = 0; k < want.size(); ++k)
      CHECK(double{y[i * executor.output_stride() + static_cast<ptrdiff_t>(k)]} ==
            doctest::Approx(want[k]).epsilon(1e-4).scale(1));
  }
  CHECK_THROWS_AS(executor.backward(nullptr), tool::Error);
}

TEST_CASE("the planned block is hardly larger than what lives at once") {
  const tool::Graph graph = small_unet();
  const tool::ExecutionPlan plan = tool::plan_execution(graph, 4, true);
  CHECK(plan.floats >= plan.lower_bound);
  CHECK(static_cast<double>(plan.floats) < 1.15 * static_cast<double>(plan.lower_bound));
}

TEST_CASE("parameters lie one after the other and go back into the graph") {
  tool::Graph graph = small_unet();
  tool::ThreadPool pool(2);
  tool::ParameterStore store(graph, KernelSet::ref, pool);
  CHECK(reinterpret_cast<uintptr_t>(store.values()) % 64 == 0);
  int64_t next = 0;
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const tool::Tensor& tensor = graph.tensors[t];
    if (tensor.role != tool::Role::parameter || tensor.constant) {
      CHECK(store.offset(static_cast<int>(t)) == -1);
      continue;
    }
    CHECK(store.offset(static_cast<int>(t)) == next);
    CHECK(std::equal(tensor.values.begin(), tensor.values.end(), store.data(static_cast<int>(t))));
    next += (tensor.elements() + 15) / 16 * 16;
  }
  CHECK(store.size() == static_cast<size_t>(next));
  std::fill_n(store.values(), store.size(), 2.0f);
  store.write_to(graph);
  for (const tool::Tensor& tensor : graph.tensors) {
    if (tensor.role == tool::Role::parameter && !tensor.constant) CHECK(tensor.values.back() == 2.0f);
  }
}

TEST_CASE("what cannot be trained is refused") {
  GraphMaker make(9, 9, 2);
  const int a = make.conv({make.graph.input, -1}, 4, Conv{});
  make.conv({a, -1}, 4, conv_options(3, 3, 1, 0, 0));
  tool::ThreadPool pool(1);
  CHECK_THROWS_AS(tool::ParameterStore(make.graph, KernelSet::ref, pool), tool::Error);
}
