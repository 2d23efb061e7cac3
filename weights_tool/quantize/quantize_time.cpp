// The quantized graph's constants of time, or the last layers of the time network (fold_time.h).
#include <algorithm>
#include <cmath>

#include "weights_tool/io/error.h"
#include "weights_tool/quantize/quantize_builder.h"

namespace mote::tool {
namespace {

constexpr double largest_i16 = 32767.0;

std::vector<double> padded_rows(const std::vector<float>& values, size_t n) {
  const size_t pitch = (n + 3) / 4 * 4;
  std::vector<double> out(values.size() / n * pitch, 0.0);
  for (size_t i = 0; i < values.size(); ++i) out[i / n * pitch + i % n] = double{values[i]};
  return out;
}

}  // namespace

void QuantizedGraphBuilder::make_step_embedding() {
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
void QuantizedGraphBuilder::project(const TimeVector& vector) {
  if (image_[at(vector.tensor)] >= 0) return;
  const Node& linear = from_.nodes[at(vector.projection)];
  Node node = linear;
  const TensorObservation& input = seen_.tensors[at(fold_.activated)];
  node.x[0] = step_embedding_;
  node.y[0] = activation_like(vector.tensor, -1);
  finish_weights(linear, node, input.mean, input.square);
  out_.graph.nodes.push_back(std::move(node));
}

int QuantizedGraphBuilder::make_vector(const Node& node) {
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

}  // namespace mote::tool
