// Two kinds of models: operators put together by hand with tests/support/quantized_builder.h, for every shape and form
// the kernels tell apart, and random UNets that weights_tool's quantizer made int8. Not for a test to run: what it
// writes is checked in.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "tests/commands/tiny_model.h"
#include "tests/golden/golden_models.h"
#include "tests/support/quantized_builder.h"
#include "weights_tool/diffusion/schedules.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/graph/unet.h"
#include "weights_tool/quantize/quantize.h"

namespace mote::golden {
namespace {

using format::OperatorRecord;
using format::OpKind;
using test::QuantizedBuilder;
using Codes = uint32_t;  // a tensor

constexpr uint8_t relu = 3;

void set_pads(OperatorRecord* op, int top, int left, int bottom, int right) {
  op->pad_top = static_cast<uint8_t>(top);
  op->pad_left = static_cast<uint8_t>(left);
  op->pad_bottom = static_cast<uint8_t>(bottom);
  op->pad_right = static_cast<uint8_t>(right);
}

// 13 x 9 x 3: channels that are no multiples of 8, all sizes of kernels, strides and pads on some sides only.
QuantizedBuilder odd_shapes() {
  QuantizedBuilder b(13, 9, 3, 3, true);
  b.random_state = 101;
  const Codes first = b.codes({13, 9, 7}), five = b.codes({13, 9, 13}), wide = b.codes({13, 9, 5});
  b.s8_conv({b.x_t()}, first, 5, 5, 2);
  b.s8_conv({first}, five, 5, 5, 2).activation = relu;
  set_pads(&b.s8_conv({five}, wide, 1, 7, 0), 0, 3, 0, 3);
  const Codes down = b.codes({6, 4, 11}), tiny = b.codes({3, 2, 17}), steep = b.codes({5, 3, 9});
  OperatorRecord& strided = b.s8_conv({first, wide}, down, 3, 3, 0);
  strided.stride = 2;
  b.s8_conv({down}, tiny, 2, 2, 0).stride = 2;
  OperatorRecord& thirds = b.s8_conv({first}, steep, 3, 3, 0);
  thirds.stride = 3;
  set_pads(&thirds, 2, 0, 0, 0);
  const Codes up = b.codes({6, 4, 11}), merged = b.codes({6, 4, 11});
  OperatorRecord& enlarged = b.s8_conv({tiny}, up, 3, 3, 1);
  enlarged.upsample = 2;
  OperatorRecord& point = b.s8_conv({up, down}, merged, 1, 1, 0);
  point.residual = down;
  point.activation = relu;
  const Codes full = b.codes({13, 9, 19}), out = b.floats({13, 9, 3});
  OperatorRecord& last_up = b.s8_conv({merged}, full, 2, 3, 0);
  last_up.upsample = 2;
  set_pads(&last_up, 1, 1, 1, 2);
  OperatorRecord& end = b.s8_conv({full, five}, out, 3, 3, 1);
  end.vector = b.step_vector(3, false, 0.5f);
  b.model.output_tensor = out;
  return b;
}

// x_t and a time embedding, as int16, through every kind of convolution and linear they can meet.
QuantizedBuilder wide_inputs() {
  QuantizedBuilder b(11, 7, 5, 2, false);
  b.random_state = 102;
  b.model.num_classes = 4;
  const Codes embedding = b.wide({21}, 3.0f / 32767), bare = b.wide({8}, 2.0f / 32767);
  b.step_embedding(embedding, true, 2);
  b.step_embedding(bare, false, 0);
  const Codes hidden = b.codes({17}, b.random_slot()), shift = b.floats({9}), modulation = b.floats({24});
  b.s8_linear(embedding, hidden).activation = relu;
  b.s8_linear(hidden, shift);
  b.s8_linear(bare, modulation);
  const Codes a = b.codes({11, 7, 9}), point = b.codes({11, 7, 12}), half = b.codes({6, 4, 12}),
              up = b.codes({22, 14, 6}), seven = b.codes({11, 7, 12});
  b.s8_conv({b.x_t()}, a, 3, 3, 1).vector = shift;
  b.s8_conv({b.x_t()}, point, 1, 1, 0);
  OperatorRecord& strided = b.s8_conv({b.x_t()}, half, 3, 3, 1);
  strided.stride = 2;
  b.s8_conv({b.x_t()}, up, 3, 3, 1).upsample = 2;
  b.s8_conv({b.x_t()}, seven, 7, 7, 3).residual = point;
  const Codes scaled = b.codes({11, 7, 12}, b.random_slot()), shrunk = b.codes({11, 7, 6}), sum = b.codes({11, 7, 12});
  b.s8_scale_shift(point, scaled, modulation, 2048);
  b.op(OpKind::average_pool, {up}, {shrunk}).p0 = 2;
  b.op(OpKind::add, {scaled, seven}, {sum});
  const Codes large = b.codes({12, 8, 12}, b.tensors[half].quant), cut = b.codes({11, 7, 12});
  b.op(OpKind::upsample, {half}, {large}).p0 = 2;
  b.s8_conv({large}, cut, 2, 2, 0).residual = sum;
  const Codes joined = b.codes({11, 7, 10}), out = b.floats({11, 7, 5});
  b.s8_conv({cut, shrunk}, joined, 3, 3, 1);
  b.s8_conv({joined, a}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

// Normalisations with every size of table and without, over one input and two, scaled and shifted or not.
QuantizedBuilder normalisations() {
  QuantizedBuilder b(9, 10, 2, 4, true);
  b.random_state = 103;
  b.model.num_classes = 2;
  Codes x = b.codes({9, 10, 12}), skip = b.codes({9, 10, 20});
  b.s8_conv({b.x_t()}, x, 3, 3, 1);
  b.s8_conv({b.x_t()}, skip, 1, 1, 0);
  for (uint32_t entries : {256u, 512u, 1024u, 2048u, 4096u, 0u}) {
    const uint32_t slot = b.random_slot();
    const Codes one = b.codes({9, 10, 12}, slot), two = b.codes({9, 10, 20}, slot), next = b.codes({9, 10, 12});
    const bool modulated = entries % 3 == 1;
    const uint32_t vector = modulated ? b.step_vector(64, entries == 256, 0.5f) : format::none;
    OperatorRecord& both = b.s8_group_norm({x, skip}, {one, two},
                                           entries == 2048  ? 32
                                           : entries == 512 ? 1
                                                            : 4,
                                           entries);
    both.vector = vector;
    b.s8_conv({one, two}, next, 1, 1, 0);
    const Codes normal = b.codes({9, 10, 12}, b.random_slot());
    b.s8_group_norm({next}, {normal}, entries == 1024 ? 12 : 3, entries == 0 ? 0 : 4096 / (entries / 256));
    x = normal;
  }
  const Codes out = b.floats({9, 10, 2});
  b.s8_conv({x}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

// Attention with one head and with several, of rows of a picture and of a picture of one column (a list of tokens),
// queries from a linear operator and from a convolution; heads from 1 to 40 wide.
QuantizedBuilder attentions(uint32_t height, uint32_t width) {
  QuantizedBuilder b(height, width, 2, 2, true);
  b.random_state = 104 + height;
  const Codes x = b.codes({height, width, 24}), qkv1 = b.codes({height, width, 72}), y1 = b.codes({height, width, 24});
  b.s8_conv({b.x_t()}, x, 1, 1, 0);
  b.s8_linear(x, qkv1);
  b.s8_attention(qkv1, y1, 1, 24);
  const Codes mixed = b.codes({height, width, 20}), qkv2 = b.codes({height, width, 60}),
              y2 = b.codes({height, width, 20});
  b.s8_linear(y1, mixed);
  b.s8_conv({mixed, x}, qkv2, 1, 1, 0);
  b.s8_attention(qkv2, y2, 4, 5);
  const Codes qkv3 = b.codes({height, width, 120}), y3 = b.codes({height, width, 40}, b.slot(0.006f, -7));
  b.s8_linear(mixed, qkv3);
  b.s8_attention(qkv3, y3, 1, 40);
  const Codes qkv4 = b.codes({height, width, 18}), y4 = b.codes({height, width, 6}, b.slot(0.004f, 5)),
              sum = b.codes({height, width, 24});
  b.s8_linear(x, qkv4);
  b.s8_attention(qkv4, y4, 6, 1);
  b.s8_conv({y2, y4}, sum, 1, 1, 0).residual = x;
  const Codes out = b.floats({height, width, 2});
  b.s8_conv({sum, y3}, out, 1, 1, 0);
  b.model.output_tensor = out;
  return b;
}

// 3 x 3 convolutions large enough for the exact forms of Winograd, with the proof of 2^25: one input and two, residual,
// enlarged, at odd sizes.
QuantizedBuilder winograd_below_2_25() {
  QuantizedBuilder b(16, 16, 3, 2, true);
  b.random_state = 105;
  const Codes a = b.codes({16, 16, 32}), c = b.codes({16, 16, 32}), half = b.codes({8, 8, 40}),
              low = b.codes({8, 8, 24});
  b.s8_conv({b.x_t()}, a, 3, 3, 1);
  OperatorRecord& block = b.s8_conv({a}, c, 3, 3, 1);
  block.residual = a;
  b.s8_conv({c}, half, 3, 3, 1).stride = 2;
  b.s8_conv({half}, low, 3, 3, 1).activation = relu;
  const Codes up = b.codes({16, 16, 16}), odd = b.codes({15, 14, 9}), out = b.floats({16, 16, 3}),
              last = b.codes({16, 16, 8});
  b.s8_conv({low}, up, 3, 3, 1).upsample = 2;
  set_pads(&b.s8_conv({up}, odd, 3, 3, 0), 1, 0, 0, 0);
  b.s8_conv({up, c}, last, 3, 3, 1);
  const Codes back = b.codes({16, 16, 8});
  set_pads(&b.s8_conv({odd}, back, 2, 3, 0), 1, 2, 1, 2);
  b.s8_conv({last, back}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

// Large weights over many channels: only the proof of 2^29 holds, or none is claimed.
QuantizedBuilder winograd_below_2_29(bool claim) {
  QuantizedBuilder b(10, 12, 1, 2, false);
  b.random_state = claim ? 106 : 107;
  const uint32_t one = b.slot(0.02f, -128), other = b.slot(0.07f, 10);  // the products are largest with zero point -128
  const Codes a = b.codes({10, 12, 120}, one), c = b.codes({10, 12, 9}, other), up = b.codes({20, 24, 8}, other),
              out = b.floats({10, 12, 1}), pooled = b.codes({10, 12, 8});
  const uint32_t bias = b.s8_conv({b.x_t()}, a, 3, 3, 1).bias;
  for (uint32_t o = 0; o < 120; ++o) {  // most of a is above 0, its lowest code
    const float value = b.uniform(1.5f, 3.5f);
    memcpy(&b.data[b.tensors[bias].offset + 4 * o], &value, sizeof value);
  }
  const auto extreme = [&](OperatorRecord* op) {
    const format::TensorRecord& w = b.tensors[op->weights];
    for (uint32_t i = 0; i < w.bytes; ++i) b.data[w.offset + i] = b.uniform(-1, 1) < 0 ? 0x81 : 0x7F;
    b.prove(op);
    if (!claim) op->flags = 0;
  };
  extreme(&b.s8_conv({a}, c, 3, 3, 1));
  OperatorRecord& enlarged = b.s8_conv({a}, up, 3, 3, 1);
  enlarged.upsample = 2;
  extreme(&enlarged);
  b.op(OpKind::average_pool, {up}, {pooled}).p0 = 2;
  b.s8_conv({c, pooled}, out, 3, 3, 1);
  b.model.output_tensor = out;
  return b;
}

// The same with powers of two for scales and biases that are multiples of half a code, so that many sums end in one half
// and have to be rounded to even.
QuantizedBuilder with_ties(QuantizedBuilder b) {
  for (format::QuantValue& value : b.values) {
    if (value.scale != 1.0f / 255) value.scale = std::exp2(std::round(std::log2(value.scale)));  // 1 / 255: of softmax
  }
  for (const OperatorRecord& op : b.operators) {
    const bool sums =
        op.kind == static_cast<uint16_t>(OpKind::conv2d) || op.kind == static_cast<uint16_t>(OpKind::linear);
    if (!sums || op.bias == format::none || b.tensors[op.y[0]].quant == format::none) continue;
    const float half = b.values[b.slots[b.tensors[op.y[0]].quant].first].scale * 0.5f;
    const format::TensorRecord& bias = b.tensors[op.bias];
    for (uint32_t at = bias.offset; at < bias.offset + bias.bytes; at += 4) {
      float value;
      memcpy(&value, &b.data[at], sizeof value);
      value = std::round(value / half) * half;
      memcpy(&b.data[at], &value, sizeof value);
    }
  }
  return b;
}

std::vector<uint8_t> bytes_of(const test::Builder& builder) {
  const test::AlignedBytes file = builder.file();
  return {file.data(), file.data() + file.size()};
}

// A random UNet, its zero convolutions made random too, as int8.
std::vector<uint8_t> quantized_unet(const std::string& config, int steps, tool::TimeForm time, bool per_step,
                                    int table_entries) {
  using namespace tool;
  const Json json = parse_json(config, "golden");
  Graph graph = build_unet(unet_config_from_json(JsonView(json, "golden")), 1);
  graph.train_steps = 50;
  graph.prediction = Prediction::v;
  test::perturb_parameters(graph, 29);
  prepare_for_inference(graph);
  ScheduleOptions schedule;
  schedule.kind = ScheduleKind::cosine;
  schedule.train_steps = 50;
  DiffusionInfo info;
  info.schedule = exact_alpha_bar_table(make_schedule(schedule));
  info.default_steps = steps;
  QuantizeOptions options;
  options.steps = steps;
  options.calibration.pictures = 6;
  options.compared_pictures = 3;
  options.time = time;
  options.graph.per_step = per_step;
  options.graph.table_entries = table_entries;
  return quantize_model(graph, info, Json(), options).bytes;
}

const char* const unet_with_classes =
    R"({"height": 8, "width": 12, "channels": 1, "classes": 3, "base_channels": 4, "multipliers": [1, 2],
        "groups": 2, "time_features": 8, "attention_levels": [1], "heads": 2})";
const char* const unet_without_classes =
    R"({"height": 10, "width": 6, "channels": 3, "base_channels": 6, "multipliers": [1, 2], "groups": 2,
        "time_features": 12, "reduce_on_upsample": false})";
const char* const unet_scaled =
    R"({"height": 8, "width": 8, "channels": 1, "classes": 2, "base_channels": 4, "multipliers": [1, 2], "groups": 4,
        "time_features": 8, "scale_shift": true})";
const char* const unet_resampled =
    R"({"height": 8, "width": 8, "channels": 3, "base_channels": 4, "multipliers": [1, 2], "groups": 2,
        "time_features": 8, "attention_levels": [0, 1], "head_width": 4, "scale_shift": true,
        "resample_blocks": "residual"})";
const char* const unet_signal =
    R"({"height": 1, "width": 40, "channels": 2, "classes": 2, "kernel": 5, "base_channels": 4, "multipliers": [1, 2, 2],
        "groups": 2, "time_features": 8, "attention_levels": [2], "heads": 2})";
const char* const unet_signal_resampled =
    R"({"height": 1, "width": 28, "channels": 1, "kernel": 7, "base_channels": 4, "multipliers": [1, 2], "groups": 4,
        "time_features": 8, "middle_attention": false, "resample_blocks": "residual"})";

}  // namespace

std::vector<NamedModel> golden_models() {
  std::vector<NamedModel> models;
  const auto add = [&](const std::string& name, const test::Builder& b) { models.push_back({name, bytes_of(b)}); };
  add("every_operator_shared", test::every_quantized_operator(false));
  add("every_operator_by_step", test::every_quantized_operator(true));
  for (uint32_t seed : {2u, 3u, 5u, 8u}) add("random_" + std::to_string(seed), test::random_quantized(seed));
  add("ties", with_ties(test::every_quantized_operator(true)));
  add("ties_odd", with_ties(odd_shapes()));
  add("odd_shapes", odd_shapes());
  add("wide_inputs", wide_inputs());
  add("normalisations", normalisations());
  add("attention_picture", attentions(7, 5));
  add("attention_tokens", attentions(29, 1));
  add("winograd_below_2_25", winograd_below_2_25());
  add("winograd_below_2_29", winograd_below_2_29(true));
  add("unproved", winograd_below_2_29(false));
  using tool::TimeForm;
  models.push_back({"unet_classes_folded", quantized_unet(unet_with_classes, 3, TimeForm::folded, true, 256)});
  models.push_back({"unet_classes_network", quantized_unet(unet_with_classes, 3, TimeForm::network, false, 512)});
  models.push_back({"unet_without_classes", quantized_unet(unet_without_classes, 4, TimeForm::smaller, true, 1024)});
  models.push_back({"unet_scaled_and_shifted", quantized_unet(unet_scaled, 3, TimeForm::smaller, true, 256)});
  models.push_back({"unet_resampled", quantized_unet(unet_resampled, 3, TimeForm::folded, true, 256)});
  models.push_back({"unet_signal", quantized_unet(unet_signal, 3, TimeForm::smaller, true, 512)});
  models.push_back({"unet_signal_resampled", quantized_unet(unet_signal_resampled, 2, TimeForm::folded, false, 256)});
  return models;
}

}  // namespace mote::golden
