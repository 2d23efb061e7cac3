// Runs the operators of a model, in order, a band of rows at a time. The position between two bands is a few numbers,
// so a pass through the network can stop after any band and go on later. No memory of its own, no recursion.
#pragma once
#include <mote/mote.h>

#include "core/status.h"
#include "graph/operators.h"

namespace mote {

// A verified model and the operators to run it with.
struct Model {
  format::View view;
  const mote_operator* const* operators = nullptr;
};

// MOTE_E_MISSING_OPERATOR if the table lacks an operator of the model.
Status check_operator_table(const Model& model);

// Work, in multiply-accumulates, or elements where an operator has none to count.
struct Work {
  uint64_t total;         // of one pass through the network
  uint64_t largest_band;  // the most that one band does: the longest stretch a bounded run cannot interrupt
};
Work measure_work(const Model& model);

// Bytes of rearranged weights that a kernel set makes for this model, and of the scratch a worker needs to use them.
// Both are multiples of packed_alignment.
constexpr size_t packed_alignment = 64;
struct PackedSizes {
  uint64_t weights;
  uint64_t worker_scratch;
};
PackedSizes measure_packed(const Model& model, KernelSet kernels);
// Makes them at `packed`, which is aligned to packed_alignment and holds measure_packed().weights bytes.
void pack_weights(const Model& model, KernelSet kernels, void* packed);

// How the rows of a phase are spread over workers. Bands smaller than this much work stay on the calling thread: waking
// another costs more than it saves.
constexpr uint64_t parallel_work = 32768;
struct Threads {
  mote_parallel_for_fn parallel_for = nullptr;  // null: the calling thread does everything
  void* context = nullptr;
  uint32_t workers = 1;
};

class Runner {
 public:
  // model, and the memory and hooks named in context and threads, must stay. packed: what pack_weights made, or null.
  void set_up(const Model* model, const RunContext& context, const Threads& threads, const void* packed);

  // Begins a pass: class_index is a row of a class embedding (0 if the model has none), step a row of a folded model.
  void begin(float timestep, uint32_t step, uint32_t class_index);
  // Works until about *budget units of work are done, but at least one band, and takes what was done off *budget (down
  // to 0). True when the pass is complete.
  bool run(uint64_t* budget);

  bool complete() const { return op_ == model_->view.operators.count; }
  uint64_t work_done() const { return work_done_; }
  // The network's output, once the pass is complete: [height][width][out_channels].
  float* output() const { return context_.write(context_.model->model->output_tensor).data; }

 private:
  void enter_operator();
  void finish_rows(uint32_t rows);
  void run_rows(uint32_t row_begin, uint32_t row_end);
  static void run_job(void* job, uint32_t index, uint32_t worker);

  const Model* model_ = nullptr;
  RunContext context_;
  Threads threads_;
  const uint8_t* packed_ = nullptr;

  uint32_t op_ = 0, phase_ = 0, row_ = 0;  // the next band begins here
  uint64_t work_done_ = 0;
  // Of operator op_:
  const mote_operator* implementation_ = nullptr;
  Phase phases_[max_phases] = {};
  uint32_t phase_count_ = 0;
  const uint8_t* op_packed_ = nullptr;  // its packed weights, or null
  size_t packed_offset_ = 0;            // where the packed weights of the operator after it begin
};

}  // namespace mote
