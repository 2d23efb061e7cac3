// The writer of model files: the bytes where SPEC.md says they are, read here by offset without the reader, and that
// the runtime's own verification takes them.
#include "weights_tool/graph/writer.h"

#include <doctest/doctest.h>
#include <mote/mote.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/commands/tiny_model.h"
#include "tests/graph/quantized_graph.h"
#include "tests/io/support.h"
#include "tests/train/graph_maker.h"
#include "weights_tool/commands/model_buffer.h"
#include "weights_tool/graph/plan_rewrite.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

uint32_t word(const std::vector<uint8_t>& bytes, size_t at) {
  return uint32_t{bytes[at]} | uint32_t{bytes[at + 1]} << 8 | uint32_t{bytes[at + 2]} << 16 |
         uint32_t{bytes[at + 3]} << 24;
}

// IEEE 802.3, a bit at a time.
uint32_t slow_crc(const uint8_t* bytes, size_t size) {
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
  }
  return ~crc;
}

struct Found {
  size_t offset = 0, length = 0;
};
// A section by its name in the file.
Found section(const std::vector<uint8_t>& bytes, const char* name) {
  for (uint32_t i = 0; i < word(bytes, 16); ++i) {
    const size_t at = 32 + 16 * i;
    if (std::memcmp(bytes.data() + at, name, 4) == 0) return {word(bytes, at + 8), word(bytes, at + 12)};
  }
  return {};
}

std::string refusal(const Graph& graph, const MemoryPlan& plan, const DiffusionInfo& info) {
  try {
    write_model(graph, plan, info, Json());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a written model has its header, checksum and sections where SPEC.md says") {
  const std::vector<uint8_t> bytes = test::tiny_model();
  CHECK(std::memcmp(bytes.data(), "MOTE", 4) == 0);
  CHECK(word(bytes, 4) == (1u | 32u << 16));  // version 1, header of 32 bytes
  CHECK(word(bytes, 8) == bytes.size());
  CHECK(word(bytes, 12) == slow_crc(bytes.data() + 16, bytes.size() - 16));
  for (const char* name : {"MODL", "TENS", "OPER", "SCHD", "ROWS", "NAME", "META", "DATA"}) {
    CAPTURE(name);
    const Found found = section(bytes, name);
    CHECK(found.length > 0);
    CHECK(found.offset % 16 == 0);
    CHECK(found.offset + found.length <= bytes.size());
  }
  CHECK(section(bytes, "MODL").length == 64);
  CHECK(section(bytes, "ROWS").length == 5 * 64);
  CHECK(section(bytes, "SCHD").length == 50 * 4);
  CHECK(section(bytes, "DATA").offset % 64 == 0);
  const Found model = section(bytes, "MODL");
  const uint32_t expected[] = {8, 12, 1, 1, 3, 50, 2, 5};  // height ... default_steps
  for (size_t i = 0; i < 8; ++i) CHECK(word(bytes, model.offset + 4 * i) == expected[i]);
  const Found meta = section(bytes, "META");
  CHECK(std::string(reinterpret_cast<const char*>(bytes.data()) + meta.offset, meta.length) ==
        R"({"made":"by a test"})");
}

TEST_CASE("constants lie at multiples of 64 and hold the graph's values") {
  const Graph graph = test::tiny_graph();
  const std::vector<uint8_t> bytes = write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json());
  const Found tensors = section(bytes, "TENS"), data = section(bytes, "DATA");
  REQUIRE(tensors.length == graph.tensors.size() * 32);
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    const size_t record = tensors.offset + 32 * t;
    if (graph.tensors[t].role != Role::parameter) continue;
    CHECK(bytes[record] == 1);      // f32
    CHECK(bytes[record + 1] == 2);  // constant
    const size_t offset = word(bytes, record + 20), length = word(bytes, record + 24);
    CHECK(offset % 64 == 0);
    REQUIRE(length == 4 * graph.tensors[t].values.size());
    CHECK(std::memcmp(bytes.data() + data.offset + offset, graph.tensors[t].values.data(), length) == 0);
  }
}

TEST_CASE("the runtime opens and checks what the writer writes") {
  for (int channels : {1, 3}) {
    const ModelBuffer model(test::tiny_model(channels), "tiny.mote");
    CHECK(mote_check(model.model()) == MOTE_OK);
    CHECK(model.info().channels == static_cast<uint32_t>(channels));
    CHECK(model.info().num_classes == 3);
    CHECK(model.info().parameters == graph_parameters(test::tiny_graph(channels)));
    CHECK(model.info().macs == static_cast<uint64_t>(graph_macs(test::tiny_graph(channels))));
    CHECK(model.info().arena_bytes == plan_memory(test::tiny_graph(channels)).arena_bytes);
  }
}

TEST_CASE("the runtime takes every operator the graph has, in the planner's order and places") {
  test::GraphMaker maker(8, 8, 2);
  const int time = maker.linear(maker.time_vector(6), 16, Activation::silu);
  const int time2 = maker.simple(OpKind::add, time, maker.class_vector(16, 4));
  test::GraphMaker::Conv shifted;
  shifted.shift = maker.linear(time2, 8);
  const int a = maker.conv({maker.graph.input, -1}, 8, shifted);
  const int pooled = maker.simple(OpKind::average_pool, a);
  const int up = maker.simple(OpKind::upsample, pooled);
  const int sum = maker.simple(OpKind::add, up, a);
  const int scaled = maker.simple(OpKind::scale_shift, sum, maker.linear(time2, 16), Activation::gelu);
  const int normal = maker.group_norm({scaled, a}, 4, Activation::silu, maker.linear(time2, 32));
  const int qkv = maker.conv({normal, -1}, 24, {1, 1, 1, 0, 0});
  const int attention = maker.attention(qkv, 2);
  const int relu = maker.simple(OpKind::activation, attention, -1, Activation::relu);
  const int strided = maker.conv({relu, -1}, 8, {3, 2, 1, 0, 1});
  maker.conv({strided, -1}, 2, {3, 1, 2, 1, 1});
  split_concat_norms(maker.graph);
  const Graph& graph = maker.graph;
  const ModelBuffer model(write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json()), "all.mote");
  CHECK(mote_check(model.model()) == MOTE_OK);
  CHECK(model.info().num_classes == 4);
}

TEST_CASE("a quantized model has its types, scales, codes and flags where SPEC.md says, and no schedule") {
  const Graph graph = test::quantized_graph();
  const MemoryPlan plan = plan_memory(graph);
  const std::vector<uint8_t> bytes = write_model(graph, plan, test::tiny_diffusion(4), Json());
  const Found model = section(bytes, "MODL"), tensors = section(bytes, "TENS"), operators = section(bytes, "OPER");
  const Found quant = section(bytes, "QUAN"), data = section(bytes, "DATA");
  CHECK(section(bytes, "SCHD").offset == 0);
  CHECK(section(bytes, "ROWS").length == 4 * 64);
  CHECK(data.offset % 16 == 0);
  CHECK(word(bytes, model.offset + 20) == 50);       // training steps
  CHECK((word(bytes, model.offset + 32) & 1) == 1);  // folded

  const uint32_t slots = word(bytes, quant.offset), values = word(bytes, quant.offset + 4);
  REQUIRE(quant.length == 8 + 12 * slots + 8 * values);
  const auto check_scales = [&](uint32_t slot, int index) {
    const Quant& expected = graph.quants[static_cast<size_t>(index)];
    REQUIRE(slot < slots);
    const size_t at = quant.offset + 8 + 12 * slot;
    CHECK(word(bytes, at) == (expected.per_step ? 2u : 1u));
    REQUIRE(word(bytes, at + 8) == expected.values.size());
    const size_t first = quant.offset + 8 + 12 * slots + 8 * word(bytes, at + 4);
    CHECK(std::memcmp(bytes.data() + first, expected.values.data(), 8 * expected.values.size()) == 0);
  };

  REQUIRE(tensors.length == graph.tensors.size() * 32);
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    CAPTURE(t);
    const Tensor& tensor = graph.tensors[t];
    const size_t record = tensors.offset + 32 * t;
    const int type = tensor.dtype == DType::f32   ? 1
                     : tensor.dtype == DType::i8  ? 2
                     : tensor.dtype == DType::i16 ? 3
                                                  : 5;
    const int64_t size = type == 1 ? 4 : type == 3 ? 2 : 1;
    CHECK(bytes[record] == type);
    CHECK(word(bytes, record + 24) == tensor.elements() * size);
    if (tensor.quant < 0)
      CHECK(word(bytes, record + 28) == 0xFFFFFFFFu);
    else
      check_scales(word(bytes, record + 28), tensor.quant);
    if (tensor.role != Role::parameter) continue;
    const size_t offset = word(bytes, record + 20);
    CHECK(offset % 16 == 0);
    const void* expected = type == 1 ? static_cast<const void*>(tensor.values.data()) : tensor.codes.data();
    CHECK(std::memcmp(bytes.data() + data.offset + offset, expected, word(bytes, record + 24)) == 0);
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[static_cast<size_t>(plan.order[n])];
    CAPTURE(node.name);
    const size_t record = operators.offset + 96 * n;
    CHECK((word(bytes, record) & 0xFFFF) == static_cast<uint32_t>(node.kind));
    CHECK(bytes[record + 65] == node.proofs);
    float step;
    std::memcpy(&step, bytes.data() + record + 80, 4);
    CHECK(step == node.table_step);
    if (node.quant < 0)
      CHECK(word(bytes, record + 84) == 0xFFFFFFFFu);
    else
      check_scales(word(bytes, record + 84), node.quant);
  }
}

TEST_CASE("the runtime opens and checks a quantized model with every operator that such a model may have") {
  const Graph graph = test::quantized_graph(3);
  const ModelBuffer model(write_model(graph, plan_memory(graph), test::tiny_diffusion(4), Json()), "q.mote");
  CHECK(mote_check(model.model()) == MOTE_OK);
  CHECK(model.info().arena_bytes == plan_memory(graph).arena_bytes);
  CHECK(model.info().macs == static_cast<uint64_t>(graph_macs(graph)));
}

TEST_CASE("equal scales are stored once, and those that nothing names not at all") {
  test::QuantizedMaker m(4, 4, 1);
  const int x = m.quantize(m.graph.input), a = m.quant(1), b = m.quant(1);
  m.quant(7);
  m.graph.quants[static_cast<size_t>(b)] = m.graph.quants[static_cast<size_t>(a)];
  m.conv(m.conv(m.conv(x, -1, 2, 3, a), -1, 2, 3, b), -1, 1, 3, -1);
  const std::vector<uint8_t> bytes = write_model(m.graph, plan_memory(m.graph), test::tiny_diffusion(4), Json());
  const Found quant = section(bytes, "QUAN");
  CHECK(word(bytes, quant.offset) == 1 + 1 + 3);  // x_t, both activations, three weights
  CHECK(word(bytes, quant.offset + 4) == 1 + 1 + 2 + 2 + 1);
}

TEST_CASE("a folded model needs no schedule, only its steps") {
  const Graph graph = test::quantized_graph();
  const MemoryPlan plan = plan_memory(graph);
  DiffusionInfo info = test::tiny_diffusion(4);
  const std::vector<uint8_t> bytes = write_model(graph, plan, info, Json());
  info.rows = default_rows(info, graph.prediction);
  info.schedule.clear();
  CHECK(write_model(graph, plan, info, Json()) == bytes);
  info.rows.pop_back();
  CHECK(refusal(graph, plan, info).find("row") != std::string::npos);
}

TEST_CASE("what a quantized model cannot hold is refused by name") {
  const Graph good = test::quantized_graph();
  const MemoryPlan plan = plan_memory(good);
  const size_t weights = static_cast<size_t>(good.nodes.back().weights);
  Graph graph = good;
  graph.tensors[weights].quant = -1;
  CHECK(refusal(graph, plan, test::tiny_diffusion(4)).find(good.tensors[weights].name + " has no scales") !=
        std::string::npos);
  graph = good;
  graph.tensors[weights].quant = 1000;
  CHECK(refusal(graph, plan, test::tiny_diffusion(4)).find("does not have") != std::string::npos);
  graph = good;
  graph.tensors[weights].codes.pop_back();
  CHECK(refusal(graph, plan, test::tiny_diffusion(4)).find("has no values") != std::string::npos);
  graph = good;
  graph.tensors[weights].dtype = DType::i16;
  CHECK(refusal(graph, plan, test::tiny_diffusion(4)).find("neither float32 nor of bytes") != std::string::npos);
}

TEST_CASE("the same graph always gives the same bytes") { CHECK(test::tiny_model() == test::tiny_model()); }

TEST_CASE("a file of constants made one at a time has the bytes of one of constants in memory") {
  Graph graph = test::tiny_training_graph(1);
  prepare_for_inference(graph);
  const MemoryPlan plan = plan_memory(graph);
  DiffusionInfo info;
  info.schedule = {-0.1f, -0.3f, 0.4f};
  info.default_steps = 2;
  const std::vector<uint8_t> expected = write_model(graph, plan, info, Json("origin"));
  const ::test::TemporaryFolder folder;
  CHECK(write_model_file(folder / "values", graph, plan, info, Json("origin"), false) == expected.size());
  CHECK(::test::load(folder / "values") == expected);
  for (Tensor& tensor : graph.tensors) {
    if (tensor.values.empty()) continue;
    tensor.fill = [values = tensor.values](const Tensor& of, float* to) {
      CHECK(static_cast<size_t>(of.elements()) == values.size());
      std::copy(values.begin(), values.end(), to);
    };
    tensor.values.clear();
  }
  CHECK(write_model(graph, plan, info, Json("origin")) == expected);
  write_model_file(folder / "filled", graph, plan, info, Json("origin"), false);
  CHECK(::test::load(folder / "filled") == expected);
}

TEST_CASE("tensors that no operator names are left out") {
  Graph graph = test::tiny_graph();
  Tensor unused;
  unused.role = Role::parameter;
  unused.values = {1.0f};
  const std::vector<uint8_t> before = write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json());
  graph.tensors.push_back(unused);
  CHECK(write_model(graph, plan_memory(graph), test::tiny_diffusion(), Json()) == before);
}

TEST_CASE("what a model file cannot hold is refused by name") {
  const Graph good = test::tiny_graph();
  const MemoryPlan plan = plan_memory(good);
  Graph graph = good;
  graph.nodes[3].kind = op_dropout;
  CHECK(refusal(graph, plan, test::tiny_diffusion()).find("dropout") != std::string::npos);
  graph = good;
  graph.tensors[static_cast<size_t>(graph.nodes.back().weights)].values.pop_back();
  CHECK(refusal(graph, plan, test::tiny_diffusion()).find("has no values") != std::string::npos);
  CHECK(refusal(good, plan, test::tiny_diffusion(51)).find("51 steps") != std::string::npos);
  CHECK(refusal(good, plan, test::tiny_diffusion(0)).find("0 steps") != std::string::npos);
  DiffusionInfo rising = test::tiny_diffusion();
  std::swap(rising.schedule[9], rising.schedule[40]);
  CHECK(refusal(good, plan, rising).find("noise does not fall") != std::string::npos);
}

TEST_CASE("default rows are DDIM on trailing timesteps") {
  const std::vector<format::RowRecord> rows = default_rows(test::tiny_diffusion(), Prediction::v);
  REQUIRE(rows.size() == 5);
  // round(50 * (5 - i) / 5) - 1
  for (int i = 0; i < 5; ++i) CHECK(rows[static_cast<size_t>(i)].timestep == 49 - 10 * i);
  for (const format::RowRecord& row : rows) {
    CHECK(row.D == 0.0f);
    CHECK(row.clip_hi == 1.0f);
    CHECK(row.clip_lo == -1.0f);
  }
  // The last step ends at the picture itself: x' = p.
  CHECK(rows[4].A == doctest::Approx(1.0f));
  CHECK(rows[4].B == doctest::Approx(0.0f));
}

}  // namespace mote::tool
