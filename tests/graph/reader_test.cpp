// The reader of model files: what was written comes back, and what is broken is refused with its place.
#include "weights_tool/graph/reader.h"

#include <doctest/doctest.h>

#include <cstring>

#include "tests/commands/tiny_model.h"
#include "tests/graph/quantized_graph.h"
#include "weights_tool/io/checksum.h"
#include "weights_tool/io/error.h"

namespace mote::tool {
namespace {

std::string refusal(const std::vector<uint8_t>& bytes) {
  try {
    read_model(bytes, "m.mote");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::invalid_input);
    return error.what();
  }
  return "accepted";
}

bool same_operator(const Node& a, const Node& b) {
  return a.kind == b.kind && a.name == b.name && a.x == b.x && a.y == b.y && a.residual == b.residual &&
         a.vector == b.vector && a.weights == b.weights && a.bias == b.bias && a.kernel_height == b.kernel_height &&
         a.kernel_width == b.kernel_width && a.stride == b.stride && a.upsample == b.upsample &&
         a.pad_top == b.pad_top && a.pad_left == b.pad_left && a.pad_bottom == b.pad_bottom &&
         a.pad_right == b.pad_right && a.activation == b.activation && a.groups == b.groups && a.heads == b.heads &&
         a.head_dim == b.head_dim && a.factor == b.factor && a.flip_sin_cos == b.flip_sin_cos &&
         a.fourier_time == b.fourier_time && a.epsilon == b.epsilon && a.scale == b.scale &&
         a.table_step == b.table_step && a.proofs == b.proofs;
}

}  // namespace

TEST_CASE("a model that is written and read is the same graph in the planned order, with the same plan") {
  const Graph graph = test::tiny_graph();
  const MemoryPlan plan = plan_memory(graph);
  const ModelFile file = read_model(write_model(graph, plan, test::tiny_diffusion(), Json("text")), "tiny.mote");
  REQUIRE(file.graph.nodes.size() == graph.nodes.size());
  REQUIRE(file.graph.tensors.size() == graph.tensors.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    CHECK(same_operator(file.graph.nodes[i], graph.nodes[static_cast<size_t>(plan.order[i])]));
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    CHECK(file.graph.tensors[t].dims == graph.tensors[t].dims);
    CHECK(file.graph.tensors[t].rank == graph.tensors[t].rank);
    CHECK(file.graph.tensors[t].role == graph.tensors[t].role);
    CHECK(file.graph.tensors[t].constant == graph.tensors[t].constant);
    CHECK(file.graph.tensors[t].values == graph.tensors[t].values);
  }
  CHECK(file.graph.input == graph.input);
  CHECK(file.graph.output == graph.output);
  CHECK(file.graph.num_classes == 3);
  CHECK(file.graph.train_steps == 50);
  CHECK(file.graph.prediction == Prediction::v);
  CHECK(file.plan.tensor_offset == plan.tensor_offset);
  CHECK(file.plan.arena_bytes == plan.arena_bytes);
  CHECK(file.plan.lower_bound == plan.lower_bound);
  CHECK(file.plan.worker_scratch_bytes == plan.worker_scratch_bytes);
  CHECK(file.plan.peak_tensors == plan.peak_tensors);
  CHECK(file.diffusion.schedule == test::tiny_diffusion().schedule);
  CHECK(file.diffusion.default_steps == 5);
  CHECK(file.diffusion.rows.size() == 5);
  CHECK(file.meta == Json("text"));
}

TEST_CASE("a model that is read and written again is the same file") {
  const std::vector<uint8_t> bytes = test::tiny_model();
  const ModelFile file = read_model(bytes, "tiny.mote");
  CHECK(write_model(file.graph, file.plan, file.diffusion, file.meta) == bytes);
}

TEST_CASE("a quantized model that is written and read is the same graph, and written again the same file") {
  const Graph graph = test::quantized_graph();
  const MemoryPlan plan = plan_memory(graph);
  const std::vector<uint8_t> bytes = write_model(graph, plan, test::tiny_diffusion(4), Json("text"));
  const ModelFile file = read_model(bytes, "q.mote");
  CHECK(write_model(file.graph, file.plan, file.diffusion, file.meta) == bytes);
  CHECK(file.graph.folded);
  CHECK(file.graph.train_steps == 50);
  const auto same_scales = [&](int a, int b) {
    if (a < 0 || b < 0) return a == b;
    const Quant &p = file.graph.quants[static_cast<size_t>(a)], &q = graph.quants[static_cast<size_t>(b)];
    bool same = p.per_step == q.per_step && p.values.size() == q.values.size();
    for (size_t i = 0; same && i < p.values.size(); ++i)
      same = p.values[i].scale == q.values[i].scale && p.values[i].zero_point == q.values[i].zero_point;
    return same;
  };
  REQUIRE(file.graph.nodes.size() == graph.nodes.size());
  REQUIRE(file.graph.tensors.size() == graph.tensors.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& expected = graph.nodes[static_cast<size_t>(plan.order[i])];
    CHECK(same_operator(file.graph.nodes[i], expected));
    CHECK(same_scales(file.graph.nodes[i].quant, expected.quant));
  }
  for (size_t t = 0; t < graph.tensors.size(); ++t) {
    CHECK(file.graph.tensors[t].dtype == graph.tensors[t].dtype);
    CHECK(file.graph.tensors[t].dims == graph.tensors[t].dims);
    CHECK(file.graph.tensors[t].role == graph.tensors[t].role);
    CHECK(file.graph.tensors[t].codes == graph.tensors[t].codes);
    CHECK(file.graph.tensors[t].values == graph.tensors[t].values);
    CHECK(same_scales(file.graph.tensors[t].quant, graph.tensors[t].quant));
  }
  CHECK(file.plan.tensor_offset == plan.tensor_offset);
  CHECK(file.plan.lower_bound == plan.lower_bound);
  CHECK(file.diffusion.schedule.empty());
  CHECK(file.diffusion.rows.size() == 4);
}

TEST_CASE("bytes that are not aligned are read all the same") {
  const std::vector<uint8_t> bytes = test::tiny_model();
  std::vector<uint8_t> shifted(bytes.size() + 1);
  std::memcpy(shifted.data() + 1, bytes.data(), bytes.size());
  CHECK(read_model(ByteView(shifted.data() + 1, bytes.size()), "m").graph.nodes.size() > 0);
}

TEST_CASE("a model cut anywhere is refused, with its name in front") {
  const std::vector<uint8_t> bytes = test::tiny_model();
  for (size_t size = 0; size < bytes.size(); size += size < 700 ? 1 : 997) {
    CAPTURE(size);
    const std::string line = refusal(std::vector<uint8_t>(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size)));
    CHECK(line.rfind("m.mote: ", 0) == 0);
    CHECK(line.find('\n') == std::string::npos);
  }
}

TEST_CASE("a changed weight is refused by its checksum, a changed record by its rule and place") {
  const std::vector<uint8_t> bytes = test::tiny_model();
  std::vector<uint8_t> broken = bytes;
  broken.back() ^= 1;
  CHECK(refusal(broken).find("checksum") != std::string::npos);
  // The first tensor record: its rank, with a checksum that fits.
  broken = bytes;
  size_t tensors = 0;
  for (size_t at = 32; tensors == 0; at += 16)
    if (std::memcmp(bytes.data() + at, "TENS", 4) == 0) std::memcpy(&tensors, bytes.data() + at + 8, 4);
  broken[tensors + 2] = 7;
  const uint32_t sum = crc32(broken.data() + 16, broken.size() - 16);
  std::memcpy(broken.data() + 12, &sum, 4);
  const std::string line = refusal(broken);
  CHECK(line.find("m.mote: byte " + std::to_string(tensors) + ": tensor 0: ") == 0);
}

}  // namespace mote::tool
