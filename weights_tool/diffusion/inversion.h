// From a picture back to the noise that DDIM would draw it from (Song et al. 2021, arXiv 2010.02502, section 4.3; Dhariwal &
// Nichol 2021, arXiv 2105.05233, appendix F), and the way between two such noises.
#pragma once
#include <vector>

#include "weights_tool/diffusion/vp_sde.h"

namespace mote::tool {

// The levels that a sampler visits, falling in noise; after the last one comes the clean picture.
struct VisitedLevel {
  double timestep;   // what the network is told
  double alpha_bar;  // in (0, 1)
  double rest;       // 1 - alpha_bar, with all digits
};
// mote's trailing timesteps (src/diffusion/rows.h) over a table as model files store it. An alpha_bar of 0 counts as 2^-40.
std::vector<VisitedLevel> trailing_levels(const std::vector<float>& table, int steps);

// DDIM with eta 0 and no clipping, in place: x_T to picture.
void ddim_draw(const std::vector<VisitedLevel>& levels, const EpsilonModel& model, std::vector<double>& x);
// The way back, in place: picture to x_T; returns the evaluations. Each step needs epsilon at the place it arrives at,
// and takes it at the place it comes from; every further iteration takes it where the last one arrived (a fixed point is
// the exact inverse of ddim_draw's step). iterations >= 1: evaluations of a step.
int ddim_invert(const std::vector<VisitedLevel>& levels, const EpsilonModel& model, int iterations,
                std::vector<double>& x);

// Shoemake 1985: the point at `share` of the arc from a to b, both directions of unit noise; the lengths are mixed
// linearly. share 0 is a, 1 is b. Sizes are equal; (nearly) parallel vectors are mixed linearly.
std::vector<float> slerp(const std::vector<float>& a, const std::vector<float>& b, double share);

}  // namespace mote::tool
