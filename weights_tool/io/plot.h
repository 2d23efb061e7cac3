// Line plots as pictures: axes with round tick values, optional logarithmic y, several named series with a legend, a
// title.
#pragma once
#include <string>
#include <vector>

#include "weights_tool/io/image.h"

namespace mote::tool {

// x and y of one length. Points that are not finite, or not positive on a logarithmic axis, leave a gap.
struct PlotSeries {
  std::string name;  // "" keeps it out of the legend
  std::vector<double> x, y;
  bool faint = false;  // thin and pale, for raw data behind a smoothed curve
};

struct PlotOptions {
  std::string title, x_label, y_label;
  int width = 900, height = 560;
  bool log_y = false;
  // Limits; low == high means: from the data. For log_y they must be positive.
  double y_low = 0, y_high = 0;
};

// RGB. Works for any data, also none.
Image render_plot(const PlotOptions& options, const std::vector<PlotSeries>& series);

// Round values that cover [low, high], about `wanted` of them (steps of 1, 2 or 5 times a power of ten), inside the
// interval.
std::vector<double> nice_ticks(double low, double high, int wanted);
// Powers of ten inside [low, high]; with fewer than three of them also their 2 and 5 fold, else thinned to about
// `wanted`.
std::vector<double> nice_log_ticks(double low, double high, int wanted);
// "0.05", "1e-07", "20k": short and telling neighbours `step` apart.
std::string tick_text(double value, double step);

}  // namespace mote::tool
