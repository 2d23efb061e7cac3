// The statuses of the rules: a switch, so that no table of strings is linked with it (rules_text.cpp has those).
#include "format/rules.h"

namespace mote::format {

Status rule_status(Rule rule) {
  switch (rule) {
#define MOTE_RULE_STATUS(name, status, sentence) \
  case Rule::name: return status;
    MOTE_FORMAT_RULES(MOTE_RULE_STATUS)
#undef MOTE_RULE_STATUS
  }
  return MOTE_E_CORRUPT;
}

}  // namespace mote::format
