// The gradient of the network's input: against differences of the double twin, and what it leaves as it was.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "double_graph.h"
#include "graph_maker.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/io/error.h"
#include "weights_tool/train/classifier.h"
#include "weights_tool/train/executor.h"

using namespace mote;
using namespace mote::test;
using tool::OpKind;
using Conv = GraphMaker::Conv;

namespace {

std::vector<float> normal_floats(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

struct Batch {
  int images;
  size_t in, out;
  std::vector<float> x, weights, timesteps;  // the loss is `weights` times the output
  std::vector<int> classes;
  tool::SliceInput input;
  Batch(const tool::Graph& graph, int count, bool dropout = true) : images(count) {
    in = static_cast<size_t>(graph.tensors[static_cast<size_t>(graph.input)].elements());
    out = static_cast<size_t>(graph.tensors[static_cast<size_t>(graph.output)].elements());
    x = normal_floats(in * static_cast<size_t>(count), 5);
    weights = normal_floats(out * static_cast<size_t>(count), 6);
    for (int i = 0; i < count; ++i) {
      timesteps.push_back(2.5f * static_cast<float>(i) + 1.0f);
      classes.push_back(i % (graph.num_classes + 1));
    }
    input.images = count;
    input.x = x.data();
    input.timesteps = timesteps.data();
    input.classes = classes.data();
    input.seed = 3;
    input.step = 4;
    input.dropout = dropout;
  }
};

// d loss / d x of one element of one image, by a central difference.
double difference(const tool::Graph& graph, const Batch& batch, size_t image, size_t element) {
  DoubleGraph twin(graph);
  DoubleInput at;
  at.x.assign(batch.x.begin() + static_cast<ptrdiff_t>(image * batch.in),
              batch.x.begin() + static_cast<ptrdiff_t>((image + 1) * batch.in));
  at.timestep = double{batch.timesteps[image]};
  at.class_index = batch.classes[image];
  at.seed = batch.input.seed;
  at.step = batch.input.step;
  at.sample = static_cast<uint32_t>(image);
  at.dropout = batch.input.dropout;
  const auto loss = [&](double step) {
    DoubleInput moved = at;
    moved.x[element] += step;
    const Values& y = twin.run(moved);
    double sum = 0;
    for (size_t k = 0; k < batch.out; ++k) sum += y[k] * double{batch.weights[image * batch.out + k]};
    return sum;
  };
  const double step = 1e-5;
  return (loss(step) - loss(-step)) / (2 * step);
}

void run(tool::Executor& executor, const Batch& batch, float* gradient) {
  executor.forward(batch.input);
  for (size_t i = 0; i < static_cast<size_t>(batch.images); ++i)
    std::copy_n(batch.weights.data() + i * batch.out, batch.out,
                executor.d_output() + static_cast<int64_t>(i) * executor.output_stride());
  executor.backward(gradient);
}

// Every kernel set, with and without the parameters' gradient; that one must not notice.
void check_input_gradient(const tool::Graph& graph, int images, bool dropout = true) {
  const Batch batch(graph, images, dropout);
  tool::ThreadPool pool(1);
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  struct Expected {
    size_t image, element;
    double value;
  };
  std::vector<Expected> expected;
  std::mt19937 random(8);
  double scale = 1e-3;
  for (int k = 0; k < 24; ++k) {
    const size_t image = random() % static_cast<size_t>(images), element = random() % batch.in;
    expected.push_back({image, element, difference(graph, batch, image, element)});
    scale = std::max(scale, std::fabs(expected.back().value));
  }
  REQUIRE(scale > 0.01);
  for (int s = 0; s < count; ++s) {
    const tool::ParameterStore plain(graph, sets[s], pool), store(graph, sets[s], pool, true, true);
    tool::Executor without(graph, plain, images, true), executor(graph, store, images, true, false, true);
    std::vector<float> want(plain.size(), 0.0f), got(plain.size(), 0.0f);
    run(without, batch, want.data());
    run(executor, batch, got.data());
    CHECK(std::memcmp(want.data(), got.data(), want.size() * sizeof(float)) == 0);
    for (int pass = 0; pass < 2; ++pass) {
      for (const Expected& e : expected) {
        const float value =
            executor
                .d_input()[static_cast<int64_t>(e.image) * executor.input_stride() + static_cast<int64_t>(e.element)];
        CHECK(std::fabs(double{value} - e.value) < 2e-4 * scale);
      }
      run(executor, batch, nullptr);
    }
  }
}

}  // namespace

TEST_CASE("the gradient of the input of a UNet is that of differences") {
  tool::UNetConfig config;
  config.height = config.width = 8;
  config.base_channels = 8;
  config.classes = 3;
  config.dropout = 0.2;
  tool::Graph graph = tool::build_unet(config, 1);
  // Fresh networks end in zeros, which pass no gradient.
  unsigned seed = 20;
  for (tool::Tensor& tensor : graph.tensors) {
    if (tensor.role != tool::Role::parameter || tensor.constant) continue;
    const std::vector<float> added = normal_floats(tensor.values.size(), ++seed);
    for (size_t i = 0; i < added.size(); ++i) tensor.values[i] += 0.05f * added[i];
  }
  check_input_gradient(graph, 2);
  check_input_gradient(graph, 2, false);
}

TEST_CASE("the gradient of the input of a classifier is that of differences") {
  tool::ClassifierConfig config = tool::default_classifier(12, 12, 1, 3);
  config.widths = {8, 16};
  config.features = 12;
  config.groups = 4;
  check_input_gradient(tool::build_classifier(config, 2), 3);
}

TEST_CASE("whatever reads the input passes its gradient, and several readers add up") {
  {
    GraphMaker make(6, 6, 4);
    Conv down, up;
    down.stride = 2;
    up.upsample = 2;
    const int a = make.conv({make.conv({make.graph.input, -1}, 4, down), -1}, 4, up);
    const int b = make.group_norm({make.graph.input, -1}, 2, Activation::silu);
    const int c = make.simple(OpKind::activation, make.graph.input, -1, Activation::gelu);
    make.simple(OpKind::add, make.simple(OpKind::add, a, b), c);
    check_input_gradient(make.graph, 2);
  }
  {
    GraphMaker make(5, 4, 3);  // the input as residual, and the second input of a convolution
    Conv residual;
    residual.residual = make.graph.input;
    const int a = make.conv({make.conv({make.graph.input, -1}, 2, Conv{}), make.graph.input}, 3, residual);
    make.linear(a, 3, Activation::none, make.graph.input);
    check_input_gradient(make.graph, 2);
  }
  {
    GraphMaker make(1, 4, 3);  // the gradient of the output becomes that of the input in place
    make.simple(OpKind::activation, make.conv({make.graph.input, -1}, 3, Conv{}), -1, Activation::silu);
    make.simple(OpKind::add, make.graph.output, make.graph.input);
    check_input_gradient(make.graph, 3);
  }
}

TEST_CASE("the gradient of the input costs nothing unless it is asked for, and needs a store made for it") {
  GraphMaker make(6, 6, 2);
  make.conv({make.conv({make.graph.input, -1}, 4, Conv{}), -1}, 2, Conv{});
  const tool::ExecutionPlan plain = tool::plan_execution(make.graph, 2, true);
  CHECK(plain.gradient[static_cast<size_t>(make.graph.input)] == -1);
  const tool::ExecutionPlan with = tool::plan_execution(make.graph, 2, true, false, true);
  CHECK(with.gradient[static_cast<size_t>(make.graph.input)] >= 0);
  tool::ThreadPool pool(1);
  const tool::ParameterStore store(make.graph, KernelSet::ref, pool),
      inference(make.graph, KernelSet::ref, pool, false, true);
  CHECK(store.data_gradient(0, 0).weights == nullptr);
  CHECK_THROWS_AS(tool::Executor(make.graph, store, 2, true, false, true), tool::Error);
  CHECK_THROWS_AS(tool::Executor(make.graph, inference, 2, true, false, true), tool::Error);
}
