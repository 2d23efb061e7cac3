#include "weights_tool/graph/mlp.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "weights_tool/graph/graph_builder.h"
#include "weights_tool/graph/initialise.h"

namespace mote::tool {
namespace {

constexpr double sinusoid_period = 1e4;  // Vaswani et al. 2017, section 3.5

const std::vector<std::string> activation_names{"silu", "gelu", "relu"};
constexpr Activation activations[] = {Activation::silu, Activation::gelu, Activation::relu};

class Builder : private GraphBuilder {
 public:
  Builder(const MlpConfig& config, uint64_t seed) : config_(config), init_(seed) {
    graph_.num_classes = config.classes;
  }

  Graph build() {
    graph_.input = add_tensor("x_t", Role::input, {1, 1, config_.channels});
    const int time = time_embedding();
    int h = conv("in", graph_.input, config_.width, {});
    for (int i = 0; i < config_.layers; ++i) h = block("block." + std::to_string(i), h, time);
    h = activate("out.activation", h);
    graph_.output = conv("out", h, config_.channels, {-1, -1, Activation::none, true});
    return std::move(graph_);
  }

 private:
  struct ConvOptions {
    int shift = -1, residual = -1;
    Activation activation = Activation::none;
    bool zero = false;
  };

  // A linear map of the features of a point.
  int conv(const std::string& name, int x, int out, const ConvOptions& options) {
    const int in = tensor(x).dims[2];
    const int64_t count = int64_t{out} * in;
    Node node;
    node.kind = OpKind::conv2d;
    node.name = name;
    node.x[0] = x;
    node.vector = options.shift;
    node.residual = options.residual;
    node.activation = options.activation;
    node.weights = parameter(name + ".weight", {out, 1, 1, in},
                             options.zero ? init_.zeros(count) : init_.uniform_fan_in(count, in));
    node.bias = parameter(name + ".bias", {out}, options.zero ? init_.zeros(out) : init_.uniform_fan_in(out, in));
    return emit(std::move(node), {1, 1, out});
  }

  // A linear map of a vector.
  int linear(const std::string& name, int x, int out) {
    const int in = tensor(x).dims[0];
    Node node;
    node.kind = OpKind::linear;
    node.name = name;
    node.x[0] = x;
    node.weights = parameter(name + ".weight", {out, in}, init_.uniform_fan_in(int64_t{out} * in, in));
    node.bias = parameter(name + ".bias", {out}, init_.uniform_fan_in(out, in));
    return emit(std::move(node), {out});
  }

  int activate(const std::string& name, int x) {
    Node node;
    node.kind = OpKind::activation;
    node.name = name;
    node.x[0] = x;
    node.activation = config_.activation;
    const Tensor& t = tensor(x);
    return emit(std::move(node), std::vector<int>(t.dims.begin(), t.dims.begin() + t.rank));
  }

  // As the UNet's: sinusoid -> linear -> activation -> linear (+ class embedding) -> activation.
  int time_embedding() {
    const int half = config_.sinusoid_features / 2;
    std::vector<float> frequencies;
    for (int i = 0; i < half; ++i)
      frequencies.push_back(static_cast<float>(std::exp(-std::log(sinusoid_period) * i / (half - 1))));
    Node sinusoid;
    sinusoid.kind = OpKind::timestep_embedding;
    sinusoid.name = "time.sinusoid";
    sinusoid.weights = parameter("time.frequencies", {half}, std::move(frequencies));
    graph_.tensors[static_cast<size_t>(sinusoid.weights)].constant = true;
    int e = emit(std::move(sinusoid), {config_.sinusoid_features});
    e = activate("time.activation1", linear("time.linear1", e, config_.time_features));
    e = linear("time.linear2", e, config_.time_features);
    if (config_.classes > 0) e = add_class(e);
    return activate("time.activation2", e);
  }

  int add_class(int e) {
    const int rows = config_.classes + 1;
    Node label;
    label.kind = OpKind::class_embedding;
    label.name = "class.embedding";
    label.weights = parameter("class.table", {rows, config_.time_features},
                              init_.normal(int64_t{rows} * config_.time_features, 1.0f));
    Node add;
    add.kind = OpKind::add;
    add.name = "class.add";
    add.x = {e, emit(std::move(label), {config_.time_features})};
    return emit(std::move(add), {config_.time_features});
  }

  int block(const std::string& name, int x, int time) {
    const int projected = linear(name + ".time", time, config_.width);
    const int h = conv(name + ".linear1", activate(name + ".activation", x), config_.width,
                       {projected, -1, config_.activation, false});
    return conv(name + ".linear2", h, config_.width, {-1, x, Activation::none, true});
  }

  const MlpConfig& config_;
  Initialiser init_;
};

}  // namespace

MlpConfig mlp_config_from_json(const JsonView& view) {
  view.refuse_unknown(
      {"kind", "channels", "classes", "width", "layers", "activation", "time_features", "sinusoid_features"});
  MlpConfig config;
  if (view.has("kind")) view.at("kind").one_of({"mlp"});
  config.channels = static_cast<int>(view.integer_or("channels", config.channels, 1, 1024));
  config.classes = static_cast<int>(view.integer_or("classes", config.classes, 0, 10000));
  config.width = static_cast<int>(view.integer_or("width", config.width, 4, 4096));
  config.layers = static_cast<int>(view.integer_or("layers", config.layers, 1, 64));
  const std::string name = view.one_of_or("activation", activation_names[0], activation_names);
  for (size_t i = 0; i < activation_names.size(); ++i) {
    if (name == activation_names[i]) config.activation = activations[i];
  }
  config.time_features = static_cast<int>(view.integer_or("time_features", config.time_features, 8, 4096));
  config.sinusoid_features = static_cast<int>(view.integer_or("sinusoid_features", config.sinusoid_features, 4, 4096));
  if (config.sinusoid_features % 2 != 0) view.at("sinusoid_features").fail("expected an even number");
  return config;
}

Json mlp_config_to_json(const MlpConfig& config) {
  Json json = Json::object();
  json.set("kind", "mlp").set("channels", config.channels).set("classes", config.classes);
  json.set("width", config.width).set("layers", config.layers);
  for (size_t i = 0; i < activation_names.size(); ++i) {
    if (config.activation == activations[i]) json.set("activation", activation_names[i]);
  }
  return json.set("time_features", config.time_features).set("sinusoid_features", config.sinusoid_features);
}

Graph build_mlp(const MlpConfig& config, uint64_t seed) { return Builder(config, seed).build(); }

}  // namespace mote::tool
