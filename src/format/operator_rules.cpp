#include "format/operator_rules.h"

#include "core/math.h"

namespace mote::format {
namespace {

constexpr uint8_t bit(DType type) { return static_cast<uint8_t>(1u << static_cast<uint8_t>(type)); }
constexpr uint8_t f32 = bit(DType::f32), i8 = bit(DType::i8), i16 = bit(DType::i16), u8 = bit(DType::u8);

constexpr OperandRule no = {Use::absent, Where::anywhere, 0};
constexpr OperandRule must(uint8_t types, Where where = Where::arena) { return {Use::required, where, types}; }
constexpr OperandRule may(uint8_t types, Where where = Where::arena) { return {Use::optional, where, types}; }
constexpr OperandRule never = must(0);  // of a kind that such models cannot use
constexpr Where any = Where::anywhere, fixed = Where::constant;

// Of float models: everything is f32.
constexpr OperandRule must_x = must(f32, any), may_x = may(f32, any), must_w = must(f32, fixed),
                      may_w = may(f32, fixed), must_y = must(f32), may_y = may(f32);
// Of quantized models: activations are i8 and in the arena; steps' vectors may be constants.
constexpr OperandRule must_q = must(i8), may_q = may(i8), table = may(i8, fixed);

constexpr uint8_t on_x0 = 1u << operand_x0, on_x1 = 1u << operand_x1;
constexpr uint8_t flip = op_flip_sin_cos | op_fourier_time, proofs = op_sums_below_2_25 | op_sums_below_2_29;
constexpr Use idle = Use::absent, opt = Use::optional, acts = Use::required;

// clang-format off
// In the order of OpKind, from 1.
constexpr KindRules float_kinds[] = {
    //                      x0      x1      resid  vect    weigh   bias   y0      y1      in place       flags   act.
    /* conv2d */           {{must_x, may_x,  may_x, may_x,  must_w, may_w, must_y, no},    0,             0,      opt},
    /* linear */           {{must_x, no,     may_x, no,     must_w, may_w, must_y, no},    0,             0,      opt},
    /* group_norm */       {{must_x, may_x,  no,    may_x,  may_w,  may_w, must_y, may_y}, on_x0,         0,      opt},
    /* activation */       {{must_x, no,     no,    no,     no,     no,    must_y, no},    on_x0,         0,      acts},
    /* attention */        {{must_x, no,     no,    no,     no,     no,    must_y, no},    0,             0,      idle},
    /* add */              {{must_x, must_x, no,    no,     no,     no,    must_y, no},    on_x0 | on_x1, 0,      idle},
    /* upsample */         {{must_x, no,     no,    no,     no,     no,    must_y, no},    0,             0,      idle},
    /* average_pool */     {{must_x, no,     no,    no,     no,     no,    must_y, no},    0,             0,      idle},
    /* timestep_embed. */  {{no,     no,     no,    no,     must_w, no,    must_y, no},    0,             flip,   idle},
    /* class_embedding */  {{no,     no,     no,    no,     must_w, no,    must_y, no},    0,             0,      idle},
    /* scale_shift */      {{must_x, no,     no,    must_x, no,     no,    must_y, no},    on_x0,         0,      opt},
    /* quantize */         {{never,  no,     no,    no,     no,     no,    never,  no},    0,             0,      idle},
    /* step_embedding */   {{no,     no,     no,    never,  may(0), no,    never,  no},    0,             0,      opt},
};
constexpr OperandRule in = must(i8 | i16), out = must(i8 | f32), weigh = must(i8, fixed), short_y = must(i16);
constexpr KindRules quantized_kinds[] = {
    //                      x0      x1      resid  vect    weigh   bias   y0      y1      in place       flags   act.
    /* conv2d */           {{in,     may_q,  may_q, may_x,  weigh,  may_w, out,    no},    0,             proofs, opt},
    /* linear */           {{in,     no,     may_q, no,     weigh,  may_w, out,    no},    0,             proofs, opt},
    /* group_norm */       {{must_q, may_q,  table, may_x,  may_w,  may_w, must_q, may_q}, on_x0,         0,      opt},
    /* activation */       {{must_q, no,     no,    no,     weigh,  no,    must_q, no},    on_x0,         0,      acts},
    /* attention */        {{must_q, no,     no,    no,     must(u8, fixed), no, must_q, no}, 0,          0,      idle},
    /* add */              {{must_q, must_q, no,    no,     no,     no,    must_q, no},    on_x0 | on_x1, 0,      idle},
    /* upsample */         {{must_q, no,     no,    no,     no,     no,    must_q, no},    0,             0,      idle},
    /* average_pool */     {{must_q, no,     no,    no,     no,     no,    must_q, no},    0,             0,      idle},
    /* timestep_embed. */  {{no,     no,     no,    no,     never,  no,    never,  no},    0,             flip,   idle},
    /* class_embedding */  {{no,     no,     no,    no,     never,  no,    never,  no},    0,             0,      idle},
    /* scale_shift */      {{must_q, no,     table, must_x, no,     no,    must_q, no},    on_x0,         0,      opt},
    /* quantize */         {{must(f32, Where::input), no, no, no, no, no, short_y, no},    0,             0,      idle},
    /* step_embedding */   {{no,     no,     no,    must_w, may_w,  no,    short_y, no},   0,             0,      opt},
};
// clang-format on
static_assert(sizeof float_kinds == sizeof quantized_kinds);

// An operator's tensors, null where it has none.
struct Shapes {
  const ModelRecord& model;
  const OperatorRecord& op;
  const TensorRecord* operands[operand_count];

  const TensorRecord* operator[](int operand) const { return operands[operand]; }
};

bool has_dims(const TensorRecord* t, uint32_t d0) { return t->rank == 1 && t->dims[0] == d0; }
bool has_dims(const TensorRecord* t, uint32_t d0, uint32_t d1) {
  return t->rank == 2 && t->dims[0] == d0 && t->dims[1] == d1;
}
bool has_dims(const TensorRecord* t, uint32_t d0, uint32_t d1, uint32_t d2) {
  return t->rank == 3 && t->dims[0] == d0 && t->dims[1] == d1 && t->dims[2] == d2;
}
bool has_dims(const TensorRecord* t, uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3) {
  return t->rank == 4 && t->dims[0] == d0 && t->dims[1] == d1 && t->dims[2] == d2 && t->dims[3] == d3;
}
bool same_dims(const TensorRecord* a, const TensorRecord* b) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < max_rank; ++i) {
    if (a->dims[i] != b->dims[i]) return false;
  }
  return true;
}
uint32_t last_dim(const TensorRecord* t) { return t->dims[t->rank - 1]; }
uint32_t elements(const TensorRecord* t) { return t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3]; }
// Elements divided by the last dimension.
uint32_t leading(const TensorRecord* t) { return elements(t) / last_dim(t); }
// y has x's dimensions but for the last one, which is `last`.
bool same_but_last(const TensorRecord* x, const TensorRecord* y, uint32_t last) {
  if (x->rank != y->rank || last_dim(y) != last) return false;
  for (int i = 0; i + 1 < x->rank; ++i) {
    if (x->dims[i] != y->dims[i]) return false;
  }
  return true;
}
bool is_picture(const TensorRecord* t) { return t->rank == 3; }

// A vector of n values that may depend on time: an activation or constant [n], or, in a folded model, a constant with
// one row for each step, [steps][n], or each class and step, [classes + 1][steps][n]; rows of constants are padded to
// whole multiples of 4 values, so that each begins at a multiple of 16 bytes.
bool is_vector(const Shapes& s, const TensorRecord* t, uint32_t n) {
  if (has_dims(t, n)) return true;
  if ((s.model.flags & model_folded) == 0 || t->storage != static_cast<uint8_t>(Storage::constant)) return false;
  const uint32_t pitch = (n + 3) & ~3u;
  if (s.model.num_classes != 0 && has_dims(t, s.model.num_classes + 1, s.model.default_steps, pitch)) return true;
  return has_dims(t, s.model.default_steps, pitch);
}

bool in_range(float value) { return is_finite_f32(value) && value >= min_scale && value <= max_scale; }

Rule conv2d(const Shapes& s, OperatorFacts* facts) {
  const OperatorRecord& op = s.op;
  const uint32_t kh = op.kernel_height, kw = op.kernel_width;
  if (op.dilation != 1) return Rule::operator_dilation;
  if (kh < 1 || kh > max_kernel || kw < 1 || kw > max_kernel || op.stride < 1 || op.stride > max_stride ||
      op.upsample < 1 || op.upsample > 2 || op.pad_top >= kh || op.pad_bottom >= kh || op.pad_left >= kw ||
      op.pad_right >= kw) {
    return Rule::operator_geometry;
  }
  const TensorRecord* x = s[operand_x0];
  const TensorRecord* y = s[operand_y0];
  if (!is_picture(x) || !is_picture(y)) return Rule::operator_shapes;
  uint32_t inputs = x->dims[2];
  if (const TensorRecord* second = s[operand_x1]) {
    if (!is_picture(second) || second->dims[0] != x->dims[0] || second->dims[1] != x->dims[1]) {
      return Rule::operator_shapes;
    }
    inputs += second->dims[2];
  }
  const uint32_t outputs = y->dims[2];
  const uint32_t padded_height = x->dims[0] * op.upsample + op.pad_top + op.pad_bottom;
  const uint32_t padded_width = x->dims[1] * op.upsample + op.pad_left + op.pad_right;
  // A signal, one row under a kernel of one row, may be upsampled along its width only.
  const bool one_row = x->dims[0] == 1 && kh == 1 && y->dims[0] == 1;
  if (padded_height < kh || padded_width < kw || (y->dims[0] != (padded_height - kh) / op.stride + 1 && !one_row) ||
      y->dims[1] != (padded_width - kw) / op.stride + 1 || !has_dims(s[operand_weights], outputs, kh, kw, inputs) ||
      (s[operand_bias] && !has_dims(s[operand_bias], outputs)) ||
      (s[operand_vector] && !is_vector(s, s[operand_vector], outputs)) ||
      (s[operand_residual] && !same_dims(s[operand_residual], y))) {
    return Rule::operator_shapes;
  }
  facts->macs = uint64_t{leading(y)} * elements(s[operand_weights]);
  return Rule::kept;
}

Rule linear(const Shapes& s, OperatorFacts* facts) {
  const TensorRecord* x = s[operand_x0];
  const TensorRecord* y = s[operand_y0];
  const uint32_t outputs = last_dim(y);
  if (!same_but_last(x, y, outputs) || !has_dims(s[operand_weights], outputs, last_dim(x)) ||
      (s[operand_bias] && !has_dims(s[operand_bias], outputs)) ||
      (s[operand_residual] && !same_dims(s[operand_residual], y))) {
    return Rule::operator_shapes;
  }
  facts->macs = uint64_t{leading(y)} * elements(s[operand_weights]);
  return Rule::kept;
}

Rule group_norm(const Shapes& s, OperatorFacts* facts) {
  if (!in_range(s.op.f0)) return Rule::operator_number;
  const TensorRecord* x = s[operand_x0];
  const TensorRecord* second = s[operand_x1];
  const TensorRecord* y = s[operand_y0];
  if (!is_picture(x)) return Rule::operator_shapes;
  uint32_t channels = x->dims[2];
  if (second) {
    if (!is_picture(second) || second->dims[0] != x->dims[0] || second->dims[1] != x->dims[1]) {
      return Rule::operator_shapes;
    }
    channels += second->dims[2];
  }
  if (s[operand_y1]) {
    if (!second || !same_dims(y, x) || !same_dims(s[operand_y1], second)) return Rule::operator_shapes;
  } else if (!has_dims(y, x->dims[0], x->dims[1], channels)) {
    return Rule::operator_shapes;
  }
  if ((s[operand_weights] && !has_dims(s[operand_weights], channels)) ||
      (s[operand_bias] && !has_dims(s[operand_bias], channels)) ||
      (s[operand_vector] && !is_vector(s, s[operand_vector], 2 * channels))) {
    return Rule::operator_shapes;
  }
  if (s.op.p0 < 1 || s.op.p0 > channels || channels % s.op.p0 != 0) return Rule::operator_geometry;
  // Sums and sums of squares of each channel for up to four slices of rows, then a factor and an offset of each.
  const uint32_t slices = x->dims[0] < 4 ? x->dims[0] : 4;
  facts->scratch_bytes = round16(uint64_t{4} * (2 * slices + 2) * channels);
  return Rule::kept;
}

Rule activation(const Shapes& s, OperatorFacts*) {
  return same_dims(s[operand_x0], s[operand_y0]) ? Rule::kept : Rule::operator_shapes;
}

Rule attention(const Shapes& s, OperatorFacts* facts) {
  if (!in_range(s.op.f0)) return Rule::operator_number;
  const TensorRecord* qkv = s[operand_x0];
  const TensorRecord* y = s[operand_y0];
  const uint32_t heads = s.op.p0, head_dim = s.op.p1;
  if (heads < 1 || heads > max_channels || head_dim < 1 || head_dim > max_channels) return Rule::operator_geometry;
  const uint32_t inner = heads * head_dim;  // <= 2^28
  if (qkv->rank < 2 || last_dim(qkv) != 3 * inner || !same_but_last(qkv, y, inner)) return Rule::operator_shapes;
  const uint32_t tokens = leading(y);
  facts->macs = uint64_t{2} * tokens * elements(y);  // q . k and weights . v
  // The weights of four queries over all keys.
  facts->worker_scratch_bytes = round16(uint64_t{4} * 4 * tokens);
  return Rule::kept;
}

Rule add(const Shapes& s, OperatorFacts*) {
  const TensorRecord* y = s[operand_y0];
  return same_dims(s[operand_x0], y) && same_dims(s[operand_x1], y) ? Rule::kept : Rule::operator_shapes;
}

Rule resample(const Shapes& s, bool up) {
  const uint32_t factor = s.op.p0;
  if (factor < 2 || factor > max_factor) return Rule::operator_geometry;
  const TensorRecord* x = s[operand_x0];
  const TensorRecord* y = s[operand_y0];
  if (!is_picture(x)) return Rule::operator_shapes;
  const uint32_t height = up ? x->dims[0] * factor : x->dims[0] / factor;
  const uint32_t width = up ? x->dims[1] * factor : x->dims[1] / factor;
  const bool one_row = x->dims[0] == 1 && has_dims(y, 1, width, x->dims[2]);  // a signal: along the width only
  return one_row || has_dims(y, height, width, x->dims[2]) ? Rule::kept : Rule::operator_shapes;
}

Rule upsample(const Shapes& s, OperatorFacts*) { return resample(s, true); }
Rule average_pool(const Shapes& s, OperatorFacts*) { return resample(s, false); }

Rule timestep_embedding(const Shapes& s, OperatorFacts*) {
  const TensorRecord* frequencies = s[operand_weights];
  return frequencies->rank == 1 && has_dims(s[operand_y0], 2 * frequencies->dims[0]) ? Rule::kept
                                                                                     : Rule::operator_shapes;
}

Rule class_embedding(const Shapes& s, OperatorFacts*) {
  const TensorRecord* table = s[operand_weights];
  return s.model.num_classes != 0 && table->rank == 2 && table->dims[0] == s.model.num_classes + 1 &&
                 has_dims(s[operand_y0], table->dims[1])
             ? Rule::kept
             : Rule::operator_shapes;
}

Rule scale_shift(const Shapes& s, OperatorFacts*) {
  const TensorRecord* x = s[operand_x0];
  if (!is_picture(x) || !same_dims(x, s[operand_y0])) return Rule::operator_shapes;
  const uint32_t channels = x->dims[2];
  return is_vector(s, s[operand_vector], 2 * channels) || has_dims(s[operand_vector], channels) ? Rule::kept
                                                                                                : Rule::operator_shapes;
}

Rule quantize(const Shapes& s, OperatorFacts*) {
  return same_dims(s[operand_x0], s[operand_y0]) ? Rule::kept : Rule::operator_shapes;
}

Rule step_embedding(const Shapes& s, OperatorFacts*) {
  const TensorRecord* classes = s[operand_weights];
  const uint32_t n = s[operand_y0]->dims[0];
  return has_dims(s[operand_y0], n) && has_dims(s[operand_vector], s.model.default_steps, (n + 3) & ~3u) &&
                 (!classes || (s.model.num_classes != 0 && has_dims(classes, s.model.num_classes + 1, n)))
             ? Rule::kept
             : Rule::operator_shapes;
}

}  // namespace

const KindRules* kind_rules(uint16_t kind, bool quantized) {
  constexpr uint16_t kinds = sizeof float_kinds / sizeof float_kinds[0];
  if (kind < 1 || kind > kinds) return nullptr;
  return quantized ? &quantized_kinds[kind - 1] : &float_kinds[kind - 1];
}

Rule check_operator_shapes(const View& view, const OperatorRecord& op, OperatorFacts* facts) {
  Shapes s = {*view.model, op, {}};
  for (int i = 0; i < operand_count; ++i) s.operands[i] = operand_tensor(view, op, i);
  switch (static_cast<OpKind>(op.kind)) {
    case OpKind::conv2d: return conv2d(s, facts);
    case OpKind::linear: return linear(s, facts);
    case OpKind::group_norm: return group_norm(s, facts);
    case OpKind::activation: return activation(s, facts);
    case OpKind::attention: return attention(s, facts);
    case OpKind::add: return add(s, facts);
    case OpKind::upsample: return upsample(s, facts);
    case OpKind::average_pool: return average_pool(s, facts);
    case OpKind::timestep_embedding: return timestep_embedding(s, facts);
    case OpKind::class_embedding: return class_embedding(s, facts);
    case OpKind::scale_shift: return scale_shift(s, facts);
    case OpKind::quantize: return quantize(s, facts);
    case OpKind::step_embedding: return step_embedding(s, facts);
  }
  return Rule::operator_known;
}

}  // namespace mote::format
