// Fills gaps in a signal: by a diffusion model that sees what is around them, and by the simple ways it is measured
// against. A gap is the samples [begin, end) of `y`; what y holds there is not looked at.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "weights_tool/evaluate/signal_model.h"

namespace mote::tool {

struct Gap {
  size_t begin, end;
};

struct GapOptions {
  int draws = 8;      // fillings whose mean is taken: the mean has the least squared error, one draw the right texture
  size_t steps = 10;  // of the sampler, if the model leaves the choice
  double highest = 40;   // sigma of the first step
  double lowest = 0.02;  // of the last
  uint64_t seed = 1;
};

// Samples the window that has the gap in its middle, with the known samples put in place of the predicted x0 at every
// step, before noise of the next level is added to it: Wang et al. 2022, arXiv 2212.00490, eq. 13, with a mask for A.
// The gap must fit into the window, the window into y. Returns y with all gaps filled.
std::vector<double> fill_gaps(const SignalModel& model, const std::vector<double>& y, const std::vector<Gap>& gaps,
                              const GapOptions& options);

// A straight line from the sample before to the sample behind.
std::vector<double> fill_linear(const std::vector<double>& y, const std::vector<Gap>& gaps);

// The heart beats again and again: copies the stretch whose surroundings, `context` samples on either side, are most
// alike those of the gap (least squares, up to a constant), among all that begin `reach` samples before or after it at
// most. Stretches that hold a gap themselves are left out.
std::vector<double> fill_from_template(const std::vector<double>& y, const std::vector<Gap>& gaps, size_t context,
                                       size_t reach);

// The root mean square of the error inside the gaps.
double gap_error(const std::vector<double>& clean, const std::vector<double>& filled, const std::vector<Gap>& gaps);

}  // namespace mote::tool
