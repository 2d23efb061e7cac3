// Typed access to the bytes of a model file where they lie. A View is only made by verify(); after that every index in
// a record is in range and nothing is checked again. Owns nothing; as good as the bytes it points into.
#pragma once
#include <cstddef>
#include <cstdint>

#include "core/checked.h"
#include "core/tensor.h"
#include "format/format.h"

namespace mote::format {

struct View {
  const uint8_t* bytes = nullptr;
  const Header* header = nullptr;
  const ModelRecord* model = nullptr;
  Span<const TensorRecord> tensors;
  Span<const OperatorRecord> operators;
  Span<const uint8_t> data;           // DATA
  Span<const float> alpha_bar;        // SCHD: [train_steps], see SPEC.md for negative entries; empty: no schedule
  Span<const RowRecord> rows;         // ROWS: [default_steps]; empty: none stored
  Span<const QuantSlot> quant_slots;  // QUAN
  Span<const QuantValue> quant_values;
  Span<const char> names;   // NAME: strings ended by 0
  Span<const char> meta;    // META: JSON text, not ended by 0
  uint32_t parameters = 0;  // elements of all constants
  uint64_t macs = 0;        // multiply-accumulates of one pass

  bool folded() const { return (model->flags & model_folded) != 0; }
  // Whether its operators compute with integers (SPEC.md, "Quantized models").
  bool quantized() const { return !quant_slots.empty(); }
  // Values of a picture x_t, and of the network's output.
  uint32_t picture_elements() const { return model->height * model->width * model->channels; }
  uint32_t output_elements() const { return model->height * model->width * model->out_channels; }

  // The bytes of a constant tensor.
  const void* constant(const TensorRecord& tensor) const { return data.data + tensor.offset; }
  // Whether a tensor is int8 weights, one scale for each output channel; tables are of rank 1.
  bool is_weights(const TensorRecord& tensor) const {
    return tensor.storage == static_cast<uint8_t>(Storage::constant) &&
           tensor.dtype == static_cast<uint8_t>(DType::i8) && tensor.rank > 1;
  }
  // The scale and zero point of a slot in a step: the row of a folded model. For the weights of a convolution, whose
  // slot has one for each output channel: the first.
  const QuantValue& quant_value(uint32_t slot, uint32_t step) const {
    const QuantSlot& s = quant_slots[slot];
    return quant_values[s.first + (s.scheme == quant_per_step ? step : 0)];
  }
  // The name of an operator; "" if it has none, or the file has no names that this library can read.
  const char* name(const OperatorRecord& op) const {
    return op.name == none || names.empty() ? "" : names.data + op.name;
  }
  // Where a record lies in the file.
  uint32_t file_offset(const void* record) const {
    return static_cast<uint32_t>(static_cast<const uint8_t*>(record) - bytes);
  }
};

// The tensors of an operator, by the field that names them.
enum Operand : uint8_t {
  operand_x0,
  operand_x1,
  operand_residual,
  operand_vector,
  operand_weights,
  operand_bias,
  operand_y0,
  operand_y1,
};
constexpr int operand_count = 8;
constexpr int operand_read_count = 6;  // the operands before y0 are read

// The tensor index in that field, or `none`.
uint32_t operand_index(const OperatorRecord& op, int operand);
// Its record, or null.
const TensorRecord* operand_tensor(const View& view, const OperatorRecord& op, int operand);

// The element type that decides which implementation runs an operator: that of its weights for conv2d and linear, else
// of its first output.
DType operator_dtype(const View& view, const OperatorRecord& op);

// "conv2d", "linear", ...; "unknown" for a value that is no OpKind. "f32", "i8", ... alike. Static storage.
const char* kind_text(OpKind kind);
const char* dtype_text(DType dtype);
// How the names of operators end: mote_op_conv2d_"s8" for DType::i8. Static storage.
const char* operator_suffix(DType dtype);

}  // namespace mote::format
