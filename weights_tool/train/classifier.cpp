#include "weights_tool/train/classifier.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "weights_tool/train/picture_builder.h"

namespace mote::tool {
namespace {

constexpr float kNormEpsilon = 1e-5f;
constexpr int kSmallSide = 8;  // no further level below this
// Bounds of what is built; a file's configuration is not trusted.
constexpr size_t kMostLevels = 8;
constexpr int kMostSide = 512, kMostAspect = 8;
constexpr const char* kFeatures = "features";

class Builder : private PictureBuilder {
 public:
  Builder(const ClassifierConfig& config, uint64_t seed) : PictureBuilder(seed), config_(config) {}

  Graph build() {
    graph_.train_steps = config_.timesteps;
    graph_.input = add_tensor("picture", Role::input, {config_.height, config_.width, config_.channels});
    if (config_.time_features > 0) time_ = time_embedding(config_.time_features);
    int h = stage("level.0", graph_.input, config_.widths[0], 1);
    for (size_t level = 1; level < config_.widths.size(); ++level) {
      const std::string name = "level." + std::to_string(level);
      h = stage(name + ".down", h, config_.widths[level - 1], 2);
      h = stage(name, h, config_.widths[level], 1);
    }
    graph_.output = logits(features(mean_of_squares("pool", h)));
    return std::move(graph_);
  }

 private:
  // Deviation after He et al. 2015 (arXiv 1502.01852, eq. 10): sqrt(2 / fan_in), for what a ReLU follows.
  int weights(const std::string& name, const std::vector<int>& dims, int fan_in) {
    int64_t count = 1;
    for (const int d : dims) count *= d;
    const float deviation = std::sqrt(2.0f / static_cast<float>(fan_in));
    return parameter(name + ".weight", dims, init_.normal(count, deviation));
  }

  // 3x3 convolution, normalisation, ReLU. The normalisation's beta stands in for a bias.
  int stage(const std::string& name, int x, int out, int stride) {
    const int in = size(x, 2);
    Node conv;
    conv.kind = OpKind::conv2d;
    conv.name = name + ".conv";
    conv.x[0] = x;
    conv.kernel_height = conv.kernel_width = 3;
    conv.stride = stride;
    conv.pad_top = conv.pad_left = conv.pad_bottom = conv.pad_right = 1;
    conv.weights = weights(conv.name, {out, 3, 3, in}, 9 * in);
    const int height = (size(x, 0) - 1) / stride + 1, width = (size(x, 1) - 1) / stride + 1;
    const int y = emit(std::move(conv), {height, width, out});
    Node norm;
    norm.kind = OpKind::group_norm;
    norm.name = name + ".norm";
    norm.x[0] = y;
    norm.groups = config_.groups;
    norm.epsilon = kNormEpsilon;
    norm.activation = Activation::relu;
    if (time_ >= 0) norm.vector = projected_time(name + ".time", 2 * out);
    norm.weights = parameter(norm.name + ".weight", {out}, init_.constant(out, 1.0f));
    norm.bias = parameter(norm.name + ".bias", {out}, init_.zeros(out));
    return emit(std::move(norm), {height, width, out});
  }

  // Scale and shift of a normalisation; at first neither changes anything.
  int projected_time(const std::string& name, int out) {
    return vector_layer(name, time_, out, Activation::none, true);
  }

  // A convolution as large as what is left: a linear layer over all of it.
  int features(int x) {
    const int height = size(x, 0), width = size(x, 1), in = size(x, 2);
    Node node;
    node.kind = OpKind::conv2d;
    node.name = kFeatures;
    node.x[0] = x;
    node.kernel_height = height;
    node.kernel_width = width;
    node.activation = Activation::relu;
    node.weights = weights(node.name, {config_.features, height, width, in}, height * width * in);
    node.bias = parameter(node.name + ".bias", {config_.features}, init_.zeros(config_.features));
    return emit(std::move(node), {1, 1, config_.features});
  }

  int logits(int x) {
    Node node;
    node.kind = OpKind::linear;
    node.name = "logits";
    node.x[0] = x;
    const int64_t count = int64_t{config_.classes} * config_.features;
    node.weights =
        parameter("logits.weight", {config_.classes, config_.features}, init_.uniform_fan_in(count, config_.features));
    node.bias = parameter("logits.bias", {config_.classes}, init_.zeros(config_.classes));
    return emit(std::move(node), {config_.classes});
  }

  ClassifierConfig config_;
  int time_ = -1;  // the embedding of t
};

}  // namespace

ClassifierConfig default_classifier(int height, int width, int channels, int classes, int first) {
  ClassifierConfig config;
  config.height = height;
  config.width = width;
  config.channels = channels;
  config.classes = classes;
  config.widths = {first};
  for (int side = std::min(height, width); side > kSmallSide; side = (side + 1) / 2) {
    config.widths.push_back(std::min(2 * config.widths.back(), 4 * first));
  }
  return config;
}

Json classifier_config_to_json(const ClassifierConfig& config) {
  Json json = Json::object();
  json.set("height", config.height).set("width", config.width).set("channels", config.channels);
  json.set("classes", config.classes).set("widths", Json::array(config.widths));
  json.set("features", config.features).set("groups", config.groups);
  if (config.time_features == 0) return json;  // as files were before there was noise
  json.set("time_features", config.time_features).set("schedule", schedule_name(config.schedule));
  json.set("timesteps", config.timesteps);
  return json;
}

std::string classifier_misfit(const ClassifierConfig& config) {
  const auto outside = [](int value, int most) { return value < 1 || value > most; };
  const int longer = std::max(config.height, config.width), shorter = std::min(config.height, config.width);
  if (shorter < 1 || longer > kMostSide || longer > kMostAspect * shorter) {
    return "pictures of " + std::to_string(config.height) + "x" + std::to_string(config.width) +
           "; a classifier takes sides of at most " + std::to_string(kMostSide) + " pixels, one at most " +
           std::to_string(kMostAspect) + " times the other";
  }
  if (outside(config.channels, 16)) return "channels: 1 to 16, not " + std::to_string(config.channels);
  if (outside(config.classes, 1000)) return "classes: 1 to 1000, not " + std::to_string(config.classes);
  if (outside(config.features, 1024)) return "features: 1 to 1024, not " + std::to_string(config.features);
  if (config.time_features < 0 || config.time_features > 1024 || config.time_features % 2 != 0)
    return "time_features: an even number up to 1024, not " + std::to_string(config.time_features);
  if (outside(config.timesteps, 65536)) return "timesteps: 1 to 65536, not " + std::to_string(config.timesteps);
  if (config.widths.empty() || config.widths.size() > kMostLevels) return "widths: there must be 1 to 8 levels";
  for (const int width : config.widths) {
    if (outside(width, 512)) return "widths: 1 to 512, not " + std::to_string(width);
    if (config.groups < 1 || width % config.groups != 0) {
      return "groups: " + std::to_string(config.groups) + " does not divide the width " + std::to_string(width);
    }
  }
  return "";
}

ClassifierConfig classifier_config_from_json(const JsonView& view) {
  view.refuse_unknown({"height", "width", "channels", "classes", "widths", "features", "groups", "time_features",
                       "schedule", "timesteps"});
  const auto number = [&](const char* key) { return static_cast<int>(view.at(key).integer(1, 65536)); };
  ClassifierConfig config;
  config.height = number("height");
  config.width = number("width");
  config.channels = number("channels");
  config.classes = number("classes");
  config.widths.clear();
  for (const int64_t width : view.at("widths").integers(1, 65536)) config.widths.push_back(static_cast<int>(width));
  config.features = number("features");
  config.groups = number("groups");
  if (view.has("time_features")) {
    config.time_features = number("time_features");
    config.timesteps = number("timesteps");
    const JsonView name = view.at("schedule");
    if (!find_schedule(name.text(), &config.schedule)) name.fail("expected one of " + schedule_names());
  }
  const std::string misfit = classifier_misfit(config);
  if (!misfit.empty()) view.fail(misfit);
  return config;
}

Schedule classifier_schedule(const ClassifierConfig& config) {
  ScheduleOptions options;
  options.kind = config.schedule;
  options.train_steps = config.timesteps;
  return make_schedule(options);
}

Graph build_classifier(const ClassifierConfig& config, uint64_t seed) { return Builder(config, seed).build(); }

int classifier_feature_tensor(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (node.name == kFeatures) return node.y[0];
  }
  return -1;
}

double softmax_cross_entropy(const float* logits, int classes, int label, double share, float* d_logits) {
  const double largest = static_cast<double>(*std::max_element(logits, logits + classes));
  double sum = 0;
  for (int c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(logits[c]) - largest);
  for (int c = 0; c < classes && d_logits != nullptr; ++c) {
    const double probability = std::exp(static_cast<double>(logits[c]) - largest) / sum;
    d_logits[c] = static_cast<float>(share * (probability - (c == label ? 1.0 : 0.0)));
  }
  return std::log(sum) - (static_cast<double>(logits[label]) - largest);
}

int classify(const float* logits, int classes, float* confidence) {
  const int best = static_cast<int>(std::max_element(logits, logits + classes) - logits);
  *confidence = static_cast<float>(std::exp(-softmax_cross_entropy(logits, classes, best, 0, nullptr)));
  return best;
}

}  // namespace mote::tool
