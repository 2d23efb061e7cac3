#include "weights_tool/commands/inspect_report.h"

#include <mote/mote.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "graph/run.h"
#include "weights_tool/commands/inspect_flash.h"
#include "weights_tool/commands/inspect_layers.h"
#include "weights_tool/commands/inspect_text.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/diffusion/parameterisation.h"
#include "weights_tool/graph/arena_map.h"

namespace mote::tool {
namespace {

int64_t bytes_of(const Tensor& t) { return t.elements() * dtype_bytes(t.dtype); }

const char* kind_of(ModelSource::Kind kind) {
  switch (kind) {
    case ModelSource::Kind::model_file: return "model file";
    case ModelSource::Kind::checkpoint: return "checkpoint";
    case ModelSource::Kind::configuration: return "configuration";
  }
  return "";
}

std::string totals(const InspectReport& report) {
  const ModelSource& source = report.source;
  const Tensor& input = source.graph.tensors[static_cast<size_t>(source.graph.input)];
  const bool quantized = !source.graph.quants.empty();
  const auto above = [](int64_t a, int64_t bound) {
    const double share = bound == 0 ? 0.0 : static_cast<double>(a - bound) / static_cast<double>(bound);
    return fixed(100 * share, 2) + " % above the lower bound";
  };
  std::vector<std::vector<std::string>> rows = {
      {"picture", shape_text(input)},
      {"classes", source.graph.num_classes == 0 ? "none" : std::to_string(source.graph.num_classes)},
      {"predicts", prediction_name(source.graph.prediction)},
      {"noise levels", std::to_string(source.graph.train_steps)},
      {"default steps", std::to_string(source.diffusion.default_steps)},
      {"operators", std::to_string(source.graph.nodes.size())},
      {"parameters", grouped(stored_parameters(source.graph))},
      {"multiply-accumulates a pass", grouped(graph_macs(source.graph))},
      {"model", grouped(static_cast<int64_t>(source.bytes.size())) + " bytes"},
      {"arena",
       grouped(source.plan.arena_bytes) + " bytes, " + above(source.plan.arena_bytes, source.plan.lower_bound)},
      {"lower bound for this order", grouped(source.plan.lower_bound) + " bytes"},
      {"lower bound over the orders tried", grouped(report.best_order_bound) + " bytes"},
  };
  if (!quantized)
    rows.push_back({"arena of an int8 version", grouped(report.plan_int8.arena_bytes) + " bytes, " +
                                                    above(report.plan_int8.arena_bytes, report.plan_int8.lower_bound)});
  if (report.working_bytes > 0)
    rows.push_back({"working memory, one thread", grouped(static_cast<int64_t>(report.working_bytes)) + " bytes"});
  if (report.largest_band > 0)
    rows.push_back({"largest uninterrupted piece of work", grouped(static_cast<int64_t>(report.largest_band)) +
                                                               " multiply-accumulates, the most a bounded run "
                                                               "does between two watchdog kicks"});
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
    rows.push_back({" ", tensor.name, typed_shape(tensor), grouped(bytes_of(tensor)) + " bytes"});
  }
  return text + table_text(rows, {false, false, false, true});
}

// What the library itself says; nothing when this build cannot open the model.
void ask_library(InspectReport& report, const CostOptions& cost) {
  const ModelBuffer buffer(report.source.bytes, report.path);
  size_t working = 0;
  if (mote_working_size(buffer.model(), nullptr, &working) >= 0) report.working_bytes = working;
  if (!cost.target.empty()) report.cost = predict_cost(buffer.view(), report.path, cost);
  const Model model{buffer.view(), mote_all_operators};
  if (check_operator_table(model) >= 0) report.largest_band = measure_work(model).largest_band;
}

// Decibels of each layer at each step, as the quantizer wrote them; null: none.
const Json* noise_of(const Json& meta) {
  if (meta.kind() != Json::Kind::object) return nullptr;
  const Json* const quantization = meta.find("quantization");
  if (quantization == nullptr || quantization->kind() != Json::Kind::object) return nullptr;
  const Json* const noise = quantization->find("snr_db");
  return noise != nullptr && noise->kind() == Json::Kind::object ? noise : nullptr;
}

std::string noise_text(const Json& noise) {
  std::vector<std::vector<std::string>> rows = {{"layer"}};
  for (const auto& [name, values] : noise.members()) {
    std::vector<std::string> row{name};
    if (values.kind() == Json::Kind::array)
      for (const Json& value : values.items())
        row.push_back(value.kind() == Json::Kind::number ? fixed(value.number(), 1) : "-");
    while (rows[0].size() < row.size()) rows[0].push_back(std::to_string(rows[0].size() - 1));
    rows.push_back(std::move(row));
  }
  std::vector<bool> right(rows[0].size(), true);
  right[0] = false;
  return "Quantization signal-to-noise ratio in dB, layers downward, steps to the right:\n" + table_text(rows, right);
}

}  // namespace

InspectReport make_inspect_report(const std::string& path, ModelSource source, const CostOptions& cost) {
  InspectReport report;
  report.path = path;
  report.source = std::move(source);
  ask_library(report, cost);
  const ModelSource& model = report.source;
  const bool stored = model.kind == ModelSource::Kind::model_file;
  report.best_order_bound = model.plan.best_order_bound;
  if (stored) {
    const MemoryPlan plan = plan_memory(model.graph);
    report.best_order_bound = std::min(plan.best_order_bound, model.plan.lower_bound);
  }
  report.plan_int8 = model.graph.quants.empty() ? plan_memory(model.graph, 1) : model.plan;
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
  json.set("model_bytes", number(source.bytes.size())).set("parameters", number(stored_parameters(source.graph)));
  json.set("macs", number(graph_macs(source.graph))).set("operators", number(source.graph.nodes.size()));
  json.set("arena_bytes", number(source.plan.arena_bytes));
  json.set("arena_lower_bound_bytes", number(source.plan.lower_bound));
  json.set("arena_best_order_bound_bytes", number(report.best_order_bound));
  json.set("arena_bytes_int8", number(report.plan_int8.arena_bytes));
  json.set("arena_lower_bound_bytes_int8", number(report.plan_int8.lower_bound));
  json.set("worker_scratch_bytes", number(source.plan.worker_scratch_bytes));
  json.set("working_bytes", number(report.working_bytes));
  json.set("largest_band", number(report.largest_band)).set("flash", flash_json(flash_use(source)));
  Json peak = Json::array();
  for (int t : source.plan.peak_tensors) {
    const Tensor& tensor = source.graph.tensors[static_cast<size_t>(t)];
    peak.push(Json::object()
                  .set("name", tensor.name)
                  .set("shape", typed_shape(tensor))
                  .set("bytes", number(bytes_of(tensor))));
  }
  json.set("peak_operator", source.plan.peak_position).set("peak", std::move(peak));
  Json layers = Json::array();
  for (const Layer& layer : layers_of(source)) layers.push(layer_json(layer));
  json.set("layers", std::move(layers));
  if (report.cost.has_value()) json.set("prediction_on_target", cost_json(*report.cost));
  if (const Json* noise = noise_of(source.meta)) json.set("snr_db", *noise);
  return json.set("meta", source.meta);
}

std::string inspect_text(const InspectReport& report) {
  const ModelSource& source = report.source;
  const bool quantized = !source.graph.quants.empty();
  const Json* const noise = noise_of(source.meta);
  return report.path + ": " + (quantized ? "quantized " : "") + kind_of(source.kind) + "\n\n" +
         layer_table(layers_of(source)) + "\n" + totals(report) + "\n" + flash_text(flash_use(source), quantized) +
         "\n" + peak_text(source) + (noise == nullptr ? "" : "\n" + noise_text(*noise)) +
         (report.cost.has_value() ? "\n" + cost_text(*report.cost) : "") +
         "\nArena, addresses downward, operators to the right:\n" + arena_map_text(source.graph, source.plan);
}

}  // namespace mote::tool
