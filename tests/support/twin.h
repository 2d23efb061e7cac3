// What a model file means, in double precision and the plainest loops: the twin that results of the library are compared
// with. Runs the records of a Builder; shares no code with src.
#pragma once
#include <vector>

#include "tests/support/model_builder.h"

namespace mote::test {

// The network's output [height][width][out_channels]. class_row: row of the class embedding. step: of a folded model.
std::vector<double> twin_predict(const Builder& model, const std::vector<double>& x, double timestep,
                                 uint32_t class_row, uint32_t step = 0);

// One DDIM step by Song et al. 2021, eq. 12, in its textbook form: x0 is predicted from the network's output and clipped,
// epsilon follows from the output (from x0 if rederive), z is the noise.
std::vector<double> twin_ddim_step(const Builder& model, const std::vector<double>& x,
                                   const std::vector<double>& output, double alpha_bar, double alpha_bar_previous,
                                   double eta, const std::vector<double>& z, bool rederive = false);

// The noise of a picture: Gaussian numbers of the library as doubles (tests/diffusion/noise_test.cpp tests them).
std::vector<double> twin_noise(uint32_t count, uint64_t seed, uint32_t step, uint32_t sample, uint32_t stream);

}  // namespace mote::test
