// The recorded hashes of tests/golden/hashes.txt, on every kernel set this processor has: the bytes of the noise, of
// every tensor of a step and of finished pictures, with weights as stored and packed, on one thread and on several,
// however the work is cut. What they were computed with, and how to record others: the head of hashes.txt.
#include <doctest/doctest.h>

#include <set>
#include <utility>

#include "kernels/kernels_s8.h"
#include "tests/golden/hashes.h"

namespace mote::golden {
namespace {

// Beyond this many multiply-accumulates a pass not every way to run a model draws every picture.
constexpr uint64_t large_macs = 4u << 20;

const std::string root = std::string(MOTE_TEST_DATA) + "/../../";

const std::vector<ModelHashes>& recorded() {
  static const std::vector<ModelHashes> all = parse_hashes(read_text(root + "tests/golden/hashes.txt"));
  return all;
}

bool is_large(const OpenModel& model) { return model.model.view.macs > large_macs; }

// Two ways for each set and form of the weights: whole on one thread, and in pieces on three.
std::vector<Way> ways_of(const OpenModel& model) {
  KernelSet sets[kernel_set_count];
  const int count = kernel_sets_available(sets);
  std::vector<Way> ways;
  for (int i = 0; i < count; ++i) {
    // avx512 has no int8 kernels of its own: a large model need not run avx2's twice.
    if (is_large(model) && sets[i] == KernelSet::avx512 && i + 1 < count) continue;
    for (const bool packed : {false, true}) {
      if (packed && measure_packed(model.model, sets[i]).weights == 0) continue;
      ways.push_back({sets[i], packed, 1, 0});
      ways.push_back({sets[i], packed, 3, 7});
    }
  }
  return ways;
}

}  // namespace

TEST_SUITE_BEGIN("golden");

TEST_CASE("golden: the models of the list use every int8 operator, classes and none, scales of both kinds") {
  std::set<std::string> kinds;
  bool classes[2] = {}, per_step[2] = {}, proofs[3] = {}, inputs[2] = {};
  std::set<uint32_t> tables;
  for (const ModelHashes& hashes : recorded()) {
    const OpenModel model(root + hashes.file);
    const format::View& view = model.model.view;
    REQUIRE(view.quantized());
    classes[view.model->num_classes != 0] = true;
    bool steps = false;
    for (const format::QuantSlot& slot : view.quant_slots) steps = steps || slot.scheme == format::quant_per_step;
    per_step[steps] = true;
    for (const format::OperatorRecord& op : view.operators) {
      kinds.insert(format::kind_text(static_cast<format::OpKind>(op.kind)));
      if (op.kind == static_cast<uint16_t>(format::OpKind::group_norm)) {
        tables.insert(op.residual == format::none ? 0 : view.tensors[op.residual].dims[0]);
      }
      if (op.kind != static_cast<uint16_t>(format::OpKind::conv2d)) continue;
      inputs[op.x[1] != format::none] = true;
      proofs[(op.flags & format::op_sums_below_2_25) != 0 ? 2 : (op.flags & format::op_sums_below_2_29) != 0] = true;
    }
  }
  CHECK(kinds.size() == 11);
  CHECK((classes[0] && classes[1] && per_step[0] && per_step[1] && inputs[0] && inputs[1]));
  CHECK((proofs[0] && proofs[1] && proofs[2]));
  CHECK(tables == std::set<uint32_t>{0, 256, 512, 1024, 2048, 4096});
}

TEST_CASE("golden: noise and every tensor of a step have the recorded bytes, whatever runs the operators") {
  for (const ModelHashes& hashes : recorded()) {
    INFO(hashes.file);
    const OpenModel model(root + hashes.file);
    CHECK(hash_noise(model) == hashes.noise);
    for (const Way& way : ways_of(model)) {
      const std::vector<OperatorHash> found = hash_operators(model, way, hashes.label);
      CHECK_MESSAGE(first_difference(model, hashes.operators, found) == "", way_text(way));
    }
  }
}

TEST_CASE("golden: pictures have the recorded bytes, whatever draws them") {
  for (const ModelHashes& hashes : recorded()) {
    INFO(hashes.file);
    const OpenModel model(root + hashes.file);
    CHECK(hashes.images.size() == labels_of(model.model).size() * 2);
    bool first_way = true;
    for (const Way& way : ways_of(model)) {
      size_t count = hashes.images.size();
      if (is_large(model) && !first_way) count = way.kernels == KernelSet::ref && way.threads > 1 ? 0 : 1;
      first_way = false;
      for (size_t i = 0; i < count; ++i) {
        const ImageHash& image = hashes.images[i];
        INFO(way_text(way));
        INFO("seed ", image.seed, ", class ", image.label);
        CHECK(hash_image(model, way, image.seed, image.label) == image.floats);
      }
    }
  }
}

TEST_SUITE_END();

}  // namespace mote::golden
