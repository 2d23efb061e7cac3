// The state of one run of verify(): the view as far as it is known to be safe, and where a broken rule is reported.
// Private to verify.cpp and verify_operators.cpp; the functions run in the order verify() calls them.
#pragma once
#include <cstring>

#include "format/operator_rules.h"
#include "format/rules.h"
#include "format/view.h"

namespace mote::format {

struct Verifier {
  View view;
  Span<const Section> table;
  Place* place = nullptr;

  // verify.cpp
  Status header(const void* bytes, size_t size);
  Status sections();
  Status spans();  // where the records of each section begin and how many there are
  Status model();
  Status quantisation();
  Status tensors();
  Status schedule();
  Status rows();
  // verify_operators.cpp
  Status operators();

  const Section* find(uint32_t id) const;
  Status quant_spans(const Section& section);
  Rule tensor_rule(const TensorRecord& tensor) const;
  bool slot_fits(const TensorRecord& tensor) const;
  uint64_t picture_or_arena_bytes(const TensorRecord& tensor) const;
  bool is_picture(const TensorRecord& tensor, Storage storage, uint32_t channels) const;
  Rule operator_rule(uint32_t index, OperatorFacts* facts) const;
  Rule operands_rule(const OperatorRecord& op, const KindRules& kind) const;
  Rule memory_rule(const OperatorRecord& op, const KindRules& kind, const OperatorFacts& facts) const;
  Rule order_rule(uint32_t reader, uint32_t tensor) const;

  // The records of a section, if there is one, as many as fit; their bytes must fill it.
  template <class T>
  Status span(uint32_t id, Span<const T>* out) {
    const Section* section = find(id);
    if (section == nullptr) return MOTE_OK;
    if (section->length % sizeof(T) != 0) return length_rule(*section);
    *out = {reinterpret_cast<const T*>(view.bytes + section->offset), section->length / sizeof(T)};
    return MOTE_OK;
  }

  Status fail(Rule rule, Part part, uint32_t index, uint32_t byte_offset) const {
    if (place != nullptr) *place = {rule, part, index, byte_offset};
    return rule_status(rule);
  }
  Status fail(Rule rule, Part part, uint32_t index, const void* record) const {
    return fail(rule, part, index, view.file_offset(record));
  }
  Status file_rule(Rule rule, uint32_t byte_offset) const { return fail(rule, Part::file, 0, byte_offset); }
  Status section_rule(Rule rule, uint32_t index) const { return fail(rule, Part::section, index, &table[index]); }
  Status length_rule(const Section& section) const {
    return fail(Rule::section_length, Part::section, static_cast<uint32_t>(&section - table.data), &section);
  }
  Status model_rule(Rule rule) const { return fail(rule, Part::model, 0, view.model); }
};

}  // namespace mote::format
