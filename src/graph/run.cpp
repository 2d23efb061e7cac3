#include "graph/run.h"

namespace mote {
namespace {

uint32_t round_up(uint32_t value, uint32_t quantum) { return (value + quantum - 1) / quantum * quantum; }

// A context in which operators can tell sizes: no activations, but constants.
RunContext shapes_only(const Model& model, KernelSet kernels) {
  RunContext context;
  context.model = &model.view;
  context.kernels = kernels;
  return context;
}

size_t align_packed(size_t bytes) { return (bytes + packed_alignment - 1) & ~(packed_alignment - 1); }

size_t packed_bytes_of(const mote_operator& implementation, const RunContext& context, const OperatorRecord& op) {
  return implementation.packed_bytes == nullptr ? 0 : align_packed(implementation.packed_bytes(context, op));
}

}  // namespace

Status check_operator_table(const Model& model) {
  for (const OperatorRecord& op : model.view.operators) {
    if (find_operator(model.operators, model.view, op) == nullptr) return MOTE_E_MISSING_OPERATOR;
  }
  return MOTE_OK;
}

Work measure_work(const Model& model) {
  Work work = {0, 0};
  for (const OperatorRecord& op : model.view.operators) {
    Phase phases[max_phases];
    const uint32_t count = find_operator(model.operators, model.view, op)->phases(model.view, op, phases);
    for (uint32_t i = 0; i < count; ++i) {
      work.total += phases[i].rows * phases[i].work_per_row;  // format::max_macs bounds the sum
      const uint32_t rows = phases[i].rows < phases[i].quantum ? phases[i].rows : phases[i].quantum;
      if (rows * phases[i].work_per_row > work.largest_band) work.largest_band = rows * phases[i].work_per_row;
    }
  }
  return work;
}

PackedSizes measure_packed(const Model& model, KernelSet kernels) {
  const RunContext context = shapes_only(model, kernels);
  PackedSizes sizes = {0, 0};
  for (const OperatorRecord& op : model.view.operators) {
    const mote_operator& implementation = *find_operator(model.operators, model.view, op);
    const size_t bytes = packed_bytes_of(implementation, context, op);
    if (bytes == 0) continue;
    sizes.weights += bytes;
    if (implementation.packed_scratch_bytes == nullptr) continue;
    const uint64_t scratch = align_packed(implementation.packed_scratch_bytes(context, op));
    if (scratch > sizes.worker_scratch) sizes.worker_scratch = scratch;
  }
  return sizes;
}

void pack_weights(const Model& model, KernelSet kernels, void* packed) {
  const RunContext context = shapes_only(model, kernels);
  uint8_t* at = static_cast<uint8_t*>(packed);
  for (const OperatorRecord& op : model.view.operators) {
    const mote_operator& implementation = *find_operator(model.operators, model.view, op);
    const size_t bytes = packed_bytes_of(implementation, context, op);
    if (bytes == 0) continue;
    implementation.pack(context, op, at);
    at += bytes;
  }
}

void Runner::set_up(const Model* model, const RunContext& context, const Threads& threads, const void* packed) {
  model_ = model;
  context_ = context;
  threads_ = threads;
  packed_ = static_cast<const uint8_t*>(packed);
  op_ = static_cast<uint32_t>(model->view.operators.count);
}

void Runner::begin(float timestep, uint32_t step, uint32_t class_index) {
  context_.timestep = timestep;
  context_.step = step;
  context_.class_index = class_index;
  op_ = 0;
  work_done_ = 0;
  packed_offset_ = 0;
  enter_operator();
}

void Runner::enter_operator() {
  phase_ = 0;
  row_ = 0;
  if (complete()) return;
  const OperatorRecord& op = model_->view.operators[op_];
  implementation_ = find_operator(model_->operators, model_->view, op);
  phase_count_ = implementation_->phases(model_->view, op, phases_);
  const size_t bytes = packed_ == nullptr ? 0 : packed_bytes_of(*implementation_, context_, op);
  op_packed_ = bytes == 0 ? nullptr : packed_ + packed_offset_;
  packed_offset_ += bytes;
}

namespace {

// The rows that a budget pays for: whole quanta, at least one, at most `left`. Found bit by bit, for a small processor
// would need a library for 64-bit division.
uint32_t affordable_rows(const Phase& phase, uint64_t budget, uint32_t left) {
  if (phase.work_per_row * left <= budget) return left;
  uint32_t quanta = 0;
  for (uint32_t bit = uint32_t{1} << 31; bit != 0; bit >>= 1) {
    const uint32_t more = quanta | bit;
    if (uint64_t{more} * phase.quantum <= left && phase.work_per_row * (more * phase.quantum) <= budget) quanta = more;
  }
  const uint32_t rows = quanta == 0 ? phase.quantum : quanta * phase.quantum;
  return rows < left ? rows : left;
}

}  // namespace

bool Runner::run(uint64_t* budget) {
  while (!complete()) {
    const Phase& phase = phases_[phase_];
    const uint32_t rows = affordable_rows(phase, *budget, phase.rows - row_);
    run_rows(row_, row_ + rows);
    const uint64_t work = rows * phase.work_per_row;
    finish_rows(rows);
    work_done_ += work;
    *budget = *budget > work ? *budget - work : 0;
    if (*budget == 0) break;
  }
  return complete();
}

void Runner::finish_rows(uint32_t rows) {
  row_ += rows;
  if (row_ < phases_[phase_].rows) return;
  row_ = 0;
  if (++phase_ < phase_count_) return;
  ++op_;
  enter_operator();
}

namespace {

// The rows of one phase, cut into bands for the workers.
struct Job {
  const mote_operator* implementation;
  const RunContext* context;
  const OperatorRecord* op;
  const void* packed;
  uint32_t phase, row_begin, row_end, rows_per_band;
};

}  // namespace

// A function of its own in every build: tests/targets/counts counts instructions where each band begins.
[[gnu::noinline]] void Runner::run_job(void* argument, uint32_t index, uint32_t worker) {
  const Job& job = *static_cast<const Job*>(argument);
  const uint32_t begin = job.row_begin + index * job.rows_per_band;
  const uint32_t end = job.row_end - begin < job.rows_per_band ? job.row_end : begin + job.rows_per_band;
  job.implementation->run(*job.context, *job.op, {job.phase, begin, end, worker, job.packed});
}

void Runner::run_rows(uint32_t row_begin, uint32_t row_end) {
  const Phase& phase = phases_[phase_];
  Job job = {implementation_, &context_, &model_->view.operators[op_], op_packed_, phase_, row_begin, row_end, 0};
  const uint32_t rows = row_end - row_begin;
  if (threads_.workers <= 1 || rows <= phase.quantum || rows * phase.work_per_row < parallel_work) {
    job.rows_per_band = rows;
    run_job(&job, 0, 0);
    return;
  }
  // A few bands a worker even out workers of different speed.
  constexpr uint32_t bands_per_worker = 2;
  const uint32_t bands = (threads_.workers < rows ? threads_.workers : rows) * bands_per_worker;
  job.rows_per_band = round_up((rows + bands - 1) / bands, phase.quantum);
  threads_.parallel_for(threads_.context, (rows + job.rows_per_band - 1) / job.rows_per_band, run_job, &job);
}

}  // namespace mote
