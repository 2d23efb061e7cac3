// Operators: what a table passed to mote_open points at, and the memory they see while they run. One file in ops/ for
// each kind and element type. An operator names its own kernels only, so that the linker drops what no table names.
//
// An operator is run in phases, a phase in rows: rows of one phase may run in any order, on any thread, cut anywhere at
// multiples of the phase's quantum; a phase begins when the one before is complete. The bytes written do not depend on
// the cuts.
#pragma once
#include <mote/mote.h>

#include <cstddef>
#include <cstdint>

#include "core/tensor.h"
#include "format/view.h"
#include "kernels/kernels.h"

namespace mote {

using format::OperatorRecord;

struct Phase {
  uint32_t rows;
  uint32_t quantum;       // where rows may be cut
  uint64_t work_per_row;  // multiply-accumulates, or elements where there are none to count; at least 1
};
constexpr uint32_t max_phases = 3;

// Where the tensors of a model are, and what one pass through the network depends on.
struct RunContext {
  const format::View* model = nullptr;
  KernelSet kernels = KernelSet::ref;
  uint8_t* arena = nullptr;           // null: shapes only, activations have no data
  const float* input = nullptr;       // x_t
  uint8_t* worker_scratch = nullptr;  // of the workers from 1 on, ModelRecord::worker_scratch_bytes each
  uint8_t* packed_scratch = nullptr;  // of all workers, packed_scratch_bytes each; null: nothing packed
  size_t packed_scratch_bytes = 0;
  float timestep = 0;
  uint32_t step = 0;         // index of the row in a folded model
  uint32_t class_index = 0;  // row of an embedding: a class, or num_classes for "no class"

  // Tensor `index` of the model, whose elements are of type T; data is null if there is none.
  template <class T = float>
  TensorView<const T> read(uint32_t index) const {
    return view_of<const T>(index, address(index));
  }
  template <class T = float>
  TensorView<T> write(uint32_t index) const {
    return view_of<T>(index, arena_address(index));
  }
  // Operand `vector`: its n values for this step and class; null if there is none.
  const float* read_vector(uint32_t index) const;
  void* shared_scratch(const OperatorRecord& op) const;
  void* scratch_of_worker(const OperatorRecord& op, uint32_t worker) const;

 private:
  const void* address(uint32_t index) const;
  void* arena_address(uint32_t index) const;
  template <class T, class Address>
  TensorView<T> view_of(uint32_t index, Address data) const {
    TensorView<T> view;
    if (index == format::none) return view;
    const format::TensorRecord& tensor = model->tensors[index];
    view.data = static_cast<T*>(data);
    view.rank = tensor.rank;
    for (int i = 0; i < max_rank; ++i) view.dims[i] = static_cast<int32_t>(tensor.dims[i]);
    return view;
  }
};

// Rows [row_begin, row_end) of a phase.
struct Band {
  uint32_t phase, row_begin, row_end;
  uint32_t worker;     // whose scratch to use
  const void* packed;  // the operator's rearranged weights, or null
};

}  // namespace mote

extern "C" {

struct mote_operator {
  mote::format::OpKind kind;
  mote::DType dtype;  // format::operator_dtype of the records it runs
  uint8_t version;    // OperatorRecord::version
  // Fills in the phases and returns how many there are, 1 .. max_phases.
  uint32_t (*phases)(const mote::format::View&, const mote::OperatorRecord&, mote::Phase*);
  void (*run)(const mote::RunContext&, const mote::OperatorRecord&, const mote::Band&);
  // Rearranged weights: how many bytes (a multiple of 64; 0: none), how to make them, and the scratch a worker needs to
  // use them. Null: the operator has none.
  size_t (*packed_bytes)(const mote::RunContext&, const mote::OperatorRecord&);
  void (*pack)(const mote::RunContext&, const mote::OperatorRecord&, void* packed);
  size_t (*packed_scratch_bytes)(const mote::RunContext&, const mote::OperatorRecord&);
};

extern const mote_operator mote_op_conv2d_f32, mote_op_linear_f32, mote_op_group_norm_f32, mote_op_activation_f32,
    mote_op_attention_f32, mote_op_add_f32, mote_op_upsample_f32, mote_op_average_pool_f32,
    mote_op_timestep_embedding_f32, mote_op_class_embedding_f32, mote_op_scale_shift_f32;
// Of quantized models.
extern const mote_operator mote_op_conv2d_s8, mote_op_linear_s8, mote_op_group_norm_s8, mote_op_activation_s8,
    mote_op_attention_s8, mote_op_add_s8, mote_op_upsample_s8, mote_op_average_pool_s8, mote_op_scale_shift_s8,
    mote_op_quantize_s16, mote_op_step_embedding_s16;

}  // extern "C"

namespace mote {

// The operator of a null-ended table that runs `op`, or null.
const mote_operator* find_operator(const mote_operator* const* table, const format::View& view,
                                   const OperatorRecord& op);

}  // namespace mote
