#include "tests/support/quantized_builder.h"

#include <algorithm>
#include <cmath>

namespace mote::test {

using format::OperatorRecord;
using format::OpKind;
using format::QuantValue;
using format::Storage;
using format::TensorRecord;

namespace {

constexpr uint8_t silu = 1, relu = 3;

uint32_t product(const Shape& shape) {
  uint32_t all = 1;
  for (uint32_t dim : shape) all *= dim;
  return all;
}

TensorRecord record_of(DType type, Storage storage, const Shape& shape, uint32_t offset, uint32_t slot) {
  TensorRecord t{};
  t.dtype = static_cast<uint8_t>(type);
  t.storage = static_cast<uint8_t>(storage);
  t.rank = static_cast<uint8_t>(shape.size());
  for (size_t i = 0; i < 4; ++i) t.dims[i] = i < shape.size() ? shape[i] : 1;
  t.offset = offset;
  t.bytes = product(shape) * dtype_bytes(type);
  t.quant = slot;
  return t;
}

uint32_t last_dim(const TensorRecord& t) { return t.dims[t.rank - 1]; }

}  // namespace

QuantizedBuilder::QuantizedBuilder(uint32_t height, uint32_t width, uint32_t channels, uint32_t steps, bool scales)
    : Builder(height, width, channels, 20, steps), per_step(scales) {
  model.flags = format::model_folded | format::model_clip;
  model.clip = 1.0f;
  schedule.clear();
  for (uint32_t i = 0; i < steps; ++i) {
    format::RowRecord row{};
    row.timestep = static_cast<int32_t>(19 - 3 * i);
    row.a = 1.1f;
    row.b = -0.6f;
    row.A = 0.4f + 0.2f * static_cast<float>(i);
    row.B = 0.5f;
    row.C = 0.1f;
    row.D = 0.05f;
    row.clip_lo = -1;
    row.clip_hi = 1;
    rows.push_back(row);
  }
  const uint32_t codes16 = wide({height, width, channels}, 4.0f / 32767);
  op(OpKind::quantize, {input()}, {codes16});
  model.input_tensor = input();
}

uint32_t QuantizedBuilder::slot_of(uint8_t scheme, const std::vector<QuantValue>& of) {
  slots.push_back({scheme, {}, static_cast<uint32_t>(values.size()), static_cast<uint32_t>(of.size())});
  values.insert(values.end(), of.begin(), of.end());
  return static_cast<uint32_t>(slots.size() - 1);
}

uint32_t QuantizedBuilder::slot(float scale, int32_t zero) { return slot_of(format::quant_shared, {{scale, zero}}); }

uint32_t QuantizedBuilder::random_slot() {
  const float scale = uniform(0.015f, 0.03f);  // in this order: compilers may take arguments in any
  return slot(scale, static_cast<int32_t>(uniform(-40, 40)));
}

uint32_t QuantizedBuilder::activation_slot() {
  if (!per_step) return random_slot();
  std::vector<QuantValue> of;
  for (uint32_t i = 0; i < model.default_steps; ++i) {
    of.push_back({uniform(0.015f, 0.03f), static_cast<int32_t>(uniform(-40, 40))});
  }
  return slot_of(format::quant_per_step, of);
}

uint32_t QuantizedBuilder::codes(const Shape& shape, uint32_t of) {
  return codes_at(shape, reserve(product(shape)), of == format::none ? activation_slot() : of);
}

uint32_t QuantizedBuilder::codes_at(const Shape& shape, uint32_t offset, uint32_t of) {
  tensors.push_back(record_of(DType::i8, Storage::arena, shape, offset, of));
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t QuantizedBuilder::wide(const Shape& shape, float scale) {
  const uint32_t of = slot(scale, 0);
  tensors.push_back(record_of(DType::i16, Storage::arena, shape, reserve(2 * product(shape)), of));
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t QuantizedBuilder::typed_constant(DType type, const Shape& shape, const std::vector<uint8_t>& bytes,
                                          uint32_t of) {
  data.resize((data.size() + 15) / 16 * 16);
  tensors.push_back(record_of(type, Storage::constant, shape, static_cast<uint32_t>(data.size()), of));
  data.insert(data.end(), bytes.begin(), bytes.end());
  return static_cast<uint32_t>(tensors.size() - 1);
}

uint32_t QuantizedBuilder::s8_weights(const Shape& shape) {
  const uint32_t inputs = product(shape) / shape[0];
  std::vector<uint8_t> bytes(product(shape));
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(static_cast<int>(uniform(-127.99f, 127.99f)));
  std::vector<QuantValue> of;
  for (uint32_t o = 0; o < shape[0]; ++o) {
    of.push_back({uniform(1.2f, 2.0f) / std::sqrt(static_cast<float>(inputs)) / 127.0f, 0});
  }
  return typed_constant(DType::i8, shape, bytes, slot_of(format::quant_shared, of));
}

uint32_t QuantizedBuilder::code_table(uint32_t entries, uint32_t of) {
  std::vector<uint8_t> bytes(entries);
  for (uint32_t i = 0; i < entries; ++i) {
    const int base = static_cast<int>(i * 236 / entries) - 118;
    bytes[i] = static_cast<uint8_t>(base + static_cast<int>(uniform(-9.9f, 9.9f)));
  }
  return typed_constant(DType::i8, {entries}, bytes, of);
}

uint32_t QuantizedBuilder::exp_table(float step) {
  std::vector<uint8_t> bytes(256);
  for (int i = 0; i < 256; ++i) {
    bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(std::lround(255 * std::exp(-static_cast<double>(step) * i)));
  }
  return typed_constant(DType::u8, {256}, bytes, slot(1.0f / 255, 0));
}

void QuantizedBuilder::take_scratch(OperatorRecord* op, uint32_t bytes) {
  op->scratch_bytes = (bytes + 15) / 16 * 16;
  op->scratch_offset = reserve(op->scratch_bytes);
}

OperatorRecord& QuantizedBuilder::s8_conv(std::initializer_list<uint32_t> x, uint32_t y, uint32_t kernel_height,
                                          uint32_t kernel_width, uint32_t pad) {
  uint32_t inputs = 0;
  for (uint32_t i : x) inputs += tensors[i].dims[2];
  const uint32_t outputs = tensors[y].dims[2];
  const uint32_t w = s8_weights({outputs, kernel_height, kernel_width, inputs}), bias = weights({outputs}, 0.3f);
  OperatorRecord& o = op(OpKind::conv2d, x, {y});
  o.weights = w;
  o.bias = bias;
  o.kernel_height = static_cast<uint8_t>(kernel_height);
  o.kernel_width = static_cast<uint8_t>(kernel_width);
  o.pad_top = o.pad_bottom = o.pad_left = o.pad_right = static_cast<uint8_t>(pad);
  take_scratch(&o, 4 * outputs * (x.size() == 2 ? 5 : 3));
  prove(&o);
  return o;
}

OperatorRecord& QuantizedBuilder::s8_linear(uint32_t x, uint32_t y) {
  const uint32_t in = last_dim(tensors[x]), out = last_dim(tensors[y]);
  const uint32_t w = s8_weights({out, in}), bias = weights({out}, 0.3f);
  OperatorRecord& o = op(OpKind::linear, {x}, {y});
  o.weights = w;
  o.bias = bias;
  take_scratch(&o, 4 * out * 3);
  prove(&o);
  return o;
}

void QuantizedBuilder::give_table(OperatorRecord* op, uint32_t entries) {
  op->residual = code_table(entries, tensors[op->y[0]].quant);
  const float scale = uniform(6.0f, 8.0f) / static_cast<float>(entries);
  op->quant = slot(scale, static_cast<int32_t>(uniform(-20, 20)));
  op->activation = silu;
}

OperatorRecord& QuantizedBuilder::s8_group_norm(std::initializer_list<uint32_t> x, std::initializer_list<uint32_t> y,
                                                uint32_t groups, uint32_t entries) {
  uint32_t channels = 0;
  for (uint32_t i : x) channels += tensors[i].dims[2];
  const uint32_t height = tensors[*x.begin()].dims[0];
  const uint32_t gamma = weights({channels}, 1.5f), beta = weights({channels}, 0.5f);
  OperatorRecord& o = op(OpKind::group_norm, x, y);
  o.weights = gamma;
  o.bias = beta;
  o.p0 = groups;
  o.f0 = 1e-5f;
  take_scratch(&o, (8 * channels * std::min(height, 4u) + 15) / 16 * 16 + 16);
  if (entries != 0) give_table(&o, entries);
  return o;
}

OperatorRecord& QuantizedBuilder::s8_scale_shift(uint32_t x, uint32_t y, uint32_t vector, uint32_t entries) {
  OperatorRecord& o = op(OpKind::scale_shift, {x}, {y});
  o.vector = vector;
  take_scratch(&o, (8 * tensors[x].dims[2] + 15) / 16 * 16 + 16);
  if (entries != 0) give_table(&o, entries);
  return o;
}

OperatorRecord& QuantizedBuilder::s8_activation(uint32_t x, uint32_t y) {
  const uint32_t table = code_table(256, tensors[y].quant);
  OperatorRecord& o = op(OpKind::activation, {x}, {y});
  o.weights = table;
  o.activation = silu;
  return o;
}

OperatorRecord& QuantizedBuilder::s8_attention(uint32_t x, uint32_t y, uint32_t heads, uint32_t head_dim) {
  const float step = 1.0f / 32;
  const uint32_t table = exp_table(step);
  OperatorRecord& o = op(OpKind::attention, {x}, {y});
  o.weights = table;
  o.p0 = heads;
  o.p1 = head_dim;
  o.f0 = 1.0f / std::sqrt(static_cast<float>(head_dim));
  o.f1 = step;
  o.worker_scratch_bytes = tensors[y].bytes / (heads * head_dim) * 16;
  o.worker_scratch_offset = reserve(o.worker_scratch_bytes);
  model.worker_scratch_bytes = std::max(model.worker_scratch_bytes, o.worker_scratch_bytes);
  return o;
}

OperatorRecord& QuantizedBuilder::step_embedding(uint32_t y, bool classes, uint8_t activation) {
  const uint32_t n = tensors[y].dims[0];
  const uint32_t steps = step_vector(n, false, 2.0f);
  const uint32_t table = classes ? weights({model.num_classes + 1, n}, 1.0f) : format::none;
  OperatorRecord& o = op(OpKind::step_embedding, {}, {y});
  o.vector = steps;
  o.weights = table;
  o.activation = activation;
  return o;
}

uint32_t QuantizedBuilder::step_vector(uint32_t n, bool by_class, float spread) {
  const uint32_t pitch = (n + 3) / 4 * 4;
  return by_class ? weights({model.num_classes + 1, model.default_steps, pitch}, spread)
                  : weights({model.default_steps, pitch}, spread);
}

void QuantizedBuilder::prove(OperatorRecord* op) const {
  const TensorRecord& w = tensors[op->weights];
  const uint32_t inputs = last_dim(w), first = last_dim(tensors[op->x[0]]);
  int64_t largest = 0;
  for (int i = 0; i < 2 && op->x[i] != format::none; ++i) {
    const TensorRecord& x = tensors[op->x[i]];
    int64_t distance = 32767;
    if (x.dtype == static_cast<uint8_t>(DType::i8)) {
      distance = 0;
      for (uint32_t k = 0; k < slots[x.quant].count; ++k) {
        const int64_t zero = values[slots[x.quant].first + k].zero_point;
        distance = std::max({distance, 127 - zero, zero + 128});
      }
    }
    for (uint32_t o = 0; o < w.dims[0]; ++o) {
      int64_t sum = 0;
      for (uint32_t k = 0; k < w.bytes / w.dims[0]; ++k) {
        const bool mine = (k % inputs < first) == (i == 0);
        const int value = static_cast<int8_t>(data[w.offset + o * (w.bytes / w.dims[0]) + k]);
        if (mine) sum += value < 0 ? -value : value;
      }
      largest = std::max(largest, sum * distance);
    }
  }
  op->flags = static_cast<uint8_t>((largest < (int64_t{1} << 25) ? format::op_sums_below_2_25 : 0) |
                                   (largest < (int64_t{1} << 29) ? format::op_sums_below_2_29 : 0));
}

QuantizedBuilder every_quantized_operator(bool per_step) {
  QuantizedBuilder b(7, 6, 2, 3, per_step);
  b.model.num_classes = 3;
  const auto slot_at = [&](uint32_t tensor) { return b.tensors[tensor].quant; };
  const auto place_of = [&](uint32_t tensor) { return b.tensors[tensor].offset; };

  // The small network that is left of time and class: int16, then codes, then vectors in float.
  const uint32_t embedding = b.wide({11}, 3.0f / 32767);
  b.step_embedding(embedding, true, silu);
  const uint32_t hidden = b.codes({12}, b.random_slot()), active = b.codes({12}, b.random_slot());
  b.s8_linear(embedding, hidden).activation = relu;
  b.s8_activation(hidden, active);
  const uint32_t shift = b.floats({8}), modulation = b.floats({16});
  b.s8_linear(active, shift);
  b.s8_linear(active, modulation).bias = format::none;

  // Full resolution.
  const uint32_t first = b.codes({7, 6, 8});
  b.s8_conv({b.x_t()}, first, 3, 3, 1);
  const uint32_t normal = b.codes({7, 6, 8}, b.random_slot()), skip = b.codes({7, 6, 8});
  b.s8_group_norm({first}, {normal}, 4, 1024);
  OperatorRecord& block = b.s8_conv({normal}, skip, 3, 3, 1);
  block.vector = shift;
  block.residual = first;

  // Half resolution: attention, time as scale and shift.
  const uint32_t pooled = b.codes({3, 3, 8}), strided = b.codes({3, 3, 8});
  b.op(OpKind::average_pool, {skip}, {pooled}).p0 = 2;
  OperatorRecord& down = b.s8_conv({skip}, strided, 3, 3, 0);
  down.stride = 2;
  down.pad_bottom = down.pad_right = 1;
  const uint32_t sum = b.codes_at({3, 3, 8}, place_of(strided), b.activation_slot());
  b.op(OpKind::add, {pooled, strided}, {sum});
  const uint32_t qkv = b.codes({3, 3, 24}), mixed = b.codes({3, 3, 8}), attended = b.codes({3, 3, 8});
  b.s8_linear(sum, qkv);
  b.s8_attention(qkv, mixed, 2, 4);
  b.s8_linear(mixed, attended).residual = sum;
  const uint32_t scaled = b.codes_at({3, 3, 8}, place_of(attended), b.random_slot());
  b.s8_scale_shift(attended, scaled, modulation, 256);
  const uint32_t shifted = b.codes({3, 3, 8}), by_class = b.codes({3, 3, 8});
  b.s8_scale_shift(scaled, shifted, shift, 0);
  const uint32_t class_vector = b.step_vector(16, true, 0.5f);
  b.s8_scale_shift(shifted, by_class, class_vector, 0);

  // Back up, two ways.
  const uint32_t up = b.codes({7, 6, 4}), large = b.codes({6, 6, 8}, slot_at(by_class)), tall = b.codes({7, 6, 4});
  OperatorRecord& upsampled = b.s8_conv({scaled}, up, 3, 3, 1);
  upsampled.upsample = 2;
  upsampled.pad_bottom = 2;
  b.op(OpKind::upsample, {by_class}, {large}).p0 = 2;
  OperatorRecord& flat = b.s8_conv({large}, tall, 2, 1, 0);
  flat.pad_top = flat.pad_bottom = 1;
  flat.activation = relu;
  flat.bias = format::none;

  // Two inputs of different scales: normalised where they lie, across a group of both, convolved together.
  const uint32_t joint = b.random_slot();
  const uint32_t up_normal = b.codes_at({7, 6, 4}, place_of(up), joint);
  const uint32_t skip_normal = b.codes_at({7, 6, 8}, place_of(skip), joint);
  const uint32_t step_modulation = b.step_vector(24, false, 0.5f);
  b.s8_group_norm({up, skip}, {up_normal, skip_normal}, 2, 4096).vector = step_modulation;
  const uint32_t joined = b.codes({7, 6, 5}), plain = b.codes({7, 6, 5});
  const uint32_t step_shift = b.step_vector(5, false, 0.5f);
  OperatorRecord& both = b.s8_conv({up_normal, skip_normal}, joined, 3, 3, 1);
  both.vector = step_shift;
  both.activation = relu;
  OperatorRecord& bare = b.s8_group_norm({joined}, {plain}, 5, 0);
  bare.weights = bare.bias = format::none;
  const uint32_t out = b.floats({7, 6, 2});
  b.s8_conv({plain, tall}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

QuantizedBuilder smallest_quantized() {
  QuantizedBuilder b(4, 4, 1, 3, false);
  const uint32_t y = b.floats({4, 4, 1});
  b.s8_conv({b.x_t()}, y, 3, 3, 1);
  b.model.output_tensor = y;
  return b;
}

QuantizedBuilder random_quantized(uint32_t seed) {
  const uint32_t h = 1 + seed * 7 % 13, w = 1 + seed * 5 % 11, c = 1 + seed % 3, wide = 4 * (1 + seed % 5);
  QuantizedBuilder b(h, w, c, 1 + seed % 4, seed % 2 != 0);
  b.random_state += seed * 1000u;
  const uint32_t first = b.codes({h, w, wide}), second = b.codes({h, w, 8});
  b.s8_conv({b.x_t()}, first, 3, 3, 1);
  b.s8_conv({b.x_t()}, second, 1, 1, 0);
  const uint32_t joint = b.random_slot();
  const uint32_t one = b.codes({h, w, wide}, joint), two = b.codes({h, w, 8}, joint);
  b.s8_group_norm({first, second}, {one, two}, 4, 256u << seed % 5);
  const uint32_t qkv = b.codes({h, w, 3 * wide}), mixed = b.codes({h, w, wide}), sum = b.codes({h, w, wide});
  b.s8_linear(one, qkv);
  b.s8_attention(qkv, mixed, seed % 2 + 1, wide / (seed % 2 + 1));
  b.op(OpKind::add, {mixed, first}, {sum});
  const uint32_t out = b.floats({h, w, c});
  b.s8_conv({sum, two}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

}  // namespace mote::test
