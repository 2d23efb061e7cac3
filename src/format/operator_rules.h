// What each kind of operator demands of its record, of its tensors' types and shapes, the scratch it is given, and its
// multiply-accumulates: SPEC.md, "Operators", as code. Knows nothing of where in the arena tensors lie
// (verify_operators.cpp does).
#pragma once
#include <cstdint>

#include "format/rules.h"
#include "format/view.h"

namespace mote::format {

enum class Use : uint8_t { absent, optional, required };
enum class Where : uint8_t { anywhere, arena, constant, input };

struct OperandRule {
  Use use;
  Where where;
  uint8_t types;  // bit 1 << DType: a type it may have
};

struct KindRules {
  OperandRule operands[operand_count];
  uint8_t in_place;  // bit i: y[0] may lie exactly on operand i, and y[1] on the operand after it
  uint8_t flags;     // the flag bits that mean something
  Use activation;    // absent: only Activation::none
};

// Null for a kind this library does not know. A kind that quantized models, or all others, cannot use has operands whose
// types no tensor has.
const KindRules* kind_rules(uint16_t kind, bool quantized);

// What follows from the shapes.
struct OperatorFacts {
  uint32_t scratch_bytes = 0;         // shared by the workers; normative
  uint32_t worker_scratch_bytes = 0;  // of each worker; normative
  uint64_t macs = 0;                  // multiply-accumulates; 0 for operators without products of matrices
};

// Checks geometry, numbers and shapes of an operator whose operands are present as kind_rules demands and whose tensors
// passed their own checks. Rule::kept, or the rule that is broken.
Rule check_operator_shapes(const View& view, const OperatorRecord& op, OperatorFacts* facts);

// What quantized models demand beyond that, after it: operands that depend on the types of others, quantisation slots,
// tables, sizes that keep integer sums from overflowing, and scratch of their own.
Rule check_quantized_operator(const View& view, const OperatorRecord& op, OperatorFacts* facts);

inline uint32_t round16(uint64_t bytes) { return static_cast<uint32_t>((bytes + 15) & ~uint64_t{15}); }

}  // namespace mote::format
