// The quantized form of each operator.
#include "weights_tool/quantize/quantize_graph.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/quantize/quantize_builder.h"
#include "weights_tool/quantize/ranges.h"
#include "weights_tool/quantize/weights.h"

namespace mote::tool {
namespace {

constexpr float attention_table_step = 1.0f / 32;  // exp(-255 / 32) = 0.0003: what is lost is below a code
constexpr double largest_x = 8.0;                  // x_t beyond that is cut off; Gaussian noise ends at 5.77
constexpr double largest_i16 = 32767.0;

}  // namespace

void QuantizedGraphBuilder::make_input() {
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

void QuantizedGraphBuilder::finish_weights(const Node& node, Node& out, const std::vector<double>& mean,
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

void QuantizedGraphBuilder::convolution(const Node& node) {
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

std::vector<const Node*> QuantizedGraphBuilder::activations_behind(size_t index) const {
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
void QuantizedGraphBuilder::group_norm(size_t index) {
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

void QuantizedGraphBuilder::activation(const Node& node) {
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

void QuantizedGraphBuilder::attention(const Node& node) {
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
void QuantizedGraphBuilder::simple(const Node& node) {
  Node out = node;
  for (size_t i = 0; i < 2; ++i) out.x[i] = image(node, node.x[i]);
  const int quant = node.kind == OpKind::upsample ? out_.graph.tensors[at(out.x[0])].quant
                                                  : free_scales({node.y[0]}, must_share(node.y[0]));
  out.y[0] = activation_like(node.y[0], quant);
  out_.graph.nodes.push_back(std::move(out));
}

QuantizedGraph QuantizedGraphBuilder::run() {
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

float storable(double value) {
  const double magnitude = std::fabs(value);
  if (magnitude < 0x1p-60) return 0.0f;
  return static_cast<float>(std::clamp(value, -0x1p20, 0x1p20));
}

QuantizedGraph quantize_graph(const Graph& graph, const Observations& seen, const TimeFold& fold,
                              const GraphOptions& options) {
  return QuantizedGraphBuilder(graph, seen, fold, options).run();
}

}  // namespace mote::tool
