// The rules have texts and statuses of their own.
#include "format/rules.h"

#include <doctest/doctest.h>
#include <set>
#include <string>

namespace mote::test {
namespace {

using format::Part;
using format::Rule;

}  // namespace

TEST_CASE("every rule has a status, every error a text of its own") {
  std::set<std::string> texts;
  int count = 0;
#define MOTE_COUNT(name, status, sentence)          \
  ++count;                                          \
  texts.insert(format::rule_text(Rule::name));      \
  CHECK(format::rule_status(Rule::name) == status); \
  CHECK((format::rule_status(Rule::name) == MOTE_OK) == (Rule::name == Rule::kept));
  MOTE_FORMAT_RULES(MOTE_COUNT)
#undef MOTE_COUNT
  CHECK(static_cast<int>(texts.size()) == count);
  std::set<std::string> parts;
  for (int i = 0; i <= static_cast<int>(Part::row); ++i) parts.insert(format::part_text(static_cast<Part>(i)));
  CHECK(static_cast<int>(parts.size()) == static_cast<int>(Part::row) + 1);
}

}  // namespace mote::test
