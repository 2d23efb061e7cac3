// Disturbances of a known kind for signals, each a function of its seed, and how strong one is.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mote::tool {

// Gaussian, independent, of this standard deviation.
std::vector<double> white_noise(size_t count, double sigma, uint64_t seed);

// Baseline wander as breathing and electrodes make it: six sines from 0.05 to 0.5 Hz of random phase, each a little
// weaker than the one before, scaled to this root mean square together; and a straight drift that rises over the whole
// length by four times as much.
std::vector<double> baseline_wander(size_t count, double rate, double rms, uint64_t seed);

// 10 log10 of the signal's energy over that of the error, in dB.
double snr_db(const std::vector<double>& clean, const std::vector<double>& estimate);
double root_mean_square(const std::vector<double>& signal);

// The standard deviation of white noise on a smooth signal: of the second differences the median magnitude, over what it
// is for white noise of 1 (0.6745 sqrt 6). Wander and beats hardly move a median of differences.
double estimate_noise(const std::vector<double>& signal);

}  // namespace mote::tool
