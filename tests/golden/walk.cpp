// One pass through a model, operator by operator, with a look at what each has written: hash_operators() of hashes.h.
// Phases in one piece, or cut at random and given to threads in random order.
#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "core/crc32.h"
#include "diffusion/noise.h"
#include "tests/golden/hashes.h"

namespace mote::golden {
namespace {

constexpr size_t guard_bytes = 64;
constexpr uint8_t guard_value = 0xC3;

// Memory at a multiple of packed_alignment, as the library's own callers have it, before guard bytes.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes_(bytes), storage_(bytes + packed_alignment + guard_bytes) {
    memset(storage_.data(), guard_value, storage_.size());
    memset(data(), 0xFF, bytes);
  }
  uint8_t* data() { return storage_.data() + (-reinterpret_cast<uintptr_t>(storage_.data()) & (packed_alignment - 1)); }
  bool intact() {
    return std::all_of(data() + bytes_, data() + bytes_ + guard_bytes, [](uint8_t b) { return b == guard_value; });
  }

 private:
  size_t bytes_;
  AlignedBytes storage_;
};

// The model's memory and what operators see of it.
struct Walk {
  const Model& model;
  const Way way;
  const PackedSizes sizes;
  Memory arena, worker_scratch, packed, packed_scratch;
  std::vector<float> x;
  RunContext context;
  uint64_t random;

  Walk(const Model& of, const Way& how)
      : model(of),
        way(how),
        sizes(how.packed ? measure_packed(of, how.kernels) : PackedSizes{0, 0}),
        arena(of.view.model->arena_bytes),
        worker_scratch(size_t{how.threads - 1} * of.view.model->worker_scratch_bytes),
        packed(static_cast<size_t>(sizes.weights)),
        packed_scratch(static_cast<size_t>(sizes.worker_scratch) * how.threads),
        x(of.view.picture_elements()),
        random(how.cuts) {
    fill_gaussian(x.data(), 0, static_cast<uint32_t>(x.size()), operator_seed, 0, 0, noise_initial);
    if (sizes.weights != 0) pack_weights(model, way.kernels, packed.data());
    context.model = &model.view;
    context.kernels = way.kernels;
    context.arena = arena.data();
    context.input = x.data();
    context.worker_scratch = worker_scratch.data();
    context.packed_scratch = sizes.worker_scratch == 0 ? nullptr : packed_scratch.data();
    context.packed_scratch_bytes = static_cast<size_t>(sizes.worker_scratch);
  }
  uint32_t below(size_t n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((random >> 33) % n);
  }
  void run_phase(const mote_operator& implementation, const OperatorRecord& op, uint32_t index, const Phase& phase,
                 const void* weights);
  OperatorHash hash(const OperatorRecord& op);
};

void Walk::run_phase(const mote_operator& implementation, const OperatorRecord& op, uint32_t index, const Phase& phase,
                     const void* weights) {
  std::vector<Band> bands;
  for (uint32_t row = 0; row < phase.rows;) {
    const uint32_t rows = way.cuts == 0 ? phase.rows : phase.quantum * (1 + below(3));
    const uint32_t end = std::min(phase.rows, row + rows);
    bands.push_back({index, row, end, 0, weights});
    row = end;
  }
  for (size_t i = bands.size(); way.cuts != 0 && i > 1; --i) std::swap(bands[i - 1], bands[below(i)]);
  std::atomic<size_t> next{0};
  const auto work = [&](uint32_t worker) {
    for (size_t i = next++; i < bands.size(); i = next++) {
      Band band = bands[i];
      band.worker = worker;
      implementation.run(context, op, band);
    }
  };
  std::vector<std::thread> team;
  for (uint32_t w = 1; w < way.threads && w < bands.size(); ++w) team.emplace_back(work, w);
  work(0);
  for (std::thread& thread : team) thread.join();
}

OperatorHash Walk::hash(const OperatorRecord& op) {
  OperatorHash result = {format::kind_text(static_cast<format::OpKind>(op.kind)), {}};
  for (uint32_t y : op.y) {
    if (y == format::none) continue;
    const format::TensorRecord& tensor = model.view.tensors[y];
    result.outputs.push_back(crc32(0, context.arena + tensor.offset, tensor.bytes));
  }
  return result;
}

}  // namespace

std::vector<OperatorHash> hash_operators(const OpenModel& model, const Way& way, int label) {
  Walk walk(model.model, way);
  const format::View& view = model.model.view;
  walk.context.step = 0;
  walk.context.class_index = label == no_class ? view.model->num_classes : static_cast<uint32_t>(label);
  const uint8_t* packed = walk.packed.data();
  std::vector<OperatorHash> hashes;
  for (const OperatorRecord& op : view.operators) {
    const mote_operator& implementation = *find_operator(model.model.operators, view, op);
    const void* weights = nullptr;
    if (walk.sizes.weights != 0 && implementation.packed_bytes != nullptr) {
      const size_t bytes = implementation.packed_bytes(walk.context, op);
      weights = bytes == 0 ? nullptr : packed;
      packed += (bytes + packed_alignment - 1) / packed_alignment * packed_alignment;
    }
    Phase phases[max_phases];
    const uint32_t count = implementation.phases(view, op, phases);
    for (uint32_t p = 0; p < count; ++p) walk.run_phase(implementation, op, p, phases[p], weights);
    hashes.push_back(walk.hash(op));
    if (!walk.arena.intact() || !walk.worker_scratch.intact() || !walk.packed_scratch.intact()) {
      throw std::runtime_error("operator " + std::to_string(hashes.size() - 1) + ", " + hashes.back().kind +
                               ": writes outside of the model's memory");
    }
  }
  return hashes;
}

}  // namespace mote::golden
