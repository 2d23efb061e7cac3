// How far long work has come, on stderr. On a terminal one line that is redrawn:
//   train [=========>          ]  45%  1234/2743 images  812/s  1:51 left  loss 0.0312
// otherwise a plain line every 10 % or 30 s. Colour only where wants_colour() says so.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

namespace mote::tool {

class Progress {
 public:
  struct Config {
    bool terminal = false;  // redraw one line
    bool colour = false;
    int width = 80;                                 // columns; 0: asks the terminal each time, as its window may change
    std::function<void(const std::string&)> print;  // receives bytes for the stream
    std::function<double()> seconds;                // a monotonic clock
  };
  // stderr, its terminal and the system's clock.
  static Config system();

  // `start`: what was done already when this run began (a resumed training); it counts as done but not for the rate.
  Progress(std::string label, uint64_t total, std::string unit, uint64_t start = 0, Config config = system());
  // Leaves the terminal on a fresh line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap enough for every batch: draws at most ten times a second. `text` is free, e.g. "loss 0.031".
  void update(uint64_t done, const std::string& text = "");
  // A line of its own that stays, above the bar.
  void note(const std::string& line);
  // Draws the last state and ends the line; further calls do nothing.
  void finish(const std::string& text = "");

  double units_per_second() const;  // over the last half minute; 0 before there is anything to go by

 private:
  int columns() const;
  void draw(double now);
  void print_sparse(double now);
  std::string line(int width) const;

  std::string label_, unit_, text_;
  uint64_t total_, start_, done_;
  Config config_;
  double began_, last_draw_ = -1e9, last_line_;
  int last_tenth_ = -1;
  bool finished_ = false, drawn_ = false;
  // Moments to measure the rate from, oldest first.
  struct Mark {
    double seconds;
    uint64_t done;
  };
  static constexpr int kMarks = 16;
  Mark marks_[kMarks];
  int mark_count_ = 0;
};

// "0:07", "12:34", "3:05:09", "4 d 03 h".
std::string duration_text(double seconds);
// Three significant digits: "0.831", "81.2", "812", "12.4k", "3.05M".
std::string rate_text(double value);

}  // namespace mote::tool
