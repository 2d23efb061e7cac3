// The system seam: what can be checked without a terminal.
#include "weights_tool/io/os.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "tests/io/support.h"

using namespace mote::tool;

TEST_CASE("calendar texts are right around leap days and before 1970") {
  CHECK(utc_text(0) == "1970-01-01T00:00:00Z");
  CHECK(utc_text(951782400) == "2000-02-29T00:00:00Z");
  CHECK(utc_text(1700000000) == "2023-11-14T22:13:20Z");
  CHECK(utc_text(-1) == "1969-12-31T23:59:59Z");
  CHECK(wall_clock_text().size() == 20);
}

TEST_CASE("the monotonic clock goes forward at the speed of the world") {
  const double before = monotonic_seconds();
  usleep(20000);
  const double passed = monotonic_seconds() - before;
  CHECK(passed >= 0.02);
  CHECK(passed < 30);
}

TEST_CASE("processors and memory are counted") {
  CHECK(cpu_count() >= 1);
  const uint64_t before = peak_rss_bytes();
  CHECK(before > 100000);
  std::vector<uint8_t> large(64 << 20, 1);
  CHECK(large[large.size() / 2] == 1);
  CHECK(peak_rss_bytes() >= before);
  CHECK(peak_rss_bytes() >= large.size());
}

TEST_CASE("an unset variable of the environment is empty") {
  setenv("MOTE_TEST_VARIABLE", "value", 1);
  CHECK(environment("MOTE_TEST_VARIABLE") == "value");
  unsetenv("MOTE_TEST_VARIABLE");
  CHECK(environment("MOTE_TEST_VARIABLE").empty());
}

TEST_CASE("the width of what is no terminal is 80") {
  if (!is_terminal(Stream::out)) CHECK(terminal_width(Stream::out) == 80);
  if (!is_terminal(Stream::out)) CHECK(!wants_colour(Stream::out));
}

TEST_CASE("the first signal sets a flag and the second one kills") {
  for (const int signal_number : {SIGINT, SIGTERM}) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      install_interrupt_handlers();
      if (interrupted()) _exit(1);
      raise(signal_number);
      if (!interrupted()) _exit(2);
      clear_interrupted();
      if (interrupted()) _exit(3);
      raise(signal_number);
      raise(signal_number);
      _exit(4);  // not reached
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == signal_number);
  }
}
