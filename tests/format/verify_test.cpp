// verify: accepts what SPEC.md allows, wherever it ends, and refuses broken headers and section tables. The records are
// in verify_records_test.cpp and verify_operators_test.cpp.
#include "format/verify.h"

#include <doctest/doctest.h>
#include <cstdlib>
#include <functional>
#include <string>

#include "tests/format/verify_support.h"

namespace mote::test {
namespace {

using format::Part;
using format::Rule;
using format::View;

// A broken file by changing the bytes of a good one.
struct ByteCase {
  Rule rule;
  Part part;
  int index;
  std::function<void(AlignedBytes&)> change;
};

format::Header& header_of(AlignedBytes& b) { return *reinterpret_cast<format::Header*>(b.data()); }
format::Section& section_of(AlignedBytes& b, int i) { return reinterpret_cast<format::Section*>(b.data() + 32)[i]; }

}  // namespace

TEST_CASE("a model that keeps the rules is accepted and seen as it was written") {
  const Builder builder = every_operator();
  const AlignedBytes bytes = builder.file();
  const VerifyResult result = verify_bytes(bytes);
  REQUIRE(result.status == MOTE_OK);
  const View& view = result.view;
  CHECK(view.tensors.count == builder.tensors.size());
  CHECK(view.operators.count == builder.operators.size());
  CHECK(view.data.count == builder.data.size());
  CHECK(view.alpha_bar.count == 20);
  CHECK(view.rows.empty());
  CHECK(view.model->height == 7);
  CHECK(view.picture_elements() == 84);
  CHECK(std::string(view.name(view.operators[3])) == "op3");
  uint32_t parameters = 0;
  for (const format::TensorRecord& t : builder.tensors) parameters += t.storage == 2 ? t.bytes / 4 : 0;
  CHECK(view.parameters == parameters);
  CHECK(verify_bytes(smallest().file()).status == MOTE_OK);
}

TEST_CASE("bytes behind the model are not looked at") {
  const AlignedBytes bytes = smallest().file();
  AlignedBytes longer(bytes.size() + 100);
  memcpy(longer.data(), bytes.data(), bytes.size());
  for (size_t i = bytes.size(); i < longer.size(); ++i) longer[i] = 0xA5;
  CHECK(verify_bytes(longer).status == MOTE_OK);
}

TEST_CASE("a model cut off at any byte is refused without reading past the cut") {
  for (const Builder& builder : {smallest(), every_operator()}) {
    const AlignedBytes bytes = builder.file();
    for (size_t size = 0; size < bytes.size(); ++size) {
      void* exact = nullptr;  // allocated as long as the cut, for AddressSanitizer
      REQUIRE(posix_memalign(&exact, 16, size == 0 ? 1 : size) == 0);
      if (size != 0) memcpy(exact, bytes.data(), size);
      View view;
      const Status status = format::verify(exact, size, &view, nullptr);
      free(exact);
      REQUIRE(status == MOTE_E_TRUNCATED);
    }
  }
}

TEST_CASE("a model must lie at a multiple of 16") {
  const AlignedBytes bytes = smallest().file();
  AlignedBytes moved(bytes.size() + 16);
  for (size_t shift : {1u, 4u, 8u, 15u}) {
    memcpy(moved.data() + shift, bytes.data(), bytes.size());
    View view;
    CHECK(format::verify(moved.data() + shift, bytes.size(), &view, nullptr) == MOTE_E_ALIGNMENT);
  }
}

TEST_CASE("header and section table: each broken rule is found where it is") {
  // smallest() writes MODL, TENS, OPER, SCHD, NAME, DATA.
  const ByteCase cases[] = {
      {Rule::magic, Part::file, 0, [](AlignedBytes& b) { b[0] = 'm'; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).version = 2; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).version = 0; }},
      {Rule::format_version, Part::file, 0, [](AlignedBytes& b) { header_of(b).header_bytes = 48; }},
      {Rule::header_reserved, Part::file, 0, [](AlignedBytes& b) { header_of(b).reserved[1] = 1; }},
      {Rule::file_bytes_limit, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 0x80000000u; }},
      {Rule::file_complete, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes += 1; }},
      {Rule::section_count, Part::file, 0, [](AlignedBytes& b) { header_of(b).section_count = 33; }},
      {Rule::section_table_fits, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 100; }},
      {Rule::section_table_fits, Part::file, 0, [](AlignedBytes& b) { header_of(b).file_bytes = 0; }},
      {Rule::section_offset, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).offset += 4; }},
      {Rule::section_offset, Part::section, 0, [](AlignedBytes& b) { section_of(b, 0).offset = 32; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).length += 1; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).length = 0xFFFFFFFFu; }},
      {Rule::section_fits, Part::section, 5, [](AlignedBytes& b) { section_of(b, 5).offset = 0xFFFFFFF0u; }},
      {Rule::section_overlap, Part::section, 2, [](AlignedBytes& b) { section_of(b, 2).offset -= 16; }},
      {Rule::section_once, Part::section, 4, [](AlignedBytes& b) { section_of(b, 4).id = section_of(b, 0).id; }},
      {Rule::section_flags, Part::section, 4, [](AlignedBytes& b) { section_of(b, 4).flags = 2; }},
      {Rule::section_known, Part::section, 1, [](AlignedBytes& b) { section_of(b, 1).version = 2; }},
      {Rule::section_known, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).id ^= 1; }},
      {Rule::section_known, Part::section, 3,
       [](AlignedBytes& b) { section_of(b, 3).version = 2, section_of(b, 3).flags = 0; }},
      {Rule::section_required, Part::file, 0,
       [](AlignedBytes& b) { section_of(b, 1).id ^= 1, section_of(b, 1).flags = 0; }},
      {Rule::schedule_or_rows, Part::file, 0,
       [](AlignedBytes& b) { section_of(b, 3).id ^= 1, section_of(b, 3).flags = 0; }},
      {Rule::section_length, Part::section, 0, [](AlignedBytes& b) { section_of(b, 0).length -= 4; }},
      {Rule::section_length, Part::section, 1, [](AlignedBytes& b) { section_of(b, 1).length -= 4; }},
      {Rule::section_length, Part::section, 2, [](AlignedBytes& b) { section_of(b, 2).length -= 4; }},
      {Rule::section_length, Part::section, 3, [](AlignedBytes& b) { section_of(b, 3).length -= 4; }},
      {Rule::tensor_count, Part::file, 0, [](AlignedBytes& b) { section_of(b, 1).length = 0; }},
      {Rule::operator_count, Part::file, 0, [](AlignedBytes& b) { section_of(b, 2).length = 0; }},
  };
  for (const ByteCase& c : cases) {
    AlignedBytes bytes = smallest().file();
    c.change(bytes);
    check_rule(bytes, c.rule, c.part, c.index);
  }
}

TEST_CASE("sections this library does not know: refused if critical, else skipped") {
  Builder builder = smallest();
  builder.extra.push_back({{format::fourcc('N', 'E', 'W', '!'), 7, 0, 0, 0}, {1, 2, 3}});
  builder.extra.push_back({{format::section_packed, 2, 0, 0, 0}, {4, 5}});
  CHECK(verify_bytes(builder.file()).status == MOTE_OK);
  builder.extra[0].section.flags = format::section_critical;
  CHECK(verify_bytes(builder.file()).status == MOTE_E_VERSION);
}

TEST_CASE("names of a newer version are skipped: no operator has one then") {
  AlignedBytes bytes = smallest().file();
  section_of(bytes, 4).version = 2;
  const VerifyResult result = verify_bytes(bytes);
  REQUIRE(result.status == MOTE_OK);
  CHECK(std::string(result.view.name(result.view.operators[0])).empty());
}

}  // namespace mote::test
