#include "weights_tool/commands/inspect_layers.h"

#include <algorithm>

#include "format/view.h"
#include "weights_tool/commands/inspect_flash.h"
#include "weights_tool/commands/inspect_text.h"

namespace mote::tool {
namespace {

int64_t bytes_of(const Tensor& t) { return t.elements() * dtype_bytes(t.dtype); }

std::string detail_of(const Node& node) {
  const auto number = [](int value) { return std::to_string(value); };
  std::string text;
  if (node.kind == OpKind::conv2d) {
    text = number(node.kernel_height) + "x" + number(node.kernel_width);
    if (node.stride != 1) text += " stride " + number(node.stride);
    if (node.upsample != 1) text += " upsampled " + number(node.upsample) + "x";
  } else if (node.kind == OpKind::group_norm) {
    text = number(node.groups) + " groups";
  } else if (node.kind == OpKind::attention) {
    text = number(node.heads) + (node.heads == 1 ? " head of " : " heads of ") + number(node.head_dim);
  }
  static const char* const activations[] = {"", "silu", "gelu", "relu", "mish"};
  const std::string activation = activations[static_cast<size_t>(node.activation)];
  if (!activation.empty()) text += (text.empty() ? "" : " ") + activation;
  const bool table = node.kind == OpKind::group_norm || node.kind == OpKind::scale_shift;
  if (node.residual >= 0 && !table) text += " + residual";
  return text;
}

// Bytes of a tensor that one run of `node` reads: of tables with a row for each step or class, one row.
int64_t read_bytes(const Graph& graph, const Node& node, int index, ConstantUse use) {
  const Tensor& t = graph.tensors[static_cast<size_t>(index)];
  const bool rows = (use == ConstantUse::folded || use == ConstantUse::embedding) && t.rank > 1;
  int64_t bytes = rows ? int64_t{t.dims[static_cast<size_t>(t.rank - 1)]} * dtype_bytes(t.dtype) : bytes_of(t);
  if (index == node.weights && t.quant >= 0)
    bytes +=
        static_cast<int64_t>(graph.quants[static_cast<size_t>(t.quant)].values.size() * sizeof(format::QuantValue));
  return bytes;
}

Layer layer_of(const ModelSource& source, int index, const std::vector<ConstantUse>& uses) {
  const Graph& graph = source.graph;
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  const auto tensor = [&](int t) -> const Tensor& { return graph.tensors[static_cast<size_t>(t)]; };
  Layer layer;
  layer.name = node.name;
  layer.kind = kind_name(node.kind);
  layer.detail = detail_of(node);
  for (int x : node.x)
    if (x >= 0) layer.inputs += (layer.inputs.empty() ? "" : " + ") + typed_shape(tensor(x));
  for (int y : node_outputs(node)) {
    layer.output += (layer.output.empty() ? "" : " + ") + typed_shape(tensor(y));
    layer.output_bytes += bytes_of(tensor(y));
  }
  std::vector<int> inputs = node_inputs(node);
  std::sort(inputs.begin(), inputs.end());
  inputs.erase(std::unique(inputs.begin(), inputs.end()), inputs.end());
  layer.moved_bytes = layer.output_bytes;
  for (int t : inputs) {
    const ConstantUse use = uses[static_cast<size_t>(t)];
    layer.moved_bytes += read_bytes(graph, node, t, use);
    if (use != ConstantUse::weights && use != ConstantUse::vectors && use != ConstantUse::embedding) continue;
    layer.parameters += tensor(t).elements();
    layer.weight_bytes += bytes_of(tensor(t));
  }
  layer.macs = node_macs(graph, node);
  layer.output_offset = source.plan.tensor_offset[static_cast<size_t>(node.y[0])];
  const ScratchPlacement& scratch = source.plan.scratch[static_cast<size_t>(index)];
  layer.scratch_bytes = scratch.bytes + scratch.worker_bytes;
  return layer;
}

}  // namespace

std::string typed_shape(const Tensor& tensor) {
  return shape_text(tensor) + (tensor.dtype == DType::f32 ? "" : std::string(" ") + format::dtype_text(tensor.dtype));
}

std::vector<Layer> layers_of(const ModelSource& source) {
  const std::vector<ConstantUse> uses = constant_uses(source.graph);
  std::vector<Layer> layers;
  for (int index : source.plan.order) layers.push_back(layer_of(source, index, uses));
  return layers;
}

Json layer_json(const Layer& layer) {
  const auto number = [](int64_t value) { return Json(static_cast<long long>(value)); };
  Json json = Json::object();
  json.set("name", layer.name).set("kind", layer.kind).set("input", layer.inputs).set("output", layer.output);
  json.set("detail", layer.detail).set("parameters", number(layer.parameters));
  json.set("weight_bytes", number(layer.weight_bytes)).set("macs", number(layer.macs));
  json.set("moved_bytes", number(layer.moved_bytes)).set("output_bytes", number(layer.output_bytes));
  json.set("output_offset", number(layer.output_offset));
  return json.set("scratch_bytes", number(layer.scratch_bytes));
}

std::string layer_table(const std::vector<Layer>& layers) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "kind", "", "input", "output", "parameters", "bytes", "macs", "moved", "offset"}};
  for (const Layer& layer : layers) {
    rows.push_back({layer.name, layer.kind, layer.detail, layer.inputs, layer.output, grouped(layer.parameters),
                    grouped(layer.output_bytes), grouped(layer.macs), grouped(layer.moved_bytes),
                    grouped(layer.output_offset)});
  }
  return table_text(rows, {false, false, false, false, false, true, true, true, true, true}) +
         "bytes: of the output; moved: inputs, outputs, weights with their scales and the row of a step, each once\n";
}

}  // namespace mote::tool
