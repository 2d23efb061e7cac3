// Layout of a plot: title, legend, y labels, the data area, x labels from top to bottom; then the curves.
#include "weights_tool/io/plot.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "weights_tool/io/canvas.h"

namespace mote::tool {
namespace {

// Told apart by people with any colour vision: blue, vermilion, green, purple, orange, sky, brown, grey.
constexpr Colour kPalette[] = {{0, 114, 178}, {213, 80, 0},   {0, 146, 104}, {180, 90, 160},
                               {220, 150, 0}, {70, 165, 220}, {130, 85, 60}, {110, 110, 110}};
constexpr Colour kInk{40, 40, 40}, kAxis{130, 130, 130}, kGrid{232, 232, 232};
constexpr int kScale = 2;  // of the font
constexpr int kMargin = 14, kTextHeight = kGlyphHeight * kScale, kLine = (kGlyphHeight + kGlyphDescent + 2) * kScale;
constexpr int kSample = 28;  // length of a line in the legend

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return !(low <= high); }
};

// An axis maps values to 0..1, on a logarithmic scale through log10.
struct Axis {
  bool log = false;
  Range range;
  std::vector<double> ticks;

  double position(double value) const {
    if (log) return (std::log10(value) - std::log10(range.low)) / (std::log10(range.high) - std::log10(range.low));
    return (value - range.low) / (range.high - range.low);
  }
  std::string text(size_t i) const {
    const double step = log ? ticks[i] : ticks.size() > 1 ? ticks[1] - ticks[0] : ticks[i];
    return tick_text(ticks[i], step);
  }
};

Colour pale(Colour c) {
  const auto lighter = [](uint8_t v) { return static_cast<uint8_t>(v + (255 - v) * 6 / 10); };
  return {lighter(c.red), lighter(c.green), lighter(c.blue)};
}

class Plot {
 public:
  Plot(const PlotOptions& options, const std::vector<PlotSeries>& series)
      : options_(options), series_(series), canvas_(std::max(options.width, 200), std::max(options.height, 150)) {}

  Image render() {
    find_ranges();
    lay_out();
    draw_axes();
    draw_legend();
    canvas_.clip(left_, top_, width_, height_);
    for (const bool faint : {true, false}) {
      for (size_t i = 0; i < series_.size(); ++i) {
        if (series_[i].faint == faint) draw_series(i);
      }
    }
    canvas_.clip_all();
    canvas_.frame(left_, top_, width_, height_, kAxis);
    return canvas_.image();
  }

 private:
  bool is_drawn(const PlotSeries& series, size_t i) const {
    return std::isfinite(series.x[i]) && std::isfinite(series.y[i]) && (!options_.log_y || series.y[i] > 0);
  }

  static size_t count_of(const PlotSeries& series) { return std::min(series.x.size(), series.y.size()); }

  void find_ranges() {
    y_.log = options_.log_y;
    for (const PlotSeries& series : series_) {
      for (size_t i = 0; i < count_of(series); ++i) {
        if (!is_drawn(series, i)) continue;
        x_.range.include(series.x[i]);
        y_.range.include(series.y[i]);
      }
    }
    if (x_.range.empty()) x_.range = {0, 1};
    if (y_.range.empty()) y_.range = y_.log ? Range{0.1, 10} : Range{0, 1};
    widen_if_flat(&x_);
    const bool given = options_.y_low < options_.y_high && (!y_.log || options_.y_low > 0);
    if (given) {
      y_.range = {options_.y_low, options_.y_high};
    } else {
      widen_if_flat(&y_);
      add_air();
    }
  }

  static void widen_if_flat(Axis* axis) {
    Range& range = axis->range;
    if (range.high > range.low) return;
    const double by = axis->log ? 0 : std::max(std::fabs(range.low) * 0.1, 0.5);
    range = axis->log ? Range{range.low / 2, range.high * 2} : Range{range.low - by, range.high + by};
  }

  // So that curves do not touch the frame.
  void add_air() {
    Range& range = y_.range;
    constexpr double kShare = 0.04;
    if (y_.log) {
      const double factor = std::pow(range.high / range.low, kShare);
      if (std::isfinite(factor)) range = {range.low / factor, range.high * factor};
    } else {
      const double air = (range.high - range.low) * kShare;
      if (std::isfinite(air)) range = {range.low - air, range.high + air};
    }
  }

  void lay_out() {
    top_ = kMargin;
    if (!options_.title.empty()) top_ += kLine + 4;
    legend_top_ = top_;
    top_ += legend_rows() * kLine;
    if (legend_rows() > 0) top_ += 4;
    bottom_ = canvas_.height() - kMargin - kLine;
    if (!options_.x_label.empty()) bottom_ -= kLine;
    height_ = std::max(bottom_ - top_, 20);
    y_.ticks = y_.log ? nice_log_ticks(y_.range.low, y_.range.high, std::max(height_ / 55, 2))
                      : nice_ticks(y_.range.low, y_.range.high, std::max(height_ / 55, 2));
    int widest = 0;
    for (size_t i = 0; i < y_.ticks.size(); ++i) widest = std::max(widest, Canvas::text_width(y_.text(i), kScale));
    left_ = kMargin + widest + 8;
    if (!options_.y_label.empty()) left_ += kLine + 2;
    width_ = std::max(canvas_.width() - left_ - 2 * kMargin, 20);
    x_.ticks = nice_ticks(x_.range.low, x_.range.high, std::max(width_ / 110, 2));
  }

  int x_pixel(double value) const { return left_ + static_cast<int>(std::lround(x_.position(value) * (width_ - 1))); }
  int y_pixel(double value) const {
    return top_ + static_cast<int>(std::lround((1 - y_.position(value)) * (height_ - 1)));
  }

  void draw_axes() {
    for (size_t i = 0; i < y_.ticks.size(); ++i) {
      const int y = y_pixel(y_.ticks[i]);
      canvas_.rect(left_, y, width_, 1, kGrid);
      const std::string text = y_.text(i);
      canvas_.text(left_ - 8 - Canvas::text_width(text, kScale), y - kTextHeight / 2, text, kInk, kScale);
    }
    for (size_t i = 0; i < x_.ticks.size(); ++i) {
      const int x = x_pixel(x_.ticks[i]);
      canvas_.rect(x, top_, 1, height_, kGrid);
      const std::string text = x_.text(i);
      const int text_width = Canvas::text_width(text, kScale);
      const int from = std::min(x - text_width / 2, canvas_.width() - text_width - 2);
      canvas_.text(from, top_ + height_ + 8, text, kInk, kScale);
    }
    const int middle = left_ + width_ / 2;
    const auto centred = [&](const std::string& text, int y) {
      canvas_.text(middle - Canvas::text_width(text, kScale) / 2, y, text, kInk, kScale);
    };
    centred(options_.title, kMargin);
    centred(options_.x_label, top_ + height_ + 8 + kLine);
    const int label_width = Canvas::text_width(options_.y_label, kScale);
    canvas_.text_upwards(kMargin - 4, top_ + (height_ + label_width) / 2, options_.y_label, kInk, kScale);
  }

  // Entries left to right from the legend's left end, a new row when one is full. Visits (series, x, row), returns
  // the rows.
  template <class Visit>
  int legend_places(Visit visit) const {
    int x = 0, row = 0;
    const int room = canvas_.width() - 2 * kMargin - 60;
    bool any = false;
    for (size_t i = 0; i < series_.size(); ++i) {
      if (series_[i].name.empty()) continue;
      const int entry = kSample + 8 + Canvas::text_width(series_[i].name, kScale) + 24;
      if (any && x + entry > room) {
        x = 0;
        ++row;
      }
      visit(i, x, row);
      x += entry;
      any = true;
    }
    return any ? row + 1 : 0;
  }

  int legend_rows() const {
    return legend_places([](size_t, int, int) {});
  }

  void draw_legend() {
    legend_places([&](size_t i, int x, int row) {
      const int y = legend_top_ + row * kLine;
      const double middle = y + kTextHeight / 2.0;
      const int start = left_ + x;
      canvas_.line({start + 2.0, middle}, {start + kSample - 2.0, middle}, thickness_of(series_[i]) + 0.5,
                   colour_of(i));
      canvas_.text(start + kSample + 8, y, series_[i].name, kInk, kScale);
    });
  }

  Colour colour_of(size_t i) const {
    // A faint series and the curve after it belong together and share a colour.
    size_t index = 0;
    for (size_t k = 0; k < i; ++k) index += series_[k].faint ? 0 : 1;
    const Colour colour = kPalette[index % std::size(kPalette)];
    return series_[i].faint ? pale(colour) : colour;
  }

  static double thickness_of(const PlotSeries& series) { return series.faint ? 1.2 : 2.2; }

  void draw_series(size_t index) {
    const PlotSeries& series = series_[index];
    std::vector<Point> run;
    const auto flush = [&] {
      canvas_.polyline(thinned(run), thickness_of(series), colour_of(index));
      run.clear();
    };
    for (size_t i = 0; i < count_of(series); ++i) {
      if (is_drawn(series, i)) {
        run.push_back({left_ + 0.5 + x_.position(series.x[i]) * (width_ - 1),
                       top_ + 0.5 + (1 - y_.position(series.y[i])) * (height_ - 1)});
      } else {
        flush();
      }
    }
    flush();
  }

  // Of many points in one column of pixels only the first, the lowest, the highest and the last can be seen.
  static std::vector<Point> thinned(const std::vector<Point>& points) {
    std::vector<Point> out;
    for (size_t begin = 0, end; begin < points.size(); begin = end) {
      const double column = std::floor(points[begin].x);
      for (end = begin + 1; end < points.size() && std::floor(points[end].x) == column; ++end) {
      }
      if (end - begin <= 4) {
        out.insert(out.end(), points.begin() + static_cast<std::ptrdiff_t>(begin),
                   points.begin() + static_cast<std::ptrdiff_t>(end));
        continue;
      }
      const auto by_height = [](const Point& a, const Point& b) { return a.y < b.y; };
      const auto extremes = std::minmax_element(points.begin() + static_cast<std::ptrdiff_t>(begin),
                                                points.begin() + static_cast<std::ptrdiff_t>(end), by_height);
      out.insert(out.end(), {points[begin], *extremes.first, *extremes.second, points[end - 1]});
    }
    return out;
  }

  const PlotOptions& options_;
  const std::vector<PlotSeries>& series_;
  Canvas canvas_;
  Axis x_, y_;
  int left_ = 0, top_ = 0, bottom_ = 0, width_ = 0, height_ = 0, legend_top_ = 0;
};

}  // namespace

Image render_plot(const PlotOptions& options, const std::vector<PlotSeries>& series) {
  return Plot(options, series).render();
}

}  // namespace mote::tool
