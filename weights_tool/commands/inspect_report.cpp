#include "weights_tool/commands/inspect_report.h"

#include <mote/mote.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/graph/arena_map.h"

namespace mote::tool {
namespace {

// One row of the table: an operator.
struct Layer {
  std::string name, kind, inputs, output, detail;
  int64_t parameters = 0, macs = 0, output_bytes = 0, output_offset = 0, scratch_bytes = 0;
};

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
  static const char* const activations[] = {"", "silu", "gelu", "relu"};
  const std::string activation = activations[static_cast<size_t>(node.activation)];
  if (!activation.empty()) text += (text.empty() ? "" : " ") + activation;
  if (node.residual >= 0) text += " + residual";
  return text;
}

Layer layer_of(const ModelSource& source, int index) {
  const Graph& graph = source.graph;
  const Node& node = graph.nodes[static_cast<size_t>(index)];
  const auto tensor = [&](int t) -> const Tensor& { return graph.tensors[static_cast<size_t>(t)]; };
  Layer layer;
  layer.name = node.name;
  layer.kind = kind_name(node.kind);
  layer.detail = detail_of(node);
  for (int x : node.x)
    if (x >= 0) layer.inputs += (layer.inputs.empty() ? "" : " + ") + shape_text(tensor(x));
  for (int y : node.y) {
    if (y < 0) continue;
    layer.output += (layer.output.empty() ? "" : " + ") + shape_text(tensor(y));
    layer.output_bytes += tensor(y).elements() * 4;
  }
  for (int t : {node.weights, node.bias})
    if (t >= 0) layer.parameters += tensor(t).elements();
  if (node.vector >= 0 && tensor(node.vector).role == Role::parameter)
    layer.parameters += tensor(node.vector).elements();
  layer.macs = node_macs(graph, node);
  layer.output_offset = source.plan.tensor_offset[static_cast<size_t>(node.y[0])];
  const ScratchPlacement& scratch = source.plan.scratch[static_cast<size_t>(index)];
  layer.scratch_bytes = scratch.bytes + scratch.worker_bytes;
  return layer;
}

std::vector<Layer> layers_of(const ModelSource& source) {
  std::vector<Layer> layers;
  for (int index : source.plan.order) layers.push_back(layer_of(source, index));
  return layers;
}

const char* kind_of(ModelSource::Kind kind) {
  switch (kind) {
    case ModelSource::Kind::model_file: return "model file";
    case ModelSource::Kind::checkpoint: return "checkpoint";
    case ModelSource::Kind::configuration: return "configuration";
  }
  return "";
}

Json layer_json(const Layer& layer) {
  Json json = Json::object();
  json.set("name", layer.name).set("kind", layer.kind).set("input", layer.inputs).set("output", layer.output);
  json.set("detail", layer.detail).set("parameters", static_cast<long long>(layer.parameters));
  json.set("weight_bytes", static_cast<long long>(layer.parameters * 4))
      .set("macs", static_cast<long long>(layer.macs));
  json.set("output_bytes", static_cast<long long>(layer.output_bytes));
  json.set("output_offset", static_cast<long long>(layer.output_offset));
  return json.set("scratch_bytes", static_cast<long long>(layer.scratch_bytes));
}

// "1 234 567".
std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), " ");
  return digits;
}

std::string padded(std::string text, size_t width, bool right) {
  if (text.size() >= width) return text;
  return right ? std::string(width - text.size(), ' ') + text : text + std::string(width - text.size(), ' ');
}

std::string table_text(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<size_t> widths(right.size(), 0);
  for (const auto& row : rows)
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) line += (c ? "  " : "") + padded(row[c], widths[c], right[c]);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    text += line + "\n";
  }
  return text;
}

std::string layer_table(const ModelSource& source) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "kind", "", "input", "output", "parameters", "bytes", "macs", "offset"}};
  for (const Layer& layer : layers_of(source)) {
    rows.push_back({layer.name, layer.kind, layer.detail, layer.inputs, layer.output, grouped(layer.parameters),
                    grouped(layer.output_bytes), grouped(layer.macs), grouped(layer.output_offset)});
  }
  return table_text(rows, {false, false, false, false, false, true, true, true, true});
}

std::string totals(const InspectReport& report) {
  const ModelSource& source = report.source;
  const Tensor& input = source.graph.tensors[static_cast<size_t>(source.graph.input)];
  const auto percent = [](int64_t a, int64_t bound) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f %% above the lower bound",
                  bound == 0 ? 0.0 : 100.0 * double(a - bound) / double(bound));
    return std::string(text);
  };
  std::vector<std::vector<std::string>> rows = {
      {"picture", shape_text(input)},
      {"classes", source.graph.num_classes == 0 ? "none" : std::to_string(source.graph.num_classes)},
      {"predicts", prediction_name(source.graph.prediction)},
      {"noise levels", std::to_string(source.graph.train_steps)},
      {"default steps", std::to_string(source.diffusion.default_steps)},
      {"operators", std::to_string(source.graph.nodes.size())},
      {"parameters", grouped(graph_parameters(source.graph))},
      {"multiply-accumulates a pass", grouped(graph_macs(source.graph))},
      {"model", grouped(static_cast<int64_t>(source.bytes.size())) + " bytes"},
      {"arena",
       grouped(source.plan.arena_bytes) + " bytes, " + percent(source.plan.arena_bytes, source.plan.lower_bound)},
      {"arena at one byte an element", grouped(report.plan_int8.arena_bytes) + " bytes, " +
                                           percent(report.plan_int8.arena_bytes, report.plan_int8.lower_bound)},
  };
  if (report.working_bytes > 0)
    rows.push_back({"working memory, one thread", grouped(static_cast<int64_t>(report.working_bytes)) + " bytes"});
  return table_text(rows, {false, false});
}

std::string peak_text(const ModelSource& source) {
  std::string text = "Peak of the arena: operator " + std::to_string(source.plan.peak_position);
  if (source.plan.peak_position < static_cast<int>(source.plan.order.size())) {
    const size_t node = static_cast<size_t>(source.plan.order[static_cast<size_t>(source.plan.peak_position)]);
    text += " (" + source.graph.nodes[node].name + ")";
  }
  text += ", " + grouped(source.plan.lower_bound) + " bytes live:\n";
  std::vector<std::vector<std::string>> rows;
  for (int t : source.plan.peak_tensors) {
    const Tensor& tensor = source.graph.tensors[static_cast<size_t>(t)];
    rows.push_back({" ", tensor.name, shape_text(tensor), grouped(tensor.elements() * 4) + " bytes"});
  }
  return text + table_text(rows, {false, false, false, true});
}

size_t working_bytes_of(const std::vector<uint8_t>& bytes, const std::string& path) {
  const ModelBuffer buffer(bytes, path);
  size_t working = 0;
  return mote_working_size(buffer.model(), nullptr, &working) < 0 ? 0 : working;
}

}  // namespace

InspectReport make_inspect_report(const std::string& path, ModelSource source) {
  InspectReport report;
  report.path = path;
  report.working_bytes = working_bytes_of(source.bytes, path);
  report.plan_int8 = plan_memory(source.graph, 1);
  report.source = std::move(source);
  return report;
}

Json inspect_json(const InspectReport& report) {
  const ModelSource& source = report.source;
  const Tensor& input = source.graph.tensors[static_cast<size_t>(source.graph.input)];
  const auto number = [](auto value) { return static_cast<long long>(value); };
  Json json = Json::object();
  json.set("path", report.path).set("kind", kind_of(source.kind)).set("format_version", int{format::version});
  json.set("height", input.dims[0]).set("width", input.dims[1]).set("channels", input.dims[2]);
  json.set("classes", source.graph.num_classes).set("prediction", prediction_name(source.graph.prediction));
  json.set("train_steps", source.graph.train_steps).set("steps", source.diffusion.default_steps);
  json.set("model_bytes", number(source.bytes.size())).set("parameters", number(graph_parameters(source.graph)));
  json.set("macs", number(graph_macs(source.graph))).set("operators", number(source.graph.nodes.size()));
  json.set("arena_bytes", number(source.plan.arena_bytes));
  json.set("arena_lower_bound_bytes", number(source.plan.lower_bound));
  json.set("arena_bytes_int8", number(report.plan_int8.arena_bytes));
  json.set("arena_lower_bound_bytes_int8", number(report.plan_int8.lower_bound));
  json.set("worker_scratch_bytes", number(source.plan.worker_scratch_bytes));
  json.set("working_bytes", number(report.working_bytes));
  Json peak = Json::array();
  for (int t : source.plan.peak_tensors) {
    const Tensor& tensor = source.graph.tensors[static_cast<size_t>(t)];
    peak.push(Json::object()
                  .set("name", tensor.name)
                  .set("shape", shape_text(tensor))
                  .set("bytes", number(tensor.elements() * 4)));
  }
  json.set("peak_operator", source.plan.peak_position).set("peak", std::move(peak));
  Json layers = Json::array();
  for (const Layer& layer : layers_of(source)) layers.push(layer_json(layer));
  json.set("layers", std::move(layers));
  return json.set("meta", source.meta);
}

std::string inspect_text(const InspectReport& report) {
  const ModelSource& source = report.source;
  return report.path + ": " + kind_of(source.kind) + "\n\n" + layer_table(source) + "\n" + totals(report) + "\n" +
         peak_text(source) + "\nArena, addresses downward, operators to the right:\n" +
         arena_map_text(source.graph, source.plan);
}

}  // namespace mote::tool
