// The progress line: when to draw, how fast it goes, what it says.
#include "weights_tool/io/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "weights_tool/io/os.h"

namespace mote::tool {
namespace {

constexpr double kRedraw = 0.1;   // seconds between two states of the bar
constexpr double kSparse = 30;    // seconds between two plain lines
constexpr double kMarkEvery = 2;  // seconds between two marks for the rate
constexpr int kWidestBar = 30, kNarrowestBar = 8;
constexpr const char* kClearLine = "\r\033[K";

std::string formatted(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Columns, given UTF-8.
size_t columns_of(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string cut_to(const std::string& text, size_t columns) {
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    if ((text[end] & 0xC0) != 0x80 && ++seen > columns) break;
  }
  return text.substr(0, end);
}

}  // namespace

Progress::Config Progress::system() {
  Config config;
  config.terminal = is_terminal(Stream::err) && environment("TERM") != "dumb";
  config.colour = wants_colour(Stream::err);
  config.width = 0;
  config.print = [](const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  config.seconds = monotonic_seconds;
  return config;
}

Progress::Progress(std::string label, uint64_t total, std::string unit, uint64_t start, Config config)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      start_(start),
      done_(start),
      config_(std::move(config)) {
  began_ = last_line_ = config_.seconds();
  last_tenth_ = total_ == 0 ? 0 : static_cast<int>(static_cast<double>(start_) / static_cast<double>(total_) * 10);
  marks_[mark_count_++] = {began_, start_};
}

Progress::~Progress() {
  if (!finished_ && drawn_ && config_.terminal) config_.print("\n");
}

void Progress::update(uint64_t done, const std::string& text) {
  if (finished_) return;
  done_ = done;
  text_ = text;
  const double now = config_.seconds();
  if (now - marks_[mark_count_ - 1].seconds >= kMarkEvery) {
    if (mark_count_ == kMarks) {
      std::copy(marks_ + 1, marks_ + kMarks, marks_);
      --mark_count_;
    }
    marks_[mark_count_++] = {now, done};
  }
  if (config_.terminal) {
    if (now - last_draw_ >= kRedraw) draw(now);
  } else {
    print_sparse(now);
  }
}

int Progress::columns() const { return config_.width > 0 ? config_.width : terminal_width(Stream::err); }

void Progress::draw(double now) {
  last_draw_ = now;
  drawn_ = true;
  config_.print(kClearLine + line(columns()));
}

void Progress::print_sparse(double now) {
  const int tenth = total_ == 0 ? 0 : static_cast<int>(static_cast<double>(done_) / static_cast<double>(total_) * 10);
  if (tenth == last_tenth_ && now - last_line_ < kSparse) return;
  last_tenth_ = tenth;
  last_line_ = now;
  config_.print(line(0) + "\n");
}

void Progress::note(const std::string& text) {
  const bool over_bar = config_.terminal && drawn_ && !finished_;
  config_.print((over_bar ? kClearLine : "") + text + "\n");
  if (over_bar) draw(config_.seconds());
}

void Progress::finish(const std::string& text) {
  if (finished_) return;
  if (!text.empty()) text_ = text;
  const double now = config_.seconds();
  const double elapsed = now - began_;
  // From here on the rate is the one of the whole run.
  marks_[0] = {began_, start_};
  mark_count_ = 1;
  finished_ = true;
  const std::string tail = "  in " + duration_text(elapsed);
  if (config_.terminal) {
    config_.print(kClearLine + cut_to(line(0) + tail, static_cast<size_t>(std::max(columns() - 1, 10))) + "\n");
  } else {
    config_.print(line(0) + tail + "\n");
  }
}

double Progress::units_per_second() const {
  const Mark& oldest = marks_[0];
  const double elapsed = config_.seconds() - oldest.seconds;
  if (elapsed <= 0 || done_ <= oldest.done) return 0;
  return static_cast<double>(done_ - oldest.done) / elapsed;
}

// width 0: without a bar and however long it gets.
std::string Progress::line(int width) const {
  const double share = total_ == 0 ? 0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  std::string tail;
  if (total_ != 0) tail += formatted("%3.0f%%  ", std::floor(share * 100));
  tail += std::to_string(done_) + (total_ == 0 ? "" : "/" + std::to_string(total_)) + " " + unit_;
  const double rate = units_per_second();
  if (rate > 0) {
    tail += "  " + rate_text(rate) + "/s";
    if (total_ > done_) tail += "  " + duration_text(static_cast<double>(total_ - done_) / rate) + " left";
  }
  if (!text_.empty()) tail += "  " + text_;
  if (width == 0) return label_ + " " + tail;

  // The last column stays free: some terminals wrap when it is written to.
  const int room = width - 1 - static_cast<int>(columns_of(label_) + columns_of(tail)) - 4;
  const int bar = std::min(room, kWidestBar);
  if (total_ == 0 || bar < kNarrowestBar)
    return cut_to(label_ + " " + tail, static_cast<size_t>(std::max(width - 1, 1)));
  const int full = static_cast<int>(share * bar);
  std::string drawn(static_cast<size_t>(full), '=');
  if (full < bar) drawn += '>';
  const std::string rest(static_cast<size_t>(bar) - drawn.size(), ' ');
  if (config_.colour) drawn = "\033[32m" + drawn + "\033[0m";
  return label_ + " [" + drawn + rest + "] " + tail;
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  const long long total = std::llround(seconds);
  const long long days = total / 86400, hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  char text[64];
  if (days >= 2) {
    std::snprintf(text, sizeof text, "%lld d %02lld h", days, hours % 24);
  } else if (hours > 0) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", hours, minutes, rest);
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", minutes, rest);
  }
  return text;
}

std::string rate_text(double value) {
  static constexpr const char* kUnits[] = {"", "k", "M", "G", "T"};
  if (!(value >= 0) || value > 1e15) return "?";
  size_t unit = 0;
  // 999.5 would be rounded to four digits. Numbers below 10000 are easier to read in full.
  if (value >= 9999.5) {
    while (value >= 999.5 && unit < 4) {
      value /= 1000;
      ++unit;
    }
  }
  const char* format = value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : value >= 0.9995 ? "%.2f" : "%.3f";
  return formatted(format, value) + kUnits[unit];
}

}  // namespace mote::tool
