#include "tests/support/model_builder.h"

#include <cmath>

namespace mote::test {

using format::OperatorRecord;
using format::OpKind;
using format::Storage;
using format::TensorRecord;

namespace {

uint32_t elements_of(const Shape& shape) {
  uint32_t product = 1;
  for (uint32_t dim : shape) product *= dim;
  return product;
}

TensorRecord record(Storage storage, const Shape& shape, uint32_t offset) {
  TensorRecord t{};
  t.dtype = static_cast<uint8_t>(DType::f32);
  t.storage = static_cast<uint8_t>(storage);
  t.rank = static_cast<uint8_t>(shape.size());
  for (size_t i = 0; i < 4; ++i) t.dims[i] = i < shape.size() ? shape[i] : 1;
  t.offset = offset;
  t.bytes = elements_of(shape) * 4;
  t.quant = format::none;
  return t;
}

}  // namespace

Builder::Builder(uint32_t height, uint32_t width, uint32_t channels, uint32_t train_steps, uint32_t default_steps) {
  model.height = height;
  model.width = width;
  model.channels = model.out_channels = channels;
  model.train_steps = train_steps;
  model.default_steps = default_steps;
  tensors.push_back(record(Storage::input, {height, width, channels}, 0));
  double alpha_bar = 1;
  for (uint32_t t = 0; t < train_steps; ++t) {
    alpha_bar *= 1.0 - (0.01 + 0.3 * t / train_steps);
    schedule.push_back(static_cast<float>(alpha_bar));
  }
}

uint32_t Builder::reserve(uint32_t bytes) {
  const uint32_t offset = model.arena_bytes;
  model.arena_bytes += (bytes + 15) / 16 * 16;
  return offset;
}

uint32_t Builder::activation(const Shape& shape) { return activation_at(shape, reserve(elements_of(shape) * 4)); }

uint32_t Builder::activation_at(const Shape& shape, uint32_t offset) {
  tensors.push_back(record(Storage::arena, shape, offset));
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t Builder::constant(const Shape& shape, const std::vector<float>& values) {
  data.resize((data.size() + 15) / 16 * 16);
  tensors.push_back(record(Storage::constant, shape, static_cast<uint32_t>(data.size())));
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
  data.insert(data.end(), bytes, bytes + values.size() * sizeof(float));
  return static_cast<uint32_t>(tensors.size() - 1);
}

float Builder::uniform(float low, float high) {  // splitmix64
  uint64_t z = random_state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return low + (high - low) * static_cast<float>(static_cast<double>((z ^ (z >> 31)) >> 40) / 16777216.0);
}

uint32_t Builder::weights(const Shape& shape, float spread) {
  std::vector<float> values(elements_of(shape));
  for (float& value : values) value = uniform(-spread, spread);
  return constant(shape, values);
}

OperatorRecord& Builder::op(OpKind kind, std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y) {
  OperatorRecord o{};
  o.kind = static_cast<uint16_t>(kind);
  o.version = 1;
  o.bytes = sizeof o;
  o.x[0] = x.size() > 0 ? x.begin()[0] : format::none;
  o.x[1] = x.size() > 1 ? x.begin()[1] : format::none;
  o.y[0] = y.begin()[0];
  o.y[1] = y.size() > 1 ? y.begin()[1] : format::none;
  o.residual = o.vector = o.weights = o.bias = o.quant = o.packed = o.name = format::none;
  o.kernel_height = o.kernel_width = o.stride = o.upsample = o.dilation = 1;
  o.name = static_cast<uint32_t>(names.size());
  names += "op" + std::to_string(operators.size());
  names.push_back('\0');
  operators.push_back(o);
  return operators.back();
}

OperatorRecord& Builder::conv(std::initializer_list<uint32_t> x, uint32_t y, uint32_t kernel_height,
                              uint32_t kernel_width, uint32_t pad) {
  uint32_t inputs = 0;
  for (uint32_t i : x) inputs += tensors[i].dims[2];
  const uint32_t outputs = tensors[y].dims[2];
  const float spread = 1.7f / std::sqrt(static_cast<float>(inputs * kernel_height * kernel_width));
  const uint32_t w = weights({outputs, kernel_height, kernel_width, inputs}, spread);
  const uint32_t bias = weights({outputs}, 0.3f);
  OperatorRecord& o = op(OpKind::conv2d, x, {y});
  o.weights = w;
  o.bias = bias;
  o.kernel_height = static_cast<uint8_t>(kernel_height);
  o.kernel_width = static_cast<uint8_t>(kernel_width);
  o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = static_cast<uint8_t>(pad);
  return o;
}

OperatorRecord& Builder::linear(uint32_t x, uint32_t y) {
  const uint32_t in = tensors[x].dims[tensors[x].rank - 1], out = tensors[y].dims[tensors[y].rank - 1];
  const uint32_t w = weights({out, in}, 1.7f / std::sqrt(static_cast<float>(in)));
  const uint32_t bias = weights({out}, 0.3f);
  OperatorRecord& o = op(OpKind::linear, {x}, {y});
  o.weights = w;
  o.bias = bias;
  return o;
}

OperatorRecord& Builder::group_norm(std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y,
                                    uint32_t groups) {
  uint32_t channels = 0;
  for (uint32_t i : x) channels += tensors[i].dims[2];
  const uint32_t height = tensors[*x.begin()].dims[0];
  const uint32_t gamma = weights({channels}, 1.5f), beta = weights({channels}, 0.5f);
  OperatorRecord& o = op(OpKind::group_norm, x, y);
  o.weights = gamma;
  o.bias = beta;
  o.p0 = groups;
  o.f0 = 1e-5f;
  o.scratch_bytes = ((2 * (height < 4 ? height : 4) + 2) * channels * 4 + 15) / 16 * 16;
  o.scratch_offset = reserve(o.scratch_bytes);
  return o;
}

OperatorRecord& Builder::attention(uint32_t x, uint32_t y, uint32_t heads, uint32_t head_dim, float scale) {
  OperatorRecord& o = op(OpKind::attention, {x}, {y});
  o.p0 = heads;
  o.p1 = head_dim;
  o.f0 = scale;
  o.worker_scratch_bytes = tensors[y].bytes / 4 / (heads * head_dim) * 16;
  o.worker_scratch_offset = reserve(o.worker_scratch_bytes);
  if (o.worker_scratch_bytes > model.worker_scratch_bytes) model.worker_scratch_bytes = o.worker_scratch_bytes;
  return o;
}

namespace {

struct Part {
  uint32_t id;
  uint16_t version, flags;
  const void* bytes;
  size_t length;
};

template <class T>
Part part(uint32_t id, uint16_t flags, const std::vector<T>& values) {
  return {id, 1, flags, values.data(), values.size() * sizeof(T)};
}

template <class T>
void append(std::vector<uint8_t>* bytes, const T* records, size_t count) {
  const auto* begin = reinterpret_cast<const uint8_t*>(records);
  bytes->insert(bytes->end(), begin, begin + count * sizeof(T));
}

std::vector<uint8_t> quant_section(const std::vector<format::QuantSlot>& slots,
                                   const std::vector<format::QuantValue>& values) {
  const format::QuantHeader header = {static_cast<uint32_t>(slots.size()), static_cast<uint32_t>(values.size())};
  std::vector<uint8_t> section;
  append(&section, &header, 1);
  append(&section, slots.data(), slots.size());
  append(&section, values.data(), values.size());
  return section;
}

}  // namespace

AlignedBytes Builder::file() const {
  const uint16_t critical = format::section_critical;
  std::vector<Part> parts = {{format::section_model, 1, critical, &model, sizeof model},
                             part(format::section_tensors, critical, tensors),
                             part(format::section_operators, critical, operators)};
  const std::vector<uint8_t> quantisation = quant.empty() && !slots.empty() ? quant_section(slots, values) : quant;
  if (!quantisation.empty()) parts.push_back(part(format::section_quant, critical, quantisation));
  if (!schedule.empty()) parts.push_back(part(format::section_schedule, critical, schedule));
  if (!rows.empty()) parts.push_back(part(format::section_rows, critical, rows));
  if (!names.empty()) parts.push_back({format::section_names, 1, 0, names.data(), names.size()});
  if (!meta.empty()) parts.push_back({format::section_meta, 1, 0, meta.data(), meta.size()});
  parts.push_back(part(format::section_data, critical, data));
  for (const Extra& e : extra) {
    parts.push_back({e.section.id, e.section.version, e.section.flags, e.bytes.data(), e.bytes.size()});
  }
  size_t at = sizeof(format::Header) + parts.size() * sizeof(format::Section);
  std::vector<format::Section> table;
  for (const Part& p : parts) {
    at = (at + 15) / 16 * 16;
    table.push_back({p.id, p.version, p.flags, static_cast<uint32_t>(at), static_cast<uint32_t>(p.length)});
    at += p.length;
  }
  AlignedBytes bytes(at);
  format::Header header{};
  header.magic = format::magic;
  header.version = format::version;
  header.header_bytes = sizeof header;
  header.file_bytes = static_cast<uint32_t>(at);
  header.section_count = static_cast<uint32_t>(parts.size());
  memcpy(bytes.data(), &header, sizeof header);
  memcpy(bytes.data() + sizeof header, table.data(), table.size() * sizeof table[0]);
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].length != 0) memcpy(bytes.data() + table[i].offset, parts[i].bytes, parts[i].length);
  }
  set_checksum(&bytes);
  return bytes;
}

void set_checksum(AlignedBytes* file) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 16; i < file->size(); ++i) {
    crc ^= (*file)[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
  }
  crc = ~crc;
  memcpy(file->data() + offsetof(format::Header, crc32), &crc, sizeof crc);
}

Builder smallest() {
  Builder b(4, 4, 1, 10, 3);
  const uint32_t y = b.activation({4, 4, 1});
  b.conv({b.input()}, y, 3, 3, 1);
  b.model.input_tensor = b.input();
  b.model.output_tensor = y;
  return b;
}

Builder every_operator() {
  Builder b(7, 6, 2, 20, 4);
  b.model.num_classes = 3;
  b.model.prediction = static_cast<uint32_t>(format::Prediction::v);
  b.model.flags = format::model_clip;
  b.model.clip = 1.0f;

  // Time and class.
  const uint32_t sinusoid = b.activation({8});
  const uint32_t frequencies = b.constant({4}, {1.0f, 0.3f, 0.1f, 0.01f});
  OperatorRecord& embedding = b.op(OpKind::timestep_embedding, {}, {sinusoid});
  embedding.weights = frequencies;
  embedding.flags = format::op_flip_sin_cos;
  const uint32_t hidden = b.activation({12});
  b.linear(sinusoid, hidden).activation = 1;
  const uint32_t label = b.activation({12});
  const uint32_t table = b.weights({4, 12}, 1.0f);
  b.op(OpKind::class_embedding, {}, {label}).weights = table;
  const uint32_t time = b.activation({12});
  b.op(OpKind::add, {hidden, label}, {time});
  const uint32_t active = b.activation_at({12}, b.tensors[time].offset);
  b.op(OpKind::activation, {time}, {active}).activation = 1;
  const uint32_t shift = b.activation({8}), modulation = b.activation({16}), wide = b.activation({24});
  b.linear(active, shift);
  b.linear(active, modulation);
  b.linear(active, wide);

  // Full resolution.
  const uint32_t first = b.activation({7, 6, 8}), normal = b.activation({7, 6, 8}), skip = b.activation({7, 6, 8});
  b.conv({b.input()}, first, 3, 3, 1);
  b.group_norm({first}, {normal}, 4).activation = 1;
  OperatorRecord& block = b.conv({normal}, skip, 3, 3, 1);
  block.vector = shift;
  block.residual = first;

  // Half resolution.
  const uint32_t pooled = b.activation({3, 3, 8}), strided = b.activation({3, 3, 8});
  b.op(OpKind::average_pool, {skip}, {pooled}).p0 = 2;
  OperatorRecord& down = b.conv({skip}, strided, 3, 3, 0);
  down.stride = 2;
  down.pad_bottom = down.pad_right = 1;
  const uint32_t sum = b.activation_at({3, 3, 8}, b.tensors[strided].offset);
  b.op(OpKind::add, {pooled, strided}, {sum});
  const uint32_t qkv = b.activation({3, 3, 24}), mixed = b.activation({3, 3, 8}), attended = b.activation({3, 3, 8});
  b.linear(sum, qkv);
  b.attention(qkv, mixed, 2, 4, 0.5f);
  b.linear(mixed, attended).residual = sum;
  const uint32_t scaled = b.activation_at({3, 3, 8}, b.tensors[attended].offset);
  OperatorRecord& scale = b.op(OpKind::scale_shift, {attended}, {scaled});
  scale.vector = modulation;
  scale.activation = 1;
  const uint32_t shifted = b.activation({3, 3, 8});
  b.op(OpKind::scale_shift, {scaled}, {shifted}).vector = shift;

  // Back up, two ways.
  const uint32_t up = b.activation({7, 6, 4}), large = b.activation({6, 6, 8}), tall = b.activation({7, 6, 4});
  OperatorRecord& upsampled = b.conv({scaled}, up, 3, 3, 1);
  upsampled.upsample = 2;
  upsampled.pad_bottom = 2;
  b.op(OpKind::upsample, {shifted}, {large}).p0 = 2;
  OperatorRecord& flat = b.conv({large}, tall, 2, 1, 0);
  flat.pad_top = flat.pad_bottom = 1;
  flat.activation = 3;
  flat.bias = format::none;

  // Two inputs: normalised where they lie, convolved, then normalised into one.
  const uint32_t up_normal = b.activation_at({7, 6, 4}, b.tensors[up].offset);
  const uint32_t skip_normal = b.activation_at({7, 6, 8}, b.tensors[skip].offset);
  OperatorRecord& pair = b.group_norm({up, skip}, {up_normal, skip_normal}, 3);
  pair.activation = 3;
  pair.vector = wide;
  const uint32_t joined = b.activation({7, 6, 6}), both = b.activation({7, 6, 10});
  b.conv({up_normal, skip_normal}, joined, 3, 3, 1).activation = 2;
  OperatorRecord& plain = b.group_norm({joined, tall}, {both}, 5);
  plain.weights = plain.bias = format::none;
  const uint32_t out = b.activation({7, 6, 2});
  b.conv({both}, out, 3, 3, 1);
  b.model.input_tensor = b.input();
  b.model.output_tensor = out;
  return b;
}

}  // namespace mote::test
