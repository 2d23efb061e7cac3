#include "weights_tool/train/picture_builder.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mote::tool {
namespace {

constexpr double kLongestPeriod = 1e4;  // of the sinusoids

}  // namespace

int PictureBuilder::time_embedding(int features) {
  const int half = features / 2;
  std::vector<float> frequencies;
  for (int i = 0; i < half; ++i)
    frequencies.push_back(static_cast<float>(std::exp(-std::log(kLongestPeriod) * i / std::max(1, half - 1))));
  Node node;
  node.kind = OpKind::timestep_embedding;
  node.name = "time.sinusoid";
  node.weights = parameter("time.frequencies", {half}, std::move(frequencies));
  graph_.tensors[static_cast<size_t>(node.weights)].constant = true;
  const int sinusoids = emit(std::move(node), {2 * half});
  return vector_layer("time.linear", sinusoids, 2 * half, Activation::silu, false);
}

int PictureBuilder::vector_layer(const std::string& name, int x, int out, Activation activation, bool zero) {
  const int in = size(x, 0);
  const int64_t count = int64_t{out} * in;
  Node node;
  node.kind = OpKind::linear;
  node.name = name;
  node.x[0] = x;
  node.activation = activation;
  node.weights = parameter(name + ".weight", {out, in}, zero ? init_.zeros(count) : init_.uniform_fan_in(count, in));
  node.bias = parameter(name + ".bias", {out}, init_.zeros(out));
  return emit(std::move(node), {out});
}

int PictureBuilder::mean_of_squares(const std::string& name, int x) {
  const int side = std::min(size(x, 0), size(x, 1));
  if (side == 1) return x;
  Node node;
  node.kind = OpKind::average_pool;
  node.name = name;
  node.x[0] = x;
  node.factor = side;
  return emit(std::move(node), {size(x, 0) / side, size(x, 1) / side, size(x, 2)});
}

}  // namespace mote::tool
