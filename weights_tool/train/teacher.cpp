#include "weights_tool/train/teacher.h"

#include <map>

#include "weights_tool/graph/reader.h"
#include "weights_tool/io/bytes.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"
#include "weights_tool/train/checkpoint.h"

namespace mote::tool {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ExitCode::invalid_input, path + ": " + what);
}

// Copies one parameter of an operator of the file into that of the same operator of the training graph.
void copy_parameter(const std::string& path, const Node& node, const Graph& from, int source, Graph& to, int target) {
  if (target < 0) return;
  Tensor& tensor = to.tensors[static_cast<size_t>(target)];
  if (tensor.role != Role::parameter) return;
  if (source < 0 || from.tensors[static_cast<size_t>(source)].values.size() != tensor.values.size())
    fail(path, "operator " + node.name + " does not fit the configuration that the file carries");
  tensor.values = from.tensors[static_cast<size_t>(source)].values;
}

// The file names its operators; parameters are found through them.
Teacher from_model_file(ByteView bytes, const std::string& path) {
  const ModelFile file = read_model(bytes, path);
  if (!file.graph.quants.empty() || file.graph.folded) fail(path, "is quantized; a float model is needed here");
  const Json* config = file.meta.kind() == Json::Kind::object ? file.meta.find("config") : nullptr;
  if (config == nullptr) fail(path, "does not carry the configuration of its training; give a checkpoint");
  Teacher teacher;
  teacher.config = train_config_from_json(*config, path + ": section META: config");
  teacher.graph = build_training_graph(teacher.config);
  std::map<std::string, const Node*> named;
  for (const Node& node : file.graph.nodes) named[node.name] = &node;
  for (const Node& node : teacher.graph.nodes) {
    if (node.kind == op_dropout) continue;
    const auto found = named.find(node.name);
    if (found == named.end() || found->second->kind != node.kind)
      fail(path, "has no operator " + node.name + ", which the configuration that it carries has");
    const Node& source = *found->second;
    copy_parameter(path, node, file.graph, source.weights, teacher.graph, node.weights);
    copy_parameter(path, node, file.graph, source.bias, teacher.graph, node.bias);
  }
  return teacher;
}

}  // namespace

Teacher load_teacher(const std::string& path) {
  const MappedFile file(path);
  if (file.size() >= 4 && load_u32_le(file.data()) == format::magic) return from_model_file(file.bytes(), path);
  LoadedModel loaded = load_checkpoint(file.bytes(), path, true);
  return {loaded.state.config, std::move(loaded.graph)};
}

}  // namespace mote::tool
