// Points and arrows in the plane: square panels in rows, each with a title and axes of one scale, so that a circle is a
// circle. Not for curves: io/plot.h.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "weights_tool/io/canvas.h"
#include "weights_tool/io/image.h"

namespace mote::tool {

constexpr Colour kPointGrey{190, 190, 190}, kPointBlue{0, 114, 178}, kPointOrange{213, 80, 0};

struct PointSet {
  std::vector<Point> points;  // not finite or outside of the panel: left out
  Colour colour = kPointBlue;
  double radius = 1.3;  // pixels
};

// Arrows at `from`, by `by` in units of the plane; longer ones than max_length are drawn that long.
struct ArrowField {
  std::vector<Point> from, by;
  Colour colour = kPointBlue;
};

struct PointPanel {
  std::string title;
  std::vector<PointSet> sets;  // drawn in order
  std::vector<ArrowField> arrows;
};

struct PanelOptions {
  std::string title;
  int columns = 1;
  int size = 300;             // pixels of a panel's side
  double low = -1, high = 1;  // both axes
  double max_arrow = 0.15;    // in units of the plane
};

// RGB.
Image render_panels(const PanelOptions& options, const std::vector<PointPanel>& panels);

}  // namespace mote::tool
