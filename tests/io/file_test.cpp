// Reading, mapping and atomic writing, on a real file system in a temporary folder.
#include "weights_tool/io/file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>
#include <utility>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;
using test::error_of;
using test::TemporaryFolder;

namespace {

std::string text_of(const std::string& path) {
  const std::vector<uint8_t> bytes = test::load(path);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace

TEST_CASE("a file is read whole, up to the cap and not beyond") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  test::save(path, std::string("hello"));
  CHECK(read_text_file(path) == "hello");
  CHECK(read_file(path, 5).size() == 5);
  CHECK(error_of([&] { read_file(path, 4); }) == "3: " + path + ": larger than the 4 bytes allowed here");
  test::save(path, std::string());
  CHECK(read_file(path).empty());
  CHECK(read_file(path, 0).empty());
  CHECK(!read_file("/proc/self/status").empty());  // claims to be empty
  CHECK(contains(error_of([&] { read_file("/dev/zero", 1000); }), "larger than the 1000 bytes"));
}

TEST_CASE("what cannot be read is said with the reason") {
  const TemporaryFolder folder;
  CHECK(error_of([&] { read_file(folder / "none"); }) ==
        "4: " + (folder / "none") + ": cannot open: no such file or folder");
  CHECK(error_of([&] { read_file(folder.path()); }) == "4: " + folder.path() + ": cannot read: it is a folder");
  CHECK(error_of([&] { MappedFile file(folder.path()); }) == "4: " + folder.path() + ": cannot read: it is a folder");
  CHECK(contains(error_of([&] { read_file(""); }), "4: the path of a file to read is empty"));
  test::save(folder / "secret", std::string("x"));
  CHECK(error_of([&] { read_file(folder / "secret" + "/x"); }) ==
        "4: " + (folder / "secret") + "/x: cannot open: a part of the path is no folder");
  if (geteuid() != 0) {  // root may read everything
    chmod((folder / "secret").c_str(), 0);
    CHECK(contains(error_of([&] { read_file(folder / "secret"); }), "permission denied"));
  }
}

TEST_CASE("a mapped file shows the same bytes, moves and stays valid") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes = test::noise(10000, 3);
  test::save(folder / "a", bytes);
  MappedFile file(folder / "a");
  CHECK(file.is_mapped());
  CHECK(std::vector<uint8_t>(file.data(), file.data() + file.size()) == bytes);
  MappedFile other(std::move(file));
  CHECK(other.size() == bytes.size());
  MappedFile third;
  CHECK(third.size() == 0);
  third = std::move(other);
  CHECK(std::vector<uint8_t>(third.data(), third.data() + third.size()) == bytes);
  test::save(folder / "empty", std::string());
  CHECK(MappedFile(folder / "empty").size() == 0);
  CHECK(contains(error_of([&] { MappedFile tiny(folder / "a", 9999); }), "larger than"));
}

TEST_CASE("a pipe cannot be mapped and is read instead") {
  const TemporaryFolder folder;
  const std::string path = folder / "pipe";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  const std::vector<uint8_t> bytes = test::noise(200000, 4);
  std::thread writer([&] { test::save(path, bytes); });
  const MappedFile file(path);
  writer.join();
  CHECK(!file.is_mapped());
  CHECK(std::vector<uint8_t>(file.data(), file.data() + file.size()) == bytes);
}

TEST_CASE("an atomic file appears at commit and leaves nothing beside it") {
  const TemporaryFolder folder;
  const std::string path = folder / "out.bin";
  const std::vector<uint8_t> large = test::noise(1000000, 5);
  {
    AtomicFile file(path, false);
    file.write("abc", 3);
    file.write(std::string_view("def"));
    file.write(large);
    file.write(nullptr, 0);
    CHECK(file.written() == 1000006);
    CHECK(!path_exists(path));
    file.commit();
    CHECK_THROWS_AS(file.write("x", 1), std::logic_error);
    CHECK_THROWS_AS(file.commit(), std::logic_error);
  }
  std::vector<uint8_t> expected = {'a', 'b', 'c', 'd', 'e', 'f'};
  expected.insert(expected.end(), large.begin(), large.end());
  CHECK(test::load(path) == expected);
  CHECK(folder.count() == 1);
}

TEST_CASE("a mapped file forgets bytes and reads them again") {
  const TemporaryFolder folder;
  const std::vector<uint8_t> bytes = test::noise(100000, 6);
  test::save(folder / "m", bytes);
  const MappedFile file(folder / "m");
  for (const auto& [begin, size] : {std::pair<size_t, size_t>{0, 100000}, {5, 20000}, {4096, 4096}, {7, 9}, {3, 0}}) {
    CHECK(std::vector<uint8_t>(file.data(), file.data() + file.size()) == bytes);
    file.forget(file.bytes().slice(begin, size));
    CHECK(std::vector<uint8_t>(file.data(), file.data() + file.size()) == bytes);
  }
}

TEST_CASE("written bytes of an atomic file can be replaced before commit, but not of a device") {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  AtomicFile file(path, false);
  CHECK(file.can_rewrite());
  file.write(std::string_view("header, body"));
  CHECK_THROWS_AS(file.rewrite(8, "12345", 5), std::logic_error);
  file.rewrite(0, "HEAD", 4);
  file.write(std::string_view(", end"));
  file.rewrite(13, "E", 1);
  CHECK(file.written() == 17);
  file.commit();
  CHECK(text_of(path) == "HEADer, body,Eend");
  AtomicFile device("/dev/null", false);
  device.write("abc", 3);
  CHECK(!device.can_rewrite());
  CHECK_THROWS_AS(device.rewrite(0, "x", 1), std::logic_error);
}

TEST_CASE("an atomic file that is not committed leaves the target as it was and no litter") {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  { AtomicFile(path, false).write(std::string_view("half")); }
  CHECK(folder.count() == 0);
  test::save(path, std::string("old"));
  { AtomicFile(path, true).write(std::string_view("half")); }
  CHECK(text_of(path) == "old");
  CHECK(folder.count() == 1);
}

TEST_CASE("an existing target is refused without force and replaced with it") {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  test::save(path, std::string("old"));
  CHECK(error_of([&] { write_file(path, std::string_view("new"), false); }) ==
        "4: " + path + " exists; use --force to replace it");
  CHECK(error_of([&] { refuse_existing(path, false); }) == "4: " + path + " exists; use --force to replace it");
  CHECK(text_of(path) == "old");
  chmod(path.c_str(), 0640);
  write_file(path, std::string_view("new"), true);
  CHECK(text_of(path) == "new");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  CHECK(folder.count() == 1);
}

TEST_CASE("a target that appears while writing is not overwritten without force") {
  const TemporaryFolder folder;
  const std::string path = folder / "out";
  CHECK(contains(error_of([&] {
                   AtomicFile file(path, false);
                   file.write(std::string_view("mine"));
                   test::save(path, std::string("theirs"));
                   file.commit();
                 }),
                 "exists; use --force"));
  CHECK(text_of(path) == "theirs");
  CHECK(folder.count() == 1);
}

TEST_CASE("a link is followed, a folder refused, a device written to") {
  const TemporaryFolder folder;
  test::save(folder / "real", std::string("old"));
  REQUIRE(symlink((folder / "real").c_str(), (folder / "link").c_str()) == 0);
  REQUIRE(symlink((folder / "nowhere").c_str(), (folder / "dangling").c_str()) == 0);
  write_file(folder / "link", std::string_view("new"), true);
  CHECK(text_of(folder / "real") == "new");
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(contains(error_of([&] { write_file(folder / "dangling", std::string_view("x"), true); }), "leads nowhere"));
  CHECK(error_of([&] { write_file(folder.path(), std::string_view("x"), true); }) ==
        "4: " + folder.path() + ": cannot write: it is a folder");
  CHECK(error_of([&] { write_file("/dev/null", std::string_view("x"), false); }) == "no error");
  CHECK(contains(error_of([&] { write_file("/dev/full", std::string_view("x"), false); }),
                 "no space left on the device"));
  CHECK(
      contains(error_of([&] { write_file(folder / "no/such/file", std::string_view("x"), false); }), "does not exist"));
  CHECK(contains(error_of([&] { write_file(folder / "real/file", std::string_view("x"), false); }), "4: "));
  CHECK(contains(error_of([&] { write_file("", std::string_view("x"), false); }), "is empty"));
}

TEST_CASE("a process killed at any moment leaves the old file or the new one") {
  const TemporaryFolder folder;
  const std::string path = folder / "checkpoint";
  const std::string one(300000, '1'), two(300000, '2');
  test::save(path, one);
  for (int round = 0; round < 12; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (;;) {
        write_file(path, std::string_view(two), true);
        write_file(path, std::string_view(one), true);
      }
    }
    usleep(static_cast<useconds_t>(500 + 700 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string now = text_of(path);
    CHECK((now == one || now == two));
  }
}

TEST_CASE("folders are made with their parents and listed in order") {
  const TemporaryFolder folder;
  create_directories(folder / "a/b/c");
  create_directories(folder / "a/b/c/");
  CHECK(is_directory(folder / "a/b/c"));
  CHECK(!is_directory(folder / "a/x"));
  for (const char* name : {"b2", "B1", "a10", "a9"}) test::save(folder / ("a/" + std::string(name)), std::string());
  CHECK(list_directory(folder / "a") == std::vector<std::string>{"B1", "a10", "a9", "b", "b2"});
  CHECK(contains(error_of([&] { create_directories(folder / "a/b2"); }), "exists and is no folder"));
  CHECK(contains(error_of([&] { create_directories(folder / "a/b2/c"); }), "4: "));
  CHECK(contains(error_of([&] { list_directory(folder / "none"); }), "cannot list the folder: no such"));
  remove_file(folder / "a/b2");
  remove_file(folder / "a/b2");
  CHECK(!path_exists(folder / "a/b2"));
}

TEST_CASE("paths are taken apart and joined") {
  CHECK(join_path("a", "b") == "a/b");
  CHECK(join_path("a/", "b") == "a/b");
  CHECK(join_path("", "b") == "b");
  CHECK(parent_directory("a/b/c") == "a/b");
  CHECK(parent_directory("a/b/") == "a");
  CHECK(parent_directory("a//b") == "a");
  CHECK(parent_directory("a") == ".");
  CHECK(parent_directory("a/") == ".");
  CHECK(parent_directory("") == ".");
  CHECK(parent_directory("/a") == "/");
  CHECK(parent_directory("/") == "/");
  CHECK(file_name("a/b.png") == "b.png");
  CHECK(file_name("b.png") == "b.png");
}
