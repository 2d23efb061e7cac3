#include "weights_tool/quantize/quantize_graph.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "weights_tool/io/error.h"
#include "weights_tool/quantize/ranges.h"
#include "weights_tool/quantize/weights.h"

namespace mote::tool {
namespace {

size_t at(int index) { return static_cast<size_t>(index); }

constexpr float attention_table_step = 1.0f / 32;  // exp(-255 / 32) = 0.0003: what is lost is below a code
constexpr double largest_x = 8.0;                  // x_t beyond that is cut off; Gaussian noise ends at 5.77
constexpr double largest_i16 = 32767.0;

class Builder {
 public:
  Builder(const Graph& graph, const Observations& seen, const TimeFold& fold, const GraphOptions& options)
      : from_(graph), seen_(seen), fold_(fold), options_(options), image_(graph.tensors.size(), -1) {}

  QuantizedGraph run();

 private:
  [[noreturn]] void refuse(const Node& node, const std::string& what) const {
    throw Error(ExitCode::invalid_input, "cannot quantize " + node.name + ": " + what);
  }

  int add_tensor(Tensor tensor, int stands_for);
  int add_quant(std::vector<format::QuantValue> values, bool per_step);
  int activation_like(int tensor, int quant);
  int float_constant(const std::string& name, std::vector<int> dims, const std::vector<double>& values);
  int code_constant(const std::string& name, std::vector<int> dims, std::vector<int8_t> codes, DType dtype, int quant);
  int copy_constant(int tensor);
  int image(const Node& node, int tensor) const;

  std::vector<float> pooled(const std::vector<int>& tensors) const;
  int free_scales(const std::vector<int>& tensors, bool shared);
  bool must_share(int tensor) const;

  void make_input();
  void make_step_embedding();
  int make_vector(const Node& node);
  void convolution(const Node& node);
  void finish_weights(const Node& node, Node& out, const std::vector<double>& mean, const std::vector<double>& square);
  void group_norm(size_t index);
  void activation(const Node& node);
  void attention(const Node& node);
  void simple(const Node& node);
  void project(const TimeVector& vector);
  // The activation behind each output of a node when nothing else reads them and all are the same; none otherwise.
  std::vector<const Node*> activations_behind(size_t index) const;
  const Node* only_reader(int tensor) const;

  const Graph& from_;
  const Observations& seen_;
  const TimeFold& fold_;
  const GraphOptions& options_;
  QuantizedGraph out_;
  std::vector<int> image_;     // of each float tensor in out_
  std::vector<bool> done_;     // nodes that became part of another one
  std::map<int, int> folded_;  // vector tensors -> constants
  int step_embedding_ = -1;
};

int Builder::add_tensor(Tensor tensor, int stands_for) {
  out_.graph.tensors.push_back(std::move(tensor));
  out_.float_tensor.push_back(stands_for);
  const int index = static_cast<int>(out_.graph.tensors.size()) - 1;
  if (stands_for >= 0) image_[at(stands_for)] = index;
  return index;
}

int Builder::add_quant(std::vector<format::QuantValue> values, bool per_step) {
  out_.graph.quants.push_back({std::move(values), per_step});
  return static_cast<int>(out_.graph.quants.size()) - 1;
}

int Builder::activation_like(int tensor, int quant) {
  Tensor t = from_.tensors[at(tensor)];
  t.dtype = quant < 0 ? DType::f32 : DType::i8;
  t.quant = quant;
  return add_tensor(std::move(t), tensor);
}

int Builder::float_constant(const std::string& name, std::vector<int> dims, const std::vector<double>& values) {
  Tensor t;
  t.name = name;
  t.role = Role::parameter;
  t.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), t.dims.begin());
  for (double v : values) t.values.push_back(storable(v));
  return add_tensor(std::move(t), -1);
}

int Builder::code_constant(const std::string& name, std::vector<int> dims, std::vector<int8_t> codes, DType dtype,
                           int quant) {
  Tensor t;
  t.name = name;
  t.role = Role::parameter;
  t.rank = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), t.dims.begin());
  t.dtype = dtype;
  t.codes = std::move(codes);
  t.quant = quant;
  return add_tensor(std::move(t), -1);
}

int Builder::copy_constant(int tensor) {
  if (tensor < 0) return -1;
  const Tensor& t = from_.tensors[at(tensor)];
  return float_constant(t.name, std::vector<int>(t.dims.begin(), t.dims.begin() + t.rank),
                        std::vector<double>(t.values.begin(), t.values.end()));
}

int Builder::image(const Node& node, int tensor) const {
  if (tensor < 0) return -1;
  if (image_[at(tensor)] < 0)
    refuse(node, "it reads " + from_.tensors[at(tensor)].name + ", which has no quantized form");
  return image_[at(tensor)];
}

// ---- scales -----------------------------------------------------------------------------------------------------------

std::vector<float> Builder::pooled(const std::vector<int>& tensors) const {
  std::vector<float> all;
  for (int t : tensors) {
    for (const std::vector<float>& step : seen_.tensors[at(t)].samples) all.insert(all.end(), step.begin(), step.end());
  }
  return all;
}

// Scales of a tensor (or of several that share theirs): for each step, or one for all.
int Builder::free_scales(const std::vector<int>& tensors, bool shared) {
  if (shared || !options_.per_step) return add_quant({best_int8(pooled(tensors))}, false);
  std::vector<format::QuantValue> values;
  for (int step = 0; step < fold_.steps; ++step) {
    std::vector<float> samples;
    for (int t : tensors) {
      const std::vector<float>& own = seen_.tensors[at(t)].samples[at(step)];
      samples.insert(samples.end(), own.begin(), own.end());
    }
    values.push_back(best_int8(samples));
  }
  return add_quant(std::move(values), true);
}

const Node* Builder::only_reader(int tensor) const {
  const Node* reader = nullptr;
  if (tensor == from_.output) return nullptr;
  for (const Node& node : from_.nodes) {
    for (int t : node_inputs(node)) {
      if (t != tensor) continue;
      if (reader != nullptr && reader != &node) return nullptr;
      reader = &node;
    }
  }
  return reader;
}

// A table maps codes of one scale to codes of another: neither may depend on the step. So for what an activation reads
// by itself, and for what an upsampling hands on to one.
bool Builder::must_share(int tensor) const {
  for (const Node& node : from_.nodes) {
    if (node.x[0] == tensor && node.kind == OpKind::activation) return true;
    if (node.x[0] == tensor && node.kind == OpKind::upsample && must_share(node.y[0])) return true;
  }
  return false;
}

// ---- time -------------------------------------------------------------------------------------------------------------

std::vector<double> padded_rows(const std::vector<float>& values, size_t n) {
  const size_t pitch = (n + 3) / 4 * 4;
  std::vector<double> out(values.size() / n * pitch, 0.0);
  for (size_t i = 0; i < values.size(); ++i) out[i / n * pitch + i % n] = double{values[i]};
  return out;
}

void Builder::make_step_embedding() {
  const int n = static_cast<int>(from_.tensors[at(fold_.embedding)].elements()), pitch = (n + 3) / 4 * 4;
  Node node;
  node.kind = OpKind::step_embedding;
  node.name = "time.embedding";
  node.activation = fold_.activation;
  node.vector = float_constant("time.embedding.table", {fold_.steps, pitch},
                               padded_rows(fold_.embedding_values, static_cast<size_t>(n)));
  if (fold_.class_table >= 0) node.weights = copy_constant(fold_.class_table);
  Tensor y;
  y.name = "time.embedding";
  y.rank = 1;
  y.dims[0] = n;
  y.dtype = DType::i16;
  // Sums over n products with weights up to 127 must fit int32.
  const double room = std::min(largest_i16, 2147483647.0 / (127.0 * n));
  const double scale = std::max(fold_.largest_activated, 0x1p-20) / std::floor(room);
  y.quant = add_quant({{static_cast<float>(scale), 0}}, false);
  node.y[0] = step_embedding_ = add_tensor(std::move(y), fold_.activated);
  out_.graph.nodes.push_back(std::move(node));
}

// A projection of the kept network: int16 times int8 to float32.
void Builder::project(const TimeVector& vector) {
  if (image_[at(vector.tensor)] >= 0) return;
  const Node& linear = from_.nodes[at(vector.projection)];
  Node node = linear;
  const TensorObservation& input = seen_.tensors[at(fold_.activated)];
  node.x[0] = step_embedding_;
  node.y[0] = activation_like(vector.tensor, -1);
  finish_weights(linear, node, input.mean, input.square);
  out_.graph.nodes.push_back(std::move(node));
}

int Builder::make_vector(const Node& node) {
  if (node.vector < 0) return -1;
  if (from_.tensors[at(node.vector)].role == Role::parameter) return copy_constant(node.vector);
  for (const TimeVector& vector : fold_.vectors) {
    if (vector.tensor != node.vector) continue;
    if (options_.keep_network) {
      project(vector);
      return image_[at(vector.tensor)];
    }
    int& constant = folded_.try_emplace(vector.tensor, -1).first->second;
    if (constant >= 0) return constant;
    const int n = static_cast<int>(from_.tensors[at(vector.tensor)].elements()), pitch = (n + 3) / 4 * 4;
    std::vector<int> dims{fold_.steps, pitch};
    if (fold_.class_rows > 1) dims.insert(dims.begin(), fold_.class_rows);
    constant =
        float_constant(from_.tensors[at(vector.tensor)].name, dims, padded_rows(vector.values, static_cast<size_t>(n)));
    return constant;
  }
  refuse(node, "its vector depends on x_t");
}

// ---- operators ----------------------------------------------------------------------------------------------------------

void Builder::make_input() {
  Tensor x = from_.tensors[at(from_.input)];
  x.role = Role::input;
  Graph& graph = out_.graph;
  graph.input = add_tensor(x, -1);
  Tensor y = x;
  y.name = "x_t.int16";
  y.role = Role::activation;
  y.dtype = DType::i16;
  const double largest = std::max(largest_x, 1.25 * seen_.largest_input);
  y.quant = add_quant({{static_cast<float>(largest / largest_i16), 0}}, false);
  Node node;
  node.kind = OpKind::quantize;
  node.name = "x_t.int16";
  node.x[0] = graph.input;
  node.y[0] = add_tensor(std::move(y), from_.input);
  graph.nodes.push_back(std::move(node));
}

void Builder::finish_weights(const Node& node, Node& out, const std::vector<double>& mean,
                             const std::vector<double>& square) {
  const Tensor& weights = from_.tensors[at(node.weights)];
  const size_t outputs = at(weights.dims[0]), inputs = at(weights.dims[at(weights.rank - 1)]);
  const size_t taps = static_cast<size_t>(weights.elements()) / outputs / inputs;
  RoundedWeights rounded = round_weights(weights.values, outputs, taps, inputs, mean, square);
  std::vector<double> bias(outputs, 0.0);
  if (node.bias >= 0) {
    const std::vector<float>& given = from_.tensors[at(node.bias)].values;
    bias.assign(given.begin(), given.end());
  }
  if (options_.bias_correction) {
    for (size_t o = 0; o < outputs; ++o) bias[o] -= rounded.shift[o];
  }
  // The proofs of SPEC.md: sums of each input by itself.
  int64_t largest = 0;
  size_t first = 0;
  for (int x : out.x) {
    if (x < 0) continue;
    const Tensor& input = out_.graph.tensors[at(x)];
    const size_t count = at(input.dims[at(input.rank - 1)]);
    int64_t difference = 32767;
    if (input.dtype == DType::i8) {
      difference = 0;
      for (const format::QuantValue& value : out_.graph.quants[at(input.quant)].values)
        difference = std::max<int64_t>({difference, 127 - value.zero_point, value.zero_point + 128});
    }
    largest = std::max(largest, difference * largest_weight_sum(rounded.codes, outputs, taps, inputs, first, count));
    first += count;
  }
  if (largest < int64_t{1} << 25) out.proofs |= format::op_sums_below_2_25;
  if (largest < int64_t{1} << 29) out.proofs |= format::op_sums_below_2_29;
  const int quant = add_quant(std::move(rounded.scales), false);
  out.weights = code_constant(weights.name, std::vector<int>(weights.dims.begin(), weights.dims.begin() + weights.rank),
                              std::move(rounded.codes), DType::i8, quant);
  out.bias = float_constant(node.bias >= 0 ? from_.tensors[at(node.bias)].name : node.name + ".bias",
                            {static_cast<int>(outputs)}, bias);
}

void Builder::convolution(const Node& node) {
  Node out = node;
  out.vector = make_vector(node);
  std::vector<double> mean, square;
  for (size_t i = 0; i < 2; ++i) {
    if (node.x[i] < 0) continue;
    out.x[i] = image(node, node.x[i]);
    if (node.x[i] == from_.input) {
      const size_t channels = at(from_.tensors[at(from_.input)].dims[2]);
      mean.insert(mean.end(), channels, 0.0);
      square.insert(square.end(), channels, 1.0);
      continue;
    }
    const TensorObservation& x = seen_.tensors[at(node.x[i])];
    mean.insert(mean.end(), x.mean.begin(), x.mean.end());
    square.insert(square.end(), x.square.begin(), x.square.end());
  }
  out.residual = image(node, node.residual);
  const bool is_output = node.y[0] == from_.output;
  if (is_output && node.residual >= 0) refuse(node, "the last convolution has a residual");
  out.y[0] = activation_like(node.y[0], is_output ? -1 : free_scales({node.y[0]}, must_share(node.y[0])));
  finish_weights(node, out, mean, square);
  out_.graph.nodes.push_back(std::move(out));
}

std::vector<const Node*> Builder::activations_behind(size_t index) const {
  const Node& node = from_.nodes[index];
  std::vector<const Node*> behind;
  for (int y : node.y) {
    if (y < 0) continue;
    const Node* reader = only_reader(y);
    if (reader == nullptr || reader->kind != OpKind::activation) return {};
    if (!behind.empty() && reader->activation != behind[0]->activation) return {};
    behind.push_back(reader);
  }
  return behind;
}

// group_norm and scale_shift, with the activation behind them as a table.
void Builder::group_norm(size_t index) {
  const Node& node = from_.nodes[index];
  Node out = node;
  for (size_t i = 0; i < 2; ++i) out.x[i] = image(node, node.x[i]);
  if (node.x[1] >= 0 && node.y[1] < 0) refuse(node, "it joins two tensors for a reader that cannot take them apart");
  out.vector = make_vector(node);
  out.weights = copy_constant(node.weights);
  out.bias = copy_constant(node.bias);
  const std::vector<const Node*> behind = activations_behind(index);
  std::vector<int> before, after;
  for (int y : node.y) {
    if (y >= 0) before.push_back(y);
  }
  for (const Node* act : behind) after.push_back(act->y[0]);
  if (behind.empty()) {
    bool shared = false;
    for (int y : before) shared = shared || must_share(y);
    const int quant = free_scales(before, shared);
    for (size_t i = 0; i < before.size(); ++i) out.y[i] = activation_like(before[i], quant);
  } else {
    const int quant = free_scales(after, true);
    const ActivationTable table = best_table(pooled(before), behind[0]->activation,
                                             out_.graph.quants[at(quant)].values[0], options_.table_entries);
    out.activation = behind[0]->activation;
    out.quant = add_quant({table.index}, false);
    out.residual = code_constant(node.name + ".table", {options_.table_entries}, table.codes, DType::i8, quant);
    for (size_t i = 0; i < after.size(); ++i) out.y[i] = activation_like(after[i], quant);
    for (const Node* act : behind) done_[static_cast<size_t>(act - from_.nodes.data())] = true;
  }
  out_.graph.nodes.push_back(std::move(out));
}

void Builder::activation(const Node& node) {
  Node out = node;
  out.x[0] = image(node, node.x[0]);
  const int x_quant = out_.graph.tensors[at(out.x[0])].quant;
  if (x_quant < 0 || out_.graph.quants[at(x_quant)].per_step) refuse(node, "its input has scales for each step");
  const int quant = free_scales({node.y[0]}, true);
  out.weights = code_constant(
      node.name + ".table", {256},
      code_table(node.activation, out_.graph.quants[at(x_quant)].values[0], out_.graph.quants[at(quant)].values[0]),
      DType::i8, quant);
  out.y[0] = activation_like(node.y[0], quant);
  out_.graph.nodes.push_back(std::move(out));
}

void Builder::attention(const Node& node) {
  Node out = node;
  out.x[0] = image(node, node.x[0]);
  out.table_step = attention_table_step;
  std::vector<int8_t> codes;
  for (int d = 0; d < 256; ++d)
    codes.push_back(
        static_cast<int8_t>(static_cast<uint8_t>(std::nearbyint(255.0 * std::exp(-d * attention_table_step)))));
  out.weights = code_constant("softmax.table", {256}, std::move(codes), DType::u8, add_quant({{1.0f / 255, 0}}, false));
  out.y[0] = activation_like(node.y[0], free_scales({node.y[0]}, must_share(node.y[0])));
  out_.graph.nodes.push_back(std::move(out));
}

// add, average_pool, upsample.
void Builder::simple(const Node& node) {
  Node out = node;
  for (size_t i = 0; i < 2; ++i) out.x[i] = image(node, node.x[i]);
  const int quant = node.kind == OpKind::upsample ? out_.graph.tensors[at(out.x[0])].quant
                                                  : free_scales({node.y[0]}, must_share(node.y[0]));
  out.y[0] = activation_like(node.y[0], quant);
  out_.graph.nodes.push_back(std::move(out));
}

QuantizedGraph Builder::run() {
  Graph& graph = out_.graph;
  graph.num_classes = from_.num_classes;
  graph.train_steps = from_.train_steps;
  graph.prediction = from_.prediction;
  graph.folded = true;
  done_.assign(from_.nodes.size(), false);
  if (options_.keep_network && !fold_.keepable)
    throw Error(ExitCode::invalid_input, "the time network has no form that can be kept: fold it");
  make_input();
  if (options_.keep_network) make_step_embedding();
  for (size_t i = 0; i < from_.nodes.size(); ++i) {
    const Node& node = from_.nodes[i];
    if (fold_.time_node[i] || done_[i]) continue;
    switch (node.kind) {
      case OpKind::conv2d:
      case OpKind::linear: convolution(node); break;
      case OpKind::group_norm:
      case OpKind::scale_shift: group_norm(i); break;
      case OpKind::activation: activation(node); break;
      case OpKind::attention: attention(node); break;
      case OpKind::add:
      case OpKind::average_pool:
      case OpKind::upsample: simple(node); break;
      default: refuse(node, std::string("a ") + kind_name(node.kind) + " of x_t has no quantized form");
    }
  }
  graph.output = image_[at(from_.output)];
  if (graph.output < 0 || graph.tensors[at(graph.output)].dtype != DType::f32)
    throw Error(ExitCode::invalid_input, "cannot quantize: the network does not end in a convolution");
  return std::move(out_);
}

}  // namespace

float storable(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude < 0x1p-60) return 0.0f;
  return static_cast<float>(std::clamp(value, -0x1p20, 0x1p20));
}

QuantizedGraph quantize_graph(const Graph& graph, const Observations& seen, const TimeFold& fold,
                              const GraphOptions& options) {
  return Builder(graph, seen, fold, options).run();
}

}  // namespace mote::tool
