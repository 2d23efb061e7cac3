// Lists of files and classes.
#include "weights_tool/train/class_list.h"

#include <doctest/doctest.h>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;
using test::TemporaryFolder;

TEST_CASE("classes are numbered as the list first names them, files repeated as it says") {
  const TemporaryFolder folder;
  test::save(folder / "l.csv",
             std::string("file,class,times\n# a remark\nb.png,two words\r\n\na.png,x,3\nc.png,two words,1"));
  const ClassList list = read_class_list(folder / "l.csv");
  CHECK(list.classes == std::vector<std::string>{"two words", "x"});
  CHECK(list.files == std::vector<std::string>{"b.png", "a.png", "a.png", "a.png", "c.png"});
  CHECK(list.labels == std::vector<int>{0, 1, 1, 1, 0});
}

TEST_CASE("a broken list is refused with the line's number") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::string& text) {
    test::save(folder / "l.csv", text);
    return error_of([&] { read_class_list(folder / "l.csv"); });
  };
  CHECK(contains(refusal("a.png,x\nb.png\n"), "l.csv:2: expected file,class or file,class,times"));
  CHECK(contains(refusal("a.png,x,1,2"), "l.csv:1: expected"));
  CHECK(contains(refusal("a.png,"), "l.csv:1: expected"));
  CHECK(contains(refusal(",x"), "l.csv:1: expected"));
  for (const char* times : {"0", "101", "-1", "1x", "", "99999999999999999999"}) {
    CHECK(contains(refusal(std::string("a.png,x,") + times), "l.csv:1: times is 1 to 100"));
  }
  CHECK(contains(refusal("../a.png,x"), "l.csv:1: expected the name of a file in the folder"));
  CHECK(contains(refusal("a.png,x\na.png,y"), "l.csv:2: a.png was named before"));
  CHECK(contains(refusal("file,class\n# none\n"), "l.csv: names no files"));
}
