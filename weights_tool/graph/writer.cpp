#include "weights_tool/graph/writer.h"

#include <algorithm>
#include <cfloat>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "diffusion/rows.h"
#include "format/verify.h"
#include "weights_tool/graph/writer_parts.h"
#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"
#include "weights_tool/io/file.h"

namespace mote::tool {
namespace {

using namespace writing;

struct SectionBytes {
  uint32_t id;
  uint16_t flags;
  std::vector<uint8_t> bytes;
};

// Takes the file's bytes in order.
using Sink = std::function<void(const void* data, size_t size)>;

class Writer {
 public:
  Writer(const Graph& graph, const MemoryPlan& plan, const DiffusionInfo& info, const Json& meta)
      : graph_(graph),
        plan_(plan),
        info_(info),
        meta_(meta),
        slots_(graph),
        data_alignment_(slots_.count() == 0 ? 64 : format::alignment) {}

  // Everything in front of the constants' bytes. The checksum is missing: it is the caller's to compute.
  std::vector<uint8_t> head() {
    number_tensors();
    SectionBytes operators{format::section_operators, format::section_critical, {}};
    for (int index : plan_.order) append_record(operators.bytes, operator_record(index));
    std::vector<SectionBytes> sections;
    const std::vector<format::RowRecord> rows = rows_to_store();
    sections.push_back({format::section_model, format::section_critical, {}});
    append_record(sections.back().bytes, model_record(rows));
    sections.push_back({format::section_tensors, format::section_critical, tensors_});
    sections.push_back(std::move(operators));
    if (slots_.count() > 0) sections.push_back({format::section_quant, format::section_critical, slots_.bytes()});
    if (!graph_.folded) sections.push_back({format::section_schedule, format::section_critical, schedule_bytes()});
    sections.push_back({format::section_rows, format::section_critical, {}});
    for (const format::RowRecord& row : rows) append_record(sections.back().bytes, row);
    sections.push_back({format::section_names, 0, names_});
    if (meta_.kind() != Json::Kind::null) {
      const std::string text = write_json(meta_, 0);
      sections.push_back({format::section_meta, 0, std::vector<uint8_t>(text.begin(), text.end())});
    }
    return assemble(sections);
  }

  // The bytes that follow the head, to the end of the file. May be called again: it gives the same bytes.
  void stream_data(const Sink& sink) const;

  size_t file_bytes() const { return file_bytes_; }
  static void set_checksum(std::vector<uint8_t>& head, uint32_t crc) {
    std::memcpy(head.data() + offsetof(format::Header, crc32), &crc, sizeof crc);
  }

 private:
  const Tensor& tensor(int index) const { return graph_.tensors[static_cast<size_t>(index)]; }

  // Tensors that operators name, in the order of the graph; the records and the data of constants.
  void number_tensors();
  void append_tensor(int index);
  void append_constant(const Tensor& tensor, format::TensorRecord& record);
  format::OperatorRecord operator_record(int index);
  void set_numbers(const Node& node, format::OperatorRecord& record) const;
  std::vector<format::RowRecord> rows_to_store() const;
  format::ModelRecord model_record(const std::vector<format::RowRecord>& rows) const;
  std::vector<uint8_t> schedule_bytes() const;
  std::vector<uint8_t> assemble(const std::vector<SectionBytes>& sections);
  uint32_t number(int index) const {
    return index < 0 ? format::none : index_or_none(numbers_[static_cast<size_t>(index)]);
  }

  const Graph& graph_;
  const MemoryPlan& plan_;
  const DiffusionInfo& info_;
  const Json& meta_;
  QuantSlots slots_;
  size_t data_alignment_;
  std::vector<int> numbers_;  // of each tensor in the file; -1: not in it
  std::vector<uint8_t> tensors_, names_;
  std::vector<int> constants_;  // of graph.tensors, as they lie in DATA
  size_t data_bytes_ = 0, file_bytes_ = 0;
};

void Writer::number_tensors() {
  std::vector<bool> used(graph_.tensors.size(), false);
  for (const Node& node : graph_.nodes) {
    for (int t : node_inputs(node)) used[static_cast<size_t>(t)] = true;
    for (int t : node_outputs(node)) used[static_cast<size_t>(t)] = true;
  }
  if (graph_.input < 0 || graph_.output < 0) refuse("the graph has no input or no output");
  used[static_cast<size_t>(graph_.input)] = true;
  numbers_.assign(graph_.tensors.size(), -1);
  int count = 0;
  for (size_t t = 0; t < graph_.tensors.size(); ++t) {
    if (!used[t]) continue;
    numbers_[t] = count++;
    append_tensor(static_cast<int>(t));
  }
  if (static_cast<uint32_t>(count) > format::max_tensors)
    exceed("more than " + std::to_string(format::max_tensors) + " tensors");
  if (graph_.nodes.size() > format::max_operators)
    exceed("more than " + std::to_string(format::max_operators) + " operators");
}

void Writer::append_tensor(int index) {
  const Tensor& t = tensor(index);
  if (t.elements() > format::max_elements) exceed(t.name + " has " + std::to_string(t.elements()) + " elements");
  format::TensorRecord record{};
  record.dtype = static_cast<uint8_t>(t.dtype);
  record.rank = static_cast<uint8_t>(t.rank);
  for (int d = 0; d < 4; ++d) record.dims[d] = static_cast<uint32_t>(t.dims[static_cast<size_t>(d)]);
  record.bytes = static_cast<uint32_t>(t.elements()) * dtype_bytes(t.dtype);
  record.quant = slots_.number(t.quant);
  if (t.role == Role::input) {
    record.storage = static_cast<uint8_t>(format::Storage::input);
  } else if (t.role == Role::activation) {
    record.storage = static_cast<uint8_t>(format::Storage::arena);
    const int64_t offset = plan_.tensor_offset[static_cast<size_t>(index)];
    if (offset < 0) refuse(t.name + " has no place in the arena");
    record.offset = static_cast<uint32_t>(offset);
  } else {
    append_constant(t, record);
  }
  append_record(tensors_, record);
}

void Writer::append_constant(const Tensor& t, format::TensorRecord& record) {
  const bool bytes = t.dtype == DType::i8 || t.dtype == DType::u8;
  if (!bytes && t.dtype != DType::f32) refuse(t.name + " is a constant, but neither float32 nor of bytes");
  if (static_cast<int64_t>(bytes ? t.codes.size() : t.values.size()) != t.elements() && (bytes || !t.fill))
    refuse(t.name + " has no values");
  record.storage = static_cast<uint8_t>(format::Storage::constant);
  data_bytes_ = round_up(data_bytes_, data_alignment_);
  if (data_bytes_ + record.bytes > format::max_file_bytes) exceed("its weights are more than 2 GiB");
  record.offset = static_cast<uint32_t>(data_bytes_);
  data_bytes_ += record.bytes;
  constants_.push_back(static_cast<int>(&t - graph_.tensors.data()));
}

void Writer::stream_data(const Sink& sink) const {
  static constexpr uint8_t zeros[64] = {};
  size_t at = 0;
  std::vector<float> filled;
  for (const int index : constants_) {
    const Tensor& t = tensor(index);
    const size_t size = static_cast<size_t>(t.elements()) * dtype_bytes(t.dtype);
    sink(zeros, round_up(at, data_alignment_) - at);
    at = round_up(at, data_alignment_) + size;
    if (t.dtype != DType::f32) {
      sink(t.codes.data(), size);
    } else if (t.values.size() * sizeof(float) == size) {
      sink(t.values.data(), size);
    } else {
      filled.resize(static_cast<size_t>(t.elements()));
      t.fill(t, filled.data());
      sink(filled.data(), size);
    }
  }
  sink(zeros, round_up(at, format::alignment) - at);
}

void Writer::set_numbers(const Node& node, format::OperatorRecord& record) const {
  record.kernel_height = static_cast<uint8_t>(node.kernel_height);
  record.kernel_width = static_cast<uint8_t>(node.kernel_width);
  record.stride = static_cast<uint8_t>(node.stride);
  record.upsample = static_cast<uint8_t>(node.upsample);
  record.pad_top = static_cast<uint8_t>(node.pad_top);
  record.pad_left = static_cast<uint8_t>(node.pad_left);
  record.pad_bottom = static_cast<uint8_t>(node.pad_bottom);
  record.pad_right = static_cast<uint8_t>(node.pad_right);
  record.activation = static_cast<uint8_t>(node.activation);
  record.dilation = 1;
  switch (node.kind) {
    case OpKind::conv2d:
    case OpKind::linear: record.flags |= node.proofs; break;
    case OpKind::group_norm:
      record.p0 = static_cast<uint32_t>(node.groups);
      record.f0 = node.epsilon;
      break;
    case OpKind::attention:
      record.p0 = static_cast<uint32_t>(node.heads);
      record.p1 = static_cast<uint32_t>(node.head_dim);
      record.f0 = node.scale;
      record.f1 = node.table_step;
      break;
    case OpKind::upsample:
    case OpKind::average_pool: record.p0 = static_cast<uint32_t>(node.factor); break;
    case OpKind::timestep_embedding:
      if (node.flip_sin_cos) record.flags |= format::op_flip_sin_cos;
      if (node.fourier_time) record.flags |= format::op_fourier_time;
      break;
    default: break;
  }
}

format::OperatorRecord Writer::operator_record(int index) {
  const Node& node = graph_.nodes[static_cast<size_t>(index)];
  if (node.kind == op_dropout) refuse(node.name + " is dropout, which only training has");
  format::OperatorRecord record{};
  record.kind = static_cast<uint16_t>(node.kind);
  record.version = 1;
  record.bytes = sizeof record;
  for (size_t i = 0; i < 2; ++i) {
    record.x[i] = number(node.x[i]);
    record.y[i] = number(node.y[i]);
  }
  record.residual = number(node.residual);
  record.vector = number(node.vector);
  record.weights = number(node.weights);
  record.bias = number(node.bias);
  const ScratchPlacement& scratch = plan_.scratch[static_cast<size_t>(index)];
  record.scratch_offset = static_cast<uint32_t>(scratch.offset);
  record.scratch_bytes = static_cast<uint32_t>(scratch.bytes);
  record.worker_scratch_offset = static_cast<uint32_t>(scratch.worker_offset);
  record.worker_scratch_bytes = static_cast<uint32_t>(scratch.worker_bytes);
  set_numbers(node, record);
  record.quant = slots_.number(node.quant);
  record.packed = format::none;
  record.name = static_cast<uint32_t>(names_.size());
  names_.insert(names_.end(), node.name.begin(), node.name.end());
  names_.push_back(0);
  return record;
}

std::vector<format::RowRecord> Writer::rows_to_store() const {
  if (!graph_.folded || info_.rows.empty() || !info_.schedule.empty()) return default_rows(info_, graph_.prediction);
  if (info_.rows.size() != static_cast<size_t>(info_.default_steps))
    refuse("there is not one sampler row for each step");
  return info_.rows;
}

format::ModelRecord Writer::model_record(const std::vector<format::RowRecord>& rows) const {
  const Tensor &in = tensor(graph_.input), &out = tensor(graph_.output);
  if (plan_.arena_bytes > format::max_file_bytes) exceed("its arena is more than 2 GiB");
  format::ModelRecord record{};
  record.height = static_cast<uint32_t>(in.dims[0]);
  record.width = static_cast<uint32_t>(in.dims[1]);
  record.channels = static_cast<uint32_t>(in.dims[2]);
  record.out_channels = static_cast<uint32_t>(out.dims[2]);
  record.num_classes = static_cast<uint32_t>(graph_.num_classes);
  record.train_steps =
      static_cast<uint32_t>(info_.schedule.empty() ? static_cast<size_t>(graph_.train_steps) : info_.schedule.size());
  record.prediction = static_cast<uint32_t>(graph_.prediction);
  record.default_steps = static_cast<uint32_t>(info_.default_steps);
  if (graph_.folded) record.flags |= format::model_folded;
  if (info_.clip) record.flags |= format::model_clip;
  if (info_.rederive_epsilon) record.flags |= format::model_rederive_epsilon;
  record.clip = info_.clip_range;
  record.input_tensor = number(graph_.input);
  record.output_tensor = number(graph_.output);
  record.arena_bytes = static_cast<uint32_t>(plan_.arena_bytes);
  record.worker_scratch_bytes = static_cast<uint32_t>(plan_.worker_scratch_bytes);
  for (const format::RowRecord& row : rows)
    for (uint32_t k = 0; k < format::max_history; ++k)
      if (row.H[k] != 0.0f) record.history = std::max(record.history, k + 1);
  return record;
}

std::vector<uint8_t> Writer::schedule_bytes() const {
  std::vector<uint8_t> bytes(info_.schedule.size() * sizeof(float));
  if (!bytes.empty()) std::memcpy(bytes.data(), info_.schedule.data(), bytes.size());
  return bytes;
}

std::vector<uint8_t> Writer::assemble(const std::vector<SectionBytes>& sections) {
  std::vector<uint8_t> head(sizeof(format::Header) + (sections.size() + 1) * sizeof(format::Section), 0);
  std::vector<uint8_t> table;
  const auto enter = [&](uint32_t id, uint16_t flags, size_t length) {
    append_record(table,
                  format::Section{id, 1, flags, static_cast<uint32_t>(head.size()), static_cast<uint32_t>(length)});
  };
  for (const SectionBytes& section : sections) {
    head.resize(round_up(head.size(), format::alignment), 0);
    enter(section.id, section.flags, section.bytes.size());
    head.insert(head.end(), section.bytes.begin(), section.bytes.end());
  }
  head.resize(round_up(head.size(), data_alignment_), 0);
  enter(format::section_data, format::section_critical, data_bytes_);
  file_bytes_ = head.size() + round_up(data_bytes_, format::alignment);
  if (file_bytes_ > format::max_file_bytes) exceed("it has more than 2 GiB");
  std::memcpy(head.data() + sizeof(format::Header), table.data(), table.size());
  format::Header header{};
  header.magic = format::magic;
  header.version = format::version;
  header.header_bytes = sizeof header;
  header.file_bytes = static_cast<uint32_t>(file_bytes_);
  header.section_count = static_cast<uint32_t>(sections.size() + 1);
  std::memcpy(head.data(), &header, sizeof header);
  return head;
}

}  // namespace

namespace {

// DDIM, eta 0, trailing timesteps.
std::vector<format::RowRecord> made_rows(const DiffusionInfo& info, Prediction prediction) {
  const uint32_t levels = static_cast<uint32_t>(info.schedule.size()),
                 steps = static_cast<uint32_t>(info.default_steps);
  std::vector<int32_t> timesteps;
  for (uint32_t i = 0; i < steps; ++i) timesteps.push_back(trailing_timestep(levels, steps, i));
  return rows_of_timesteps(info, prediction, timesteps);
}

// Files of before rows stated their levels have zeros in their place.
bool same_but_for_level(const format::RowRecord& stored, format::RowRecord made) {
  made.signal = made.noise = 0;
  return std::memcmp(&stored, &made, sizeof made) == 0;
}

}  // namespace

std::vector<format::RowRecord> rows_of_timesteps(const DiffusionInfo& info, Prediction prediction,
                                                 const std::vector<int32_t>& timesteps) {
  RowOptions options;
  options.prediction = prediction;
  options.rederive_epsilon = info.rederive_epsilon;
  options.clip_hi = info.clip ? info.clip_range : FLT_MAX;
  options.clip_lo = -options.clip_hi;
  const uint32_t levels = static_cast<uint32_t>(info.schedule.size()), steps = static_cast<uint32_t>(timesteps.size());
  std::vector<format::RowRecord> rows(steps);
  for (uint32_t i = 0; i < steps; ++i) {
    const Status status =
        make_row_of_schedule(options, info.schedule.data(), levels, timesteps.data(), steps, i, &rows[i]);
    if (status < 0)
      throw Error(ExitCode::invalid_input,
                  "the schedule has no step from level " + std::to_string(timesteps[i]) +
                      ": its noise does not fall, or the level is pure noise, which a network that predicts epsilon "
                      "cannot start from");
  }
  return rows;
}

std::vector<format::RowRecord> default_rows(const DiffusionInfo& info, Prediction prediction) {
  const auto fail = [](const std::string& what) { throw Error(ExitCode::invalid_input, what); };
  const size_t levels = info.schedule.size();
  if (levels == 0 || levels > format::max_train_steps)
    fail("the schedule has " + std::to_string(levels) + " levels, not 1 to " + std::to_string(format::max_train_steps));
  if (info.default_steps < 1 || static_cast<size_t>(info.default_steps) > levels)
    fail(std::to_string(info.default_steps) + " steps are not 1 to the " + std::to_string(levels) + " noise levels");
  if (info.rows.empty()) return made_rows(info, prediction);
  if (info.rows.size() != static_cast<size_t>(info.default_steps)) fail("there is not one sampler row for each step");
  const bool stated = std::any_of(info.rows.begin(), info.rows.end(),
                                  [](const format::RowRecord& row) { return row.signal != 0 || row.noise != 0; });
  if (stated) return info.rows;
  try {
    const std::vector<format::RowRecord> made = made_rows(info, prediction);
    if (std::equal(made.begin(), made.end(), info.rows.begin(),
                   [](const auto& row, const auto& stored) { return same_but_for_level(stored, row); }))
      return made;
  } catch (const Error&) {
    // Rows that this schedule does not give: somebody else's.
  }
  return info.rows;
}

namespace {

// Whether the runtime would open a file with this head. Constants are not looked at: their bytes stay untouched zeros.
void verify_head(const std::vector<uint8_t>& head, size_t file_bytes) {
  const std::unique_ptr<void, decltype(&std::free)> file(std::calloc(file_bytes, 1), std::free);
  if (file == nullptr) throw std::bad_alloc();
  std::memcpy(file.get(), head.data(), head.size());
  format::View view;
  format::Place place;
  if (format::verify(file.get(), file_bytes, &view, &place) < 0)
    exceed(std::string(format::part_text(place.part)) + " " + std::to_string(place.index) + ": " +
           format::rule_text(place.rule));
}

}  // namespace

std::vector<uint8_t> write_model(const Graph& graph, const MemoryPlan& plan, const DiffusionInfo& info,
                                 const Json& meta) {
  Writer writer(graph, plan, info, meta);
  std::vector<uint8_t> file = writer.head();
  file.reserve(writer.file_bytes());
  writer.stream_data([&](const void* data, size_t size) {
    const uint8_t* const first = static_cast<const uint8_t*>(data);
    file.insert(file.end(), first, first + size);
  });
  Writer::set_checksum(file, crc32(file.data() + 16, file.size() - 16));
  return file;
}

uint64_t write_model_file(const std::string& path, const Graph& graph, const MemoryPlan& plan,
                          const DiffusionInfo& info, const Json& meta, bool force) {
  Writer writer(graph, plan, info, meta);
  std::vector<uint8_t> head = writer.head();
  verify_head(head, writer.file_bytes());
  uint32_t crc = crc32(head.data() + 16, head.size() - 16);
  AtomicFile file(path, force);
  const auto with_checksum = [&](const void* data, size_t size) { crc = crc32(data, size, crc); };
  if (!file.can_rewrite()) {  // no way back to the header
    writer.stream_data(with_checksum);
    Writer::set_checksum(head, crc);
    file.write(head.data(), head.size());
    writer.stream_data([&](const void* data, size_t size) { file.write(data, size); });
  } else {
    file.write(head.data(), head.size());
    writer.stream_data([&](const void* data, size_t size) {
      with_checksum(data, size);
      file.write(data, size);
    });
    Writer::set_checksum(head, crc);
    file.rewrite(0, head.data(), sizeof(format::Header));
  }
  file.commit();
  return file.written();
}

}  // namespace mote::tool
