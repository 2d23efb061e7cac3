// What each kind of operator demands of its record and its tensors' shapes, the scratch it is given, and its
// multiply-accumulates: SPEC.md, "Operators", as code. Knows nothing of where tensors lie (verify_operators.cpp does).
#pragma once
#include <cstdint>

#include "format/rules.h"
#include "format/view.h"

namespace mote::format {

enum class Use : uint8_t { absent, optional, required };

struct KindRules {
  Use operands[operand_count];
  uint8_t in_place;  // bit i: y[0] may lie exactly on operand i, and y[1] on the operand after it
  uint8_t flags;     // the flag bits that mean something
  Use activation;    // absent: only Activation::none
};

// Null for a kind this library does not know.
const KindRules* kind_rules(uint16_t kind);

// What follows from the shapes.
struct OperatorFacts {
  uint32_t scratch_bytes = 0;         // shared by the workers; normative
  uint32_t worker_scratch_bytes = 0;  // of each worker; normative
  uint64_t macs = 0;                  // multiply-accumulates; 0 for operators without products of matrices
};

// Checks geometry, numbers and shapes of an operator whose operands are present as kind_rules demands and whose tensors
// passed their own checks. Rule::kept, or the rule that is broken.
Rule check_operator_shapes(const View& view, const OperatorRecord& op, OperatorFacts* facts);

}  // namespace mote::format
