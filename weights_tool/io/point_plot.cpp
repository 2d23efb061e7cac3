#include "weights_tool/io/point_plot.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/plot.h"

namespace mote::tool {
namespace {

constexpr Colour kInk{40, 40, 40}, kAxis{130, 130, 130}, kZero{225, 225, 225};
constexpr int kGap = 12, kTitleScale = 2, kTitleLine = (kGlyphHeight + kGlyphDescent + 2) * kTitleScale;
constexpr int kPanelTitle = kGlyphHeight + kGlyphDescent + 4, kTickLine = kGlyphHeight + 6;
constexpr int kTickWidth = 4 * kGlyphAdvance;

class Panels {
 public:
  Panels(const PanelOptions& options, const std::vector<PointPanel>& panels)
      : options_(options),
        panels_(panels),
        columns_(std::max(1, std::min(options.columns, static_cast<int>(panels.size())))),
        rows_((static_cast<int>(panels.size()) + columns_ - 1) / columns_),
        size_(std::max(options.size, 32)),
        top_(kGap + (options.title.empty() ? 0 : kTitleLine)),
        canvas_(kGap + columns_ * step_x(), top_ + rows_ * step_y()) {}

  Image render() {
    canvas_.text((canvas_.width() - Canvas::text_width(options_.title, kTitleScale)) / 2, kGap - 2, options_.title,
                 kInk, kTitleScale);
    for (size_t i = 0; i < panels_.size(); ++i) draw(static_cast<int>(i), panels_[i]);
    return canvas_.image();
  }

 private:
  int step_x() const { return kTickWidth + size_ + kGap; }
  int step_y() const { return kPanelTitle + size_ + kTickLine + kGap / 2; }

  double scale() const { return size_ / (options_.high - options_.low); }
  Point place(Point p) const {
    return {left_ + (p.x - options_.low) * scale(), upper_ + (options_.high - p.y) * scale()};
  }
  bool inside(Point p) const {
    return p.x >= options_.low && p.x <= options_.high && p.y >= options_.low && p.y <= options_.high;
  }

  void draw(int index, const PointPanel& panel) {
    left_ = kGap + index % columns_ * step_x() + kTickWidth;
    upper_ = top_ + index / columns_ * step_y() + kPanelTitle;
    const int width = Canvas::text_width(panel.title);
    canvas_.text(left_ + std::max(0, (size_ - width) / 2), upper_ - kPanelTitle + 2, panel.title, kInk);
    draw_axes();
    for (const PointSet& set : panel.sets) {
      for (const Point p : set.points) {
        if (inside(p)) dot(place(p), set.radius, set.colour);
      }
    }
    for (const ArrowField& field : panel.arrows) {
      for (size_t i = 0; i < std::min(field.from.size(), field.by.size()); ++i)
        arrow(field.from[i], field.by[i], field.colour);
    }
    canvas_.clip_all();
    canvas_.frame(left_, upper_, size_, size_, kAxis);
  }

  void draw_axes() {
    for (const double tick : nice_ticks(options_.low, options_.high, 4)) {
      const Point p = place({tick, tick});
      const int x = static_cast<int>(p.x), y = static_cast<int>(p.y);
      const std::string text = tick_text(tick, 0.5);
      const int width = Canvas::text_width(text);
      canvas_.rect(x, upper_, 1, size_, kZero);
      canvas_.rect(left_, y, size_, 1, kZero);
      canvas_.text(std::min(x - width / 2, canvas_.width() - width), upper_ + size_ + 4, text, kAxis);
      canvas_.text(left_ - width - 3, y - kGlyphHeight / 2, text, kAxis);
    }
  }

  // The canvas is clipped to what a shape can reach: its map of coverage is as large as that.
  void reach(double left, double top, double right, double bottom) {
    const int x0 = std::max(left_, static_cast<int>(left) - 2),
              x1 = std::min(left_ + size_, static_cast<int>(right) + 3);
    const int y0 = std::max(upper_, static_cast<int>(top) - 2),
              y1 = std::min(upper_ + size_, static_cast<int>(bottom) + 3);
    canvas_.clip(x0, y0, std::max(0, x1 - x0), std::max(0, y1 - y0));
  }

  void dot(Point p, double radius, Colour colour) {
    reach(p.x - radius, p.y - radius, p.x + radius, p.y + radius);
    canvas_.line(p, p, 2 * radius, colour);
  }

  void arrow(Point at, Point by, Colour colour) {
    const double length = std::hypot(by.x, by.y);
    if (!inside(at) || !(length > 0) || !std::isfinite(length)) return;
    const double shrink = std::min(1.0, options_.max_arrow / length);
    const Point from = place(at), to = place({at.x + by.x * shrink, at.y + by.y * shrink});
    constexpr double head = 3.5, opening = 0.5;  // pixels; radians
    const double angle = std::atan2(from.y - to.y, from.x - to.x);
    const double barb = std::min(head, std::hypot(to.x - from.x, to.y - from.y));
    const Point one{to.x + barb * std::cos(angle + opening), to.y + barb * std::sin(angle + opening)};
    const Point two{to.x + barb * std::cos(angle - opening), to.y + barb * std::sin(angle - opening)};
    reach(std::min(from.x, to.x) - head, std::min(from.y, to.y) - head, std::max(from.x, to.x) + head,
          std::max(from.y, to.y) + head);
    canvas_.polyline({from, to, one, to, two}, 1.0, colour);
  }

  const PanelOptions& options_;
  const std::vector<PointPanel>& panels_;
  int columns_, rows_, size_, top_;
  Canvas canvas_;
  int left_ = 0, upper_ = 0;  // of the panel being drawn
};

}  // namespace

Image render_panels(const PanelOptions& options, const std::vector<PointPanel>& panels) {
  return Panels(options, panels).render();
}

}  // namespace mote::tool
