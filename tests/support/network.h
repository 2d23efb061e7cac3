// A model with all its memory, run without a sampler around it.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "format/verify.h"
#include "graph/run.h"
#include "tests/support/model_builder.h"
#include "tests/support/threads.h"

namespace mote::test {

struct Network {
  AlignedBytes file;
  Model model;
  RunContext context;
  Threads threads;
  AlignedBytes arena, worker_scratch, packed, packed_scratch;
  std::vector<float> input;
  Runner runner;

  explicit Network(const Builder& builder, const mote_operator* const* table = mote_all_operators)
      : file(builder.file()) {
    model.operators = table;
    REQUIRE(format::verify(file.data(), file.size(), &model.view, nullptr) == MOTE_OK);
    arena = AlignedBytes(model.view.model->arena_bytes);
    input.resize(model.view.picture_elements());
    for (size_t i = 0; i < input.size(); ++i) input[i] = std::sin(1.0f + static_cast<float>(i) * 0.7f) * 1.5f;
    context.model = &model.view;
    context.arena = arena.data();
    context.input = input.data();
  }
  static uint8_t* align(AlignedBytes* bytes) {
    return bytes->data() + (-reinterpret_cast<uintptr_t>(bytes->data()) & (packed_alignment - 1));
  }
  void use(KernelSet kernels, uint32_t workers, bool pack) {
    context.kernels = kernels;
    const PackedSizes sizes = measure_packed(model, kernels);
    uint8_t* weights = nullptr;
    if (pack && sizes.weights != 0) {
      packed = AlignedBytes(sizes.weights + packed_alignment);
      weights = align(&packed);
      pack_weights(model, kernels, weights);
      packed_scratch = AlignedBytes(sizes.worker_scratch * workers + packed_alignment);
      context.packed_scratch = sizes.worker_scratch == 0 ? nullptr : align(&packed_scratch);
      context.packed_scratch_bytes = sizes.worker_scratch;
    } else {
      context.packed_scratch = nullptr;
    }
    worker_scratch = AlignedBytes(size_t{workers - 1} * model.view.model->worker_scratch_bytes + 1);
    context.worker_scratch = worker_scratch.data();
    threads = {workers > 1 ? parallel_for_threads : nullptr, &workers_used, workers};
    workers_used = workers;
    runner.set_up(&model, context, threads, weights);
  }
  uint32_t workers_used = 1;

  std::vector<float> run(float timestep, uint32_t class_row, uint64_t work = UINT64_MAX, uint32_t step = 0) {
    memset(arena.data(), 0xFF, arena.size());  // NaNs: what is read before it is written shows
    runner.begin(timestep, step, class_row);
    uint64_t budget = work;
    while (!runner.run(&budget)) budget = work;
    const float* y = runner.output();
    return {y, y + model.view.output_elements()};
  }
};

inline std::vector<KernelSet> available_sets() {
  KernelSet sets[kernel_set_count];
  return {sets, sets + kernel_sets_available(sets)};
}

}  // namespace mote::test
