// The sentences of the rules. Only programs that print them link this file.
#include "format/rules.h"

namespace mote::format {

const char* rule_text(Rule rule) {
  switch (rule) {
#define MOTE_RULE_TEXT(name, status, sentence) \
  case Rule::name: return sentence;
    MOTE_FORMAT_RULES(MOTE_RULE_TEXT)
#undef MOTE_RULE_TEXT
  }
  return "an unknown rule";
}

const char* part_text(Part part) {
  switch (part) {
    case Part::file: return "file";
    case Part::section: return "section";
    case Part::model: return "model record";
    case Part::tensor: return "tensor";
    case Part::operation: return "operator";
    case Part::quant: return "quantisation slot";
    case Part::schedule: return "noise level";
    case Part::row: return "step";
  }
  return "unknown part";
}

}  // namespace mote::format
