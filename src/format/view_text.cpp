// Names of the values in a model file, for programs that print them.
#include "format/view.h"

namespace mote::format {

const char* kind_text(OpKind kind) {
  switch (kind) {
    case OpKind::conv2d: return "conv2d";
    case OpKind::linear: return "linear";
    case OpKind::group_norm: return "group_norm";
    case OpKind::activation: return "activation";
    case OpKind::attention: return "attention";
    case OpKind::add: return "add";
    case OpKind::upsample: return "upsample";
    case OpKind::average_pool: return "average_pool";
    case OpKind::timestep_embedding: return "timestep_embedding";
    case OpKind::class_embedding: return "class_embedding";
    case OpKind::scale_shift: return "scale_shift";
    case OpKind::quantize: return "quantize";
    case OpKind::step_embedding: return "step_embedding";
  }
  return "unknown";
}

const char* dtype_text(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::i8: return "i8";
    case DType::i16: return "i16";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
  }
  return "unknown";
}

const char* operator_suffix(DType dtype) {
  switch (dtype) {
    case DType::i8: return "s8";
    case DType::i16: return "s16";
    default: return dtype_text(dtype);
  }
}

}  // namespace mote::format
