// Panels by where their colours are.
#include "weights_tool/io/point_plot.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace mote::tool {
namespace {

struct Box {
  size_t left = 100000, right = 0, top = 100000, bottom = 0, pixels = 0;
};

// Pixels of a colour, or, thin lines being blended with the background, between it and white.
Box box_of(const Image& image, Colour colour, bool blended = false) {
  Box box;
  for (size_t y = 0; y < image.height; ++y) {
    for (size_t x = 0; x < image.width; ++x) {
      const uint8_t* p = image.row(y) + 3 * x;
      const bool exact = p[0] == colour.red && p[1] == colour.green && p[2] == colour.blue;
      const bool tinted = colour.red > colour.blue ? p[0] > p[2] + 50 : p[2] > p[0] + 50;
      if (!(blended ? tinted : exact)) continue;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x);
      box.top = std::min(box.top, y);
      box.bottom = std::max(box.bottom, y);
      ++box.pixels;
    }
  }
  return box;
}

}  // namespace

TEST_CASE("point plot: a square of points is a square, y goes up, and points outside are left out") {
  PointPanel panel;
  panel.sets.push_back({{{-0.5, -0.5}, {0.5, -0.5}, {-0.5, 0.5}, {7, 0}, {NAN, 0}}, kPointBlue, 2});
  panel.sets.push_back({{{0.5, 0.5}}, kPointOrange, 2});
  const Image image = render_panels({}, {panel});
  const Box blue = box_of(image, kPointBlue), orange = box_of(image, kPointOrange);
  CHECK(blue.right - blue.left == blue.bottom - blue.top);
  CHECK(std::fabs(static_cast<double>(blue.right - blue.left) - 150) <= 4);  // half of 300 pixels
  CHECK(orange.pixels >= 4);
  CHECK(orange.right < blue.right + 3);
  CHECK(orange.bottom < blue.bottom - 100);  // above the lower right one
  CHECK(blue.pixels < 3 * 25);
}

TEST_CASE("point plot: an arrow starts at its point, points where it should and stops at the greatest length") {
  PointPanel panel;
  panel.arrows.push_back({{{0, 0}}, {{0.1, 0}}, kPointBlue});
  panel.arrows.push_back({{{0, 0.5}}, {{50, 0}}, kPointOrange});
  PanelOptions options;
  options.max_arrow = 0.2;
  const Image image = render_panels(options, {panel});
  const Box small = box_of(image, kPointBlue, true), large = box_of(image, kPointOrange, true);
  CHECK(std::fabs(static_cast<double>(small.right - small.left) - 15) <= 2);
  CHECK(std::fabs(static_cast<double>(large.right - large.left) - 30) <= 2);
  CHECK(large.bottom < small.top);
}

TEST_CASE("point plot: panels stand in rows, and none is a picture too") {
  const PointPanel panel;
  PanelOptions options;
  options.size = 100;
  const Image one = render_panels(options, {panel});
  options.columns = 2;
  const Image three = render_panels(options, {panel, panel, panel});
  CHECK(three.width > one.width + 100);
  CHECK(three.height > one.height + 100);
  CHECK(render_panels(options, {}).width > 0);
}

}  // namespace mote::tool
