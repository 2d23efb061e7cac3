// Removes noise and baseline wander from a long signal: by a diffusion model, and by the classical filters it is
// measured against.
#pragma once
#include <cstddef>
#include <vector>

#include "weights_tool/evaluate/signal_model.h"

namespace mote::tool {

// y = x + noise of standard deviation sigma. sqrt(alpha_bar) y is then x_t of the level where
// (1 - alpha_bar) / alpha_bar = sigma^2, and the network's x0 there the mean of all x that may have been, the estimate
// with the least squared error (Ho et al. 2020; Efron 2011 calls it Tweedie's formula). One evaluation a window; windows
// begin every `hop` samples, and where they overlap they are averaged with weights that fall to their ends.
std::vector<double> denoise_signal(const SignalModel& model, const std::vector<double>& y, double sigma, size_t hop);

struct RestoreOptions {
  double rate = 360;    // Hz
  size_t hop = 128;     // samples between windows
  double cutoff = 1.0;  // Hz: wander is slower than that
  int rounds = 3;       // of finding the wander; 0: there is none
};

// Noise of an unknown strength (estimate_noise) and wander. What is slow in y could be wander or belong to the signal, so
// both are found in turns: x = denoise(y - wander), wander = low-pass(y - x), beginning with low-pass(y).
std::vector<double> restore_signal(const SignalModel& model, const std::vector<double>& y,
                                   const RestoreOptions& options);

// Between two cut-offs in Hz: Butterworth of second order above, of fourth below, both run both ways. low = 0: no
// high-pass.
std::vector<double> band_pass(const std::vector<double>& y, double low, double high, double rate);
// The mean of `narrow` samples, less the mean of `wide` ones; wide = 0: nothing is taken away.
std::vector<double> smooth_and_level(const std::vector<double>& y, size_t narrow, size_t wide);

// Those parameters of a list of pairs that come nearest to `clean`, measured by snr_db.
struct FilterChoice {
  double first = 0, second = 0;
  double snr = 0;
};
FilterChoice tune_band_pass(const std::vector<double>& clean, const std::vector<double>& y, double rate, bool wander);
FilterChoice tune_moving_average(const std::vector<double>& clean, const std::vector<double>& y, double rate,
                                 bool wander);
// The cut-off for restore_signal.
double tune_cutoff(const SignalModel& model, const std::vector<double>& clean, const std::vector<double>& y,
                   RestoreOptions options);

}  // namespace mote::tool
