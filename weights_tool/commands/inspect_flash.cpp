#include "weights_tool/commands/inspect_flash.h"

#include <cstring>
#include <string>

#include "weights_tool/commands/inspect_text.h"

namespace mote::tool {
namespace {

int64_t bytes_of(const Tensor& t) { return t.elements() * dtype_bytes(t.dtype); }

double ratio(int64_t bytes, int64_t count) {
  return count == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(count);
}

struct NodeConstant {
  int tensor;
  ConstantUse use;
};

std::vector<NodeConstant> constants_of(const Node& node) {
  using Use = ConstantUse;
  switch (node.kind) {
    case OpKind::conv2d:
    case OpKind::linear: return {{node.weights, Use::weights}, {node.bias, Use::vectors}, {node.vector, Use::folded}};
    case OpKind::group_norm:
      return {{node.weights, Use::vectors},
              {node.bias, Use::vectors},
              {node.vector, Use::folded},
              {node.residual, Use::table}};
    case OpKind::scale_shift: return {{node.vector, Use::folded}, {node.residual, Use::table}};
    case OpKind::activation:
    case OpKind::attention: return {{node.weights, Use::table}};
    case OpKind::timestep_embedding:
    case OpKind::class_embedding: return {{node.weights, Use::embedding}};
    case OpKind::step_embedding: return {{node.weights, Use::embedding}, {node.vector, Use::folded}};
    default: return {};
  }
}

// Adds the sections of the file; what DATA and QUAN hold is known from the graph.
void add_sections(const std::vector<uint8_t>& bytes, FlashUse& use) {
  format::Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  use.total = static_cast<int64_t>(bytes.size());
  use.records = static_cast<int64_t>(sizeof header + header.section_count * sizeof(format::Section));
  for (uint32_t i = 0; i < header.section_count; ++i) {
    format::Section section;
    std::memcpy(&section, bytes.data() + sizeof header + i * sizeof section, sizeof section);
    switch (section.id) {
      case format::section_model:
      case format::section_tensors:
      case format::section_operators: use.records += section.length; break;
      case format::section_quant: use.scales = section.length - use.weight_scales; break;
      case format::section_schedule:
      case format::section_rows: use.steps += section.length; break;
      case format::section_names: use.names = section.length; break;
      case format::section_meta: use.meta = section.length; break;
      default: break;
    }
  }
  use.other = use.total - (use.weights + use.vectors + use.embedding + use.tables + use.folded + use.weight_scales +
                           use.scales + use.steps + use.records + use.names + use.meta);
}

}  // namespace

std::vector<ConstantUse> constant_uses(const Graph& graph) {
  std::vector<ConstantUse> uses(graph.tensors.size(), ConstantUse::none);
  for (const Node& node : graph.nodes) {
    for (const auto& [tensor, use] : constants_of(node)) {
      if (tensor < 0 || graph.tensors[static_cast<size_t>(tensor)].role != Role::parameter) continue;
      if (uses[static_cast<size_t>(tensor)] == ConstantUse::none) uses[static_cast<size_t>(tensor)] = use;
    }
  }
  return uses;
}

int64_t stored_parameters(const Graph& graph) {
  const std::vector<ConstantUse> uses = constant_uses(graph);
  int64_t count = 0;
  for (size_t t = 0; t < uses.size(); ++t) {
    const ConstantUse use = uses[t];
    if (use == ConstantUse::weights || use == ConstantUse::vectors || use == ConstantUse::embedding)
      count += graph.tensors[t].elements();
  }
  return count;
}

FlashUse flash_use(const ModelSource& source) {
  const Graph& graph = source.graph;
  FlashUse use;
  use.parameters = stored_parameters(graph);
  const std::vector<ConstantUse> uses = constant_uses(graph);
  std::vector<bool> counted(graph.quants.size(), false);
  for (size_t i = 0; i < uses.size(); ++i) {
    const Tensor& t = graph.tensors[i];
    switch (uses[i]) {
      case ConstantUse::none: break;
      case ConstantUse::vectors: use.vectors += bytes_of(t); break;
      case ConstantUse::embedding: use.embedding += bytes_of(t); break;
      case ConstantUse::table: use.tables += bytes_of(t); break;
      case ConstantUse::folded: use.folded += bytes_of(t); break;
      case ConstantUse::weights:
        use.weights += bytes_of(t);
        use.weight_count += t.elements();
        if (t.quant < 0 || counted[static_cast<size_t>(t.quant)]) break;
        counted[static_cast<size_t>(t.quant)] = true;
        use.weight_scales +=
            static_cast<int64_t>(graph.quants[static_cast<size_t>(t.quant)].values.size() * sizeof(format::QuantValue));
        break;
    }
  }
  add_sections(source.bytes, use);
  return use;
}

std::string flash_text(const FlashUse& use, bool quantized) {
  const auto percent = [&](int64_t bytes) { return fixed(100 * ratio(bytes, use.total), 1) + " %"; };
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const char* what, int64_t bytes, const std::string& note) {
    if (bytes != 0) rows.push_back({" ", what, grouped(bytes), percent(bytes), note});
  };
  row("weights", use.weights,
      grouped(use.weight_count) + (quantized ? " int8" : " float32") + " of convolutions and linear layers");
  row("scales of weights", use.weight_scales, "a scale and a zero point an output channel");
  row("biases, gamma, beta", use.vectors, "float32");
  row("embeddings", use.embedding, "float32: classes, frequencies of the time");
  row("tables", use.tables, "activation functions and exponentials");
  row("folded constants", use.folded, "float32: vectors of each step");
  row("scales of activations", use.scales, "and the records of all scales");
  row("noise levels and steps", use.steps, "");
  row("records", use.records, "header, tensors, operators");
  row("names", use.names, "");
  row("meta", use.meta, "");
  row("other", use.other, "alignment");
  rows.push_back({" ", "total", grouped(use.total)});
  std::string text = "Flash, in bytes:\n" + table_text(rows, {false, false, true, true, false});
  if (!quantized) return text;
  const int64_t scaled = use.weights + use.weight_scales, trained = scaled + use.vectors + use.embedding;
  text += "  int8 weights and their scales: " + grouped(scaled) + " bytes for " + grouped(use.weight_count) +
          " weights, " + fixed(ratio(scaled, use.weight_count), 3) + " bytes each\n";
  text += "  all that was trained and is stored (biases, norms, embeddings too): " + grouped(trained) + " bytes for " +
          grouped(use.parameters) + " parameters, " + fixed(ratio(trained, use.parameters), 3) + " bytes each\n";
  return text + "  tables and folded constants: " + grouped(use.tables + use.folded) + " bytes\n";
}

Json flash_json(const FlashUse& use) {
  const auto number = [](int64_t value) { return Json(static_cast<long long>(value)); };
  Json json = Json::object();
  json.set("weights", number(use.weights)).set("weight_scales", number(use.weight_scales));
  json.set("vectors", number(use.vectors)).set("embeddings", number(use.embedding));
  json.set("tables", number(use.tables)).set("folded", number(use.folded)).set("scales", number(use.scales));
  json.set("steps", number(use.steps)).set("records", number(use.records)).set("names", number(use.names));
  json.set("meta", number(use.meta)).set("other", number(use.other)).set("total", number(use.total));
  json.set("weight_count", number(use.weight_count)).set("parameters", number(use.parameters));
  json.set("bytes_per_weight", ratio(use.weights + use.weight_scales, use.weight_count));
  return json.set("bytes_per_parameter",
                  ratio(use.weights + use.weight_scales + use.vectors + use.embedding, use.parameters));
}

}  // namespace mote::tool
