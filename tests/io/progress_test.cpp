// The progress line, with a clock and a screen made for the test.
#include "weights_tool/io/progress.h"

#include <algorithm>
#include <utility>

#include "tests/io/support.h"

using namespace mote::tool;
using test::contains;

namespace {

struct Screen {
  double now = 100;
  std::string text;

  Progress::Config config(bool terminal, int width = 80, bool colour = false) {
    Progress::Config out;
    out.terminal = terminal;
    out.colour = colour;
    out.width = width;
    out.print = [this](const std::string& bytes) { text += bytes; };
    out.seconds = [this] { return now; };
    return out;
  }
  std::string take() { return std::exchange(text, ""); }
};

const std::string kClear = "\r\033[K";

}  // namespace

TEST_CASE("a terminal gets one redrawn line with bar, count, rate, time left and text") {
  Screen screen;
  Progress progress("train", 1000, "images", 0, screen.config(true));
  screen.now += 10;
  progress.update(250, "loss 0.5");
  CHECK(screen.take() == kClear + "train [=====>              ]  25%  250/1000 images  25.0/s  0:30 left  loss 0.5");
  progress.update(251);  // too soon to draw again
  CHECK(screen.take().empty());
  screen.now += 20;
  progress.update(1000, "loss 0.4");
  CHECK(contains(screen.take(), "100%  1000/1000 images  33.3/s  loss 0.4"));
  progress.finish();
  CHECK(screen.take() == kClear + "train 100%  1000/1000 images  33.3/s  loss 0.4  in 0:30\n");
  progress.update(1);
  progress.finish();
  CHECK(screen.take().empty());
}

TEST_CASE("the line never fills the last column") {
  for (int width = 1; width < 130; ++width) {
    Screen screen;
    Progress progress("train", 1000, "images", 0, screen.config(true, width));
    screen.now += 10;
    progress.update(500, "loss 0.123456789 and \xC3\xA9\xC3\xA9 more");
    const std::string line = screen.take().substr(kClear.size());
    size_t columns = 0;
    for (const char c : line) columns += (c & 0xC0) != 0x80;
    CHECK(columns <= static_cast<size_t>(std::max(width - 1, 1)));
    progress.finish();
  }
}

TEST_CASE("colour is only the bar's and only when welcome") {
  Screen screen;
  Progress progress("train", 10, "images", 0, screen.config(true, 80, true));
  screen.now += 1;
  progress.update(5);
  CHECK(contains(screen.take(), "[\033[32m"));
}

TEST_CASE("elsewhere there is a plain line every tenth or 30 seconds") {
  Screen screen;
  Progress progress("train", 1000, "images", 0, screen.config(false));
  std::string all;
  int lines = 0;
  for (uint64_t i = 1; i <= 1000; ++i) {
    screen.now += 0.01;
    progress.update(i);
    const std::string text = screen.take();
    lines += !text.empty();
    all += text;
  }
  CHECK(lines == 10);
  CHECK(!contains(all, "\033"));
  CHECK(!contains(all, "\r"));
  CHECK(all.substr(0, all.find('\n')) == "train  10%  100/1000 images  100/s  0:09 left");

  Progress slow("train", 1000, "images", 0, screen.config(false));
  for (uint64_t i = 1; i <= 61; ++i) {
    screen.now += 1;
    slow.update(i);
  }
  const std::string text = screen.take();
  CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("what was done before this run counts as done but not for the rate") {
  Screen screen;
  Progress progress("train", 1000, "images", 500, screen.config(true));
  screen.now += 10;
  progress.update(600);
  CHECK(contains(screen.take(), "60%  600/1000 images  10.0/s  0:40 left"));
}

TEST_CASE("the rate forgets what is long past") {
  Screen screen;
  Progress progress("train", 100000, "images", 0, screen.config(true));
  uint64_t done = 0;
  for (int i = 0; i < 60; ++i) {
    screen.now += 1;
    progress.update(done += 100);
  }
  CHECK(progress.units_per_second() == doctest::Approx(100));
  for (int i = 0; i < 60; ++i) {
    screen.now += 1;
    progress.update(done += 10);
  }
  CHECK(progress.units_per_second() == doctest::Approx(10));
}

TEST_CASE("a note stands above the bar") {
  Screen screen;
  Progress progress("train", 10, "images", 0, screen.config(true));
  progress.note("before the bar");
  CHECK(screen.take() == "before the bar\n");
  screen.now += 1;
  progress.update(5);
  screen.take();
  progress.note("saved");
  const std::string text = screen.take();
  CHECK(text.rfind(kClear + "saved\n" + kClear + "train [", 0) == 0);
}

TEST_CASE("an unknown total shows a count only") {
  Screen screen;
  Progress progress("read", 0, "files", 0, screen.config(true));
  screen.now += 2;
  progress.update(10);
  CHECK(screen.take() == kClear + "read 10 files  5.00/s");
}

TEST_CASE("a bar that is abandoned leaves the terminal on a fresh line") {
  Screen screen;
  {
    Progress progress("train", 10, "images", 0, screen.config(true));
    screen.now += 1;
    progress.update(5);
    screen.take();
  }
  CHECK(screen.take() == "\n");
}

TEST_CASE("durations and rates are short") {
  CHECK(duration_text(0) == "0:00");
  CHECK(duration_text(59.6) == "1:00");
  CHECK(duration_text(754) == "12:34");
  CHECK(duration_text(11109) == "3:05:09");
  CHECK(duration_text(86400 * 4 + 3 * 3600.0) == "4 d 03 h");
  CHECK(duration_text(-1) == "?");
  CHECK(duration_text(1e300) == "?");
  CHECK(rate_text(0.831) == "0.831");
  CHECK(rate_text(0.99996) == "1.00");
  CHECK(rate_text(9.996) == "10.0");
  CHECK(rate_text(81.23) == "81.2");
  CHECK(rate_text(99.96) == "100");
  CHECK(rate_text(812.4) == "812");
  CHECK(rate_text(9999) == "9999");
  CHECK(rate_text(12400) == "12.4k");
  CHECK(rate_text(999600) == "1.00M");
  CHECK(rate_text(3.05e6) == "3.05M");
}
