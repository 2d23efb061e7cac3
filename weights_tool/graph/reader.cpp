#include "weights_tool/graph/reader.h"

#include <cstring>

#include "format/verify.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

[[noreturn]] void fail_at(const std::string& name, const format::Place& place) {
  const bool whole = place.part == format::Part::file || place.part == format::Part::model;
  throw Error(ExitCode::invalid_input,
              name + ": byte " + std::to_string(place.byte_offset) + ": " + format::part_text(place.part) +
                  (whole ? "" : " " + std::to_string(place.index)) + ": " + format::rule_text(place.rule));
}

// The model where the device code may look at it: 16-byte aligned, copied if it is not.
class AlignedBytes {
 public:
  explicit AlignedBytes(ByteView bytes) : bytes_(bytes) {
    if (reinterpret_cast<uintptr_t>(bytes.data) % format::alignment == 0) return;
    copy_.resize(bytes.size / sizeof(Block) + 1);
    std::memcpy(copy_.data(), bytes.data, bytes.size);
    bytes_ = ByteView(reinterpret_cast<const uint8_t*>(copy_.data()), bytes.size);
  }
  ByteView view() const { return bytes_; }

 private:
  struct alignas(format::alignment) Block {
    uint8_t bytes[format::alignment];
  };
  ByteView bytes_;
  std::vector<Block> copy_;
};

format::View verified(ByteView bytes, const std::string& name) {
  format::View view;
  format::Place place;
  if (bytes.size == 0) throw Error(ExitCode::invalid_input, name + ": the file is empty");
  if (format::verify(bytes.data, bytes.size, &view, &place) < 0) fail_at(name, place);
  if (format::check(view, &place) < 0) fail_at(name, place);
  return view;
}

class Reader {
 public:
  Reader(const format::View& view, const std::string& name) : view_(view), name_(name) {}

  ModelFile run() {
    const format::ModelRecord& model = *view_.model;
    file_.model_bytes = view_.header->file_bytes;
    Graph& graph = file_.graph;
    for (const format::QuantSlot& slot : view_.quant_slots) graph.quants.push_back(quant(slot));
    graph.folded = view_.folded();
    for (uint32_t i = 0; i < view_.tensors.count; ++i) graph.tensors.push_back(tensor(view_.tensors[i]));
    for (uint32_t i = 0; i < view_.operators.count; ++i) graph.nodes.push_back(node(view_.operators[i]));
    name_tensors();
    graph.input = static_cast<int>(model.input_tensor);
    graph.output = static_cast<int>(model.output_tensor);
    graph.num_classes = static_cast<int>(model.num_classes);
    graph.train_steps = static_cast<int>(model.train_steps);
    graph.prediction = static_cast<Prediction>(model.prediction);
    read_plan();
    read_diffusion();
    if (view_.meta.count > 0)
      file_.meta = parse_json(std::string_view(view_.meta.data, view_.meta.count), name_ + ": section META");
    return std::move(file_);
  }

 private:
  Quant quant(const format::QuantSlot& slot) const;
  Tensor tensor(const format::TensorRecord& record) const;
  Node node(const format::OperatorRecord& op) const;
  void name_tensors();
  void read_plan();
  void read_diffusion();

  const format::View& view_;
  const std::string& name_;
  ModelFile file_;
};

Quant Reader::quant(const format::QuantSlot& slot) const {
  Quant out;
  const format::QuantValue* const first = view_.quant_values.data + slot.first;
  out.values.assign(first, first + slot.count);
  out.per_step = slot.scheme == 2;
  return out;
}

Tensor Reader::tensor(const format::TensorRecord& record) const {
  Tensor out;
  out.rank = record.rank;
  for (size_t d = 0; d < 4; ++d) out.dims[d] = static_cast<int>(record.dims[d]);
  out.dtype = static_cast<DType>(record.dtype);
  out.quant = record.quant == format::none ? -1 : static_cast<int>(record.quant);
  if (record.storage == static_cast<uint8_t>(format::Storage::input)) out.role = Role::input;
  if (record.storage != static_cast<uint8_t>(format::Storage::constant)) return out;
  out.role = Role::parameter;
  switch (out.dtype) {
    case DType::f32:
      out.values.resize(static_cast<size_t>(out.elements()));
      std::memcpy(out.values.data(), view_.constant(record), record.bytes);
      break;
    case DType::i8:
    case DType::u8:
      out.codes.resize(record.bytes);
      std::memcpy(out.codes.data(), view_.constant(record), record.bytes);
      break;
    default:
      throw Error(ExitCode::invalid_input, name_ + ": byte " + std::to_string(view_.file_offset(&record)) +
                                               ": tensor " + std::to_string(&record - view_.tensors.data) +
                                               ": a constant of " + format::dtype_text(out.dtype) +
                                               ", which this program does not read");
  }
  return out;
}

Node Reader::node(const format::OperatorRecord& op) const {
  const auto index = [](uint32_t value) { return value == format::none ? -1 : static_cast<int>(value); };
  Node node;
  node.kind = static_cast<OpKind>(op.kind);
  node.name = view_.name(op);
  for (size_t i = 0; i < 2; ++i) {
    node.x[i] = index(op.x[i]);
    node.y[i] = index(op.y[i]);
  }
  node.residual = index(op.residual);
  node.vector = index(op.vector);
  node.weights = index(op.weights);
  node.bias = index(op.bias);
  node.activation = static_cast<Activation>(op.activation);
  node.quant = index(op.quant);
  constexpr uint8_t proofs = format::op_sums_below_2_25 | format::op_sums_below_2_29;
  switch (node.kind) {
    case OpKind::conv2d:
      node.proofs = op.flags & proofs;
      node.kernel_height = op.kernel_height;
      node.kernel_width = op.kernel_width;
      node.stride = op.stride;
      node.upsample = op.upsample;
      node.pad_top = op.pad_top;
      node.pad_left = op.pad_left;
      node.pad_bottom = op.pad_bottom;
      node.pad_right = op.pad_right;
      break;
    case OpKind::linear: node.proofs = op.flags & proofs; break;
    case OpKind::group_norm:
      node.groups = static_cast<int>(op.p0);
      node.epsilon = op.f0;
      break;
    case OpKind::attention:
      node.heads = static_cast<int>(op.p0);
      node.head_dim = static_cast<int>(op.p1);
      node.scale = op.f0;
      node.table_step = op.f1;
      break;
    case OpKind::upsample:
    case OpKind::average_pool: node.factor = static_cast<int>(op.p0); break;
    case OpKind::timestep_embedding:
      node.flip_sin_cos = (op.flags & format::op_flip_sin_cos) != 0;
      node.fourier_time = (op.flags & format::op_fourier_time) != 0;
      break;
    default: break;
  }
  return node;
}

// The file names operators only: tensors are called after the operator that writes or first reads them.
void Reader::name_tensors() {
  Graph& graph = file_.graph;
  const auto name = [&](int index, const std::string& text) {
    if (index >= 0 && graph.tensors[static_cast<size_t>(index)].name.empty())
      graph.tensors[static_cast<size_t>(index)].name = text;
  };
  name(static_cast<int>(view_.model->input_tensor), "x_t");
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (node.name.empty()) node.name = std::string(kind_name(node.kind)) + "." + std::to_string(i);
    name(node.y[0], node.name);
    name(node.y[1], node.name + ".second");
    name(node.weights, node.name + ".weight");
    name(node.bias, node.name + ".bias");
    if (node.kind == OpKind::timestep_embedding && node.weights >= 0)
      graph.tensors[static_cast<size_t>(node.weights)].constant = true;
  }
  for (size_t t = 0; t < graph.tensors.size(); ++t) name(static_cast<int>(t), "tensor." + std::to_string(t));
}

void Reader::read_plan() {
  MemoryPlan& plan = file_.plan;
  plan.arena_bytes = view_.model->arena_bytes;
  plan.worker_scratch_bytes = view_.model->worker_scratch_bytes;
  for (uint32_t i = 0; i < view_.tensors.count; ++i) {
    const format::TensorRecord& record = view_.tensors[i];
    const bool arena = record.storage == static_cast<uint8_t>(format::Storage::arena);
    plan.tensor_offset.push_back(arena ? int64_t{record.offset} : -1);
  }
  for (uint32_t i = 0; i < view_.operators.count; ++i) {
    const format::OperatorRecord& op = view_.operators[i];
    plan.order.push_back(static_cast<int>(i));
    plan.scratch.push_back({op.scratch_offset, op.scratch_bytes, op.worker_scratch_offset, op.worker_scratch_bytes});
  }
  describe_stored_plan(file_.graph, plan);
}

void Reader::read_diffusion() {
  const format::ModelRecord& model = *view_.model;
  DiffusionInfo& info = file_.diffusion;
  info.schedule.assign(view_.alpha_bar.data, view_.alpha_bar.data + view_.alpha_bar.count);
  info.rows.assign(view_.rows.data, view_.rows.data + view_.rows.count);
  info.default_steps = static_cast<int>(model.default_steps);
  info.clip = (model.flags & format::model_clip) != 0;
  info.clip_range = model.clip;
  info.rederive_epsilon = (model.flags & format::model_rederive_epsilon) != 0;
}

}  // namespace

void check_model_bytes(ByteView bytes, const std::string& name) { verified(AlignedBytes(bytes).view(), name); }

ModelFile read_model(ByteView bytes, const std::string& name) {
  const AlignedBytes aligned(bytes);
  const format::View view = verified(aligned.view(), name);
  return Reader(view, name).run();
}

}  // namespace mote::tool
