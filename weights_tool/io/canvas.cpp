// Drawing by coverage: a pixel is blended by how much of it a shape covers.
#include "weights_tool/io/canvas.h"

#include <algorithm>
#include <cmath>

#include "weights_tool/io/font.h"

namespace mote::tool {
namespace {

// Distance of p from the segment a-b.
double distance_to_segment(Point p, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double length2 = dx * dx + dy * dy;
  const double t = length2 > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length2, 0.0, 1.0) : 0.0;
  return std::hypot(p.x - (a.x + t * dx), p.y - (a.y + t * dy));
}

// Keeps coordinates in the range where conversion to int is safe; far outside of any canvas all is the same, and NaN
// lies there too.
double tamed(double v) { return v > -1e6 ? std::min(v, 1e6) : -1e6; }
Point tamed(Point p) { return {tamed(p.x), tamed(p.y)}; }

uint8_t mixed(uint8_t from, uint8_t to, double share) {
  return static_cast<uint8_t>(std::lround(from + (to - from) * share));
}

const uint8_t* glyph_of(char c) {
  if (c < kFontFirst || c > kFontLast) c = '?';
  return kFont[c - kFontFirst];
}

}  // namespace

Canvas::Canvas(int width, int height, Colour background)
    : image_(static_cast<size_t>(std::max(height, 1)), static_cast<size_t>(std::max(width, 1)), 3) {
  clip_all();
  fill(background);
}

void Canvas::clip(int x, int y, int width, int height) {
  clip_left_ = std::clamp(x, 0, this->width());
  clip_top_ = std::clamp(y, 0, this->height());
  clip_right_ = std::clamp(x + width, clip_left_, this->width());
  clip_bottom_ = std::clamp(y + height, clip_top_, this->height());
}

void Canvas::clip_all() { clip(0, 0, width(), height()); }

void Canvas::set(int x, int y, Colour colour) {
  if (x < 0 || y < 0 || x >= width() || y >= height()) return;
  uint8_t* pixel = image_.row(static_cast<size_t>(y)) + 3 * x;
  pixel[0] = colour.red;
  pixel[1] = colour.green;
  pixel[2] = colour.blue;
}

Colour Canvas::at(int x, int y) const {
  const uint8_t* pixel = image_.row(static_cast<size_t>(y)) + 3 * x;
  return {pixel[0], pixel[1], pixel[2]};
}

void Canvas::blend(int x, int y, Colour colour, double coverage) {
  const Colour under = at(x, y);
  set(x, y,
      {mixed(under.red, colour.red, coverage), mixed(under.green, colour.green, coverage),
       mixed(under.blue, colour.blue, coverage)});
}

void Canvas::fill(Colour colour) { rect(0, 0, width(), height(), colour); }

void Canvas::rect(int x, int y, int width, int height, Colour colour) {
  const int right = std::min(x + width, this->width()), bottom = std::min(y + height, this->height());
  for (int row = std::max(y, 0); row < bottom; ++row) {
    for (int column = std::max(x, 0); column < right; ++column) set(column, row, colour);
  }
}

void Canvas::frame(int x, int y, int width, int height, Colour colour) {
  rect(x, y, width, 1, colour);
  rect(x, y + height - 1, width, 1, colour);
  rect(x, y, 1, height, colour);
  rect(x + width - 1, y, 1, height, colour);
}

void Canvas::line(Point from, Point to, double thickness, Colour colour) { polyline({from, to}, thickness, colour); }

// Coverage of a pixel is approximated from the distance of its centre to the path: 1 inside, 0 outside, a ramp one
// pixel wide between. A map of the greatest coverage over all segments makes the path one shape.
void Canvas::polyline(const std::vector<Point>& points, double thickness, Colour colour) {
  if (points.empty() || clip_left_ >= clip_right_ || clip_top_ >= clip_bottom_) return;
  const double radius = thickness / 2, reach = radius + 1;
  const size_t clip_width = static_cast<size_t>(clip_right_ - clip_left_);
  std::vector<float> coverage(clip_width * static_cast<size_t>(clip_bottom_ - clip_top_));
  for (size_t i = 0; i < std::max<size_t>(points.size() - 1, 1); ++i) {
    const Point a = tamed(points[i]), b = tamed(points[std::min(i + 1, points.size() - 1)]);
    const int top = std::max(clip_top_, static_cast<int>(std::floor(std::min(a.y, b.y) - reach)));
    const int bottom = std::min(clip_bottom_ - 1, static_cast<int>(std::ceil(std::max(a.y, b.y) + reach)));
    const int left = std::max(clip_left_, static_cast<int>(std::floor(std::min(a.x, b.x) - reach)));
    const int right = std::min(clip_right_ - 1, static_cast<int>(std::ceil(std::max(a.x, b.x) + reach)));
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        const double distance = distance_to_segment({x + 0.5, y + 0.5}, a, b);
        const float covered = static_cast<float>(std::clamp(radius + 0.5 - distance, 0.0, 1.0));
        float& most = coverage[static_cast<size_t>(y - clip_top_) * clip_width + static_cast<size_t>(x - clip_left_)];
        most = std::max(most, covered);
      }
    }
  }
  for (size_t i = 0; i < coverage.size(); ++i) {
    if (coverage[i] <= 0) continue;
    blend(clip_left_ + static_cast<int>(i % clip_width), clip_top_ + static_cast<int>(i / clip_width), colour,
          coverage[i]);
  }
}

void Canvas::text(int x, int y, std::string_view text, Colour colour, int scale) {
  for (const char c : text) {
    const uint8_t* rows = glyph_of(c);
    for (int row = 0; row < kFontRows; ++row) {
      for (int column = 0; column < kGlyphWidth; ++column) {
        if ((rows[row] >> (kGlyphWidth - 1 - column) & 1) != 0)
          rect(x + column * scale, y + row * scale, scale, scale, colour);
      }
    }
    x += kGlyphAdvance * scale;
  }
}

// Column c and row r of the upright text come to lie c up and r to the right.
void Canvas::text_upwards(int x, int y, std::string_view text, Colour colour, int scale) {
  for (const char c : text) {
    const uint8_t* rows = glyph_of(c);
    for (int row = 0; row < kFontRows; ++row) {
      for (int column = 0; column < kGlyphWidth; ++column) {
        if ((rows[row] >> (kGlyphWidth - 1 - column) & 1) != 0) {
          rect(x + row * scale, y - (column + 1) * scale, scale, scale, colour);
        }
      }
    }
    y -= kGlyphAdvance * scale;
  }
}

int Canvas::text_width(std::string_view text, int scale) {
  return text.empty() ? 0 : (static_cast<int>(text.size()) * kGlyphAdvance - 1) * scale;
}

void Canvas::blit(const Image& tile, int x, int y, int scale) {
  blit(tile.pixels.data(), tile.height, tile.width, tile.channels, x, y, scale);
}

void Canvas::blit(const uint8_t* pixels, size_t height, size_t width, size_t channels, int x, int y, int scale) {
  for (size_t row = 0; row < height; ++row) {
    for (size_t column = 0; column < width; ++column) {
      const uint8_t* p = pixels + (row * width + column) * channels;
      const Colour colour = channels >= 3 ? Colour{p[0], p[1], p[2]} : Colour{p[0], p[0], p[0]};
      rect(x + static_cast<int>(column) * scale, y + static_cast<int>(row) * scale, scale, scale, colour);
    }
  }
}

}  // namespace mote::tool
